#!/usr/bin/env bash
# What a run costs when little is new, against the first load, round by round in
# one go.
#
#   increment.sh [ROUNDS]   3 by default; the medians count
#
#   SCALE               of the generated files; 1, the default, is the size of
#                       the real ones
#
# What is measured, each CALL run() with two workers, after a checkpoint:
#   first     99 % of the orders, with everything else that the source has
#   batch     the other 1 % of the orders with their customers, items, payments
#             and reviews: five files that come on top
#   nothing   the same source again
#   snapshot  the file of the orders again, in which 1 % of the rows have changed
# Of each: milliseconds, rows written to the warehouse, and WAL. A part of that
# is whole pages: those that change for the first time since the checkpoint.
# The batch is to take at most 6 % of the first load's time.
. "$(dirname "$0")/lib.sh"

rounds=${1:-3}
scale=${SCALE:-1}
runs=(first batch nothing snapshot)
target=0.060 # of batch / first

# file ENTITY: as it is generated
file() {
    echo "$work/first/olist_$1_dataset.csv"
}

# The statements that read an entity's file as it stands, all of it text.
load() {
    local columns
    columns=$(head -n 1 "$(file "$1")" | tr -d '"\r' | sed 's/,/ text, /g')
    printf 'CREATE TABLE split.%s (%s text);\n' "$1" "$columns"
    printf "COPY split.%s FROM '%s' CSV HEADER;\n" "$1" "$(file "$1")"
}

# split ENTITY KEY: the statements that write the rows of batch, and the others.
split() {
    printf "COPY (SELECT * FROM split.%s WHERE %s NOT IN (SELECT %s FROM split.batch)) TO '%s' CSV HEADER;\n" \
        "$1" "$2" "$2" "$(file "$1")"
    printf "COPY (SELECT * FROM split.%s WHERE %s IN (SELECT %s FROM split.batch)) TO '%s' CSV HEADER;\n" \
        "$1" "$2" "$2" "$work/batch/olist_$1_dataset_2.csv"
}

split_statements() {
    local entity
    printf 'CREATE SCHEMA split;\n'
    for entity in orders customers order_items order_payments order_reviews; do
        load "$entity"
    done
    cat <<SQL
CREATE TABLE split.batch AS
SELECT order_id, customer_id
FROM (SELECT *, row_number() OVER () AS n FROM split.orders) AS o
WHERE n % 100 = 0;
SQL
    for entity in orders order_items order_payments order_reviews; do
        split "$entity" order_id
    done
    split customers customer_id
    cat <<SQL
DELETE FROM split.orders WHERE order_id IN (SELECT order_id FROM split.batch);
UPDATE split.orders
SET order_status = CASE order_status WHEN 'unavailable' THEN 'canceled' ELSE 'unavailable' END
WHERE order_id IN (SELECT order_id FROM (SELECT *, row_number() OVER () AS n FROM split.orders) AS o
                   WHERE n % 100 = 0);
COPY split.orders TO '$work/snapshot/olist_orders_dataset.csv' CSV HEADER;
DROP SCHEMA split CASCADE;
SQL
}

# The files in $work/first, $work/batch and $work/snapshot.
prepare_files() {
    local directory
    say "==> Generating files at scale $scale"
    for directory in first batch snapshot source; do
        mkdir "$work/$directory"
        [ -z "$user" ] || chown "$user" "$work/$directory"
    done
    query -c "SELECT count(*) FROM olist_etl.generate_sample('$work/first', $scale)" >/dev/null
    split_statements >"$work/split.sql"
    query -c 'SET client_min_messages = warning' -f "$work/split.sql"
}

# Bytes of WAL so far, and of them whole pages; exact when all sessions have ended.
wal() {
    query -F ' ' -c "SELECT wal_bytes, wal_fpi * current_setting('block_size')::int FROM pg_stat_wal"
}

# measure_run NAME: a run, its rows and its WAL
measure_run() {
    local before after
    query -d olist -c CHECKPOINT
    read -ra before < <(wal)
    measure "$1" olist "$work/run.sql"
    read -ra after < <(wal)
    echo $((after[0] - before[0])) >>"$work/times.$1_wal"
    echo $((after[1] - before[1])) >>"$work/times.$1_pages"
    echo $((after[0] - before[0] - after[1] + before[1])) >>"$work/times.$1_own"
    query -d olist -c "SELECT coalesce((output ->> 'inserted')::bigint + (output ->> 'updated')::bigint
        + (output ->> 'deleted')::bigint, 0) FROM olist_etl.run ORDER BY run_id DESC LIMIT 1" >>"$work/times.$1_rows"
}

round() {
    rm -f "$work"/source/*
    cp "$work"/first/* "$work/source"
    new_database olist "$work/source"
    measure_run first
    cp "$work"/batch/* "$work/source"
    measure_run batch
    measure_run nothing
    cp "$work"/snapshot/* "$work/source"
    measure_run snapshot
}

set_up build serve
say '==> Starting a throw-away PostgreSQL'
start_cluster 'max_wal_size = 16GB' 'checkpoint_timeout = 1h' 'autovacuum = off' 'olist_etl.max_workers = 2'
query -c 'CREATE EXTENSION olist_etl'
prepare_files
# a run that fails says so in its result, not by an error
cat >"$work/run.sql" <<'SQL'
CALL olist_etl.run();
SELECT 1 / (status = 'SUCCEEDED')::int FROM olist_etl.run;
SQL

for number in $(seq "$rounds"); do
    say "==> Round $number of $rounds"
    round >/dev/null
done

say
say "$(nproc) processors, shared_buffers $(query -c 'SHOW shared_buffers'), $(du -sh "$work/first" | cut -f1) of CSV; medians (and all rounds)"
say
for run in "${runs[@]}"; do
    line "$run" "$run"
done
say
for run in "${runs[@]}"; do
    printf '%-46s %9d rows written %7.1f MB of WAL, %7.1f MB of them whole pages\n' "$run" \
        "$(median "${run}_rows")" "$(awk "BEGIN { print $(median "${run}_wal") / 1e6 }")" \
        "$(awk "BEGIN { print $(median "${run}_pages") / 1e6 }")"
done
say
batch_ratio=$(awk "BEGIN { printf \"%.3f\", $(median batch) / $(median first) }")
printf '%-46s %6s   (%s), to be at most %s: %s\n' 'batch / first' "$batch_ratio" \
    "$(paste "$work/times.batch" "$work/times.first" | awk '{ printf "%s%.3f", s, $1 / $2; s = " " }')" \
    "$target" "$(awk "BEGIN { print $batch_ratio <= $target ? \"it is\" : \"it is not\" }")"
ratio 'WAL of batch / first' batch_wal first_wal
ratio 'WAL of batch without whole pages / first' batch_own first_wal
