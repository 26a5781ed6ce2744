/*
 * 65_cost: what a run would have cost elsewhere. Prices change and differ by region,
 * so they are rows that may be added to, never constants in code.
 */

CREATE TABLE olist_etl.price (
    item text NOT NULL,
    region text NOT NULL,
    effective date NOT NULL,
    tier_from numeric NOT NULL DEFAULT 0,
    usd numeric NOT NULL,
    free_per_month numeric NOT NULL DEFAULT 0,
    source text NOT NULL,
    builtin boolean NOT NULL DEFAULT false,
    PRIMARY KEY (item, region, effective, tier_from)
);
COMMENT ON TABLE olist_etl.price IS
    'What AWS asks for: per item, region and day from which on it holds, in tiers of a month''s quantity';
COMMENT ON COLUMN olist_etl.price.tier_from IS
    'The price holds for the quantity above this one, up to the next tier';
COMMENT ON COLUMN olist_etl.price.usd IS
    'Of one unit: a request, a GB-second, a state transition';
COMMENT ON COLUMN olist_etl.price.builtin IS
    'Comes with the extension';
SELECT pg_catalog.pg_extension_config_dump('olist_etl.price', 'WHERE NOT builtin');

INSERT INTO olist_etl.price (item, region, effective, tier_from, usd, free_per_month, source, builtin) VALUES
    ('lambda_request', 'us-east-1', '2022-08-01', 0, 0.20 / 1000000, 1000000, 'aws.amazon.com/lambda/pricing', true),
    ('lambda_gb_second_x86', 'us-east-1', '2022-08-01', 0, 0.0000166667, 400000, 'aws.amazon.com/lambda/pricing', true),
    ('lambda_gb_second_x86', 'us-east-1', '2022-08-01', 6000000000, 0.0000150000, 0, 'aws.amazon.com/lambda/pricing', true),
    ('lambda_gb_second_x86', 'us-east-1', '2022-08-01', 15000000000, 0.0000133334, 0, 'aws.amazon.com/lambda/pricing', true),
    ('lambda_gb_second_arm', 'us-east-1', '2022-08-01', 0, 0.0000133334, 400000, 'aws.amazon.com/lambda/pricing', true),
    ('lambda_gb_second_arm', 'us-east-1', '2022-08-01', 7500000000, 0.0000120001, 0, 'aws.amazon.com/lambda/pricing', true),
    ('lambda_gb_second_arm', 'us-east-1', '2022-08-01', 18750000000, 0.0000106667, 0, 'aws.amazon.com/lambda/pricing', true),
    ('transition', 'us-east-1', '2016-12-01', 0, 0.025 / 1000, 4000, 'aws.amazon.com/step-functions/pricing', true),
    ('s3_get', 'us-east-1', '2016-12-01', 0, 0.0004 / 1000, 0, 'aws.amazon.com/s3/pricing', true),
    ('s3_list', 'us-east-1', '2016-12-01', 0, 0.005 / 1000, 0, 'aws.amazon.com/s3/pricing', true);

CREATE FUNCTION olist_etl.price_of(
    item text, quantity numeric,
    region text DEFAULT 'us-east-1', at date DEFAULT CURRENT_DATE, free_tier boolean DEFAULT false)
RETURNS numeric
LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
    WITH current_price AS (
        SELECT p.tier_from, p.usd, p.free_per_month,
               lead(p.tier_from) OVER (ORDER BY p.tier_from) AS tier_to
        FROM olist_etl.price p
        WHERE p.item = price_of.item
          AND p.region = price_of.region
          AND p.effective = (SELECT max(q.effective) FROM olist_etl.price q
                             WHERE q.item = p.item AND q.region = p.region AND q.effective <= price_of.at)
    ), charged AS (
        SELECT greatest(quantity - CASE WHEN free_tier THEN (SELECT max(free_per_month) FROM current_price) ELSE 0 END, 0) AS quantity
    )
    SELECT trim_scale(sum(c.usd * greatest(least(q.quantity, coalesce(c.tier_to, q.quantity)) - c.tier_from, 0)))
    FROM current_price c, charged q;
END;
COMMENT ON FUNCTION olist_etl.price_of(text, numeric, text, date, boolean) IS
    'What so much of an item costs in US dollars, by the tiers that held on a day; NULL if no price is known. free_tier: less what is free each month';

CREATE FUNCTION olist_etl.cost(
    run_id bigint,
    memory_mb integer DEFAULT 1024,
    architecture text DEFAULT 'x86',
    region text DEFAULT 'us-east-1',
    free_tier boolean DEFAULT false)
RETURNS TABLE (part text, quantity numeric, unit text, usd numeric)
LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
    WITH run AS (
        SELECT r.started_at, r.started_at::date AS day, coalesce(r.ended_at, clock_timestamp()) - r.started_at AS elapsed
        FROM olist_etl.run r WHERE r.run_id = cost.run_id
    ), task AS (
        -- Lambda rounds each request up to a millisecond
        SELECT count(*) AS requests,
               coalesce(sum(ceil(extract(epoch FROM coalesce(t.ended_at, clock_timestamp()) - t.started_at) * 1000)), 0) / 1000 AS seconds,
               count(*) FILTER (WHERE t.resource = 'olist:olist_etl.discover') AS listings,
               -- what tasks say that they asked of their sources
               sum((t.output -> 'network' ->> 'requests_get')::numeric) AS gets,
               sum((t.output -> 'network' ->> 'requests_list')::numeric) AS lists,
               sum((t.output -> 'network' ->> 'wait_ms')::numeric) / 1000 AS waited
        FROM olist_etl.task t WHERE t.run_id = cost.run_id AND t.started_at IS NOT NULL
    ), transition AS (
        -- a retry is a transition, too
        SELECT count(*) FILTER (WHERE e.type LIKE '%StateEntered')
               + count(*) FILTER (WHERE e.type IN ('TaskScheduled', 'MapStateStarted', 'ParallelStateStarted'))
               - count(*) FILTER (WHERE e.type IN ('TaskStateEntered', 'MapStateEntered', 'ParallelStateEntered')) AS transitions
        FROM olist_etl.event e WHERE e.run_id = cost.run_id
    ), object AS (
        -- one request for each 8 MB part, where nobody counted
        SELECT count(*) AS objects, coalesce(sum(l.size), 0) AS bytes, coalesce(sum(l.rows_read), 0) AS rows,
               coalesce(sum(greatest(ceil(l.size / 8388608.0), 1)), 0) AS parts
        FROM olist_etl.ledger l WHERE l.run_id = cost.run_id
    ), part AS (
        SELECT p.*, olist_etl.price_of(p.item, p.quantity, region, run.day, free_tier) AS usd
        FROM run, task, transition, object,
        LATERAL (VALUES
            (1, 'Lambda requests', 'lambda_request', task.requests::numeric, 'requests'),
            (2, 'Lambda duration', 'lambda_gb_second_' || architecture, task.seconds * memory_mb / 1024, 'GB-seconds'),
            (3, 'Step Functions', 'transition', transition.transitions::numeric, 'transitions'),
            (4, 'S3 GET', 's3_get', coalesce(task.gets, object.parts), 'requests'),
            (5, 'S3 LIST', 's3_list', coalesce(task.lists, task.listings * greatest(ceil(object.objects / 1000.0), 1)), 'requests')
        ) p (n, part, item, quantity, unit)
    )
    SELECT x.part, trim_scale(round(x.quantity, 3)), x.unit, x.usd
    FROM (
        SELECT p.n, p.part, p.quantity, p.unit, p.usd FROM part p
        UNION ALL
        SELECT 6, 'total', NULL, NULL, sum(p.usd) FROM part p HAVING count(*) > 0
        UNION ALL
        SELECT v.n, v.part, v.quantity, v.unit, NULL
        FROM run, task, object,
        LATERAL (VALUES
            (7, 'here: work', task.seconds, 'seconds'),
            (8, 'here: elapsed', extract(epoch FROM run.elapsed), 'seconds'),
            (9, 'here: read', object.bytes, 'bytes'),
            (10, 'here: rows', object.rows, 'rows'),
            (11, 'here: waited for the source', task.waited, 'seconds')) v (n, part, quantity, unit)
        WHERE v.quantity IS NOT NULL
    ) x
    ORDER BY x.n;
END;
COMMENT ON FUNCTION olist_etl.cost(bigint, integer, text, text, boolean) IS
    'What a run would have cost as Lambda functions of so much memory under Step Functions, and what it used here. free_tier: as if nothing else had been used in the month';
