-- Prices by tier, as AWS's published examples have them, and the cost of a run.
SELECT item, quantity, round(olist_etl.price_of(item, quantity), 2) AS usd FROM (VALUES
    ('lambda_request', 100000), ('lambda_request', 15000000000),
    ('lambda_gb_second_x86', 4375), ('lambda_gb_second_x86', 17500), ('lambda_gb_second_x86', 3072000000),
    ('lambda_gb_second_x86', 9216000000), ('lambda_gb_second_x86', 61440000000),
    ('lambda_gb_second_arm', 17500), ('lambda_gb_second_arm', 3840000000), ('lambda_gb_second_arm', 11520000000),
    ('lambda_gb_second_arm', 74752000000),
    ('transition', 10000), ('s3_list', 10000), ('s3_get', 20000)) q (item, quantity);

-- what is free each month, a day before there was a price, an unknown item
SELECT olist_etl.price_of('transition', 4000, free_tier => true) AS free, round(olist_etl.price_of('transition', 5000, free_tier => true), 3) AS beyond,
    olist_etl.price_of('transition', 1, at => '2000-01-01') AS before, olist_etl.price_of('nothing', 1) AS unknown;

-- a newer price, of another region
INSERT INTO olist_etl.price (item, region, effective, usd, source) VALUES
    ('transition', 'us-east-1', '2030-01-01', 1, 'test'), ('transition', 'eu-south-1', '2020-01-01', 2, 'test');
SELECT olist_etl.price_of('transition', 3, at => '2030-01-02') AS later, round(olist_etl.price_of('transition', 1000, at => '2029-12-31'), 3) AS until_then,
    olist_etl.price_of('transition', 3, 'eu-south-1') AS elsewhere;
DELETE FROM olist_etl.price WHERE NOT builtin;

-- a run: 1 task, retried once, 2 states
CREATE SCHEMA cost_test;
CREATE SEQUENCE cost_test.calls;
CREATE FUNCTION cost_test.task(i jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(1 / (nextval('cost_test.calls') - 1)) $$;
SELECT olist_etl.create_workflow('cost_test', '{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "olist:cost_test.task", "Retry": [{"ErrorEquals": ["States.ALL"], "MaxDelaySeconds": 1, "IntervalSeconds": 1}], "Next": "P"}, "P": {"Type": "Pass", "End": true}}}');
SET client_min_messages = error;
CALL olist_etl.run('cost_test') \gset last_
SELECT part, CASE WHEN unit IN ('GB-seconds', 'seconds') THEN quantity >= 0 ELSE quantity = round(quantity) END AS sane,
    CASE WHEN unit IN ('requests', 'transitions') THEN quantity END AS quantity, unit, CASE WHEN part = 'Step Functions' THEN usd END AS usd, usd IS NULL AS no_usd
FROM olist_etl.cost(:last_run_id);
SELECT (SELECT usd FROM olist_etl.cost(:last_run_id) WHERE part = 'total') = (SELECT sum(usd) FROM olist_etl.cost(:last_run_id) WHERE part <> 'total') AS adds_up,
    (SELECT usd FROM olist_etl.cost(:last_run_id, free_tier => true) WHERE part = 'total') AS free;
SELECT count(*) FROM olist_etl.cost(-1);
SELECT olist_etl.drop_workflow('cost_test');
DROP SCHEMA cost_test CASCADE;
