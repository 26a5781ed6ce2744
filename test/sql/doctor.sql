-- What doctor() says of an installation, and of what may be wrong with it.
SET client_min_messages = warning;
SELECT subject, status, hint FROM olist_etl.doctor() WHERE subject NOT IN ('runs', 'tables', 'workers');
-- the session does it all
SET olist_etl.max_workers = 0;
SELECT status, detail FROM olist_etl.doctor() WHERE subject = 'workers';
RESET olist_etl.max_workers;
BEGIN;
-- a source that is not there, and one whose server is gone
SELECT olist_etl.set_source('/nowhere/olist');
INSERT INTO olist_etl.source (name, uri, server) VALUES ('t_doctor', 's3://x/y/', 'regress_no_server');
SELECT * FROM olist_etl.doctor() WHERE subject LIKE 'source%';
-- ... and one at which there is nothing
SELECT olist_etl.set_source('sample://olist/none*');
SELECT subject, status, detail, hint FROM olist_etl.doctor() WHERE subject = 'source olist';
-- a role that was granted too little
CREATE ROLE regress_doctor;
GRANT SELECT ON ALL TABLES IN SCHEMA olist_etl TO regress_doctor;
GRANT EXECUTE ON FUNCTION olist_etl.doctor(), olist_etl.check(), olist_etl.check_workflow(text), olist_etl.check_source(text, name)
    TO regress_doctor;
SET LOCAL ROLE regress_doctor;
SELECT status, detail, hint FROM olist_etl.doctor() WHERE subject = 'privileges';
RESET ROLE;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA olist_etl TO regress_doctor;
CREATE SCHEMA IF NOT EXISTS olist_dw;
SET LOCAL ROLE regress_doctor;
SELECT status, detail ~ 'schema olist_dw of role' AS of_another_role, hint FROM olist_etl.doctor() WHERE subject = 'privileges';
RESET ROLE;
-- a superuser does not run what others' triggers could do with it
SELECT olist_etl.create_staging();
ALTER TABLE olist_staging.orders OWNER TO regress_doctor;
SELECT status, detail, hint FROM olist_etl.doctor() WHERE subject = 'privileges';
-- a run that needs somebody
INSERT INTO olist_etl.run (run_id, workflow, version, status, input, error, owner, seed, token, pid, started_at, ended_at)
SELECT 9e15, 'olist', 1, 'FAILED', '{}', 'Some.Error', current_user, 0, 0, 0, now(), now();
SELECT * FROM olist_etl.doctor() WHERE subject = 'runs';
-- resume() is for tasks that failed, unless a later attempt made up for it
INSERT INTO olist_etl.task (run_id, task_id, state, scope, item, attempt, resource, status, input, token)
VALUES (9e15, 3, 'Load', 0, 0, 1, 'olist:x.y', 'FAILED', '{}', 0);
SELECT hint FROM olist_etl.doctor() WHERE subject = 'runs';
INSERT INTO olist_etl.task (run_id, task_id, state, scope, item, attempt, resource, status, input, token)
VALUES (9e15, 6, 'Load', 0, 0, 2, 'olist:x.y', 'SUCCEEDED', '{}', 0);
SELECT hint FROM olist_etl.doctor() WHERE subject = 'runs';
-- ... and for runs that were stopped
UPDATE olist_etl.run SET status = 'ABORTED' WHERE run_id = 9e15;
SELECT hint FROM olist_etl.doctor() WHERE subject = 'runs';
-- a table of the extension that was edited
INSERT INTO olist_etl.staged VALUES (-3, 1);
SELECT status, hint FROM olist_etl.doctor() WHERE subject = 'tables';
ROLLBACK;
