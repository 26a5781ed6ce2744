-- Whole state machines, executed in memory on a virtual clock: retries and
-- their waits, catchers, timeouts, Parallel and Map, history, resuming.
\set VERBOSITY terse
\pset null NULL

-- a history, one line an event: chain, branch, state or error, seconds since the start
CREATE FUNCTION pg_temp.history(events json) RETURNS TABLE (line text)
LANGUAGE sql AS $$
    SELECT format('%s<%s +%s %s%s%s', e ->> 'id', e ->> 'previousEventId',
        round(extract(epoch FROM (e ->> 'timestamp')::timestamptz - min((e ->> 'timestamp')::timestamptz) OVER ())),
        e ->> 'type', ' ' || (d ->> 'name'), ' ' || (d ->> 'error')) || coalesce(' [' || (e ->> 'scope') || '/' || (e ->> 'item') || ']', '')
    FROM json_array_elements(events) WITH ORDINALITY x (e, n)
    LEFT JOIN LATERAL (SELECT value AS d FROM json_each(e) WHERE json_typeof(value) = 'object') v ON true
    ORDER BY n
$$;

-- a year of waiting takes no time
SELECT s.status, h.line FROM olist_etl.simulate('{"StartAt": "W", "States": {
    "W": {"Type": "Wait", "Seconds": 31536000, "Next": "S"}, "S": {"Type": "Succeed"}}}', '{}') s, pg_temp.history(events) h;
-- waits that cannot be
SELECT field, value, (SELECT cause FROM olist_etl.simulate(json_build_object('StartAt', 'W', 'States', json_build_object('W',
    json_build_object('Type', 'Wait', 'End', true, field, '$.v'))), json_build_object('v', value)))
FROM (VALUES ('SecondsPath', '1.5'::json), ('SecondsPath', '-1'), ('SecondsPath', '"1"'), ('SecondsPath', '9999999999'),
    ('TimestampPath', '"2024-02-30T00:00:00Z"'), ('TimestampPath', '"2024-01-01"'), ('TimestampPath', '1')) v (field, value);

-- Retry: min(Interval × Rate^n, MaxDelay), each Retrier with a count of its own; TaskScheduled again, not StateEntered
\set retry '{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "olist:t", "TimeoutSeconds": 100, "End": true, "Retry": [{"ErrorEquals": ["A"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 10, "MaxAttempts": 3}, {"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}], "Catch": [{"ErrorEquals": ["B"], "ResultPath": "$.caught", "Next": "C"}]}, "C": {"Type": "Pass", "End": true}}}'
SELECT s.status, s.output, h.line FROM olist_etl.simulate(:'retry', '{"in": 1}',
    '{"T": {"0-2": {"Throw": {"Error": "A"}}, "3": {"Throw": {"Error": "B"}}, "4": {"Return": "done", "Seconds": 60}}}') s, pg_temp.history(events) h;
-- the last Retrier gives up, a Catcher takes over
SELECT status, output FROM olist_etl.simulate(:'retry', '{"in": 1}', '{"olist:t": {"0-9": {"Throw": {"Error": "B", "Cause": "why"}}}}');
-- a timeout that may not be retried
SELECT s.status, s.error, h.line FROM olist_etl.simulate(:'retry', '{}', '{"T": {"0": {"Return": 1, "Seconds": 101}}}') s, pg_temp.history(events) h;
-- jitter stays below the wait
SELECT bool_and(seconds BETWEEN 0 AND 8), count(DISTINCT seconds) > 1 AS differs FROM generate_series(1, 20) i, LATERAL (
    SELECT extract(epoch FROM max((e ->> 'timestamp')::timestamptz) - min((e ->> 'timestamp')::timestamptz)) AS seconds
    FROM olist_etl.simulate('{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "olist:t", "End": true,
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 8, "JitterStrategy": "FULL", "MaxAttempts": 1}]}}}', to_json(i),
        '{"T": {"0-1": {"Throw": {"Error": "A"}}}}') s, json_array_elements(events) e) x;
-- which names match which errors: neither States.ALL nor States.TaskFailed matches States.Runtime
SELECT name, thrown, status FROM (VALUES ('States.ALL'), ('States.TaskFailed')) n (name), (VALUES ('Any'), ('States.Timeout'), ('States.Runtime'), ('States.Permissions')) e (thrown),
    olist_etl.simulate(json_build_object('StartAt', 'T', 'States', json_build_object('C', '{"Type": "Succeed"}'::json, 'T',
        json_build_object('Type', 'Task', 'Resource', 'olist:t', 'End', true, 'Catch', json_build_array(json_build_object('ErrorEquals', json_build_array(name), 'Next', 'C'))))), '{}',
        json_build_object('T', json_build_object('0', json_build_object('Throw', json_build_object('Error', thrown)))));
-- a task that nothing answers
SELECT status, error, cause FROM olist_etl.simulate(:'retry', '{}');

-- Fail, with texts of its own or from elsewhere, or with none
SELECT status, error, cause FROM (VALUES ('{}'::jsonb), ('{"Error": "E", "Cause": "C"}'), ('{"ErrorPath": "$.e", "CausePath": "States.Format(''{}!'', $.e)"}'), ('{"ErrorPath": "$.n"}')) f (fields),
    olist_etl.simulate(json_build_object('StartAt', 'F', 'States', json_build_object('F', fields || '{"Type": "Fail"}')), '{"e": "X", "n": 1}');

-- the whole execution has a time
SELECT s.status, s.error, h.line FROM olist_etl.simulate('{"TimeoutSeconds": 10, "StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "olist:t", "End": true}}}', '{}',
    '{"T": {"0": {"Return": 1, "Seconds": 11}}}') s, pg_temp.history(events) h;
-- and may be aborted
SELECT status, error FROM olist_etl.simulate('{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": true}}}', '{}', '{"$abort": 5}');

-- Parallel: results in the order of branches; the first failure stops the others
\set parallel '{"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": true, "ResultPath": "$.r", "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "olist:a", "End": true}}}, {"StartAt": "B", "States": {"B": {"Type": "Wait", "Seconds": 5, "Next": "B2"}, "B2": {"Type": "Pass", "Result": "b", "End": true}}}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}]}, "C": {"Type": "Pass", "End": true}}}'
SELECT s.status, s.output, h.line FROM olist_etl.simulate(:'parallel', '{"i": 1}', '{"A": {"0": {"Return": "a", "Seconds": 9}}}') s, pg_temp.history(events) h;
SELECT s.status, s.output, h.line FROM olist_etl.simulate(:'parallel', '{"i": 1}', '{"A": {"0": {"Throw": {"Error": "E"}, "Seconds": 1}}}') s, pg_temp.history(events) h;

-- Map: MaxConcurrency, order, ItemSelector with the item and its index
\set map '{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "of.$": "$.n"}, "ItemProcessor": {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "olist:t", "End": true}}}, "End": true}}}'
SELECT s.status, s.output, h.line FROM olist_etl.simulate(:'map', '{"n": 3, "items": ["x", "y", "z"]}', '{"T": {"0": {"Return.$": "$", "Seconds": 5}, "1-2": {"Return.$": "$", "Seconds": 1}}}') s, pg_temp.history(events) h;
SELECT status, output FROM olist_etl.simulate(:'map', '{"n": 3, "items": []}');
SELECT status, error, cause FROM olist_etl.simulate(:'map', '{"n": 3, "items": {}}');
-- iterations see the variables of the outside, and keep their own to themselves
SELECT status, output FROM olist_etl.simulate('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"x": 1, "y.$": "$"}, "Next": "M"},
    "M": {"Type": "Map", "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "Assign": {"x.$": "States.MathAdd($x, $)"}, "Next": "J"},
    "J": {"Type": "Pass", "Parameters": {"x.$": "$x", "y.$": "$y[0]"}, "End": true}}}, "Next": "Z"}, "Z": {"Type": "Pass", "Parameters": {"x.$": "$x", "r.$": "$"}, "End": true}}}', '[10, 20]');

-- tolerance: how many items may fail
SELECT tolerance, s.status, s.output, s.error FROM (VALUES ('{}'), ('{"ToleratedFailureCount": 1}'), ('{"ToleratedFailureCount": 2}'), ('{"ToleratedFailurePercentage": 49}'), ('{"ToleratedFailurePercentage": 50}'),
    ('{"ToleratedFailureCountPath": "$[0]"}'), ('{"ToleratedFailureCount": 4, "ToleratedFailurePercentage": 10}')) t (tolerance),
    olist_etl.simulate(jsonb_set('{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 1, "End": true, "ItemProcessor": {"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericGreaterThan": 2, "Next": "F"}], "Default": "S"}, "S": {"Type": "Succeed"}, "F": {"Type": "Fail", "Error": "Odd"}}}}}}', '{States,M}',
        (('{"StartAt": "M", "States": {"M": {"Type": "Map", "MaxConcurrency": 1, "End": true, "ItemProcessor": {"StartAt": "C", "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericGreaterThan": 2, "Next": "F"}], "Default": "S"}, "S": {"Type": "Succeed"}, "F": {"Type": "Fail", "Error": "Odd"}}}}}}'::jsonb #> '{States,M}') || tolerance::jsonb))::json, '[1, 3, 2, 4]') s;
SELECT status, error, cause FROM (VALUES ('{"c": -1, "p": 0}'::json), ('{"c": 1.5, "p": 0}'), ('{"c": 0, "p": 100.1}'), ('{"c": 0, "p": "x"}')) v (input),
    olist_etl.simulate('{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$$.Execution.Input.none[*]", "ToleratedFailureCountPath": "$.c", "ToleratedFailurePercentagePath": "$.p",
        "ItemProcessor": {"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}, "End": true}}}', input);

-- batches, and items read from an object
SELECT output FROM olist_etl.simulate('{"StartAt": "M", "States": {"M": {"Type": "Map", "ItemSelector": {"v.$": "$$.Map.Item.Value"}, "ItemBatcher": {"MaxItemsPerBatch": 2, "BatchInput": {"n.$": "States.ArrayLength($)"}},
    "ItemProcessor": {"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}, "End": true}}}', '[1, 2, 3]');
SELECT output, error, cause FROM (VALUES ('{"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}'), ('{"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x", "y"], "MaxItems": 2}'), ('{"InputType": "JSON"}')) r (config),
    olist_etl.simulate(json_build_object('StartAt', 'M', 'States', json_build_object('M', json_build_object('Type', 'Map', 'End', true,
        'ItemReader', json_build_object('Resource', 'arn:aws:states:::s3:getObject', 'ReaderConfig', config::json, 'Parameters', '{"Bucket": "b", "Key.$": "$.k"}'::json),
        'ItemProcessor', '{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}'::json))), '{"k": "f.csv"}',
        '{"s3://b/f.csv": {"0": {"Return": "a,b\n\"1,\"\"2\"\"\",\n\n3\n"}}}');

-- resume: what has succeeded is not run again. Ten items, one fails; then it alone is run
\set ten '{"StartAt": "Before", "States": {"Before": {"Type": "Task", "Resource": "olist:before", "ResultPath": null, "Assign": {"seen": true}, "Next": "M"}, "M": {"Type": "Map", "ItemProcessor": {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "olist:t", "Parameters": {"item.$": "$", "seen.$": "$seen"}, "Next": "After"}, "After": {"Type": "Pass", "End": true}}}, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Report"}], "End": true}, "Report": {"Type": "Task", "Resource": "olist:report", "Next": "Failed"}, "Failed": {"Type": "Fail", "Error": "Reported"}}}'
CREATE TEMP TABLE first_run AS SELECT * FROM olist_etl.simulate(:'ten', '[0,1,2,3,4,5,6,7,8,9]',
    '{"Before": {"0": {"Return": 0}}, "T": {"0-6": {"Return.$": "$.item"}, "7": {"Throw": {"Error": "E"}, "Seconds": 2}, "8-9": {"Return.$": "$.item"}}, "Report": {"0": {"Return": "said"}}}');
SELECT status, error FROM first_run;
CREATE TEMP TABLE second_run AS SELECT s.* FROM first_run f, olist_etl.simulate(:'ten', '[0,1,2,3,4,5,6,7,8,9]', '{"T": {"0": {"Return.$": "$"}}}', f.events) s;
SELECT status, output, error, cause FROM second_run;
SELECT h.line FROM first_run f, second_run s, pg_temp.history(s.events) WITH ORDINALITY h (line, n) WHERE n > json_array_length(f.events);
-- interrupted at any event, an execution resumed ends the same, and no task that had succeeded is scheduled again
CREATE FUNCTION pg_temp.interrupted(definition json, input json, mocks json) RETURNS TABLE (cuts bigint, same_output boolean, scheduled_twice bigint)
LANGUAGE sql AS $$
    WITH whole AS (SELECT * FROM olist_etl.simulate(definition, input, mocks)),
    -- wherever the executor waited for something from outside, a process may have died
    cut AS (SELECT n FROM whole, json_array_elements(events) WITH ORDINALITY x (e, n) WHERE e ->> 'type' IN ('TaskStarted', 'WaitStateEntered')),
    resumed AS (SELECT n, s.*, whole.output AS whole_output, (whole.events) AS whole_events FROM whole, cut, LATERAL (SELECT json_agg(e ORDER BY m) AS history FROM json_array_elements(whole.events) WITH ORDINALITY x (e, m) WHERE m <= n) h,
        LATERAL olist_etl.simulate(definition, input, mocks, history) s)
    SELECT count(*), bool_and(output::jsonb = whole_output::jsonb),
        sum((SELECT count(*) FROM json_array_elements(events) e WHERE e ->> 'type' = 'TaskScheduled') - (SELECT count(*) FROM json_array_elements(whole_events) e WHERE e ->> 'type' = 'TaskScheduled'))
    FROM resumed
$$;
SELECT * FROM pg_temp.interrupted('{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "olist:x", "ResultPath": "$.a", "Assign": {"v.$": "$"}, "Next": "P"},
    "P": {"Type": "Parallel", "ResultPath": "$.p", "Next": "Z", "Branches": [
        {"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "olist:x", "Next": "B2"}, "B2": {"Type": "Wait", "Seconds": 3, "Next": "B3"}, "B3": {"Type": "Task", "Resource": "olist:x", "Parameters": {"v.$": "$v"}, "End": true}}},
        {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "End": true, "ItemProcessor": {"StartAt": "I", "States": {
            "I": {"Type": "Task", "Resource": "olist:x", "Next": "N"}, "N": {"Type": "Map", "ItemsPath": "$.inner", "ItemProcessor": {"StartAt": "O", "States": {"O": {"Type": "Task", "Resource": "olist:x", "End": true}}}, "End": true}}}}}}]},
    "Z": {"Type": "Task", "Resource": "olist:x", "Parameters": {"v.$": "$v", "p.$": "$.p"}, "End": true}}}',
    '{"items": [{"inner": [1, 2]}, {"inner": [3]}, {"inner": []}]}', '{"olist:x": {"0-99": {"Return.$": "$", "Seconds": 1}}}');
SELECT * FROM olist_etl.simulate(:'ten', '[]', '{}', '[{"id": 1, "type": "TaskStateEntered"}]');

-- a machine that runs in a circle is stopped, values that are too large are refused
SELECT status, error, cause FROM olist_etl.simulate('{"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": true, "Next": "Z"}], "Default": "A"}, "Z": {"Type": "Succeed"}}}', '1', '{"$events": 1000}');
SET olist_etl.max_payload = '1kB';
SELECT status, error, cause FROM olist_etl.simulate('{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}', to_json(repeat('x', 2000)));
SELECT status, error, cause FROM olist_etl.simulate(:'retry', '{}', json_build_object('T', json_build_object('0-9', json_build_object('Return', repeat('x', 2000)))));
RESET olist_etl.max_payload;
-- a definition nested to the limit runs
SELECT status, length(output::text) FROM olist_etl.simulate((SELECT ('{"StartAt":"M0","States":{"M0":' || string_agg('{"Type":"Parallel","End":true,"Branches":[{"StartAt":"M' || i || '","States":{"M' || i || '":', '' ORDER BY i)
    || '{"Type":"Pass","End":true}' || repeat('}}]}', 49) || '}}')::json FROM generate_series(1, 49) i), '1');
