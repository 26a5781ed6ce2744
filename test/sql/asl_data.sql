-- How data flows through states: paths, templates, intrinsic functions, and
-- what Choice makes of them. Each line is one small state machine in memory.
\set VERBOSITY terse

-- the value of a path or an intrinsic function, or why it has none
CREATE FUNCTION pg_temp.value(expression text, input json DEFAULT '{}') RETURNS text
LANGUAGE sql AS $$
    SELECT coalesce(s.output -> 'v' #>> '{}', s.output ->> 'v', s.error || ': ' || regexp_replace(s.cause, '^An error.*\)\. ', ''), 'null')
    FROM olist_etl.simulate(json_build_object('StartAt', 'S', 'States', json_build_object('S',
        json_build_object('Type', 'Pass', 'End', true, 'Parameters', json_build_object('v.$', expression)))), input) s
$$;

-- paths: strict, also where PostgreSQL's own are not
\set doc '{"a": {"b-c": [1, 2, 3], "n": null, "d e": 5}, "list": [{"k": 1, "t": "x"}, {"k": 2, "t": "y"}, {"k": 3}]}'
SELECT path, pg_temp.value(path, :'doc') FROM (VALUES
    ('$.a.b-c'), ('$.a.b-c[0]'), ('$.a.b-c[-1]'), ('$.a.b-c[1:]'), ('$.a.b-c[:-1]'), ('$.a.b-c[*]'),
    ('$[''a''][''d e'']'), ('$.a["d e"]'), ('$.a.b-c[0,2]'), ('$.a[''n'',''d e'']'), ('$.list[*].k'),
    ('$..k'), ('$.list[?(@.k > 1)].t'), ('$.list[?(@.k >= 2 && !(@.t == ''y''))]'),
    ('$.list[?(@.t == x || @.t)].k'), ('$.list[(@.length-1)].k'), ('$.a.n'), ('$.a.missing'), ('$.a.n.x'),
    ('$.a.b-c[3]'), ('$.missing[*]'), ('$.missing[1:2]'), ('$.list.k'), ('$.*'), ('$$.State.Name')) p (path);

-- what is no path is found before anything runs
SELECT path, (SELECT message FROM olist_etl.validate(json_build_object('StartAt', 'S', 'States',
    json_build_object('S', json_build_object('Type', 'Pass', 'End', true, 'InputPath', path)))))
FROM (VALUES ('a'), (''), ('$.'), ('$.a['), ('$.a[''b]'), ('$.a[x]'), ('$.a[?(@.b ==)]'), ('$...a'), ('$.a b'),
    ('$.a[99999999999999999]'), ('$-a')) p (path);

-- intrinsic functions
SELECT call, pg_temp.value(call, '{"n": 3, "s": "a,b;c", "list": [1, 1.0, "1", [2], [2], null], "o": {"z": 1, "a": {"x": [true]}}}')
FROM (VALUES
    ('States.Format(''{} is {}, \{\} it\''s {}'', $.n, $.s, null)'),
    ('States.Format(''{}'', $.o)'),
    ('States.Format(''{}'')'),
    ('States.StringToJson(''{"b": [1, 2.50], "a": "\\\\"}'')'),
    ('States.StringToJson('''')'),
    ('States.StringToJson(''[1,'')'),
    ('States.JsonToString($.o)'),
    ('States.Array($.n, ''x'', true, States.Array())'),
    ('States.ArrayPartition($.list, 4)'),
    ('States.ArrayPartition($.list, 0)'),
    ('States.ArrayContains($.list, 1.00)'),
    ('States.ArrayRange(1, 9, 3)'), ('States.ArrayRange(5, 1, -2)'), ('States.ArrayRange(1, 2, 0)'),
    ('States.ArrayRange(1, 5000, 1)'),
    ('States.ArrayGetItem($.list, 2)'), ('States.ArrayGetItem($.list, 6)'),
    ('States.ArrayLength($.list)'), ('States.ArrayLength($.n)'),
    ('States.ArrayUnique($.list)'),
    ('States.Base64Encode(''Grüße'')'), ('States.Base64Decode(''R3LDvMOfZQ=='')'), ('States.Base64Decode(''a'')'),
    ('States.Base64Decode(''/w=='')'),
    ('States.Hash(''x'', ''MD5'')'), ('States.Hash(''x'', ''SHA-1'')'), ('States.Hash(''x'', ''SHA-256'')'),
    ('States.Hash(''x'', ''CRC'')'),
    ('States.JsonMerge($.o, States.StringToJson(''{"a": 0}''), false)'), ('States.JsonMerge($.o, $.o, true)'),
    ('States.MathAdd(1.5, -1.5)'), ('States.MathAdd(-3.5, 0)'), ('States.MathAdd($.s, 1)'),
    ('States.MathRandom(5, 6)'), ('States.MathRandom(6, 5)'),
    ('States.StringSplit($.s, '',;'')'),
    ('States.StringSplit('',,'', '','')'),
    ('States.MathAdd(States.ArrayLength(States.StringSplit($.s, '','')), $.n)'),
    ('States.ArrayLength($.nothing)')) c (call);
SELECT pg_temp.value('States.UUID()') ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' AS is_uuid;
SELECT call, (SELECT message FROM olist_etl.validate(json_build_object('StartAt', 'S', 'States', json_build_object('S',
    json_build_object('Type', 'Pass', 'End', true, 'Parameters', json_build_object('v.$', call))))))
FROM (VALUES ('States.Nothing()'), ('States.UUID(1)'), ('States.Array(''x)'), ('States.Array(1'), ('States.Array(a)'),
    ('States.MathAdd(''1'', 2)'), ('States.Format(''\"'')'), ('States.Array() x'), ('States.Array')) c (call);

-- each stage: InputPath, Parameters, ResultSelector, ResultPath into the raw input, OutputPath
SELECT jsonb_pretty(olist_etl.test_state('{
    "Type": "Task", "Resource": "olist:some.task", "Next": "Then",
    "InputPath": "$.in", "Parameters": {"fixed": 1, "deep": [{"x.$": "$.x"}]},
    "ResultSelector": {"n.$": "$.rows"}, "ResultPath": "$.out.result", "OutputPath": "$.out"}',
    '{"in": {"x": "v"}, "out": {"kept": true}}', mock => '{"result": {"rows": 3, "other": 0}}')::jsonb);
-- null InputPath and OutputPath give {}, a null ResultPath discards the result
SELECT field, olist_etl.test_state(json_build_object('Type', 'Pass', 'End', true, 'Result', 7, field, null), '{"a": 1}') -> 'output' AS output
FROM (VALUES ('InputPath'), ('OutputPath'), ('ResultPath')) f (field);
SELECT olist_etl.test_state('{"Type": "Pass", "End": true, "InputPath": null}', '{"a": 1}') -> 'output' AS no_input;
-- where the way of a ResultPath is blocked
SELECT t ->> 'status', t ->> 'error', t ->> 'cause'
FROM olist_etl.test_state('{"Type": "Pass", "End": true, "ResultPath": "$.a.b"}', '{"a": 1}') t;
-- errors are retried or caught
SELECT t ->> 'status' AS status, t ->> 'nextState' AS next, t ->> 'output' AS output
FROM (VALUES ('Retry', '[{"ErrorEquals": ["A"]}]'), ('Catch', '[{"ErrorEquals": ["A"], "Next": "N", "ResultPath": "$.why"}]'), ('Comment', '"none"')) f (field, handlers),
    olist_etl.test_state(json_build_object('Type', 'Task', 'Resource', 'olist:t', 'End', true, field, handlers::json), '{"a": 1}',
        mock => '{"errorOutput": {"error": "A", "cause": "c"}}') t;
-- order of members and spelling of numbers survive
SELECT output::text FROM olist_etl.simulate('{"StartAt": "S", "States": {"S": {"Type": "Pass", "End": true}}}', '{"z": 1.50, "a": 1E3, "m": "\u00e9\n\u0001"}');

-- Choice: the first rule that holds
CREATE FUNCTION pg_temp.holds(rule json, input json) RETURNS text
LANGUAGE sql AS $$
    SELECT coalesce(t ->> 'nextState', t ->> 'cause')
    FROM olist_etl.test_state(json_build_object('Type', 'Choice', 'Default', 'no', 'Choices',
        json_build_array((rule::jsonb || '{"Next": "yes"}')::json)), input) t
$$;
SELECT rule, pg_temp.holds(rule::json, '{"n": 10, "big": 9007199254740993, "s": "abc*d", "b": true, "nil": null, "t": "2024-02-29T12:00:00.5+01:00"}')
FROM (VALUES
    ('{"Variable": "$.n", "NumericGreaterThan": 9.99}'),
    ('{"Variable": "$.n", "NumericEquals": 1e1}'),
    ('{"Variable": "$.big", "NumericEquals": 9007199254740992}'),
    ('{"Variable": "$.n", "StringEquals": "10"}'),
    ('{"Variable": "$.n", "NumericLessThanPath": "$.big"}'),
    ('{"Variable": "$.n", "NumericLessThanPath": "$.none"}'),
    ('{"Variable": "$.none", "NumericEquals": 1}'),
    ('{"Variable": "$.s", "StringGreaterThan": "abc"}'),
    ('{"Variable": "$.s", "StringMatches": "a*\\*d"}'),
    ('{"Variable": "$.s", "StringMatches": "*c"}'),
    ('{"Variable": "$.b", "BooleanEquals": true}'),
    ('{"Variable": "$.t", "TimestampEquals": "2024-02-29T11:00:00.500Z"}'),
    ('{"Variable": "$.t", "TimestampLessThan": "2024-02-29T11:00:00Z"}'),
    ('{"Variable": "$.t", "IsTimestamp": true}'),
    ('{"Variable": "$.s", "IsTimestamp": false}'),
    ('{"Variable": "$.nil", "IsPresent": true}'),
    ('{"Variable": "$.none", "IsPresent": false}'),
    ('{"Variable": "$.none", "IsNull": true}'),
    ('{"Variable": "$.nil", "IsNull": true}'),
    ('{"Not": {"Variable": "$.n", "IsNumeric": false}}'),
    ('{"And": [{"Variable": "$.n", "IsNumeric": true}, {"Or": [{"Variable": "$.b", "BooleanEquals": false}, {"Variable": "$.s", "IsString": true}]}]}')) r (rule);
SELECT t ->> 'error', t ->> 'cause'
FROM olist_etl.test_state('{"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "x"}]}', '{"n": 2}') t;
