-- What a run does: data flow, history, retries, resume, all in one transaction.
SET client_min_messages = warning;
CREATE SCHEMA flow_test;
CREATE TABLE flow_test.done (what text, attempt int GENERATED ALWAYS AS IDENTITY);
CREATE TABLE flow_test.switch (fails text);
CREATE FUNCTION flow_test.work(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO flow_test.done (what) VALUES (argument ->> 'what');
    IF EXISTS (SELECT FROM flow_test.switch s WHERE s.fails = argument ->> 'what') THEN
        RAISE EXCEPTION '% fails', argument ->> 'what'
            USING ERRCODE = '22012', DETAIL = 'the detail', HINT = 'the hint';
    END IF;
    RETURN argument || '{"rows": 1}';
END
$$;
CREATE FUNCTION flow_test.error(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'no luck' USING ERRCODE = argument ->> 'code';
END
$$;
CREATE FUNCTION flow_test.sleep(argument jsonb) RETURNS jsonb LANGUAGE sql AS
    'SELECT to_jsonb(pg_catalog.pg_sleep((argument ->> ''seconds'')::float)::text)';

-- one task after the other needs no worker; the history is chained
SELECT olist_etl.create_workflow('flow_chain', '{
  "StartAt": "First",
  "States": {
    "First": {"Type": "Task", "Resource": "olist:flow_test.work",
              "Parameters": {"what.$": "$.name", "workflow.$": "$$.StateMachine.Name"},
              "ResultSelector": {"what.$": "$.what", "workflow.$": "$.workflow"},
              "ResultPath": "$.first", "Next": "Second"},
    "Second": {"Type": "Task", "Resource": "olist:flow_test.work",
               "Parameters": {"what": "second"}, "ResultPath": null, "End": true}
  }}');
CALL olist_etl.run('flow_chain', '{"name": "one"}') \gset
\echo :objects :rows :rejects
SELECT status, output, redrive_count, ended_at IS NOT NULL AS ended, owner = current_user AS mine
FROM olist_etl.run WHERE run_id = :run_id;
SELECT id, previous_id, type, state, details - 'name' AS details
FROM (SELECT *, details::jsonb AS details FROM olist_etl.event) AS e (run_id, id, previous_id, type, scope, item, state, at, d, details)
WHERE run_id = :run_id AND type <> 'TaskScheduled' ORDER BY id;
SELECT state, attempt, status, rows, pid = pg_backend_pid() AS in_session
FROM olist_etl.task WHERE run_id = :run_id ORDER BY task_id;
SELECT workflow, status, succeeded, running, failed, rows, now FROM olist_etl.progress WHERE run_id = :run_id;

-- a Map of ten in a worker, of which one item fails; the failed one alone is done again
SELECT olist_etl.create_workflow('flow_map', '{
  "StartAt": "Each",
  "States": {
    "Each": {"Type": "Map", "ItemsPath": "$",
             "ItemProcessor": {"StartAt": "Item", "States": {"Item": {
               "Type": "Task", "Resource": "olist:flow_test.work", "Parameters": {"what.$": "$"}, "ResultSelector": {"what.$": "$.what"}, "End": true}}},
             "Next": "After"},
    "After": {"Type": "Task", "Resource": "olist:flow_test.work", "Parameters": {"what": "after"}, "ResultPath": null, "End": true}
  }}');
TRUNCATE flow_test.done;
INSERT INTO flow_test.switch VALUES ('j');
SET olist_etl.max_workers = 1;
\set VERBOSITY sqlstate
CALL olist_etl.run('flow_map', '["a","b","c","d","e","f","g","h","i","j"]');
\set VERBOSITY default
SELECT max(run_id) AS run_id FROM olist_etl.run \gset
SELECT status, error, cause FROM olist_etl.run WHERE run_id = :run_id;
SELECT count(*) FILTER (WHERE status = 'SUCCEEDED') AS succeeded, count(*) FILTER (WHERE status = 'FAILED') AS failed,
       count(*) FILTER (WHERE status = 'RUNNING') AS running
FROM olist_etl.task WHERE run_id = :run_id;
SELECT string_agg(what, ' ' ORDER BY what) FROM flow_test.done;
TRUNCATE flow_test.switch;
CALL olist_etl.resume() \gset again_
SELECT :again_run_id = :run_id AS same_run, :'again_status' AS status;
SELECT output, redrive_count FROM olist_etl.run WHERE run_id = :run_id;
SELECT string_agg(what, ' ' ORDER BY what) FROM flow_test.done;
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'olist_etl worker';
\set VERBOSITY sqlstate
CALL olist_etl.resume(:run_id);
\set VERBOSITY default

-- in workers and in the session alike
SET olist_etl.max_workers = 0;
CALL olist_etl.run('flow_map', '["a","b","c"]') \gset
SELECT output FROM olist_etl.run WHERE run_id = :run_id;
SELECT bool_and(pid = pg_backend_pid()) AS in_session FROM olist_etl.task WHERE run_id = :run_id;
RESET olist_etl.max_workers;

-- SQL errors have names that Retry and Catch know
SELECT olist_etl.create_workflow('flow_error', '{
  "StartAt": "Try",
  "States": {
    "Try": {"Type": "Task", "Resource": "olist:flow_test.error",
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Timeout"},
                      {"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.caught", "Next": "Caught"}],
            "End": true},
    "Timeout": {"Type": "Pass", "Result": "timeout", "End": true},
    "Caught": {"Type": "Pass", "End": true}
  }}');
CREATE PROCEDURE flow_test.caught(code text, OUT error text) LANGUAGE plpgsql AS $$
DECLARE
    id bigint; status text; objects bigint; rows bigint; rejects bigint; seconds numeric;
BEGIN
    CALL olist_etl.run('flow_error', json_build_object('code', code), false, false, false,
                       id, status, objects, rows, rejects, seconds);
    error := (SELECT r.output #>> '{caught,Error}' FROM olist_etl.run r WHERE r.run_id = id);
END
$$;
CREATE PROCEDURE flow_test.each() LANGUAGE plpgsql AS $$
DECLARE
    code text;
    error text;
BEGIN
    FOREACH code IN ARRAY ARRAY['42501', '40001', '40P01', '55P03', '08001', '08006', '57014', 'P0001'] LOOP
        CALL flow_test.caught(code, error);
        INSERT INTO flow_test.done (what) VALUES (code || ' is ' || error);
    END LOOP;
END
$$;
TRUNCATE flow_test.done;
CALL flow_test.each();
SELECT what FROM flow_test.done ORDER BY attempt;

-- a task that returns NULL fails, and the server stays
CREATE FUNCTION flow_test.nothing(argument jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
SELECT olist_etl.create_workflow('flow_null', '{
  "StartAt": "Null",
  "States": {"Null": {"Type": "Task", "Resource": "olist:flow_test.nothing", "End": true}}}');
\set VERBOSITY sqlstate
CALL olist_etl.run('flow_null');
\set VERBOSITY default
SELECT max(run_id) AS run_id FROM olist_etl.run \gset
SELECT status, error, cause FROM olist_etl.run WHERE run_id = :run_id;

-- what cannot be a number of rows is not counted as one
CREATE FUNCTION flow_test.echo(argument jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT argument';
SELECT olist_etl.create_workflow('flow_rows', '{
  "StartAt": "Rows",
  "States": {"Rows": {"Type": "Task", "Resource": "olist:flow_test.echo", "End": true}}}');
CALL olist_etl.run('flow_rows', '{"rows": 1e30, "rows_rejected": -1}') \gset
CALL olist_etl.run('flow_rows', '{"rows": 9223372036854775807, "rows_loaded": "many"}') \gset
CALL olist_etl.run('flow_rows', '{"rows_loaded": 0, "rows": 2.4, "rows_rejected": 2.5}') \gset
CALL olist_etl.run('flow_rows', '{"object_id": 1, "rows_loaded": 5, "rows_rejected": 2}') \gset
\echo :objects :rows :rejects
SELECT r.status, t.rows, t.rejects FROM olist_etl.run r JOIN olist_etl.task t USING (run_id) WHERE workflow = 'flow_rows' ORDER BY run_id;

-- a task that does not end in its time, in the session and in a worker
SELECT olist_etl.create_workflow('flow_timeout', '{
  "StartAt": "Both",
  "States": {"Both": {"Type": "Parallel", "Branches": [
    {"StartAt": "Late", "States": {
      "Late": {"Type": "Task", "Resource": "olist:flow_test.sleep", "TimeoutSeconds": 1, "Parameters": {"seconds": 60},
               "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Caught"}], "End": true},
      "Caught": {"Type": "Pass", "Result": "late", "End": true}}},
    {"StartAt": "Other", "States": {"Other": {"Type": "Task", "Resource": "olist:flow_test.sleep", "Parameters": {"seconds": 0}, "ResultSelector": {}, "End": true}}}
  ], "Next": "Alone"},
  "Alone": {"Type": "Task", "Resource": "olist:flow_test.sleep", "TimeoutSeconds": 1, "Parameters": {"seconds": 60}, "End": true}
  }}');
\set VERBOSITY sqlstate
CALL olist_etl.run('flow_timeout');
\set VERBOSITY default
SELECT max(run_id) AS run_id FROM olist_etl.run \gset
SELECT status, error, cause FROM olist_etl.run WHERE run_id = :run_id;
SELECT state, status FROM olist_etl.task WHERE run_id = :run_id ORDER BY state;
SELECT type FROM olist_etl.event WHERE run_id = :run_id AND type LIKE '%TimedOut%' ORDER BY id;

-- the time of the whole run
SELECT olist_etl.create_workflow('flow_deadline', '{
  "TimeoutSeconds": 1, "StartAt": "Late",
  "States": {"Late": {"Type": "Task", "Resource": "olist:flow_test.sleep", "Parameters": {"seconds": 60},
             "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": true},
             "Caught": {"Type": "Pass", "End": true}}}');
\set VERBOSITY sqlstate
CALL olist_etl.run('flow_deadline');
\set VERBOSITY default
SELECT status FROM olist_etl.run ORDER BY run_id DESC LIMIT 1;

-- the first failure of a Parallel stops its siblings, wherever they are
SELECT olist_etl.create_workflow('flow_siblings', '{
  "StartAt": "Both",
  "States": {"Both": {"Type": "Parallel", "Branches": [
    {"StartAt": "Long", "States": {"Long": {"Type": "Task", "Resource": "olist:flow_test.sleep", "Parameters": {"seconds": 60}, "End": true}}},
    {"StartAt": "Bad", "States": {"Bad": {"Type": "Task", "Resource": "olist:flow_test.error", "Parameters": {"code": "22023"}, "End": true}}}
  ], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": true},
  "Caught": {"Type": "Task", "Resource": "olist:flow_test.work", "Parameters": {"what": "caught"}, "End": true}}}');
CALL olist_etl.run('flow_siblings') \gset
SELECT status, output FROM olist_etl.run WHERE run_id = :run_id;
SELECT state, status FROM olist_etl.task WHERE run_id = :run_id ORDER BY state;

-- everything in the caller's transaction: rolled back, nothing has happened
TRUNCATE flow_test.done;
BEGIN;
CALL olist_etl.run('flow_map', '["x","y"]', atomic => true) \gset
SELECT status, output FROM olist_etl.run WHERE run_id = :run_id;
SELECT string_agg(what, ' ' ORDER BY what) FROM flow_test.done;
ROLLBACK;
SELECT count(*) FROM flow_test.done;
SELECT count(*) FROM olist_etl.run WHERE run_id = :run_id;

-- a deferred constraint fails the task that breaks it, in time to be caught
CREATE TABLE flow_test.parent (id int PRIMARY KEY);
CREATE TABLE flow_test.child (id int REFERENCES flow_test.parent DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION flow_test.orphan(argument jsonb) RETURNS jsonb LANGUAGE sql AS
    'INSERT INTO flow_test.child VALUES (1) RETURNING ''{}''::jsonb';
SELECT olist_etl.create_workflow('flow_deferred', '{
  "StartAt": "Orphan",
  "States": {"Orphan": {"Type": "Task", "Resource": "olist:flow_test.orphan",
             "Catch": [{"ErrorEquals": ["SQLSTATE.23503"], "Next": "Caught"}], "End": true},
             "Caught": {"Type": "Pass", "Result": "caught", "End": true}}}');
CALL olist_etl.run('flow_deferred') \gset
SELECT status, output FROM olist_etl.run WHERE run_id = :run_id;

-- a task finds pinned settings, whatever the session has, and the session keeps its own
CREATE FUNCTION flow_test.settings(argument jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT pg_catalog.jsonb_build_object(
        'search_path', pg_catalog.current_setting('search_path'),
        'DateStyle', pg_catalog.current_setting('DateStyle'),
        'flow_test.own', pg_catalog.current_setting('flow_test.own', true),
        'user', current_user OPERATOR(pg_catalog.=) session_user)
$$;
SELECT olist_etl.create_workflow('flow_settings', '{
  "StartAt": "Both",
  "States": {"Both": {"Type": "Parallel", "Branches": [
    {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "olist:flow_test.settings", "End": true}}},
    {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "olist:flow_test.settings", "End": true}}}
  ], "ResultPath": "$.workers", "Next": "Here"},
  "Here": {"Type": "Task", "Resource": "olist:flow_test.settings", "ResultPath": "$.session", "End": true}}}');
SET flow_test.own = 'mine';
SET DateStyle = 'German';
CALL olist_etl.run('flow_settings') \gset
SELECT jsonb_pretty(output::jsonb) FROM olist_etl.run WHERE run_id = :run_id;
SHOW DateStyle;
RESET DateStyle;
RESET flow_test.own;

-- a task leaves nothing behind, neither in a worker nor in the session, where the user's own stays
CREATE FUNCTION flow_test.left_over() RETURNS jsonb LANGUAGE sql AS $$
    SELECT pg_catalog.jsonb_build_object(
        'cursors', (SELECT pg_catalog.array_agg(name ORDER BY name) FROM pg_cursors WHERE is_holdable),
        'prepared', (SELECT pg_catalog.array_agg(name ORDER BY name) FROM pg_prepared_statements),
        'channels', (SELECT pg_catalog.array_agg(c ORDER BY c) FROM pg_catalog.pg_listening_channels() c),
        'tables', (SELECT pg_catalog.array_agg(relname ORDER BY relname) FROM pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema()),
        'locks', (SELECT pg_catalog.array_agg(objid ORDER BY objid) FROM pg_locks WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'advisory' AND objsubid < 3),
        'workflow locks', (SELECT pg_catalog.count(*) FROM pg_locks WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'advisory' AND objsubid = 3),
        'setting', pg_catalog.current_setting('flow_test.own', true))
$$;
CREATE FUNCTION flow_test.litter(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    found jsonb := flow_test.left_over();
    open_cursor refcursor := 'open';
BEGIN
    EXECUTE 'DECLARE litter CURSOR WITH HOLD FOR SELECT 1';
    EXECUTE 'PREPARE litter AS SELECT 1';
    EXECUTE 'CREATE TEMP TABLE litter (i int PRIMARY KEY)';
    OPEN open_cursor FOR EXECUTE 'SELECT * FROM litter';
    PERFORM pg_advisory_lock(1), pg_advisory_lock(1), pg_advisory_lock_shared(2);
    PERFORM set_config('flow_test.own', 'littered', false);
    IF (SELECT backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid()) = 'client backend' THEN
        EXECUTE 'LISTEN litter';
    END IF;
    IF argument ->> 'fails' = 'yes' THEN
        RAISE EXCEPTION 'it fails';
    END IF;
    RETURN found;
END
$$;
CREATE FUNCTION flow_test.unlock(argument jsonb) RETURNS jsonb LANGUAGE sql AS
    'SELECT pg_advisory_unlock_all(); SELECT argument';
SELECT olist_etl.create_workflow('flow_litter', '{
  "StartAt": "First",
  "States": {
    "First": {"Type": "Task", "Resource": "olist:flow_test.litter", "Parameters": {"fails": "yes"},
              "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": null, "Next": "Second"}], "End": true},
    "Second": {"Type": "Task", "Resource": "olist:flow_test.litter", "ResultPath": "$.second", "Next": "Third"},
    "Third": {"Type": "Task", "Resource": "olist:flow_test.litter", "ResultPath": "$.third", "Next": "Workers"},
    "Workers": {"Type": "Map", "ItemsPath": "$.items", "ResultPath": "$.workers", "End": true,
                "ItemProcessor": {"StartAt": "Item", "States": {"Item": {"Type": "Task", "Resource": "olist:flow_test.litter", "End": true}}}}
  }}');
SELECT olist_etl.create_workflow('flow_unlock', '{
  "StartAt": "Unlock",
  "States": {
    "Unlock": {"Type": "Task", "Resource": "olist:flow_test.unlock", "Next": "Look"},
    "Look": {"Type": "Task", "Resource": "olist:flow_test.litter", "End": true}}}');
SET olist_etl.max_workers = 1;
SET flow_test.own = 'mine';
DECLARE mine CURSOR WITH HOLD FOR SELECT 'my row';
PREPARE mine AS SELECT 1;
CREATE TEMP TABLE mine (i int);
LISTEN mine;
SELECT pg_advisory_lock(3);
CALL olist_etl.run('flow_litter', '{"items": [1, 2, 3]}') \gset
SELECT key, value FROM olist_etl.run, jsonb_each(output::jsonb - 'items' - 'workers') WHERE run_id = :run_id ORDER BY key;
SELECT value FROM olist_etl.run, jsonb_array_elements(output::jsonb -> 'workers') WHERE run_id = :run_id;
SELECT flow_test.left_over();
FETCH mine;
SELECT pg_advisory_unlock(3);
-- letting go of all advisory locks does not let the workflow go
CALL olist_etl.run('flow_unlock') \gset
SELECT output -> 'workflow locks' AS held FROM olist_etl.run WHERE run_id = :run_id;
CLOSE mine;
DEALLOCATE mine;
DROP TABLE mine;
UNLISTEN mine;
RESET flow_test.own;
RESET olist_etl.max_workers;

SELECT count(olist_etl.drop_workflow(w.name)) AS dropped
FROM (SELECT DISTINCT name FROM olist_etl.workflow WHERE name LIKE 'flow\_%') AS w;
SELECT (SELECT count(*) FROM olist_etl.run WHERE workflow LIKE 'flow\_%') AS runs,
       (SELECT count(*) FROM olist_etl.task t WHERE NOT EXISTS (SELECT FROM olist_etl.run r WHERE r.run_id = t.run_id)) AS tasks,
       (SELECT count(*) FROM olist_etl.event e WHERE NOT EXISTS (SELECT FROM olist_etl.run r WHERE r.run_id = e.run_id)) AS events;
DROP SCHEMA flow_test CASCADE;
