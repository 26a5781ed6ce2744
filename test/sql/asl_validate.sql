-- validate() finds everything that is wrong at once, and names what is sound
-- States Language but not executed here.
\set VERBOSITY terse
\pset null NULL

-- a sound definition gives no row, as json, jsonb or text
\set sound '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "olist:s.f", "End": true}}}'
SELECT * FROM olist_etl.validate(:'sound');
SELECT * FROM olist_etl.validate(:'sound'::json);
SELECT * FROM olist_etl.validate(:'sound'::jsonb);

-- no definition at all
SELECT * FROM olist_etl.validate('not a definition');
SELECT * FROM olist_etl.validate('[]');
SELECT * FROM olist_etl.validate('{}');
SELECT * FROM olist_etl.validate('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "A": {"Type": "Fail"}}}');

-- every problem, with its place
SELECT * FROM olist_etl.validate('{"StartAt": "Nowhere", "TimeoutSeconds": 0, "Colour": "red", "States": {
    "Alone": {"Type": "Pass", "Next": "Task"},
    "Task": {"Type": "Task", "Resource": "lambda", "TimeoutSeconds": 1, "TimeoutSecondsPath": "$.t", "ResultPath": "$$.x",
        "Parameters": {"a": 1, "a.$": "b", "c": [{"d.$": "States.Array("}]},
        "Retry": [{"ErrorEquals": []}, {"ErrorEquals": ["States.ALL", "A"]}, {"BackoffRate": 0.5, "MaxAttempts": -1, "JitterStrategy": "HALF"}],
        "Catch": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": [1], "Next": "Alone"}], "End": true, "Next": "Choice"},
    "Choice": {"Type": "Choice", "Choices": [{"Variable": "$.x", "NumericEquals": "1", "Next": "Gone"},
        {"And": [], "Variable": "$.y", "Next": "Wait"}, {"Not": {"Variable": "x", "IsNull": 1, "Next": "Wait"}, "Next": "Wait"}, {"Next": "Wait"}]},
    "Wait": {"Type": "Wait", "Seconds": 1.5, "Timestamp": "today", "Next": "Map"},
    "Map": {"Type": "Map", "ToleratedFailurePercentage": 101, "ItemBatcher": {}, "Next": "Parallel"},
    "Parallel": {"Type": "Parallel", "Branches": [{"StartAt": "Task", "States": {"Task": {"Type": "Pass", "Next": "Map"}}}], "Next": "Sleep"},
    "Sleep": {"Type": "Sleep"}, "Fail": {"Type": "Fail", "Error": "E", "ErrorPath": "$.e", "Output": 1}}}');
SELECT * FROM olist_etl.validate(json_build_object('StartAt', repeat('é', 81), 'States',
    json_build_object(repeat('é', 81), '{"Type": "Succeed"}'::json))) v;
SELECT path, code, message FROM olist_etl.validate('{"StartAt": "", "States": {"": {"Type": "Pass", "Next": "a\nb"}, "a\nb": {"Type": "Succeed"}}}');

-- an end must be reached
SELECT * FROM olist_etl.validate('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}}');

-- features that are not executed
SELECT * FROM olist_etl.validate('{"StartAt": "A", "States": {
    "A": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "HeartbeatSeconds": 5, "Next": "B"},
    "B": {"Type": "Task", "Resource": "arn:aws:states:eu:1:activity:x", "Credentials": {"r": "x"}, "Next": "C"},
    "C": {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Next": "D"},
    "D": {"Type": "Task", "Resource": "arn:aws:lambda:eu:1:function:x", "Next": "E"},
    "E": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Next": "F"},
    "F": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% 1 %}", "Next": "G"},
    "G": {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "P", "States": {"P": {"Type": "Succeed"}}},
        "ResultWriter": {"Resource": "x"}, "End": true}}}');

-- what cannot be run is refused with the first of them
SELECT * FROM olist_etl.simulate('{"StartAt": "A", "QueryLanguage": "JSONata", "States": {"A": {"Type": "Succeed"}}}', '{}');
SELECT * FROM olist_etl.simulate('{"StartAt": "A", "States": {"A": {"Type": "Pass"}}}', '{}');

-- hostile definitions end in rows or an error, never in a crash
SELECT DISTINCT code, message FROM olist_etl.validate(
    ('{"StartAt":"M","States":{"M":' || repeat('{"Type":"Parallel","End":true,"Branches":[{"StartAt":"M","States":{"M":', 200)
     || '{"Type":"Succeed"}' || repeat('}}]}', 200) || '}}')) WHERE message LIKE '%deep%' OR code LIKE 'INVALID%';
SELECT code, message FROM olist_etl.validate(repeat('[', 100000));
SELECT code, message FROM olist_etl.validate('{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Next":"E",' ||
    repeat('"Not":{', 500) || '"Variable":"$","IsNull":true' || repeat('}', 500) || '}]},"E":{"Type":"Succeed"}}}');
SELECT count(*) FROM olist_etl.validate((SELECT json_build_object('StartAt', 's1', 'States', json_object_agg('s' || i, '{"Type": 1}'::json)) FROM generate_series(1, 20000) i));
SELECT count(*) FROM olist_etl.validate((SELECT json_build_object('StartAt', 's1', 'States', json_object_agg('s' || i,
    json_build_object('Type', 'Pass', 'Next', 's' || (i % 20000 + 1)))) FROM generate_series(1, 20000) i));
