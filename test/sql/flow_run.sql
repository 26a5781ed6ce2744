-- What CALL olist_etl.run() and its companions refuse, and how they say so.
CREATE SCHEMA flow_test;
CREATE FUNCTION flow_test.echo(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION flow_test.nested(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    next_run text := argument ->> 'next';
    run_id bigint; status text; objects bigint; rows bigint; rejects bigint; seconds numeric;
BEGIN
    CALL olist_etl.run('flow_nested_' || next_run, json_build_object('next', next_run::int + 1),
                       false, true, false, run_id, status, objects, rows, rejects, seconds);
    RETURN jsonb_build_object(next_run, status);
END
$$;

-- a run commits, so it needs to be outside of a transaction block, or told not to
BEGIN;
CALL olist_etl.run();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
CALL olist_etl.resume();
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN READ ONLY;
CALL olist_etl.run(atomic => true);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

CALL olist_etl.run('no_such_workflow');
\echo :LAST_ERROR_SQLSTATE
CALL olist_etl.run(wait => NULL);
\echo :LAST_ERROR_SQLSTATE
CALL olist_etl.resume(-1);
\echo :LAST_ERROR_SQLSTATE
SELECT olist_etl.cancel(-1);
\echo :LAST_ERROR_SQLSTATE
SELECT olist_etl.drop_workflow('no_such_workflow');
\echo :LAST_ERROR_SQLSTATE

-- definitions are validated when they come in
SELECT olist_etl.create_workflow('flow_bad', '{"StartAt": "A"');
SELECT olist_etl.create_workflow('flow_bad', '{"StartAt": "A", "States": {"B": {"Type": "Pass"}}}');
\echo :LAST_ERROR_SQLSTATE
SELECT olist_etl.create_workflow('flow_bad', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true}}}');
\echo :LAST_ERROR_SQLSTATE

-- a name is one that can be shown and typed
SELECT olist_etl.create_workflow('', '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}');
\echo :LAST_ERROR_SQLSTATE
SELECT olist_etl.create_workflow(repeat('n', 81), '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}');
\echo :LAST_ERROR_SQLSTATE
SELECT olist_etl.create_workflow(E'flow_\033[31m', '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}');
\echo :LAST_ERROR_SQLSTATE
SELECT olist_etl.create_workflow(U&'flow_\202E', '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}');
SELECT olist_etl.create_workflow(repeat('ñ', 80), '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}');
SELECT olist_etl.drop_workflow(repeat('ñ', 80));

-- every change is a version, the same again is none
SELECT olist_etl.create_workflow('flow_echo', '{"StartAt": "Echo", "States": {"Echo": {"Type": "Task", "Resource": "olist:flow_test.echo", "End": true}}}');
SELECT olist_etl.create_workflow('flow_echo', '{"StartAt": "Echo", "States": {"Echo": {"Type": "Task", "Resource": "olist:flow_test.echo", "End": true}}}');
SELECT olist_etl.create_workflow('flow_echo', '{"StartAt": "Echo", "States": {"Echo": {"Type": "Task", "Resource": "olist:flow_test.none", "End": true}}}');

-- a check finds what is missing, and a run that finds it fails by its name
SELECT olist_etl.check_workflow('flow_echo');
\echo :LAST_ERROR_SQLSTATE

-- ... or could not be executed as a task, and is not taken in by what only looks like one
CREATE FUNCTION flow_test.many(jsonb) RETURNS SETOF jsonb LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION flow_test.words(jsonb) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
CREATE PROCEDURE flow_test.done(jsonb) LANGUAGE sql AS 'SELECT $1';
CREATE AGGREGATE flow_test.all(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb);
CREATE PROCEDURE flow_test.check(resource text) LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM olist_etl.create_workflow('flow_check', json_build_object('StartAt', 'A', 'States', json_build_object(
        'A', json_build_object('Type', 'Pass', 'Result', json_build_object('Type', 'Task'), 'Next', 'B'),
        'B', json_build_object('Type', 'Map', 'End', true, 'ItemReader', json_build_object('Resource', 'olist:flow_test.echo'),
            'ItemProcessor', json_build_object('StartAt', 'C', 'States', json_build_object(
                'C', json_build_object('Type', 'Task', 'Resource', resource, 'End', true)))))));
    PERFORM olist_etl.check_workflow('flow_check');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RAISE INFO '%: % %', SQLSTATE, SQLERRM, detail;
END
$$;
CALL flow_test.check('olist:flow_test.echo');
CALL flow_test.check('olist:flow_test.many');
CALL flow_test.check('olist:flow_test.words');
CALL flow_test.check('olist:flow_test.done');
CALL flow_test.check('olist:flow_test.all');
CALL flow_test.check('olist:flow_test.none');
CALL flow_test.check('olist:jsonb_strip_nulls');
CALL flow_test.check('olist:flow_test.');
SELECT olist_etl.drop_workflow('flow_check');

-- a dry run is a run that leaves nothing, of tasks that leave something
CREATE TABLE flow_test.done_by (note text);
CREATE FUNCTION flow_test.leave(argument jsonb) RETURNS jsonb LANGUAGE sql AS
    'INSERT INTO flow_test.done_by VALUES (''left'') RETURNING to_jsonb(note)';
SELECT olist_etl.create_workflow('flow_leave', '{"StartAt": "Leave", "States": {"Leave": {"Type": "Task", "Resource": "olist:flow_test.leave", "End": true}}}');
SET client_min_messages = warning;
CALL olist_etl.run('flow_leave', dry_run => true) \gset dry_
\echo :dry_status
SELECT count(*) FROM flow_test.done_by;
SELECT count(*) FROM olist_etl.run WHERE workflow = 'flow_leave';
\set VERBOSITY sqlstate
CALL olist_etl.run('flow_echo', dry_run => true);
SELECT count(*) FROM olist_etl.run WHERE workflow = 'flow_echo';
-- ... and whose error can be caught like any other
DO $$
DECLARE
    run_id bigint; status text; objects bigint; rows bigint; rejects bigint; seconds numeric;
BEGIN
    BEGIN
        CALL olist_etl.run('flow_echo', '{}', false, false, true, run_id, status, objects, rows, rejects, seconds);
    EXCEPTION WHEN undefined_function THEN
        INSERT INTO flow_test.done_by VALUES ('caught');
    END;
END
$$;
SELECT note FROM flow_test.done_by;
CALL olist_etl.run('flow_echo');
\set VERBOSITY default
SELECT max(run_id) AS run_id FROM olist_etl.run \gset
SELECT replace(:'LAST_ERROR_MESSAGE', 'run ' || :'run_id', 'run N') AS message;
SELECT version, status, error, cause FROM olist_etl.run WHERE run_id = :run_id;

-- a task may run another workflow, but not without end, nor its own
SELECT count(olist_etl.create_workflow('flow_nested_' || i, '{"StartAt": "Nested", "States": {"Nested": {"Type": "Task", "Resource": "olist:flow_test.nested", "End": true}}}'))
FROM generate_series(1, 10) AS i;
BEGIN;
CALL olist_etl.run('flow_nested_1', '{"next": 2}', atomic => true);
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
SELECT count(*) FROM olist_etl.run WHERE workflow LIKE 'flow_nested%';
BEGIN;
CALL olist_etl.run('flow_nested_1', '{"next": 1}', atomic => true) \gset
SELECT workflow, status, output FROM olist_etl.run WHERE workflow LIKE 'flow_nested%' ORDER BY run_id;
ROLLBACK;
RESET client_min_messages;

SELECT count(olist_etl.drop_workflow('flow_nested_' || i)) FROM generate_series(1, 10) AS i;
SELECT olist_etl.drop_workflow('flow_echo');
SELECT olist_etl.drop_workflow('flow_leave');
SET client_min_messages = warning;
DROP SCHEMA flow_test CASCADE;
