/*
 * 61_workflow: the Olist pipeline, as a document that users read, copy and change.
 */

CREATE FUNCTION olist_etl.workflow_claim(definition json) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'olist_dw'
    WHERE definition::text ~
          '"olist:olist_etl\.(clean_build|build_batch|build_(dim|fact)_[a-z_]+|merge|publish)"'
$$;
COMMENT ON FUNCTION olist_etl.workflow_claim(json) IS
    'Part of run(): what only one run at a time may write, of whichever workflow: the warehouse, if the definition''s tasks do';

CREATE FUNCTION olist_etl.max_reject_percent(argument jsonb) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    value jsonb := coalesce(argument #> '{input,max_reject_percent}', argument -> 'max_reject_percent', '10');
BEGIN
    IF jsonb_typeof(value) = 'number' AND value::numeric BETWEEN 0 AND 100 THEN
        RETURN value::numeric;
    END IF;
    RAISE EXCEPTION '"max_reject_percent" is not a number from 0 to 100'
        USING ERRCODE = 'invalid_parameter_value',
              HINT = 'As in CALL olist_etl.run(input => ''{"max_reject_percent": 50}'').';
END
$$;
COMMENT ON FUNCTION olist_etl.max_reject_percent(jsonb) IS
    'Part of the tasks: how many of 100 rows may be rejects, by the run''s "input", else by the task''s own argument, 10 by default';

CREATE FUNCTION olist_etl.check_staged(argument jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
-- a run asks twice, and to plan this takes longer than to do it
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    PERFORM olist_etl.hold_source(argument);
    RETURN (
    SELECT jsonb_build_object(
               'objects', count(*) FILTER (WHERE NOT a.is_away),
               'lost', count(*) FILTER (WHERE NOT a.is_away AND s.object_id IS NULL),
               'kept', count(*) FILTER (WHERE a.is_away AND l.published_at IS NOT NULL),
               'rows', coalesce(sum(l.rows_read) FILTER (WHERE NOT a.is_away), 0),
               'rejected', coalesce(sum(l.rows_rejected - w.waiting) FILTER (WHERE NOT a.is_away), 0),
               'waiting', coalesce(sum(w.waiting) FILTER (WHERE NOT a.is_away), 0),
               'objects_rejected', (SELECT count(*)
                                    FROM olist_etl.ledger o
                                    JOIN olist_etl.reject r USING (object_id)
                                    WHERE r.reason = 'object'
                                      AND o.superseded_by IS NULL
                                      AND o.source = coalesce(argument ->> 'source', 'olist')),
               'max_reject_percent', olist_etl.max_reject_percent(argument),
               'acceptable', coalesce(sum(l.rows_rejected - w.waiting) FILTER (WHERE NOT a.is_away), 0) * 100
                   <= coalesce(sum(l.rows_read) FILTER (WHERE NOT a.is_away), 0)
                      * olist_etl.max_reject_percent(argument))
    FROM (SELECT *
          FROM olist_etl.ledger
          WHERE is_current
            AND published_at IS NULL
          UNION ALL
          SELECT *
          FROM olist_etl.ledger
          WHERE is_current
            AND published_at IS NOT NULL
            AND (argument ->> 'whole')::boolean) l
    JOIN olist_etl.entity e ON e.target = l.target
    LEFT JOIN olist_etl.staged s
        ON s.object_id = l.object_id
       AND s.filenode = pg_relation_filenode(to_regclass(e.target))
    -- a row that came before its order is not wrong: it waits
    CROSS JOIN LATERAL (
        SELECT CASE WHEN l.rows_rejected = 0 THEN 0
                    ELSE (SELECT count(*) FROM olist_etl.reject r
                          WHERE r.object_id = l.object_id AND r.reason = 'orphan')
               END AS waiting) w
    -- nobody can stage what is gone, or there in a version that cannot be loaded
    CROSS JOIN LATERAL (
        SELECT s.object_id IS NULL
               AND (l.gone_at IS NOT NULL
                    OR EXISTS (SELECT FROM olist_etl.ledger n
                               JOIN olist_etl.reject r
                                   ON r.object_id = n.object_id AND r.reason = 'object'
                               WHERE n.target = l.target
                                 AND n.uri = l.uri
                                 AND NOT n.is_current
                                 AND n.superseded_by IS NULL)) AS is_away) a
    WHERE l.source = coalesce(argument ->> 'source', 'olist'));
END
$$;
COMMENT ON FUNCTION olist_etl.check_staged(jsonb) IS
    'Task: are the objects of the source that are not published yet, or ("whole": true) all of them, staged (none lost by a crash), and are their rejects, those that only wait for their order aside, at most max_reject_percent of the run''s input, 10 by default? "kept" counts those that only the warehouse has, "objects_rejected" those of which nothing could be loaded';

/*
 * All before publishing can be done again, and is after a crash: it need not be
 * on disk before the next task begins. What publish() waits for includes it.
 */
ALTER FUNCTION olist_etl.discover(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.stage(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.check_staged(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.clean_build(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_dim_date(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_dim_geography(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_dim_customer(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_dim_seller(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_dim_product(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_dim_order_status(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_dim_payment_type(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_fact_order(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_fact_order_item(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_fact_payment(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_fact_review(jsonb) SET synchronous_commit = off;
ALTER FUNCTION olist_etl.build_batch(jsonb) SET synchronous_commit = off;

/*
 * The document is what users read, so it is whole and plain; but one state
 * stands in it three times, since States Language has no subroutines. It is
 * written here once, and goes where {stage} is, at that place's indentation.
 */
WITH part (stage) AS (VALUES ($stage${
  "Type": "Task",
  "Resource": "olist:olist_etl.stage",
  "Parameters": {
    "run_id.$": "States.StringToJson($.run)",
    "source.$": "$.object.source",
    "source_version.$": "$.object.source_version",
    "entity.$": "$.object.entity",
    "uri.$": "$.object.uri",
    "size.$": "$.object.size",
    "etag.$": "$.object.etag",
    "last_modified.$": "$.object.last_modified"
  },
  "Retry": [
    {"ErrorEquals": ["Olist.Source", "Olist.Retryable", "Olist.WorkerCrashed"],
     "IntervalSeconds": 1, "MaxAttempts": 4, "BackoffRate": 2,
     "MaxDelaySeconds": 30, "JitterStrategy": "FULL"}
  ],
  "End": true
}$stage$)),
document (text) AS (VALUES ($json${
  "Comment": "Olist: from the source's objects to the star schema. Discover what is new, stage it, build what it makes of the warehouse, check that, publish it at once. Of a whole warehouse, tables are built while others are still being staged.",
  "StartAt": "Discover",
  "States": {
    "Discover": {
      "Type": "Task",
      "Comment": "One LIST of the source, compared with the ledger",
      "Resource": "olist:olist_etl.discover",
      "Parameters": {"source": "olist", "input.$": "$$.Execution.Input"},
      "ResultPath": "$.discovered",
      "Retry": [
        {"ErrorEquals": ["Olist.Source", "Olist.Retryable", "Olist.WorkerCrashed"],
         "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2, "JitterStrategy": "FULL"}
      ],
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Source failed"}],
      "Next": "Anything new?"
    },
    "Anything new?": {
      "Type": "Choice",
      "Choices": [
        {"Variable": "$.discovered.whole", "BooleanEquals": true, "Next": "Clean build"},
        {"Variable": "$.discovered.new", "NumericGreaterThan": 0, "Next": "Stage batch"}
      ],
      "Default": "Nothing new"
    },
    "Nothing new": {"Type": "Succeed", "InputPath": "$.discovered"},

    "Stage batch": {
      "Type": "Map",
      "Comment": "The warehouse is there: what is new is merged into it, at a cost that follows the batch",
      "ItemsPath": "$.discovered.objects",
      "ItemSelector": {"run.$": "$$.Execution.Id", "object.$": "$$.Map.Item.Value"},
      "MaxConcurrencyPath": "$.discovered.max_concurrency",
      "ItemProcessor": {
        "StartAt": "Stage object",
        "States": {
          "Stage object": {stage}
        }
      },
      "ResultPath": null,
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Staging failed"}],
      "Next": "Check"
    },

    "Clean build": {
      "Type": "Task",
      "Comment": "The warehouse is to be built as a whole: what a run that failed has left is no part of it",
      "Resource": "olist:olist_etl.clean_build",
      "Parameters": {},
      "ResultPath": null,
      "Retry": [{"ErrorEquals": ["Olist.Retryable", "Olist.WorkerCrashed"], "IntervalSeconds": 1, "MaxAttempts": 3}],
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Build failed"}],
      "Next": "Places and sales"
    },
    "Places and sales": {
      "Type": "Pass",
      "Comment": "What is staged by which branch; each list holds one list an entity, so that [*][*] is all of it",
      "Parameters": {
        "places.$": "States.Array($.discovered.objects[?(@.entity == 'geolocation')], $.discovered.objects[?(@.entity == 'customers')], $.discovered.objects[?(@.entity == 'sellers')])",
        "sales.$": "States.Array($.discovered.objects[?(@.entity == 'order_items')], $.discovered.objects[?(@.entity == 'orders')], $.discovered.objects[?(@.entity == 'order_payments')], $.discovered.objects[?(@.entity == 'order_reviews')], $.discovered.objects[?(@.entity == 'products')], $.discovered.objects[?(@.entity == 'category_translation')])"
      },
      "ResultPath": "$.discovered.by",
      "Next": "Stage and build"
    },
    "Stage and build": {
      "Type": "Parallel",
      "Comment": "Places are the long pole: geography is built while sales are still staged. Each object with its rejects and its ledger line in one transaction",
      "Branches": [
        {
          "StartAt": "Stage places",
          "States": {
            "Stage places": {
              "Type": "Map",
              "InputPath": "$.discovered.by.places[*][*]",
              "ItemSelector": {"run.$": "$$.Execution.Id", "object.$": "$$.Map.Item.Value"},
              "ItemProcessor": {
                "StartAt": "Stage place",
                "States": {
                  "Stage place": {stage, deeper}
                }
              },
              "ResultPath": null,
              "Next": "dim_geography"
            },
            "dim_geography": {"Type": "Task", "Resource": "olist:olist_etl.build_dim_geography", "Parameters": {}, "End": true}
          }
        },
        {
          "StartAt": "Stage sales",
          "States": {
            "Stage sales": {
              "Type": "Map",
              "InputPath": "$.discovered.by.sales[*][*]",
              "ItemSelector": {"run.$": "$$.Execution.Id", "object.$": "$$.Map.Item.Value"},
              "ItemProcessor": {
                "StartAt": "Stage sale",
                "States": {
                  "Stage sale": {stage, deeper}
                }
              },
              "ResultPath": null,
              "Next": "Dimensions of sales"
            },
            "Dimensions of sales": {
              "Type": "Parallel",
              "Branches": [
                {"StartAt": "dim_product", "States": {"dim_product": {"Type": "Task", "Resource": "olist:olist_etl.build_dim_product", "Parameters": {}, "End": true}}},
                {"StartAt": "dim_date", "States": {"dim_date": {"Type": "Task", "Resource": "olist:olist_etl.build_dim_date", "Parameters": {}, "End": true}}},
                {"StartAt": "dim_order_status", "States": {"dim_order_status": {"Type": "Task", "Resource": "olist:olist_etl.build_dim_order_status", "Parameters": {}, "End": true}}},
                {"StartAt": "dim_payment_type", "States": {"dim_payment_type": {"Type": "Task", "Resource": "olist:olist_etl.build_dim_payment_type", "Parameters": {}, "End": true}}}
              ],
              "End": true
            }
          }
        }
      ],
      "ResultPath": null,
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Staging failed"}],
      "Next": "Check"
    },
    "Check": {
      "Type": "Task",
      "Comment": "The quality gate: everything staged, and few enough rejects, of which the run's input may allow more or fewer",
      "Resource": "olist:olist_etl.check_staged",
      "Parameters": {"source": "olist", "source_version.$": "$.discovered.source_version", "input.$": "$$.Execution.Input", "max_reject_percent": 10, "whole.$": "$.discovered.whole"},
      "ResultPath": "$.check",
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Build failed"}],
      "Next": "Good enough?"
    },
    "Good enough?": {
      "Type": "Choice",
      "Choices": [
        {"Variable": "$.check.lost", "NumericGreaterThan": 0, "Next": "Discover"},
        {"Variable": "$.check.acceptable", "BooleanEquals": false, "Next": "Too many rejects"},
        {"And": [{"Variable": "$.discovered.whole", "BooleanEquals": true}, {"Variable": "$.check.kept", "NumericEquals": 0}], "Next": "Dimensions of people"}
      ],
      "Default": "Build batch"
    },
    "Build batch": {
      "Type": "Task",
      "Comment": "What the batch makes of everything in the warehouse that it touches",
      "Resource": "olist:olist_etl.build_batch",
      "Parameters": {},
      "ResultPath": null,
      "Retry": [{"ErrorEquals": ["Olist.Retryable", "Olist.WorkerCrashed"], "IntervalSeconds": 1, "MaxAttempts": 3}],
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Build failed"}],
      "Next": "Check quality"
    },

    "Dimensions of people": {
      "Type": "Parallel",
      "Branches": [
        {"StartAt": "dim_customer", "States": {"dim_customer": {"Type": "Task", "Resource": "olist:olist_etl.build_dim_customer", "Parameters": {}, "End": true}}},
        {"StartAt": "dim_seller", "States": {"dim_seller": {"Type": "Task", "Resource": "olist:olist_etl.build_dim_seller", "Parameters": {}, "End": true}}}
      ],
      "ResultPath": null,
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Build failed"}],
      "Next": "Facts"
    },
    "Facts": {
      "Type": "Parallel",
      "Branches": [
        {"StartAt": "fact_order", "States": {"fact_order": {"Type": "Task", "Resource": "olist:olist_etl.build_fact_order", "Parameters": {}, "End": true}}},
        {"StartAt": "fact_order_item", "States": {"fact_order_item": {"Type": "Task", "Resource": "olist:olist_etl.build_fact_order_item", "Parameters": {}, "End": true}}},
        {"StartAt": "fact_payment", "States": {"fact_payment": {"Type": "Task", "Resource": "olist:olist_etl.build_fact_payment", "Parameters": {}, "End": true}}},
        {"StartAt": "fact_review", "States": {"fact_review": {"Type": "Task", "Resource": "olist:olist_etl.build_fact_review", "Parameters": {}, "End": true}}}
      ],
      "ResultPath": null,
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Build failed"}],
      "Next": "Check quality"
    },
    "Check quality": {
      "Type": "Task",
      "Comment": "The rules of olist_etl.check_rule, over what is about to be published",
      "Resource": "olist:olist_etl.check_quality",
      "Parameters": {"source": "olist", "run_id.$": "States.StringToJson($$.Execution.Id)"},
      "ResultSelector": {"passed.$": "$.passed", "cause.$": "$.cause"},
      "ResultPath": "$.quality",
      "Retry": [{"ErrorEquals": ["Olist.Retryable", "Olist.WorkerCrashed"], "IntervalSeconds": 1, "MaxAttempts": 3}],
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Build failed"}],
      "Next": "Fit to publish?"
    },
    "Fit to publish?": {
      "Type": "Choice",
      "Choices": [{"Variable": "$.quality.passed", "BooleanEquals": true, "Next": "Check again"}],
      "Default": "Quality failed"
    },
    "Check again": {
      "Type": "Task",
      "Comment": "A crash in between has emptied the unlogged staging tables: then nothing of this is published",
      "Resource": "olist:olist_etl.check_staged",
      "Parameters": {"source": "olist", "source_version.$": "$.discovered.source_version", "input.$": "$$.Execution.Input", "max_reject_percent": 10, "whole.$": "$.discovered.whole"},
      "ResultPath": "$.check",
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Build failed"}],
      "Next": "Still complete?"
    },
    "Still complete?": {
      "Type": "Choice",
      "Choices": [{"Variable": "$.check.lost", "NumericGreaterThan": 0, "Next": "Discover"}],
      "Default": "Publish"
    },
    "Publish": {
      "Type": "Task",
      "Comment": "Readers see the old warehouse or the new one",
      "Resource": "olist:olist_etl.publish",
      "Parameters": {"source": "olist", "source_version.$": "$.discovered.source_version"},
      "Retry": [{"ErrorEquals": ["Olist.Retryable", "Olist.WorkerCrashed"], "IntervalSeconds": 1, "MaxAttempts": 3}],
      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Build failed"}],
      "End": true
    },

    "Source failed": {
      "Type": "Fail",
      "ErrorPath": "$.failure.Error",
      "CausePath": "States.Format('{}\nNothing was loaded. Repair that, for which see olist_etl.source or the input of the run, and CALL olist_etl.run().', $.failure.Cause)"
    },
    "Staging failed": {
      "Type": "Fail",
      "ErrorPath": "$.failure.Error",
      "CausePath": "States.Format('{}\nObjects that were staged stay staged. Repair the object that failed, see olist_etl.task, and CALL olist_etl.run().', $.failure.Cause)"
    },
    "Too many rejects": {
      "Type": "Fail",
      "Error": "Olist.TooManyRejects",
      "CausePath": "States.Format('{} of {} rows were rejected, more than {} %. See olist_etl.reject, repair the objects or take them away, and CALL olist_etl.run(). To publish the other rows as they are, give the run a higher limit, as by input => \\'\\{\"max_reject_percent\": 50\\}\\'.', $.check.rejected, $.check.rows, $.check.max_reject_percent)"
    },
    "Quality failed": {
      "Type": "Fail",
      "Error": "Olist.QualityFailed",
      "CausePath": "States.Format('{}\nNothing was published. Repair the objects or change the rules in olist_etl.check_rule, and CALL olist_etl.run().', $.quality.cause)"
    },
    "Build failed": {
      "Type": "Fail",
      "ErrorPath": "$.failure.Error",
      "CausePath": "States.Format('{}\nThe published warehouse is as it was. CALL olist_etl.resume() goes on with what failed.', $.failure.Cause)"
    }
  }
}$json$))
SELECT olist_etl.create_workflow('olist', replace(replace(text,
           '{stage}', replace(stage, E'\n', E'\n' || repeat(' ', 10))),
           '{stage, deeper}', replace(stage, E'\n', E'\n' || repeat(' ', 18)))::json)
FROM part, document;
