-- What is built becomes the warehouse: moved there first, merged by comparison afterwards.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/star_build.psql'
\set ECHO none
\i :include
\set ECHO all
\pset format unaligned

CREATE FUNCTION pg_temp.publish() RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.build();
    RETURN olist_etl.publish();
END
$$;
-- every row of the warehouse, by the place where it stands
CREATE FUNCTION pg_temp.rows() RETURNS TABLE (name text, place tid, r jsonb) LANGUAGE plpgsql AS $$
BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'olist_dw'::regnamespace AND relkind = 'r'
    LOOP
        RETURN QUERY EXECUTE format('SELECT %L::text, ctid, to_jsonb(t) FROM olist_dw.%I t', name, name);
    END LOOP;
END
$$;

SELECT olist_etl.publish();

SELECT pg_temp.object('orders', '2020-01-01') AS orders, pg_temp.object('order_items', '2020-01-01') AS items,
       pg_temp.object('products', '2020-01-01') AS products \gset
UPDATE olist_etl.ledger SET rows_read = n, rows_loaded = n
FROM (VALUES (:orders, 2), (:items, 4), (:products, 1)) AS v (id, n) WHERE object_id = id;
INSERT INTO olist_staging.customers VALUES ('c1', 'p1', '00001', 'a', 'SP'), ('c2', 'p2', '00001', 'a', 'SP');
INSERT INTO olist_staging.orders VALUES
    ('o1', 'c1', 'shipped', '2018-01-01', NULL, NULL, NULL, NULL, :orders, 1),
    ('o2', 'c9', 'shipped', '2018-01-02', NULL, NULL, NULL, NULL, :orders, 2);
INSERT INTO olist_staging.order_items VALUES
    ('o1', 1, 'x', 's1', NULL, 10, 1, :items, 1), ('o1', 2, 'y', 's1', NULL, 20, 2, :items, 2),
    ('o3', 1, 'x', 's1', NULL, 30, 3, :items, 3), ('o1', 2, 'y', 's1', NULL, 21, 2, :items, 4);
INSERT INTO olist_staging.products VALUES ('x', 'beleza', 1, 1, 1, 1, 1, 1, 1, :products, 1);
SELECT pg_temp.publish();
-- the schemas say what they are
SELECT nspname, obj_description(oid, 'pg_namespace') FROM pg_namespace
WHERE nspname IN ('olist_build', 'olist_dw', 'olist_staging') ORDER BY 1;

-- tables, views, keys and indexes; every one explained
SELECT relkind, count(*) FROM pg_class WHERE relnamespace = 'olist_dw'::regnamespace GROUP BY 1 ORDER BY 1;
SELECT conrelid::regclass, contype, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'olist_dw'::regnamespace AND contype IN ('p', 'u') ORDER BY 1, 2;
SELECT relname AS uncommented FROM pg_class
WHERE relnamespace = 'olist_dw'::regnamespace AND relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL;
SELECT attrelid::regclass, attname FROM pg_attribute
WHERE attrelid IN ('olist_dw.fact_order'::regclass, 'olist_dw.fact_order_item'::regclass, 'olist_dw.fact_payment'::regclass,
                   'olist_dw.fact_review'::regclass)
  AND attname LIKE '%\_key' AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND attnum = ANY (indkey::int2[]));
SELECT count(*) AS left_behind FROM pg_class WHERE relnamespace = 'olist_build'::regnamespace;

-- the rejects are kept, and counted where the objects are
SELECT reason, line, record, byte_offset, convert_from(raw, 'UTF8')::jsonb ->> 'order_id' AS order_id
FROM olist_etl.reject WHERE object_id = :items ORDER BY line;
SELECT entity, rows_read, rows_loaded, rows_rejected FROM olist_etl.ledger WHERE uri LIKE '/test/%' ORDER BY 1;

-- the same again: no row is written
CREATE VIEW star_user_view AS SELECT order_id, price_total FROM olist_dw.fact_order;
GRANT SELECT ON olist_dw.fact_order TO pg_monitor;
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.rows();
CREATE TEMP TABLE oids AS SELECT oid, relname FROM pg_class WHERE relnamespace = 'olist_dw'::regnamespace;
CREATE TEMP TABLE rejects AS SELECT reject_id FROM olist_etl.reject;
SELECT pg_temp.publish();
SELECT count(*) FROM (SELECT * FROM pg_temp.rows() EXCEPT ALL SELECT * FROM before) AS written;
SELECT count(*) FROM (SELECT reject_id FROM olist_etl.reject EXCEPT SELECT reject_id FROM rejects) AS written;

-- a shuffled staging is the same warehouse: only orders' places in staging have changed
CREATE TEMP TABLE shuffled AS SELECT * FROM olist_staging.orders;
TRUNCATE olist_staging.orders;
INSERT INTO olist_staging.orders SELECT * FROM shuffled ORDER BY order_id DESC;
SELECT pg_temp.publish();

-- changes: a status, an order that brings its orphan, a customer who was inferred, a row that is gone
UPDATE olist_staging.orders SET order_status = 'delivered', order_delivered_customer_date = '2018-01-05' WHERE order_id = 'o1';
INSERT INTO olist_staging.orders VALUES ('o3', 'c2', 'created', '2018-01-03', NULL, NULL, NULL, NULL, :orders, 3);
INSERT INTO olist_staging.customers VALUES ('c9', 'p9', '00001', 'a', 'SP');
DELETE FROM olist_staging.order_items WHERE order_item_id = 2;
SELECT pg_temp.publish();
SELECT b.name, b.r ->> 'order_id' AS order_id, b.r ->> 'customer_unique_id' AS person, a.r ->> 'customer_unique_id' AS was,
       (b.r ->> 'order_key') = (a.r ->> 'order_key') AS same_order, (b.r ->> 'customer_key') = (a.r ->> 'customer_key') AS same_customer
FROM (SELECT * FROM pg_temp.rows() EXCEPT SELECT * FROM before) AS b
LEFT JOIN before a ON a.name = b.name AND b.name IN ('fact_order', 'dim_customer')
    AND coalesce(a.r ->> 'order_key', a.r ->> 'customer_key') = coalesce(b.r ->> 'order_key', b.r ->> 'customer_key')
WHERE b.name IN ('fact_order', 'dim_customer', 'fact_order_item') ORDER BY 1, 2, 3;
SELECT * FROM star_user_view ORDER BY 1;
SELECT count(*) AS replaced FROM oids WHERE oid NOT IN (SELECT oid FROM pg_class WHERE relnamespace = 'olist_dw'::regnamespace);
SELECT has_table_privilege('pg_monitor', 'olist_dw.fact_order', 'SELECT') AS granted;
SELECT reason, line FROM olist_etl.reject WHERE object_id = :items ORDER BY line;
SELECT entity, rows_read, rows_loaded, rows_rejected FROM olist_etl.ledger WHERE uri LIKE '/test/%' ORDER BY 1;

-- keys once given are not given again
DELETE FROM olist_staging.orders WHERE order_id = 'o3';
SELECT order_key AS gone FROM olist_dw.fact_order WHERE order_id = 'o3' \gset
SELECT pg_temp.publish();
INSERT INTO olist_staging.orders VALUES ('o4', 'c2', 'created', '2018-01-03', NULL, NULL, NULL, NULL, :orders, 4);
SELECT pg_temp.publish();
SELECT count(*), count(*) FILTER (WHERE order_key = :gone) AS reused FROM olist_dw.fact_order;

-- the dates grow with the data
INSERT INTO olist_staging.orders VALUES ('o5', 'c2', 'created', '2019-01-03', NULL, NULL, NULL, NULL, :orders, 5);
SELECT pg_temp.publish() - 'inserted';
SELECT min(date), max(date) FROM olist_dw.dim_date;

-- a changed object leaves what it replaces in the history, although staging shows it no more;
-- the same again changes nothing
SELECT pg_temp.object('products', '2020-02-01') AS changed \gset
UPDATE olist_staging.products SET product_weight_g = 2, _object_id = :changed;
SELECT pg_temp.publish();
SELECT product_id, version, weight_g, valid_from, valid_to, is_current FROM olist_dw.dim_product WHERE product_id = 'x' ORDER BY version;
SELECT pg_temp.publish();

-- whose schema it is
CREATE ROLE regress_star_etl;
CREATE ROLE regress_star_other;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA olist_etl TO regress_star_etl;
GRANT USAGE ON SCHEMA olist_staging TO regress_star_etl;
SET ROLE regress_star_etl;
SELECT olist_etl.build_dim_date();
RESET ROLE;
ALTER SCHEMA olist_build OWNER TO regress_star_other;
GRANT regress_star_other TO regress_star_etl;
SET ROLE regress_star_etl;
SELECT olist_etl.build_dim_date(); -- may write there, but not read the staging tables
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA olist_staging TO regress_star_etl;
SET ROLE regress_star_etl;
SELECT olist_etl.build_dim_date();
SELECT olist_etl.publish();
RESET ROLE;
ALTER TABLE olist_staging.orders ENABLE ROW LEVEL SECURITY;
SET ROLE regress_star_etl;
SELECT olist_etl.build_dim_date();
RESET ROLE;

-- staging tables that are not as they should be
ALTER TABLE olist_staging.orders ALTER order_status TYPE varchar;
SELECT olist_etl.build_dim_order_status();
ALTER TABLE olist_staging.orders DROP COLUMN order_status;
SELECT olist_etl.build_dim_order_status();
DROP TABLE olist_staging.orders;
SELECT olist_etl.build_dim_order_status();

DROP VIEW star_user_view;
SELECT pg_temp.clean();
DROP OWNED BY regress_star_etl, regress_star_other;
DROP ROLE regress_star_etl, regress_star_other;
