-- C5: rows that were edited or deleted behind the extension's back are listed.
SET client_min_messages = warning;
SELECT * FROM olist_etl.check() WHERE subject ~ '-[0-9]|t_check';
BEGIN;
CREATE ROLE regress_check;
INSERT INTO olist_etl.ledger (object_id, target, uri, is_current, superseded_by) OVERRIDING SYSTEM VALUE VALUES
    (-1, 'gone.away', 'x', true, NULL), (-2, 'pg_catalog.pg_class', 'y', false, -9);
INSERT INTO olist_etl.staged VALUES (-3, 1);
INSERT INTO olist_etl.drift VALUES (-4, 'a', 'extra');
INSERT INTO olist_etl.reject (object_id, reason, line, sqlstate, message, raw) VALUES (-5, 'invalid', 1, '22000', 'x', '');
INSERT INTO olist_etl.event (run_id, id, previous_id, type, scope, item, at) VALUES (-6, 1, 0, 'x', 0, 0, now());
INSERT INTO olist_etl.check_result (run_id, rule, relation, severity, status, message) VALUES (-7, 'x', 'x', 'warn', 'passed', 'x');
INSERT INTO olist_etl.run (run_id, workflow, version, status, input, owner, seed, token, pid) VALUES
    (-8, 'olist', 99, 'RUNNING', '{}', 'regress_check', 0, 0, 0);
INSERT INTO olist_etl.check_rule (name, relation, predicate, owner) VALUES ('t_check', 'orders', 'true', 'regress_check');
INSERT INTO olist_etl.source (name, uri, server) VALUES ('t_check', '/x', 'regress_no_server');
SELECT * FROM olist_etl.check() WHERE subject ~ '-[0-9]|t_check';
-- a role that was dropped since
DROP ROLE regress_check;
SELECT subject, problem FROM olist_etl.check() WHERE problem LIKE '%role%';
ROLLBACK;
SELECT * FROM olist_etl.check() WHERE subject ~ '-[0-9]|t_check';
