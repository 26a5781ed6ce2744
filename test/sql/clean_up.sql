-- CALL clean_up(): what is deleted, what stays, and whose.
SET client_min_messages = warning;
CREATE ROLE regress_clean_one;
CREATE ROLE regress_clean_two;
SELECT olist_etl.create_workflow('clean_test', '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}');
SELECT olist_etl.create_workflow('clean_fail', '{"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "x"}}}');
CALL olist_etl.run('clean_test') \gset one_
CALL olist_etl.run('clean_test') \gset two_
CALL olist_etl.run('clean_test') \gset three_
\set VERBOSITY sqlstate
CALL olist_etl.run('clean_fail');
\set VERBOSITY default
SELECT max(run_id) AS run_id FROM olist_etl.run \gset failed_
\set VERBOSITY sqlstate
CALL olist_etl.run('clean_fail');
\set VERBOSITY default
SELECT max(run_id) AS run_id FROM olist_etl.run \gset last_
INSERT INTO olist_etl.check_result (run_id, rule, relation, severity, status, message)
SELECT r, 'clean', 'x', 'warn', 'passed', 'x' FROM unnest(ARRAY[:one_run_id, :two_run_id]) r;
CREATE VIEW pg_temp.left_over AS
    SELECT CASE r.run_id WHEN :one_run_id THEN 'one' WHEN :two_run_id THEN 'two' WHEN :three_run_id THEN 'three'
                         WHEN :failed_run_id THEN 'failed' ELSE 'last' END AS run,
           (SELECT count(*) > 0 FROM olist_etl.event e WHERE e.run_id = r.run_id) AS has_events,
           (SELECT count(*) > 0 FROM olist_etl.check_result c WHERE c.run_id = r.run_id) AS has_results
    FROM olist_etl.run r WHERE r.workflow LIKE 'clean\_%' ORDER BY r.run_id;

-- nothing is old
BEGIN;
CALL olist_etl.clean_up();
ROLLBACK;

-- history goes first, but not that of a run that may be resumed; then runs, but not a workflow's last
UPDATE olist_etl.run SET ended_at = now() - interval '100 days' WHERE run_id IN (:one_run_id, :two_run_id, :failed_run_id);
CALL olist_etl.clean_up() \gset
SELECT :runs AS runs, :events > 0 AS events;
SELECT * FROM pg_temp.left_over;
UPDATE olist_etl.run SET ended_at = now() - interval '400 days' WHERE workflow LIKE 'clean\_%' AND run_id <> :two_run_id;
BEGIN;
SET LOCAL olist_etl.keep_runs = -1;
CALL olist_etl.clean_up() \gset
SELECT :runs AS runs;
ROLLBACK;

-- nobody deletes another's runs
UPDATE olist_etl.run SET owner = 'regress_clean_one' WHERE run_id = :one_run_id;
UPDATE olist_etl.run SET owner = 'regress_clean_two' WHERE run_id = :failed_run_id;
SET ROLE regress_clean_one;
CALL olist_etl.clean_up();
RESET ROLE;
GRANT EXECUTE ON PROCEDURE olist_etl.clean_up TO regress_clean_one;
SET ROLE regress_clean_one;
SET olist_etl.keep_runs = 0;
CALL olist_etl.clean_up() \gset
RESET ROLE;
SELECT :runs AS runs;
SELECT * FROM pg_temp.left_over;
CALL olist_etl.clean_up() \gset
SELECT :runs AS runs;
SELECT * FROM pg_temp.left_over;

-- rejects and drift of a version that was replaced go, its ledger line stays
INSERT INTO olist_etl.ledger (target, uri, etag, loaded_at, is_current) VALUES
    ('clean.test', 'x', '1', now() - interval '400 days', false),
    ('clean.test', 'x', '2', now() - interval '400 days', true),
    ('clean.test', 'y', '1', now() - interval '10 days', false);
INSERT INTO olist_etl.reject (object_id, reason, line, sqlstate, message, raw)
SELECT object_id, 'invalid', 1, '22000', 'x', '' FROM olist_etl.ledger WHERE target = 'clean.test';
INSERT INTO olist_etl.drift SELECT object_id, 'a', 'extra' FROM olist_etl.ledger WHERE target = 'clean.test';
CALL olist_etl.clean_up() \gset
SELECT :rejects AS rejects, :drift AS drift;
SELECT l.uri, l.etag, count(r.*) AS rejects FROM olist_etl.ledger l LEFT JOIN olist_etl.reject r USING (object_id)
WHERE l.target = 'clean.test' GROUP BY 1, 2 ORDER BY 1, 2;

DELETE FROM olist_etl.reject WHERE object_id IN (SELECT object_id FROM olist_etl.ledger WHERE target = 'clean.test');
DELETE FROM olist_etl.drift WHERE object_id IN (SELECT object_id FROM olist_etl.ledger WHERE target = 'clean.test');
DELETE FROM olist_etl.ledger WHERE target = 'clean.test';
SELECT olist_etl.drop_workflow('clean_test'), olist_etl.drop_workflow('clean_fail');
SELECT count(*) FROM olist_etl.check_result WHERE rule = 'clean';
REVOKE ALL ON PROCEDURE olist_etl.clean_up FROM regress_clean_one;
DROP ROLE regress_clean_one, regress_clean_two;
