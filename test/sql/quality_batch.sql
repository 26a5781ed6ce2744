-- The quality gate where a batch is merged: a rule looks at all that is going to be published,
-- or at what the batch touches, and never fails because olist_build holds only a part.
\getenv test PG_ABS_SRCDIR
\set include :test '/sql/include/star_build.psql'
\set ECHO none
\i :include
\set ECHO all
\pset format unaligned

CREATE FUNCTION pg_temp.measure(rule text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(q -> 'notices' ->> 0, CASE q ->> 'skipped' WHEN '1' THEN 'skipped' ELSE 'passed' END)
    FROM olist_etl.check_quality(jsonb_build_object('rule', rule)) q
$$;

-- six orders, of three persons, by two sellers, in two years
INSERT INTO olist_staging.customers SELECT 'c' || n, 'p' || n % 3, '0000' || n % 2, 'a', 'SP' FROM generate_series(1, 6) n;
INSERT INTO olist_staging.orders SELECT 'o' || n, 'c' || n, 'delivered', '2017-01-01'::timestamp + n * interval '100 days' FROM generate_series(1, 6) n;
INSERT INTO olist_staging.order_items SELECT 'o' || n, i, 'x' || n % 4, 's' || n % 2, NULL, 10 * n, 1 FROM generate_series(1, 6) n, generate_series(1, 2) i;
INSERT INTO olist_staging.order_payments SELECT 'o' || n, 1, CASE n WHEN 6 THEN 'boleto' ELSE 'voucher' END, 1, 20 * n + 2 FROM generate_series(1, 6) n;
INSERT INTO olist_staging.order_reviews SELECT 'r' || n, 'o' || n, 5, NULL, NULL, '2018-03-01', '2018-03-01' FROM generate_series(1, 6) n;
INSERT INTO olist_staging.products SELECT 'x' || n, 'beleza', 1, 1, 1, 1, 1, 1, 1 FROM generate_series(0, 3) n;
INSERT INTO olist_staging.sellers SELECT 's' || n, '00000', 'a', 'SP' FROM generate_series(0, 1) n;
INSERT INTO olist_staging.geolocation SELECT '0000' || n, -20, -45, 'a', 'SP' FROM generate_series(0, 1) n;
INSERT INTO olist_staging.category_translation VALUES ('beleza', 'beauty');
SELECT * FROM pg_temp.build();
SELECT olist_etl.publish() ->> 'moved' AS moved;

-- a batch: another status of one order, and a new order
DO $$ DECLARE target text; BEGIN
    FOR target IN SELECT e.target FROM olist_etl.entity e LOOP EXECUTE 'TRUNCATE ' || target; END LOOP; END $$;
INSERT INTO olist_staging.customers VALUES ('c7', 'p7', '00001', 'a', 'SP');
SELECT pg_temp.object('orders', '2018-09-10') AS object \gset
INSERT INTO olist_staging.orders (order_id, customer_id, order_status, order_purchase_timestamp, _object_id, _line)
VALUES ('o1', 'c1', 'canceled', '2017-04-11', :object, 2), ('o7', 'c7', 'created', '2018-09-09', :object, 3);
INSERT INTO olist_staging.order_items VALUES ('o7', 1, 'x3', 's1', NULL, 7, 1);
SELECT olist_etl.build_batch() AS touched;

INSERT INTO olist_etl.check_rule (name, relation, predicate, aggregate, severity, tolerance, scope) VALUES
    -- the number of rows, and what must not be more than a percentage of them
    ('t_count', 'fact_order', NULL, 'count(*)', 'fail', '0', 'warehouse'),
    ('t_count_batch', 'fact_order', NULL, 'count(*)', 'fail', '0', 'batch'),
    ('t_percent', 'fact_order', 'payment_count > 0', NULL, 'fail', '20%', 'warehouse'),
    ('t_percent_batch', 'fact_order', 'payment_count > 0', NULL, 'fail', '20%', 'batch'),
    -- references to what the batch does not touch
    ('t_date', 'fact_order', 'purchase_date_key IN (SELECT d.date_key FROM {dim_date} d)', NULL, 'fail', '0', 'warehouse'),
    ('t_sells', 'dim_seller', 'seller_key = -1 OR EXISTS (SELECT FROM {fact_order_item} WHERE fact_order_item.seller_key = dim_seller.seller_key AND price > 55)', NULL, 'fail', '1', 'warehouse'),
    ('t_boleto', 'dim_payment_type', NULL, 'count(*) FILTER (WHERE payment_type = ''boleto'') = 1', 'fail', '0', 'warehouse'),
    -- sums of facts
    ('t_sum', 'fact_order', NULL, 'sum(price_total) - (SELECT sum(price) FROM {fact_order_item})', 'fail', '0', 'warehouse'),
    ('t_sum_batch', 'fact_order', NULL, 'sum(price_total) - (SELECT sum(price) FROM {fact_order_item})', 'fail', '0', 'batch'),
    -- staged rows, and what they refer to
    ('t_order', 'order_items', 'order_id IN (SELECT order_id FROM {orders})', NULL, 'fail', '0', 'warehouse'),
    ('t_customer', 'orders', 'customer_id IN (SELECT customer_id FROM {customers})', NULL, 'fail', '0', 'batch'),
    ('t_product', 'order_items', 'product_id IN (SELECT product_id FROM {products})', NULL, 'fail', '0', 'warehouse'),
    ('t_product_key', 'order_items', 'product_id IN (SELECT product_id FROM {dim_product})', NULL, 'fail', '0', 'batch');
SELECT name, pg_temp.measure(name) FROM olist_etl.check_rule WHERE name LIKE 't\_%' ORDER BY name COLLATE "C";

-- the rules that come along: none fails
DELETE FROM olist_etl.check_rule WHERE name LIKE 't\_%';
SELECT q -> 'passed' AS passed, q -> 'notices' AS notices FROM olist_etl.check_quality() q;

-- what is looked at is what is published
INSERT INTO olist_etl.check_rule (name, relation, aggregate)
SELECT 't_' || relname, relname, format('abs(coalesce(sum(hashtextextended(%I::text, 0) %% 1000000), 0)) + 1', relname)
FROM pg_class WHERE relnamespace = 'olist_dw'::regnamespace AND relkind = 'r';
CREATE TEMP TABLE outcome AS SELECT name, pg_temp.measure(name) FROM olist_etl.check_rule WHERE name LIKE 't\_%';
SELECT olist_etl.publish() - 'rejected' AS published;
SELECT count(*) AS tables, count(*) FILTER (WHERE measure LIKE '%measured%') AS measured,
       string_agg(name || ' ' || measure, ', ') FILTER (WHERE measure <> pg_temp.measure(name)) AS other
FROM outcome;
DELETE FROM olist_etl.check_rule WHERE name LIKE 't\_%';

-- results are compared with those of their kind: a batch with batches
INSERT INTO olist_etl.check_rule (name, relation, aggregate, tolerance, baseline_runs, scope) VALUES
    ('t_drift', 'fact_order', 'count(*)', '50%', 5, 'batch'), ('t_drift_whole', 'fact_order', 'count(*)', '50%', 5, 'warehouse');
SELECT olist_etl.create_workflow('quality_batch', '{
  "StartAt": "Check", "States": {
    "Check": {"Type": "Task", "Resource": "olist:olist_etl.check_quality", "Parameters": {"run_id.$": "States.StringToJson($$.Execution.Id)"}, "End": true}}}');
SET olist_etl.max_workers = 0;
CALL olist_etl.run('quality_batch') \gset
CALL olist_etl.run('quality_batch') \gset
CALL olist_etl.run('quality_batch') \gset
SELECT olist_etl.build_batch() AS touched;
CALL olist_etl.run('quality_batch') \gset
SELECT rule, rows, measured, expected, of_batch, status FROM olist_etl.check_result WHERE run_id = :run_id AND rule LIKE 't\_drift%' ORDER BY 1;

-- a batch that waits is not added to, nor is one published that is not what is staged
SELECT olist_etl.build_dim_date();
INSERT INTO olist_etl.staged SELECT pg_temp.object('orders', '2018-10-01'), pg_relation_filenode('olist_staging.orders');
SELECT olist_etl.publish();
SELECT olist_etl.clean_build() ->> 'dropped' <> '0' AS cleaned;
SELECT olist_etl.build_dim_date();

DELETE FROM olist_etl.check_rule WHERE name LIKE 't\_%';
SELECT olist_etl.drop_workflow('quality_batch');
SELECT pg_temp.clean();
