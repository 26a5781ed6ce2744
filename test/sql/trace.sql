-- trace(): from a row of the warehouse back to its object and line.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/star_build.psql'
\set ECHO none
\i :include
\set ECHO all
\pset format unaligned
\set SHOW_CONTEXT never

-- of every row that comes from a line, that line of the object holds the row's natural key
SELECT count(olist_etl.stage(o)) FROM jsonb_array_elements(olist_etl.discover('{"source": "olist"}') -> 'objects') o;
SELECT * FROM pg_temp.build();
SELECT p -> 'moved' AS moved FROM olist_etl.publish() p;
CREATE TEMP TABLE source_line AS
SELECT l.uri, t.line, t.text FROM olist_etl.ledger l, regexp_split_to_table(convert_from(olist_etl.read_object(l.uri), 'UTF8'), '\n') WITH ORDINALITY AS t (text, line)
WHERE l.is_current;
CREATE INDEX ON source_line (uri, line);
ANALYZE source_line;
SELECT r.name, count(*) AS rows, count(s.uri) AS traced, bool_and(starts_with(replace(s.text, '"', ''), r.start)) AS all_there
FROM (SELECT 'fact_order' AS name, order_id AS start, t.* FROM olist_dw.fact_order, LATERAL olist_etl.trace('olist_dw.fact_order', order_key) t
      UNION ALL
      SELECT 'fact_order_item', order_id || ',' || order_item_id, t.*
      FROM olist_dw.fact_order_item JOIN olist_dw.fact_order USING (order_key), LATERAL olist_etl.trace('olist_dw.fact_order_item', order_key, order_item_id) t
      UNION ALL
      SELECT 'fact_payment', order_id || ',' || payment_sequential, t.*
      FROM olist_dw.fact_payment JOIN olist_dw.fact_order USING (order_key), LATERAL olist_etl.trace('olist_dw.fact_payment', order_key, payment_sequential) t
      UNION ALL
      SELECT 'fact_review', review_id || ',' || order_id, t.*
      FROM olist_dw.fact_review r JOIN olist_dw.fact_order USING (order_key), LATERAL olist_etl.trace('olist_dw.fact_review', r.order_key, review_id) t
      UNION ALL
      SELECT 'dim_product', product_id, t.* FROM olist_dw.dim_product, LATERAL olist_etl.trace('olist_dw.dim_product', product_key) t WHERE product_key <> -1
      UNION ALL
      SELECT 'dim_seller', seller_id, t.* FROM olist_dw.dim_seller, LATERAL olist_etl.trace('olist_dw.dim_seller', seller_key) t WHERE seller_key <> -1
      UNION ALL
      SELECT 'category_translation', category, t.* FROM olist_dw.category_translation, LATERAL olist_etl.trace('olist_dw.category_translation', category) t) AS r
LEFT JOIN source_line s USING (uri, line)
GROUP BY r.name ORDER BY r.name;
-- a version of a customer: the line of its person, from the place that the version is about
SELECT count(*) AS rows, bool_and(replace(s.text, '"', '') LIKE '%,' || c.customer_unique_id || ',' || c.zip_code_prefix || ',%') AS all_there
FROM olist_dw.dim_customer c, LATERAL olist_etl.trace('olist_dw.dim_customer', customer_key) t JOIN source_line s USING (uri, line)
WHERE c.customer_key <> -1;
-- a place: the objects with its points, or who lives there
SELECT regexp_replace(t.uri, '.*/', '') AS object, t.line IS NULL AS no_line, t.note, count(DISTINCT geography_key) AS places
FROM olist_dw.dim_geography, LATERAL olist_etl.trace('olist_dw.dim_geography', geography_key) t GROUP BY 1, 2, 3 ORDER BY 1, 3;
-- all that is known of an object
SELECT uri, etag, size > 0 AS has_size, line, run_id, loaded_at <= now() AS loaded, published_at >= loaded_at AS published, note
FROM olist_etl.trace('olist_dw.dim_product', (SELECT product_key FROM olist_dw.dim_product WHERE _line = 2));
-- a row that no line holds says why
SELECT * FROM olist_etl.trace('olist_dw.dim_date', 20180101);
SELECT * FROM olist_etl.trace('olist_dw.dim_order_status', 1);
SELECT * FROM olist_etl.trace('olist_dw.dim_payment_type', 1);
SELECT * FROM olist_etl.trace('olist_dw.dim_seller', -1);
-- a key may come as an array, in any type; no row gives none
SELECT count(*) FROM olist_etl.trace('olist_dw.fact_order_item', VARIADIC ARRAY[(SELECT min(order_key) FROM olist_dw.fact_order_item), 1]);
SELECT count(*) FROM olist_etl.trace('olist_dw.fact_order_item', (SELECT min(order_key)::text FROM olist_dw.fact_order_item), '1');
SELECT count(*) FROM olist_etl.trace('olist_dw.fact_order_item', 1, 1000);
SELECT count(*) FROM olist_etl.trace('olist_dw.fact_order_item', NULL::bigint, 1);
-- what cannot be traced
SELECT * FROM olist_etl.trace('olist_dw.fact_order_item', 17);
SELECT * FROM olist_etl.trace('olist_dw.fact_order', 17, 1);
SELECT * FROM olist_etl.trace('olist_dw.nothing', 17);
SELECT * FROM olist_etl.trace('olist_dw.mart_monthly_sales', '2018-01-01');
SELECT * FROM olist_etl.trace('pg_class', 17);
SELECT * FROM olist_etl.trace(0, 17);
SELECT * FROM olist_etl.trace('olist_dw.fact_order', 'x');

-- versions lead to the object that each came with; an inferred member to none
TRUNCATE olist_staging.sellers, olist_staging.order_items;
SELECT pg_temp.object('sellers', '2030-01-01', 'https://example.com/signed.csv?X-Amz-Signature=canary') AS later \gset
INSERT INTO olist_staging.sellers SELECT seller_id, zip_code_prefix, 'moved', state, :later, 7 FROM olist_dw.dim_seller WHERE seller_key = 1;
INSERT INTO olist_etl.staged VALUES (:later, pg_relation_filenode('olist_staging.sellers'));
INSERT INTO olist_staging.order_items
SELECT order_id, 99, 'p', 's', NULL, 1, 1, :later, 8 FROM olist_dw.fact_order WHERE order_key = 1;
SELECT olist_etl.merge() IS NOT NULL AS merged;
SELECT d.version, regexp_replace(t.uri, '.*/', '') AS object, t.line, t.note
FROM olist_dw.dim_seller f JOIN olist_dw.dim_seller d USING (seller_id), LATERAL olist_etl.trace('olist_dw.dim_seller', d.seller_key) t
WHERE f.seller_key = 1 ORDER BY 1;
SELECT t.* FROM olist_dw.dim_product, LATERAL olist_etl.trace('olist_dw.dim_product', product_key) t WHERE product_id = 'p';

-- by the caller's rights on the table, and no others
CREATE ROLE regress_analyst;
GRANT USAGE ON SCHEMA olist_dw TO regress_analyst;
GRANT SELECT ON olist_dw.fact_order TO regress_analyst;
SET ROLE regress_analyst;
SELECT count(*) FROM olist_etl.trace('olist_dw.fact_order', 1);
RESET ROLE;
GRANT EXECUTE ON FUNCTION olist_etl.trace TO regress_analyst;
SET ROLE regress_analyst;
SELECT count(uri) FROM olist_etl.trace('olist_dw.fact_order', 1);
SELECT count(*) FROM olist_etl.trace('olist_dw.dim_seller', 1);
RESET ROLE;
DROP OWNED BY regress_analyst;
DROP ROLE regress_analyst;

-- an object that the ledger does not have, as after DROP EXTENSION
DELETE FROM olist_etl.ledger WHERE uri LIKE 'sample:%' OR object_id = :later;
SELECT uri, line, regexp_replace(note, '\d+', 'N') AS note FROM olist_etl.trace('olist_dw.dim_seller', 1);
TRUNCATE olist_etl.staged;
SELECT pg_temp.clean();
