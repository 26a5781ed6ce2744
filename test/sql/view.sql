-- Pictures of workflows, runs and simulations: one layout in four formats, and
-- the timeline of a run.
\pset tuples_only
\pset format unaligned
\set d '{"StartAt": "Discover", "States": {"Discover": {"Type": "Task", "Resource": "olist:t", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Record \\"failure\\""}], "Next": "Anything new?"}, "Anything new?": {"Type": "Choice", "Choices": [{"Variable": "$.new", "NumericEquals": 0, "Next": "Nothing new"}, {"And": [{"Variable": "$.new", "IsPresent": true}, {"Not": {"Variable": "$.x", "StringLessThan": "<b>"}}], "Next": "Wait"}], "Default": "Stage objects"}, "Wait": {"Type": "Wait", "Seconds": 10, "Next": "Discover"}, "Nothing new": {"Type": "Succeed"}, "Stage objects": {"Type": "Map", "ItemsPath": "$.objects", "ItemProcessor": {"StartAt": "Stage", "States": {"Stage": {"Type": "Task", "Resource": "olist:t", "Retry": [{"ErrorEquals": ["Olist.Source"]}], "End": true}}}, "Next": "Build"}, "Build": {"Type": "Parallel", "Branches": [{"StartAt": "Größe", "States": {"Größe": {"Type": "Task", "Resource": "olist:t", "End": true}}}, {"StartAt": "Build geography", "States": {"Build geography": {"Type": "Pass", "Next": "A state with a name that does not fit into its column of the table"}, "A state with a name that does not fit into its column of the table": {"Type": "Task", "Resource": "olist:t", "End": true}}}], "Catch": [{"ErrorEquals": ["A", "B"], "Next": "Record \\"failure\\""}], "Next": "Publish"}, "Publish": {"Type": "Task", "Resource": "olist:t", "End": true}, "Record \\"failure\\"": {"Type": "Pass", "Next": "Failed"}, "Failed": {"Type": "Fail", "Error": "Olist.Failed"}}}'

-- a workflow: where its states lead, unless simply to the next line
SELECT olist_etl.graph(:'d'::json);
SELECT olist_etl.graph(:'d'::json, 'mermaid');
SELECT olist_etl.graph(:'d'::json, 'dot');

-- what a simulation did
CREATE TEMP TABLE simulation AS SELECT 1 AS n, * FROM olist_etl.simulate(:'d', '{}', '{"Discover": {"0": {"Return": {"objects": [1, 2, 3], "new": 3, "x": "!"}, "Seconds": 0.25}}, "Stage": {"0": {"Throw": {"Error": "Olist.Source"}, "Seconds": 5}, "1-9": {"Return": 1, "Seconds": 7000}}, "olist:t": {"0": {"Return": 1, "Seconds": 3}, "1": {"Throw": {"Error": "B"}, "Seconds": 2}}}');
SELECT olist_etl.graph(:'d'::json, 'text', events) FROM simulation;
SELECT olist_etl.graph(:'d'::json, 'mermaid', events) FROM simulation;
SELECT olist_etl.graph(:'d'::json, 'text', events) FROM olist_etl.simulate(:'d', '{}', '{"$abort": 3, "Discover": {"0": {"Return": {"objects": [1], "new": 1, "x": "y"}}}, "olist:t": {"0": {"Return": 0, "Seconds": 9}}}');

-- a state that failed over its own fields
SELECT olist_etl.graph(:'d'::json, 'text', events) FROM olist_etl.simulate(:'d', '{}', '{"Discover": {"0": {"Return": {}}}}');

-- SVG: elements are closed, names and labels in it are text, and nothing comes from elsewhere
SELECT regexp_count(svg, '<(g|text|title|style|defs|marker|svg)[ >]') = regexp_count(svg, '</(g|text|title|style|defs|marker|svg)>') AS closed,
    svg ~ 'href|url\((?!#)|<script' AS links FROM (SELECT olist_etl.graph(:'d'::json, 'svg', events) AS svg FROM simulation) s;
SELECT m[1] FROM regexp_matches(olist_etl.graph(:'d'::json, 'svg'), '>([^<]*(?:failure|&lt;b)[^<]*)</text>', 'g') m;

-- the colours of all that can become of a state
SELECT m[1] FROM simulation, regexp_matches(olist_etl.graph(:'d'::json, 'mermaid', events), 'classDef (.*)', 'g') m;

-- what cannot be drawn
\set VERBOSITY terse
SELECT olist_etl.graph('{"StartAt": "A", "States": {}}'::json);
SELECT olist_etl.graph(:'d'::json, 'gif');
SELECT olist_etl.graph('no such workflow');
SELECT olist_etl.graph(-1);
SELECT olist_etl.timeline(-1);
SELECT olist_etl.timeline(-1, 'mermaid');
SELECT olist_etl.graph(:'d'::json, 'text', '{}');

-- deep and wide machines
SELECT count(*) FROM regexp_split_to_table(olist_etl.graph((SELECT ('{"StartAt":"M0","States":{"M0":' || string_agg('{"Type":"Parallel","End":true,"Branches":[{"StartAt":"M' || i || '","States":{"M' || i || '":', '' ORDER BY i)
    || '{"Type":"Pass","End":true}' || repeat('}}]}', 49) || '}}')::json FROM generate_series(1, 49) i)), E'\n');
SELECT length(olist_etl.graph(json_build_object('StartAt', 's1', 'States', json_object_agg('s' || i, CASE WHEN i = 5000 THEN '{"Type": "Succeed"}' ELSE format('{"Type": "Pass", "Next": "s%s"}', i + 1) END::json)), 'svg')) > 500000 FROM generate_series(1, 5000) i;

-- a real run, and its timeline
SELECT olist_etl.create_workflow('view_test', '{"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Task", "Resource": "olist:view_test.one", "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1, "MaxDelaySeconds": 1}], "End": true}}}, "ToleratedFailureCount": 1, "Next": "Last"}, "Last": {"Type": "Task", "Resource": "olist:view_test.last", "End": true}}}');
CREATE SCHEMA view_test;
CREATE FUNCTION view_test.one(i jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT CASE WHEN i = '2' THEN (1 / (i::int - 2))::text::jsonb ELSE jsonb_build_object('rows', i) END $$;
CREATE FUNCTION view_test.last(i jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT i $$;
SET client_min_messages = error;
SET olist_etl.max_workers = 0;
CALL olist_etl.run('view_test', '[1, 2, 3]') \gset last_
SELECT regexp_replace(regexp_replace(olist_etl.graph(:last_run_id), 'run \d+', 'run N'), ' +[\d.]+ m?s', ' TIME', 'g');
SELECT regexp_replace(line, '[=x~./]+(?= )', 'BAR') ~ '^(One\[\d\]|Last) +BAR' FROM regexp_split_to_table(olist_etl.timeline(:last_run_id), E'\n') line WHERE line ~ '^(One|Last)';
SELECT count(*) FROM regexp_split_to_table(olist_etl.timeline(:last_run_id), E'\n') line WHERE line ~ '^One\[1\].*~.*x';
SELECT regexp_count(olist_etl.timeline(:last_run_id, 'svg'), '<g>');
SELECT olist_etl.drop_workflow('view_test');
DROP SCHEMA view_test CASCADE;
