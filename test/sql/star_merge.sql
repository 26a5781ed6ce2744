-- Loading in any split and any order gives the warehouse that loading all at once gives.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/star_build.psql'
\set diff :test '/sql/include/star_diff.psql'
\set shop :test '/sql/include/shop.psql'
\set pieces 8
\set alike 1
SET shop.seed = 0;
\set ECHO none
\i :include
\i :diff
\i :shop
\set ECHO all
\pset format unaligned

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
