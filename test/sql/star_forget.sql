-- What is forgotten has never been there: after any objects were taken out, the warehouse is what a
-- whole build of the others gives, down to the last status, payment type, year, place and member.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/star_build.psql'
\set diff :test '/sql/include/star_diff.psql'
\set shop :test '/sql/include/shop.psql'
\set pieces 8
\set alike 2
SET shop.seed = 12;
\set ECHO none
\i :include
\i :diff
\i :shop
\set ECHO all
\pset format unaligned

CREATE FUNCTION pg_temp.load_pieces(order_of_pieces integer[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    this_piece integer;
BEGIN
    FOREACH this_piece IN ARRAY order_of_pieces LOOP
        PERFORM pg_temp.stage(ARRAY[this_piece]);
        IF to_regclass('olist_dw.fact_order') IS NULL THEN
            PERFORM pg_temp.build();
            PERFORM olist_etl.publish();
        ELSE
            PERFORM olist_etl.merge();
        END IF;
    END LOOP;
END
$$;
CREATE FUNCTION pg_temp.forget(objects bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.stage('{}');
    UPDATE olist_etl.ledger SET is_current = false WHERE object_id = ANY (objects);
    PERFORM olist_etl.merge();
END
$$;
CREATE VIEW pg_temp.reject AS
SELECT l.entity, r.reason, convert_from(r.raw, 'UTF8')::jsonb - '{_object_id,_line}'::text[] AS raw
FROM olist_etl.reject r JOIN olist_etl.ledger l USING (object_id) WHERE l.is_current;
SET check_function_bodies = off;
CREATE FUNCTION pg_temp.size() RETURNS TABLE (statuses bigint, payment_types bigint, years bigint, places bigint, inferred_products bigint, inferred_sellers bigint,
    product_versions integer, seller_versions integer) LANGUAGE sql AS $$
SELECT (SELECT count(*) FROM olist_dw.dim_order_status), (SELECT count(*) FROM olist_dw.dim_payment_type),
       (SELECT count(DISTINCT year) FROM olist_dw.dim_date), (SELECT count(*) FROM olist_dw.dim_geography),
       (SELECT count(*) FILTER (WHERE is_inferred) FROM olist_dw.dim_product), (SELECT count(*) FILTER (WHERE is_inferred) FROM olist_dw.dim_seller),
       (SELECT max(version) FROM olist_dw.dim_product), (SELECT max(version) FROM olist_dw.dim_seller)
$$;
CREATE FUNCTION pg_temp.key() RETURNS TABLE (kind text, id text, key bigint) LANGUAGE sql AS $$
SELECT 'order', order_id, order_key FROM olist_dw.fact_order
UNION ALL SELECT 'status', order_status, order_status_key FROM olist_dw.dim_order_status
UNION ALL SELECT 'payment type', payment_type, payment_type_key FROM olist_dw.dim_payment_type
UNION ALL SELECT 'place', zip_code_prefix, geography_key FROM olist_dw.dim_geography
UNION ALL SELECT 'person', customer_unique_id, customer_key FROM olist_dw.dim_customer
UNION ALL SELECT 'product', product_id, product_key FROM olist_dw.dim_product
UNION ALL SELECT 'seller', seller_id, seller_key FROM olist_dw.dim_seller
$$;

SELECT pg_temp.load_pieces(array_agg(p ORDER BY star_all.dice('order', p, 1000))) FROM generate_series(0, :pieces - 1) AS p;
SELECT * FROM pg_temp.size();
CREATE TABLE star_all.key AS SELECT * FROM pg_temp.key();

-- a sixth of the objects, in three steps
CREATE TABLE star_all.forgotten AS
SELECT object_id, star_all.dice('step', row_number() OVER (ORDER BY object_id), 3) AS step FROM star_all.object
WHERE star_all.dice('forgotten ' || entity, piece, 6) = 0;
SELECT count(*) FROM star_all.forgotten;
SELECT pg_temp.forget(objects) FROM (SELECT array_agg(object_id) AS objects FROM star_all.forgotten GROUP BY step ORDER BY step) AS f;
SELECT * FROM pg_temp.size();
SELECT count(*) AS other_names FROM star_all.key t JOIN pg_temp.key() n USING (kind, key) WHERE n.id <> t.id;

-- the others, all at once
CREATE TABLE star_all.reject AS SELECT * FROM pg_temp.reject;
ALTER SCHEMA olist_dw RENAME TO star_forgetful;
DELETE FROM star_all.object WHERE object_id IN (SELECT object_id FROM star_all.forgotten);
DELETE FROM olist_etl.reject;
SELECT pg_temp.stage(array_agg(p)) FROM generate_series(0, :pieces - 1) AS p;
SELECT count(*) FROM pg_temp.build();
SELECT olist_etl.publish() - '{objects,rejected}'::text[] AS published;
SELECT name, only_a, only_b FROM pg_temp.star_diff('star_forgetful', 'olist_dw', false) WHERE only_a + only_b > 0;
SELECT entity, reason, count(*) FROM ((SELECT * FROM star_all.reject EXCEPT ALL SELECT * FROM pg_temp.reject)
    UNION ALL (SELECT * FROM pg_temp.reject EXCEPT ALL SELECT * FROM star_all.reject)) AS d GROUP BY 1, 2;

-- all of it
SELECT pg_temp.forget(array_agg(object_id)) FROM star_all.object;
SELECT * FROM pg_temp.size();
SELECT count(*) AS others, (SELECT count(*) FROM olist_dw.product_mention) AS mentions FROM pg_temp.key() WHERE key <> -1;

-- a status that goes while users refer to it: as they have declared; it comes back with another key
CREATE FUNCTION pg_temp.bring(status text, this_etag text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    this_id bigint;
BEGIN
    PERFORM pg_temp.stage('{}');
    this_id := pg_temp.object('orders', '2019-01-01', '/test/orders/' || this_etag);
    INSERT INTO olist_staging.orders (order_id, customer_id, order_status, _object_id, _line) VALUES (this_etag, 'c', status, this_id, 2);
    INSERT INTO olist_etl.staged VALUES (this_id, pg_relation_filenode('olist_staging.orders'));
    PERFORM olist_etl.merge();
END
$$;
SELECT pg_temp.bring('lost', 'one');
CREATE TABLE star_all.mine (status bigint DEFAULT -1 REFERENCES olist_dw.dim_order_status);
INSERT INTO star_all.mine SELECT order_status_key FROM olist_dw.dim_order_status WHERE order_status = 'lost';
\set VERBOSITY terse
SELECT pg_temp.forget(array_agg(object_id)) FROM olist_etl.ledger WHERE uri = '/test/orders/one';
SELECT count(*) AS still_there FROM olist_dw.fact_order;
ALTER TABLE star_all.mine DROP CONSTRAINT mine_status_fkey, ADD FOREIGN KEY (status) REFERENCES olist_dw.dim_order_status ON DELETE SET DEFAULT;
CREATE TABLE star_all.had AS SELECT status FROM star_all.mine;
SELECT pg_temp.forget(array_agg(object_id)) FROM olist_etl.ledger WHERE uri = '/test/orders/one';
SELECT status AS mine FROM star_all.mine;
SELECT pg_temp.bring('lost', 'two');
SELECT order_status, order_status_key > (SELECT status FROM star_all.had) AS is_new FROM olist_dw.dim_order_status WHERE order_status_key <> -1;

-- one statement that builds and publishes sees what it has built
SELECT pg_temp.stage('{}');
UPDATE olist_etl.ledger SET is_current = false WHERE uri = '/test/orders/two';
SELECT olist_etl.build_batch() ->> 'orders' AS orders UNION ALL SELECT olist_etl.publish() ->> 'updated';
SELECT count(*) AS still_there FROM olist_dw.fact_order;

DROP SCHEMA star_all, star_forgetful CASCADE;
SELECT pg_temp.clean();
