/*
 * 55_view: pictures of workflows and runs. Read with the rights of the caller.
 */

CREATE FUNCTION olist_etl.graph(definition json, format text DEFAULT 'text', events json DEFAULT NULL)
RETURNS text
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'olist_etl_graph_definition';
COMMENT ON FUNCTION olist_etl.graph(json, text, json) IS
    'Picture of a state machine as text, mermaid, dot or svg; with the events that simulate() gave, of that simulation';

CREATE FUNCTION olist_etl.graph(workflow text, format text DEFAULT 'text')
RETURNS text
LANGUAGE c STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'olist_etl_graph_workflow';
COMMENT ON FUNCTION olist_etl.graph(text, text) IS
    'Picture of a workflow''s newest version as text, mermaid, dot or svg';

CREATE FUNCTION olist_etl.graph(run_id bigint, format text DEFAULT 'text')
RETURNS text
LANGUAGE c STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'olist_etl_graph_run';
COMMENT ON FUNCTION olist_etl.graph(bigint, text) IS
    'Picture of a run as text, mermaid, dot or svg: status, time, attempts and rows of each state';

CREATE FUNCTION olist_etl.timeline(run_id bigint, format text DEFAULT 'text')
RETURNS text
LANGUAGE c STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'olist_etl_timeline';
COMMENT ON FUNCTION olist_etl.timeline(bigint, text) IS
    'When each attempt of a run''s tasks was executed, as text or svg: one bar an attempt, waits shown';
