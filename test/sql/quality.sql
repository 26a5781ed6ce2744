-- The quality gate: what rules measure, whose rules count, what stops a run.
SET client_min_messages = warning;
CREATE SCHEMA quality_test;
CREATE TABLE quality_test.sale (id int, price numeric, sold_at timestamp, note text);
INSERT INTO quality_test.sale VALUES
    (1, 10, '2018-01-01', 'a'), (2, -1, '2018-01-02', 'b'), (3, NULL, 'infinity', 'c'), (3, 5, NULL, 'd');
CREATE FUNCTION pg_temp.check_rule(rule text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(q -> 'notices' ->> 0,
                    CASE WHEN q ->> 'skipped' = '1' THEN 'skipped' ELSE 'passed' END)
    FROM olist_etl.check_quality(jsonb_build_object('rule', rule)) q
$$;

-- a rule is a row: a condition that no row may violate, or a number that may not be too large
INSERT INTO olist_etl.check_rule (name, relation, predicate, aggregate, severity, tolerance, description) VALUES
    ('t_price', 'quality_test.sale', 'price >= 0', NULL, 'warn', '0', 'prices are not negative'),
    ('t_price_one', 'quality_test.sale', 'price >= 0', NULL, 'warn', '1', NULL),
    ('t_price_quarter', 'quality_test.sale', 'price >= 0', NULL, 'warn', '25%', NULL),
    ('t_price_less', 'quality_test.sale', 'price >= 0', NULL, 'fail', '24.9%', NULL),
    ('t_unique', 'quality_test.sale', NULL, 'count(*) - count(DISTINCT id)', 'fail', '0', 'ids are there once'),
    ('t_true', 'quality_test.sale', NULL, 'sum(price) = 14', 'warn', '0', NULL),
    ('t_false', 'quality_test.sale', NULL, 'sum(price) = 15', 'warn', '0', NULL),
    ('t_nothing', 'quality_test.sale', NULL, 'sum(price) FILTER (WHERE id > 3)', 'warn', '0', NULL),
    ('t_nan', 'quality_test.sale', NULL, '''NaN''::float8', 'warn', '0', NULL),
    ('t_comment', 'quality_test.sale', 'price > 5 -- or so', NULL, 'warn', '0', NULL),
    ('t_text', 'quality_test.sale', NULL, 'max(note)', 'warn', '0', NULL),
    ('t_broken', 'quality_test.sale', 'prise >= 0', NULL, 'warn', '0', NULL),
    ('t_data', 'quality_test.sale', 'note::int > 0', NULL, 'warn', '0', NULL),
    ('t_nowhere', 'quality_test.none', 'true', NULL, 'warn', '0', NULL),
    ('t_unknown', 'ordres', 'true', NULL, 'fail', '0', E'a\nb');
SELECT name, pg_temp.check_rule(name) FROM olist_etl.check_rule WHERE NOT is_default ORDER BY name;
SELECT q - 'notices' AS result, jsonb_array_length(q -> 'notices') AS notices
FROM olist_etl.check_quality('{"rule": "t_unique"}') q;
SELECT olist_etl.check_quality('{"rule": "none"}');
SELECT olist_etl.check_quality('[]');

-- rules of one relation are measured in one scan; a broken one does not spoil the others
BEGIN;
UPDATE olist_etl.check_rule SET enabled = false WHERE is_default OR name IN ('t_text', 't_broken', 't_data', 't_nowhere', 't_unknown');
SELECT pg_stat_get_xact_numscans('quality_test.sale'::regclass) AS before \gset
SELECT q - 'notices' - 'cause' AS result FROM olist_etl.check_quality() q;
SELECT pg_stat_get_xact_numscans('quality_test.sale'::regclass) - :before AS scans;
UPDATE olist_etl.check_rule SET enabled = true WHERE name = 't_broken';
SELECT q - 'notices' - 'cause' AS result FROM olist_etl.check_quality() q;
SELECT q ->> 'cause' FROM olist_etl.check_quality() q;
ROLLBACK;

-- a table of the warehouse is the one that was built, or else the one that is published
CREATE SCHEMA olist_dw;
CREATE TABLE olist_dw.dim_thing AS SELECT 1 AS thing_key FROM generate_series(1, 2);
INSERT INTO olist_etl.check_rule (name, relation, aggregate) VALUES
    ('t_thing', 'dim_thing', 'count(*) + 0 * (SELECT count(*) FROM {dim_thing} d WHERE d.thing_key = max(dim_thing.thing_key))');
SELECT pg_temp.check_rule('t_thing');
CREATE SCHEMA olist_build;
CREATE TABLE olist_build.dim_thing AS SELECT 1 AS thing_key FROM generate_series(1, 3);
SELECT pg_temp.check_rule('t_thing');
CREATE TABLE olist_build.reject_dim_thing AS SELECT 'things' AS entity, 'orphan' AS reason, 'a' AS column_name;
SELECT pg_temp.check_rule('reject_no_orphan');
DROP SCHEMA olist_build, olist_dw CASCADE;
SELECT pg_temp.check_rule('t_thing');
SELECT pg_temp.check_rule('reject_no_orphan');

-- default rules cannot be deleted; a changed one is nobody's default, and one's own takes its place
DELETE FROM olist_etl.check_rule WHERE name = 'order_has_items';
UPDATE olist_etl.check_rule SET name = 'other' WHERE name = 'order_has_items';
BEGIN;
UPDATE olist_etl.check_rule SET tolerance = '1%' WHERE name = 'order_has_items';
INSERT INTO olist_etl.check_rule (name, relation, predicate) VALUES ('order_has_review', 'fact_order', 'true');
SELECT name, predicate, tolerance, is_default, owner = current_user AS mine
FROM olist_etl.check_rule WHERE name IN ('order_has_items', 'order_has_review') ORDER BY name;
ROLLBACK;
INSERT INTO olist_etl.check_rule (name, relation, predicate, aggregate) VALUES ('t_both', 'x', 'true', 'count(*)');
INSERT INTO olist_etl.check_rule (name, relation, predicate, tolerance) VALUES ('t_tolerance', 'x', 'true', 'some');
INSERT INTO olist_etl.check_rule (name, relation, predicate, severity) VALUES ('t_severity', 'x', 'true', 'error');
INSERT INTO olist_etl.check_rule (name, relation, predicate, baseline_runs) VALUES ('t_baseline', 'x', 'true', 5);

-- ... nor can anybody else have one replaced who may execute the function that does it
CREATE ROLE regress_quality_thief;
GRANT CREATE ON SCHEMA quality_test TO regress_quality_thief;
GRANT USAGE ON SCHEMA quality_test TO regress_quality_thief;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA olist_etl TO regress_quality_thief;
SET ROLE regress_quality_thief;
CREATE TABLE quality_test.lure (name text, is_default boolean);
CREATE TRIGGER lure BEFORE INSERT ON quality_test.lure FOR EACH ROW EXECUTE FUNCTION olist_etl.default_row_replaced();
INSERT INTO quality_test.lure VALUES ('order_has_items', false);
RESET ROLE;
SELECT count(*) FROM olist_etl.check_rule WHERE name = 'order_has_items';
DROP OWNED BY regress_quality_thief;
DROP ROLE regress_quality_thief;

-- T6, T7: rules are SQL that somebody else is going to execute. Nobody writes them
-- without a grant, nobody in another's name, and they count for the author, for
-- roles that the author is a member of, and, of a superuser, for everybody. What they
-- change is undone, whoever they are
CREATE ROLE regress_quality_writer;
CREATE ROLE regress_quality_runner;
GRANT USAGE ON SCHEMA quality_test TO regress_quality_writer, regress_quality_runner;
GRANT SELECT ON quality_test.sale TO regress_quality_writer, regress_quality_runner;
GRANT EXECUTE ON FUNCTION olist_etl.check_quality TO regress_quality_writer, regress_quality_runner;
CREATE TABLE quality_test.canary (who text);
GRANT ALL ON quality_test.canary TO PUBLIC;
CREATE FUNCTION quality_test.plant() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE INFO 'executed as %', current_user;
    INSERT INTO quality_test.canary VALUES (current_user);
    RETURN true;
END
$$;
SET ROLE regress_quality_writer;
INSERT INTO olist_etl.check_rule (name, relation, predicate) VALUES ('t_planted', 'quality_test.sale', 'quality_test.plant()');
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON olist_etl.check_rule TO regress_quality_writer;
SET ROLE regress_quality_writer;
INSERT INTO olist_etl.check_rule (name, relation, predicate, owner) VALUES ('t_planted', 'quality_test.sale', 'quality_test.plant()', 'regress_quality_runner');
INSERT INTO olist_etl.check_rule (name, relation, predicate, is_default) VALUES ('t_planted', 'quality_test.sale', 'quality_test.plant()', true);
INSERT INTO olist_etl.check_rule (name, relation, predicate) VALUES ('t_planted', 'quality_test.sale', 'quality_test.plant()');
SELECT pg_temp.check_rule('t_planted');
-- what one changes is one's own from then on
UPDATE olist_etl.check_rule SET predicate = 'quality_test.plant()' WHERE name = 't_comment';
SELECT name, owner FROM olist_etl.check_rule WHERE predicate = 'quality_test.plant()' ORDER BY 1;
SET ROLE regress_quality_runner;
SELECT pg_temp.check_rule('t_planted');
SELECT pg_temp.check_rule('t_comment');
SELECT pg_temp.check_rule('t_unique');
RESET ROLE;
SELECT pg_temp.check_rule('t_planted');
-- ... nor does being in the extension's rows help: a forged author is nobody
ALTER TABLE olist_etl.check_rule DISABLE TRIGGER check_rule_changed;
UPDATE olist_etl.check_rule SET owner = 'nobody_at_all' WHERE name = 't_planted';
ALTER TABLE olist_etl.check_rule ENABLE TRIGGER check_rule_changed;
SELECT pg_temp.check_rule('t_planted');
UPDATE olist_etl.check_rule SET enabled = true WHERE name = 't_planted';
GRANT regress_quality_runner TO regress_quality_writer;
SET ROLE regress_quality_writer;
UPDATE olist_etl.check_rule SET enabled = true WHERE name = 't_planted';
SET ROLE regress_quality_runner;
SELECT pg_temp.check_rule('t_planted');
RESET ROLE;
SELECT count(*) AS changes FROM quality_test.canary;
-- nothing but the server's own is found by a bare name
CREATE FUNCTION public.price_of(int) RETURNS boolean LANGUAGE sql AS 'SELECT false';
INSERT INTO olist_etl.check_rule (name, relation, predicate) VALUES ('t_bare', 'quality_test.sale', 'price_of(id)');
SELECT pg_temp.check_rule('t_bare');
DROP FUNCTION public.price_of;
-- braces that name no relation are left alone
INSERT INTO olist_etl.check_rule (name, relation, predicate) VALUES
    ('t_braces', 'quality_test.sale', 'id = ANY (''{1,2,3}'') AND note ~ ''^[a-d]{1}$'' AND note <> ''{nothing}''');
SELECT pg_temp.check_rule('t_braces');

-- a run keeps the results; a rule that fails leads where the workflow says
INSERT INTO olist_etl.check_rule (name, relation, aggregate, severity, tolerance, baseline_runs, hint) VALUES
    ('t_drift', 'quality_test.sale', 'count(*)', 'fail', '50%', 4, 'Count again.');
SELECT olist_etl.create_workflow('quality_test', '{
  "StartAt": "Check", "States": {
    "Check": {"Type": "Task", "Resource": "olist:olist_etl.check_quality",
              "Parameters": {"run_id.$": "States.StringToJson($$.Execution.Id)", "rule": "t_drift"}, "Next": "Good?"},
    "Good?": {"Type": "Choice", "Choices": [{"Variable": "$.passed", "BooleanEquals": true, "Next": "Published"}], "Default": "Refused"},
    "Published": {"Type": "Succeed"},
    "Refused": {"Type": "Fail", "Error": "Olist.QualityFailed", "CausePath": "$.cause"}}}');
SET olist_etl.max_workers = 0;
CALL olist_etl.run('quality_test') \gset
CALL olist_etl.run('quality_test') \gset
INSERT INTO quality_test.sale SELECT i FROM generate_series(5, 8) i;
CALL olist_etl.run('quality_test') \gset
-- 4, 4 and 8 rows before: 6 more or less are two too many
INSERT INTO quality_test.sale SELECT i FROM generate_series(9, 11) i;
\set VERBOSITY sqlstate
CALL olist_etl.run('quality_test');
\set VERBOSITY default
-- what failed is not compared with
DELETE FROM quality_test.sale WHERE id > 6;
CALL olist_etl.run('quality_test') \gset
SELECT row_number() OVER (ORDER BY run_id) AS run, r.status AS run_status, c.status, rows, measured, expected, allowed, message
FROM olist_etl.check_result c JOIN olist_etl.run r USING (run_id) WHERE rule = 't_drift' ORDER BY run_id;
SELECT error, cause FROM olist_etl.run WHERE workflow = 'quality_test' AND status = 'FAILED';
SELECT rule, status, message, hint FROM olist_etl.quality;
-- nobody writes results into a run that is not his, or is over
SELECT count(olist_etl.check_quality(jsonb_build_object('run_id', :run_id, 'rule', 't_price')));
SELECT count(*) FROM olist_etl.check_result WHERE rule = 't_price';
GRANT SELECT ON olist_etl.check_result, olist_etl.run TO regress_quality_runner;
SET ROLE regress_quality_runner;
SELECT count(*) FROM olist_etl.check_result;
RESET ROLE;

DELETE FROM olist_etl.check_rule WHERE name LIKE 't\_%';
SELECT olist_etl.drop_workflow('quality_test');
SELECT count(*) FROM olist_etl.check_result WHERE rule LIKE 't\_%';
REVOKE ALL ON olist_etl.check_rule, olist_etl.check_result, olist_etl.run FROM regress_quality_writer, regress_quality_runner;
REVOKE ALL ON FUNCTION olist_etl.check_quality FROM regress_quality_writer, regress_quality_runner;
DROP SCHEMA quality_test CASCADE;
DROP ROLE regress_quality_writer, regress_quality_runner;
SELECT count(*) FROM olist_etl.check_rule WHERE NOT is_default;
