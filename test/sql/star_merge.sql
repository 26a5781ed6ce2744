-- Loading in any split and any order gives the warehouse that loading all at once gives.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/star_build.psql'
\set diff :test '/sql/include/star_diff.psql'
\set ECHO none
\i :include
\i :diff
\set ECHO all
\pset format unaligned

-- A small shop. Every row has its piece; a piece is one object of each entity. Orders come again with
-- another status, and so do customers, products and sellers with other attributes; details come before
-- their orders; some never get one; some zip prefixes have points, outliers only, or none.
CREATE SCHEMA star_all;
CREATE FUNCTION star_all.dice(what text, n bigint, sides integer) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT (hashtextextended(what || n, 0) & 1048575)::integer % sides $$;
\set pieces 8
CREATE TABLE star_all.orders AS
SELECT star_all.dice('piece', n * 10 + again, :pieces) AS piece, md5('o' || n) AS order_id, md5('c' || n) AS customer_id,
       CASE again WHEN 0 THEN 'created' WHEN 1 THEN 'shipped' ELSE 'delivered' END AS order_status,
       '2018-01-01'::timestamp + star_all.dice('at', n, 400) * interval '1 day' AS order_purchase_timestamp,
       '2018-01-02'::timestamp + star_all.dice('at', n, 400) * interval '1 day' AS order_approved_at,
       NULL::timestamp AS order_delivered_carrier_date,
       CASE again WHEN 2 THEN '2018-01-09'::timestamp + star_all.dice('at', n, 400) * interval '1 day' END AS order_delivered_customer_date,
       '2018-01-15'::timestamp + star_all.dice('at', n, 400) * interval '1 day' AS order_estimated_delivery_date
FROM generate_series(1, 300) AS n, generate_series(0, 2) AS again
WHERE again = 0 OR star_all.dice('again' || again, n, 4) = 0;
CREATE TABLE star_all.customers AS
SELECT star_all.dice('cpiece', n, :pieces) AS piece, md5('c' || n) AS customer_id, md5('p' || star_all.dice('person', n, 200)) AS customer_unique_id,
       lpad(star_all.dice('zip', star_all.dice('person', n, 200) * 2 + star_all.dice('moved', n, 4) / 3, 60)::text, 5, '0') AS customer_zip_code_prefix,
       'Cidade ' || star_all.dice('city', n, 3) AS customer_city, (ARRAY['SP', 'RJ'])[1 + star_all.dice('state', n, 2)] AS customer_state
FROM generate_series(1, 310) AS n WHERE n % 17 <> 0;
CREATE TABLE star_all.order_items AS
SELECT star_all.dice('ipiece', n * 10 + i, :pieces) AS piece, md5('o' || n) AS order_id, i AS order_item_id, md5('x' || star_all.dice('product', n * 10 + i, 40)) AS product_id,
       md5('s' || star_all.dice('seller', n * 10 + i, 15)) AS seller_id, '2018-02-01'::timestamp AS shipping_limit_date,
       star_all.dice('price', n * 10 + i, 10000) / 100.0 AS price, 1.5 AS freight_value
FROM generate_series(-5, 300) AS n, generate_series(1, 3) AS i WHERE star_all.dice('items', n, 3) >= i - 1;
CREATE TABLE star_all.order_payments AS
SELECT star_all.dice('ypiece', n, :pieces) AS piece, md5('o' || n) AS order_id, 1 AS payment_sequential, (ARRAY['boleto', 'voucher'])[1 + n % 2] AS payment_type,
       n % 5 AS payment_installments, n / 10.0 AS payment_value
FROM generate_series(-5, 300) AS n WHERE n % 11 <> 0;
INSERT INTO star_all.order_payments SELECT (piece + 3) % :pieces, order_id, payment_sequential, 'credit_card', 1, 1 FROM star_all.order_payments LIMIT 20;
CREATE TABLE star_all.order_reviews AS
SELECT star_all.dice('rpiece', n * 10 + i, :pieces) AS piece, md5('r' || n / 2 || i) AS review_id, md5('o' || n) AS order_id, star_all.dice('score', n * 10 + i, 5) + 1 AS review_score,
       NULL AS review_comment_title, 'message ' || n AS review_comment_message, '2018-03-01'::timestamp AS review_creation_date,
       '2018-03-02'::timestamp + star_all.dice('answer', n * 10 + i, 3) * interval '1 hour' AS review_answer_timestamp
FROM generate_series(-5, 300) AS n, generate_series(1, 2) AS i WHERE i = 1 OR n % 3 = 0;
CREATE TABLE star_all.products AS
SELECT p AS piece, md5('x' || n) AS product_id, (ARRAY['beleza', 'pcs', NULL])[1 + star_all.dice('category', n, 3)] AS product_category_name,
       1 AS product_name_lenght, 1 AS product_description_lenght, 1 AS product_photos_qty,
       100 + star_all.dice('weight', n * 10 + p, 2) AS product_weight_g, n AS product_length_cm, 1 AS product_height_cm, 1 AS product_width_cm
FROM generate_series(1, 35) AS n, generate_series(0, :pieces - 1) AS p WHERE star_all.dice('xpiece', n * 10 + p, 2) = 0;
CREATE TABLE star_all.sellers AS
SELECT p AS piece, md5('s' || n) AS seller_id, lpad((n + star_all.dice('szip', n * 10 + p, 2))::text, 5, '0') AS seller_zip_code_prefix, 'Cidade 1' AS seller_city, 'SP' AS seller_state
FROM generate_series(1, 14) AS n, generate_series(0, :pieces - 1) AS p WHERE star_all.dice('spiece', n * 10 + p, 2) = 0;
CREATE TABLE star_all.geolocation AS
SELECT star_all.dice('gpiece', n, :pieces) AS piece, lpad(star_all.dice('gzip', n, 40)::text, 5, '0') AS geolocation_zip_code_prefix,
       CASE WHEN star_all.dice('gzip', n, 40) = 7 THEN 50 ELSE -20 - star_all.dice('lat', n, 50) / 10.0 END::float8 AS geolocation_lat, -45 - star_all.dice('lng', n, 50) / 10.0::float8 AS geolocation_lng,
       (ARRAY['São Paulo', 'sao paulo', 'Campinas'])[1 + star_all.dice('gcity', n, 3)] AS geolocation_city, (ARRAY['SP', 'RJ'])[1 + star_all.dice('gstate', n, 2)] AS geolocation_state
FROM generate_series(1, 1500) AS n;
CREATE TABLE star_all.category_translation AS
SELECT * FROM (VALUES (2, 'beleza', 'beauty'), (5, 'beleza', 'health'), (1, 'pcs', 'computers')) AS t (piece, product_category_name, product_category_name_english);

-- the objects: the piece's number is the order of their time at the source
CREATE TABLE star_all.object AS
SELECT e.entity, p AS piece, pg_temp.object(e.entity, '2018-06-01'::timestamptz + p * interval '1 day', format('/test/%s/%s', e.entity, p)) AS object_id
FROM olist_etl.entity e, generate_series(0, :pieces - 1) AS p;
CREATE FUNCTION pg_temp.stage(pieces integer[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
    columns text;
BEGIN
    DELETE FROM olist_etl.staged;
    INSERT INTO olist_etl.staged SELECT object_id, 0 FROM star_all.object WHERE piece = ANY (pieces);
    FOR name IN SELECT entity FROM olist_etl.entity LOOP
        SELECT string_agg(attname, ', ') INTO columns FROM pg_attribute
        WHERE attrelid = ('star_all.' || name)::regclass AND attnum > 0 AND attname <> 'piece';
        EXECUTE format('TRUNCATE olist_staging.%I', name);
        EXECUTE format('INSERT INTO olist_staging.%1$I (%2$s, _object_id, _line)
                        SELECT %2$s, object_id, row_number() OVER (ORDER BY a) FROM star_all.%1$I a JOIN star_all.object USING (piece)
                        WHERE entity = %1$L AND piece = ANY ($1)', name, columns) USING pieces;
    END LOOP;
END
$$;

-- all at once
SELECT pg_temp.stage(array_agg(p)) FROM generate_series(0, :pieces - 1) AS p;
SELECT count(*) FROM pg_temp.build();
SELECT (SELECT count(*) FROM olist_build.fact_order) AS orders, (SELECT count(*) FROM olist_build.fact_order_item) AS items,
       (SELECT count(*) FROM olist_build.dim_customer) AS customers, (SELECT count(*) FILTER (WHERE is_inferred) FROM olist_build.dim_customer) AS inferred,
       (SELECT max(version) FROM olist_build.dim_customer) AS versions, (SELECT max(version) FROM olist_build.dim_seller) AS seller_versions;
ALTER SCHEMA olist_build RENAME TO star_whole;

-- piece by piece
CREATE FUNCTION pg_temp.load_pieces(order_of_pieces integer[]) RETURNS TABLE (difference text) LANGUAGE plpgsql AS $$
DECLARE
    this_piece integer;
    keys_lost bigint;
BEGIN
    DROP SCHEMA IF EXISTS olist_dw CASCADE;
    DELETE FROM olist_etl.reject;
    FOREACH this_piece IN ARRAY order_of_pieces LOOP
        PERFORM pg_temp.stage(ARRAY[this_piece]);
        IF to_regclass('olist_dw.fact_order') IS NULL THEN
            PERFORM pg_temp.build();
            PERFORM olist_etl.publish();
        ELSE
            DROP TABLE IF EXISTS keys;
            CREATE TEMP TABLE keys AS SELECT order_key, order_id FROM olist_dw.fact_order;
            PERFORM olist_etl.merge();
            SELECT count(*) INTO keys_lost FROM keys WHERE (order_key, order_id) NOT IN (SELECT order_key, order_id FROM olist_dw.fact_order);
            IF keys_lost > 0 THEN
                RETURN QUERY SELECT format('%s orders lost their key at piece %s', keys_lost, this_piece);
            END IF;
        END IF;
        UPDATE olist_etl.ledger SET published_at = now() FROM star_all.object o WHERE o.object_id = ledger.object_id AND o.piece = this_piece;
    END LOOP;
    UPDATE olist_etl.ledger SET published_at = NULL;
    RETURN QUERY SELECT format('%s: %s only in the whole, %s only in the pieces', d.name, d.only_a, d.only_b)
                 FROM pg_temp.star_diff('star_whole', 'olist_dw', false) d WHERE d.only_a + d.only_b > 0;
END
$$;
SELECT * FROM pg_temp.load_pieces('{0, 1, 2, 3, 4, 5, 6, 7}');
SELECT * FROM pg_temp.load_pieces('{7, 6, 5, 4, 3, 2, 1, 0}');
SELECT * FROM pg_temp.load_pieces('{3, 0, 7, 1, 6, 2, 5, 4}');
SELECT * FROM pg_temp.load_pieces('{5, 2, 4, 7, 0, 3, 1, 6}');

-- the same piece once more: nothing is written
UPDATE olist_etl.ledger SET published_at = now() FROM star_all.object o WHERE o.object_id = ledger.object_id;
SELECT pg_temp.stage('{4}');
SELECT olist_etl.merge() - 'rejected' AS again;
-- nor does anything remain of a merge
SELECT count(*) AS left_behind FROM pg_class WHERE relnamespace = 'olist_build'::regnamespace;

-- a seller moves, and moves back, in versions of one object, of which the last is the first again: three versions
CREATE FUNCTION pg_temp.move_to(zip text, this_etag text, modified timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    this_id bigint;
BEGIN
    PERFORM pg_temp.stage('{}');
    INSERT INTO olist_etl.ledger (target, entity, uri, etag, size, is_current)
    VALUES ('olist_staging.sellers', 'sellers', '/test/mover', this_etag, 1, false) ON CONFLICT DO NOTHING;
    SELECT object_id INTO this_id FROM olist_etl.ledger WHERE uri = '/test/mover' AND etag = this_etag;
    UPDATE olist_etl.ledger SET is_current = false, superseded_by = this_id WHERE uri = '/test/mover' AND is_current;
    UPDATE olist_etl.ledger SET is_current = true, superseded_by = NULL, published_at = NULL, last_modified = modified
    WHERE object_id = this_id;
    INSERT INTO olist_etl.staged VALUES (this_id, 0);
    INSERT INTO olist_staging.sellers VALUES ('mover', zip, 'Cidade', 'SP', this_id, 2);
    PERFORM olist_etl.merge();
    UPDATE olist_etl.ledger SET published_at = now() WHERE object_id = this_id;
END
$$;
SELECT pg_temp.move_to('00001', 'first', '2018-07-01 00:00+00');
SELECT pg_temp.move_to('00002', 'second', '2018-07-02 00:00+00');
SELECT pg_temp.move_to('00001', 'first', '2018-07-03 00:00+00');
SELECT version, zip_code_prefix, valid_from, valid_to FROM olist_dw.dim_seller WHERE seller_id = 'mover' ORDER BY version;

-- between its build and its publishing a batch has no TOAST tables, unless a row does not fit on a page
CREATE FUNCTION pg_temp.review(id text, message text) RETURNS TABLE (toast_tables boolean, published integer)
LANGUAGE plpgsql AS $$
DECLARE
    this_id bigint := pg_temp.object('order_reviews', '2018-07-04 00:00+00', '/test/' || id);
BEGIN
    PERFORM pg_temp.stage('{}');
    INSERT INTO olist_etl.staged VALUES (this_id, 0);
    INSERT INTO olist_staging.order_reviews (review_id, order_id, review_score, review_comment_message, _object_id, _line)
    SELECT id, order_id, 5, message, this_id, 2 FROM olist_dw.fact_order ORDER BY order_id LIMIT 1;
    PERFORM olist_etl.build_batch();
    SELECT count(*) > 0 INTO toast_tables FROM pg_class WHERE relnamespace = 'olist_build'::regnamespace AND reltoastrelid <> 0;
    PERFORM olist_etl.publish();
    SELECT length(f.message) INTO published FROM olist_dw.fact_review f WHERE review_id = id;
    RETURN NEXT;
END
$$;
SELECT * FROM pg_temp.review('short', 'short');
SELECT * FROM pg_temp.review('long', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) AS n));
SELECT * FROM pg_temp.review('beside', 'beside it');

DROP SCHEMA star_all, star_whole CASCADE;
SELECT pg_temp.clean();
