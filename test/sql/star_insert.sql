-- New rows reach every index of a table, and whatever else its users have added to it.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/star_build.psql'
\set ECHO none
\i :include
\set ECHO all
\pset format unaligned
\set VERBOSITY terse

CREATE FUNCTION pg_temp.add_payments(first integer, last integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO olist_staging.order_payments
    SELECT 'o1', n, CASE WHEN n % 2 = 0 THEN 'boleto' END, 1, n, pg_temp.object('order_payments', '2020-01-01', '/test/' || n), n
    FROM generate_series(first, last) AS n;
$$;
CREATE FUNCTION pg_temp.publish() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.build();
    RETURN olist_etl.publish() -> 'inserted';
END
$$;
INSERT INTO olist_staging.customers VALUES ('c1', 'p1', '00001', 'a', 'SP');
INSERT INTO olist_staging.orders VALUES ('o1', 'c1', 'shipped', '2018-01-01');
SELECT pg_temp.add_payments(1, 2000);
SELECT pg_temp.publish();

-- more rows than are written at a time; with indexes of other kinds than the warehouse's own
CREATE INDEX payment_hash ON olist_dw.fact_payment USING hash (value);
SELECT pg_temp.add_payments(2001, 4500);
SELECT pg_temp.publish();
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*) FROM olist_dw.fact_payment p, generate_series(1, 4500) AS n
WHERE p.order_key = (SELECT order_key FROM olist_dw.fact_order) AND p.payment_sequential = n;
SELECT count(*) FROM generate_series(1, 4500) AS n, LATERAL (SELECT FROM olist_dw.fact_payment p WHERE p.value = n::numeric(12,2) OFFSET 0) AS found;
SELECT count(*) FROM olist_dw.fact_payment WHERE purchase_date_key = 20180101;
SET enable_bitmapscan = on;
SELECT count(*) FROM olist_dw.fact_payment WHERE _object_id = (SELECT object_id FROM olist_etl.ledger WHERE uri = '/test/4000');
RESET enable_seqscan;
RESET enable_bitmapscan;

-- a key twice is an error, as ever
CREATE UNIQUE INDEX payment_value ON olist_dw.fact_payment (value);
INSERT INTO olist_staging.order_payments VALUES ('o1', 4501, 'boleto', 1, 1);
SELECT pg_temp.publish();
DELETE FROM olist_staging.order_payments WHERE payment_sequential = 4501;
DROP INDEX olist_dw.payment_value;

-- an index over an expression, and one with a condition
CREATE INDEX payment_expression ON olist_dw.fact_payment ((value * 2));
CREATE INDEX payment_condition ON olist_dw.fact_payment (value) WHERE installments = 1;
SELECT pg_temp.add_payments(4501, 4501);
SELECT pg_temp.publish();
SET enable_seqscan = off;
SELECT payment_sequential FROM olist_dw.fact_payment WHERE value * 2 = 9002;
SELECT payment_sequential FROM olist_dw.fact_payment WHERE value = 4501 AND installments = 1;
RESET enable_seqscan;
DROP INDEX olist_dw.payment_expression, olist_dw.payment_condition;

-- a trigger, a check, a column with a default
CREATE TABLE payment_log (value numeric);
CREATE FUNCTION pg_temp.log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.payment_log VALUES (NEW.value);
    RETURN NULL;
END
$$;
CREATE TRIGGER log AFTER INSERT ON olist_dw.fact_payment FOR EACH ROW EXECUTE FUNCTION pg_temp.log();
SELECT pg_temp.add_payments(4502, 4502);
SELECT pg_temp.publish();
SELECT * FROM payment_log;
DROP TRIGGER log ON olist_dw.fact_payment;
DROP TABLE payment_log;
ALTER TABLE olist_dw.fact_payment ADD CONSTRAINT small CHECK (value < 4503);
SELECT pg_temp.add_payments(4503, 4503);
SELECT pg_temp.publish();
ALTER TABLE olist_dw.fact_payment DROP CONSTRAINT small;
ALTER TABLE olist_dw.fact_payment ADD COLUMN note text DEFAULT 'none';
SELECT pg_temp.publish();
SELECT payment_sequential, note FROM olist_dw.fact_payment WHERE value > 4502;

SELECT pg_temp.clean();
