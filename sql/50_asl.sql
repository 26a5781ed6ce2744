/*
 * 50_asl: Amazon States Language, without anything that executes it for real.
 */

CREATE FUNCTION olist_etl.validate(
    definition text,
    OUT path text, OUT code text, OUT message text)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'olist_etl_validate';
COMMENT ON FUNCTION olist_etl.validate(text) IS
    'Everything that is wrong with a workflow''s definition, and every feature of it that is not executed here (code FEATURE_NOT_SUPPORTED); no row if it can be run';

CREATE FUNCTION olist_etl.validate(
    definition json,
    OUT path text, OUT code text, OUT message text)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'olist_etl_validate';
COMMENT ON FUNCTION olist_etl.validate(json) IS
    'Everything that is wrong with a workflow''s definition, and every feature of it that is not executed here (code FEATURE_NOT_SUPPORTED); no row if it can be run';

CREATE FUNCTION olist_etl.validate(
    definition jsonb,
    OUT path text, OUT code text, OUT message text)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT * FROM olist_etl.validate(definition::pg_catalog.text);
END;
COMMENT ON FUNCTION olist_etl.validate(jsonb) IS
    'Everything that is wrong with a workflow''s definition, and every feature of it that is not executed here (code FEATURE_NOT_SUPPORTED); no row if it can be run';

CREATE FUNCTION olist_etl.simulate(
    definition json,
    input json,
    mocks json DEFAULT '{}',
    history json DEFAULT NULL)
RETURNS TABLE (status text, output json, error text, cause text, events json)
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'olist_etl_simulate';
COMMENT ON FUNCTION olist_etl.simulate(json, json, json, json) IS
    'Execute a workflow in memory on a virtual clock, its tasks answering from mocks, and give the outcome with its history; with the events of an earlier simulation, resume that one';

CREATE FUNCTION olist_etl.test_state(
    state json,
    input json,
    mock json DEFAULT NULL,
    variables json DEFAULT NULL,
    context json DEFAULT NULL)
RETURNS json
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'olist_etl_test_state';
COMMENT ON FUNCTION olist_etl.test_state(json, json, json, json, json) IS
    'One state of a workflow alone: its outcome, the next state, and in inspectionData the value after each stage of the data flow; the result of a Task, Parallel or Map is given as mock';
