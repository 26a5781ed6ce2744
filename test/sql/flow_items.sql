-- The items of a Map from elsewhere: an object of the source layer, or what a
-- function returns.
CREATE SCHEMA items_test;
CREATE FUNCTION items_test.echo(i jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT i';
CREATE FUNCTION items_test.items(i jsonb) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT jsonb_agg(n) FROM generate_series(1, (i ->> 'n')::int) n $$;
CREATE FUNCTION items_test.definition(reader json) RETURNS json LANGUAGE sql AS $$
    SELECT json_build_object('StartAt', 'Each', 'States', json_build_object('Each', json_build_object('Type', 'Map', 'End', true,
        'ItemReader', reader, 'ItemProcessor', '{"StartAt": "One", "States": {"One": {"Type": "Task", "Resource": "olist:items_test.echo", "End": true}}}'::json)))
$$;
SET client_min_messages = error;
SET olist_etl.max_workers = 0;

-- the outcome of a run over such items, or its error
CREATE PROCEDURE items_test.try(reader json, INOUT outcome text DEFAULT NULL) LANGUAGE plpgsql AS $$
DECLARE
    last bigint; status text; objects bigint; rows bigint; rejects bigint; seconds numeric; detail text;
BEGIN
    PERFORM olist_etl.create_workflow('items_test', items_test.definition(reader));
    CALL olist_etl.run('items_test', '{"n": 3}', false, true, false, last, status, objects, rows, rejects, seconds);
    SELECT r.output INTO outcome FROM olist_etl.run r WHERE r.run_id = last;
EXCEPTION WHEN external_routine_exception THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    outcome := SQLERRM || ': ' || detail;
END $$;

-- a function
CALL items_test.try('{"Resource": "olist:items_test.items", "Parameters": {"n.$": "$.n"}}');
CALL items_test.try('{"Resource": "olist:items_test.items", "Parameters": {"n": 5}, "ReaderConfig": {"MaxItems": 2}}');
CALL items_test.try('{"Resource": "olist:items_test.echo", "Parameters": {"n": 5}}');
CALL items_test.try('{"Resource": "olist:items_test.items", "Parameters": {"n": "x"}}');
CALL items_test.try('{"Resource": "olist:items_test.nothing"}');

-- an object: a generated one stands for those in a bucket
CALL items_test.try('{"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Uri": "sample://olist/product_category_name_translation.csv"}, "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItems": 2}}');
CALL items_test.try('{"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Uri": "sample://olist/product_category_name_translation.csv"}, "ReaderConfig": {"InputType": "JSON"}}');
CALL items_test.try('{"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Uri": "sample://olist/nothing.csv"}}');
CALL items_test.try('{"Resource": "arn:aws:states:::s3:getObject", "Parameters": {}}');
SELECT message FROM olist_etl.validate(items_test.definition('{"Resource": "arn:aws:states:::s3:listObjectsV2"}'));

-- also outside of a transaction
SELECT olist_etl.create_workflow('items_test', items_test.definition('{"Resource": "olist:items_test.items", "Parameters": {"n": 4}}')) > 0 AS created;
CALL olist_etl.run('items_test') \gset last_
SELECT :'last_status' AS status, (SELECT output FROM olist_etl.run WHERE run_id = :last_run_id);

-- read_object() gives the bytes, and refuses what is not there
SELECT length(olist_etl.read_object('sample://olist/product_category_name_translation.csv')) > 100 AS read;
SELECT olist_etl.read_object('sample://olist/nothing.csv');
SELECT olist_etl.drop_workflow('items_test');
DROP SCHEMA items_test CASCADE;
