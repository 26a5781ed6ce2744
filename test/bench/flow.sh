#!/usr/bin/env bash
# What the workflow engine itself costs: tasks that do nothing, on two workers.
#
#   flow.sh [ROUNDS]   3 by default; the best of each counts
#
# What is measured, in milliseconds as run() tells them:
#   pass     a workflow of 1,000 Pass states
#   tasks    1,000 tasks, one after the other
#   map      a Map of 1,000 and of 10,000 tasks
#   nothing  the Olist workflow when there is nothing new
# and for the Maps the session's own memory after them, in MB.
. "$(dirname "$0")/lib.sh"

rounds=${1:-3}

create_workflows() {
    query <<'SQL' >/dev/null
CREATE EXTENSION olist_etl;
CREATE FUNCTION public.nothing(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.chain(state jsonb) RETURNS json LANGUAGE sql AS $$
    SELECT json_build_object('StartAt', 's1', 'States', json_object_agg('s' || i, state ||
        CASE WHEN i = 1000 THEN '{"End": true}' ELSE jsonb_build_object('Next', 's' || i + 1) END))
    FROM generate_series(1, 1000) AS i
$$;
SELECT olist_etl.create_workflow('pass', public.chain('{"Type": "Pass"}'));
SELECT olist_etl.create_workflow('tasks', public.chain('{"Type": "Task", "Resource": "olist:public.nothing"}'));
SELECT olist_etl.create_workflow('map', '{"StartAt": "Map", "States": {"Map": {"Type": "Map", "End": true,
    "ItemProcessor": {"StartAt": "Item", "States": {"Item":
        {"Type": "Task", "Resource": "olist:public.nothing", "End": true}}}}}}');
SET client_min_messages = warning;
CALL olist_etl.run();
SQL
}

# measure NAME WORKFLOW [ITEMS]: best time of all rounds, and the memory after a Map
measure() {
    local best memory
    read -r best memory < <(for ((i = 0; i < rounds; i++)); do
        query -F ' ' -v workflow="$2" -v items="${3:-0}" <<'SQL'
SET client_min_messages = warning;
SET olist_etl.max_workers = 2;
SELECT coalesce(json_agg(i), '{}') AS input FROM generate_series(1, :items) AS i \gset
CALL olist_etl.run(:'workflow', :'input') \gset
SELECT round(:seconds * 1000),
    (regexp_match(pg_read_file('/proc/self/status'), 'RssAnon:\s+(\d+)'))[1]::int / 1024;
SQL
    done | sort -n | head -1)
    printf '%-12s %7s ms %5s MB\n' "$1" "$best" "$memory"
}

set_up build serve
say '==> Starting a throw-away PostgreSQL'
start_cluster 'fsync = off'
create_workflows
measure pass pass
measure tasks tasks
measure map map 1000
measure 'map, 10,000' map 10000
measure nothing olist
