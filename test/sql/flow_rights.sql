-- Who may see, run, resume and stop what: two tenants and nobody in particular.
-- (SECURITY rows T4, T5, T7, T9, T28, T31.)
SET client_min_messages = warning;
CREATE ROLE regress_flow_one LOGIN;
CREATE ROLE regress_flow_two LOGIN;
CREATE ROLE regress_flow_nobody LOGIN;
CREATE SCHEMA flow_test;
GRANT USAGE, CREATE ON SCHEMA flow_test TO regress_flow_one, regress_flow_two;
GRANT EXECUTE ON PROCEDURE olist_etl.run, olist_etl.resume TO regress_flow_one, regress_flow_two;
GRANT EXECUTE ON FUNCTION olist_etl.create_workflow, olist_etl.check_workflow, olist_etl.drop_workflow, olist_etl.cancel,
    olist_etl.run_history TO regress_flow_one, regress_flow_two;
GRANT SELECT ON olist_etl.workflow, olist_etl.run, olist_etl.task, olist_etl.event, olist_etl.progress
    TO regress_flow_one, regress_flow_two;

-- a step knows who it is, and cannot become anybody else
SET SESSION AUTHORIZATION regress_flow_one;
CREATE FUNCTION flow_test.who(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    escalation text;
BEGIN
    BEGIN
        EXECUTE argument ->> 'try';
        escalation := 'succeeded';
    EXCEPTION WHEN OTHERS THEN
        escalation := SQLSTATE;
    END;
    RETURN jsonb_build_object('session', session_user, 'current', current_user,
        'superuser', current_setting('is_superuser'), 'escalation', escalation);
END
$$;
SELECT olist_etl.create_workflow('flow_who', '{
  "StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true, "ItemProcessor": {
    "StartAt": "Who", "States": {"Who": {"Type": "Task", "Resource": "olist:flow_test.who", "Parameters": {"try.$": "$"}, "End": true}}}}}}');
SET olist_etl.max_workers = 2;
CALL olist_etl.run('flow_who', '["SELECT 1", "RESET ROLE", "SET ROLE pg_monitor", "SET SESSION AUTHORIZATION DEFAULT", "SET SESSION AUTHORIZATION postgres", "ALTER ROLE regress_flow_one SUPERUSER", "DELETE FROM olist_etl.run"]') \gset
SELECT value FROM olist_etl.run, json_array_elements(output) WHERE run_id = :run_id;
-- nor where the session that executes them could: a superuser who has SET ROLE
RESET SESSION AUTHORIZATION;
SET ROLE regress_flow_one;
SET olist_etl.max_workers = 0;
CALL olist_etl.run('flow_who', '["RESET ROLE", "SET ROLE postgres", "SET SESSION AUTHORIZATION DEFAULT"]') \gset
SELECT value - 'session' AS value FROM olist_etl.run, jsonb_array_elements(output::jsonb) WHERE run_id = :run_id;
RESET ROLE;
-- neither by what it leaves to be executed later: a trigger that defers another,
-- a cursor that is read at the commit; nor in an ItemReader
SET SESSION AUTHORIZATION regress_flow_one;
CREATE FUNCTION flow_test.become() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'RESET ROLE';
    RETURN 'is ' || current_setting('is_superuser');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;
CREATE TABLE flow_test.became (how text, outcome text);
CREATE FUNCTION flow_test.later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.how = 'twice' THEN
        SET CONSTRAINTS ALL DEFERRED;
        INSERT INTO flow_test.became VALUES ('deferred');
    ELSIF NEW.outcome IS NULL THEN
        INSERT INTO flow_test.became VALUES (NEW.how, flow_test.become());
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON flow_test.became
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION flow_test.later();
CREATE FUNCTION flow_test.twice(argument jsonb) RETURNS jsonb LANGUAGE sql AS
    'INSERT INTO flow_test.became VALUES (''twice'') RETURNING argument';
CREATE FUNCTION flow_test.cursor(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT flow_test.become()';
    RETURN '{}';
END
$$;
CREATE FUNCTION flow_test.view(argument jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE TEMP VIEW pg_class AS SELECT flow_test.become()';
    RETURN '{}';
END
$$;
CREATE FUNCTION flow_test.path(argument jsonb) RETURNS jsonb LANGUAGE sql AS
    $$SELECT to_jsonb(set_config('search_path', 'flow_test, pg_catalog', false))$$;
CREATE FUNCTION flow_test.items(argument jsonb) RETURNS jsonb LANGUAGE sql AS
    'SELECT jsonb_build_array(flow_test.become())';
SELECT count(olist_etl.create_workflow('flow_' || name, json_build_object('StartAt', 'Try', 'States', json_build_object('Try',
    json_build_object('Type', 'Task', 'Resource', 'olist:flow_test.' || name, 'End', true)))))
FROM unnest(ARRAY['twice', 'cursor', 'view', 'path']) AS name;
SELECT olist_etl.create_workflow('flow_items', '{"StartAt": "Each", "States": {"Each": {"Type": "Map", "End": true,
    "ItemReader": {"Resource": "olist:flow_test.items", "Parameters": {}},
    "ItemProcessor": {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": true}}}}}}');
RESET SESSION AUTHORIZATION;
SET ROLE regress_flow_one;
\set VERBOSITY sqlstate
CALL olist_etl.run('flow_twice');
CALL olist_etl.run('flow_cursor');
CALL olist_etl.run('flow_view');
CALL olist_etl.run('flow_path') \gset
CALL olist_etl.run('flow_items') \gset
SELECT workflow, status, coalesce(output::text, cause) AS outcome, current_user, current_setting('search_path') AS path
FROM olist_etl.run WHERE workflow IN ('flow_twice', 'flow_cursor', 'flow_view', 'flow_path', 'flow_items') ORDER BY run_id;
-- in a worker, where the session is the role's, all that is allowed
SET olist_etl.max_workers = 1;
CALL olist_etl.run('flow_twice') \gset
CALL olist_etl.run('flow_cursor') \gset
CALL olist_etl.run('flow_view') \gset
SELECT t.status, t.pid = r.pid AS in_session, r.output FROM olist_etl.run r JOIN olist_etl.task t USING (run_id) ORDER BY run_id DESC LIMIT 3;
TABLE flow_test.became;
RESET olist_etl.max_workers;
\set VERBOSITY default
RESET ROLE;
SET SESSION AUTHORIZATION regress_flow_one;
SELECT count(olist_etl.drop_workflow('flow_' || name)) FROM unnest(ARRAY['twice', 'cursor', 'view', 'path', 'items']) AS name;
SELECT run_id AS run_one FROM olist_etl.run ORDER BY run_id DESC LIMIT 1 \gset

-- what others own is not there for one
SET SESSION AUTHORIZATION regress_flow_two;
SELECT count(*) FROM olist_etl.run;
SELECT count(*) FROM olist_etl.task;
SELECT count(*) FROM olist_etl.event;
SELECT count(*) FROM olist_etl.progress;
SELECT count(*) FROM olist_etl.run_history(:run_one);
SELECT name, owner = current_user AS mine FROM olist_etl.workflow;
-- not even for a function that tells what it sees, before the rows are filtered
CREATE FUNCTION flow_test.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
    RAISE WARNING 'leaked: %', $1;
    RETURN true;
END
$$;
SELECT count(*) FROM olist_etl.run WHERE flow_test.leak(workflow);
SELECT count(*) FROM olist_etl.progress WHERE flow_test.leak(workflow);
CALL olist_etl.run('flow_who');
\echo :LAST_ERROR_SQLSTATE
SELECT olist_etl.create_workflow('flow_who', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}');
\echo :LAST_ERROR_SQLSTATE
SELECT olist_etl.drop_workflow('flow_who');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY sqlstate
CALL olist_etl.resume(:run_one);
SELECT olist_etl.cancel(:run_one);
\set VERBOSITY default
CALL olist_etl.resume();
\echo :LAST_ERROR_SQLSTATE

-- a name that another has been quick to take, even for the same definition, is the maker's own
SELECT olist_etl.create_workflow('flow_squat', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}');
RESET SESSION AUTHORIZATION;
SELECT olist_etl.create_workflow('flow_squat', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}');
SELECT olist_etl.create_workflow('flow_squat', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}');
SET SESSION AUTHORIZATION regress_flow_two;
\set VERBOSITY sqlstate
SELECT olist_etl.create_workflow('flow_squat', '{"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}}');
\set VERBOSITY default
RESET SESSION AUTHORIZATION;
SELECT olist_etl.drop_workflow('flow_squat');
SET SESSION AUTHORIZATION regress_flow_two;

-- nobody writes the tables but the engine
INSERT INTO olist_etl.run (workflow, version, status, input, owner, seed, token, pid) VALUES ('x', 1, 'RUNNING', '{}', 'postgres', 1, 1, 1);
UPDATE olist_etl.workflow SET definition = '{}';
DELETE FROM olist_etl.event;
INSERT INTO olist_etl.task SELECT * FROM olist_etl.task;

-- a task that the caller may not execute
SELECT olist_etl.create_workflow('flow_denied', '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "olist:flow_test.who", "End": true}}}');
SET SESSION AUTHORIZATION regress_flow_one;
REVOKE EXECUTE ON FUNCTION flow_test.who FROM PUBLIC;
SET SESSION AUTHORIZATION regress_flow_two;
\set VERBOSITY sqlstate
CALL olist_etl.run('flow_denied');
\set VERBOSITY default
SELECT max(run_id) AS run_id FROM olist_etl.run \gset
SELECT status, error, cause FROM olist_etl.run WHERE run_id = :run_id;
SELECT olist_etl.check_workflow('flow_denied');
\echo :LAST_ERROR_SQLSTATE

-- a member of the owner's role sees and stops, but does not go on with another's rights
RESET SESSION AUTHORIZATION;
GRANT regress_flow_one TO regress_flow_two;
SET SESSION AUTHORIZATION regress_flow_two;
SELECT count(*) > 0 AS sees FROM olist_etl.run WHERE run_id = :run_one;
SELECT olist_etl.cancel(:run_one);
\set VERBOSITY sqlstate
CALL olist_etl.resume(:run_one);
\set VERBOSITY default

-- without grants there is nothing at all
SET SESSION AUTHORIZATION regress_flow_nobody;
CALL olist_etl.run();
SELECT olist_etl.create_workflow('flow_x', '{}');
SELECT count(*) FROM olist_etl.run;
SELECT olist_etl.schedule('* * * * *');

-- no function of the room runs with its owner's rights without a fixed path
RESET SESSION AUTHORIZATION;
SELECT oid::regprocedure FROM pg_proc
WHERE pronamespace = 'olist_etl'::regnamespace AND prosecdef
  AND NOT coalesce(proconfig::text LIKE '%search_path%', false);

SELECT olist_etl.drop_workflow('flow_who');
SELECT olist_etl.drop_workflow('flow_denied');
DROP SCHEMA flow_test CASCADE;
DROP OWNED BY regress_flow_one, regress_flow_two, regress_flow_nobody;
DROP ROLE regress_flow_one, regress_flow_two, regress_flow_nobody;
