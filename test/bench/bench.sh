#!/usr/bin/env bash
# How fast, and in how much memory: olist_etl against what SQL alone can do, on
# the same files, in the same server, round by round side by side.
#
#   bench.sh [ROUNDS]   3 by default; the medians count
#
#   SCALE               of the generated files; 1, the default, is the size of
#                       the real ones. Without it, the real ones are taken
#                       (OLIST_SHARED_DATA) where there are any
#
# What is measured:
#   copy     nine COPYs, one after the other, into tables equal to the staging
#            tables, which are UNLOGGED and have no indexes
#   ctas     then the warehouse as CREATE TABLE AS with keys and indexes
#            (star_ctas.sql)
#   stage    stage() of the nine files by two sessions at a time
#   run      CALL run() with two workers: listing, staging, warehouse
# COPY reads the uncompressed files; stage and run read those, and then the
# compressed ones.
. "$(dirname "$0")/lib.sh"

rounds=${1:-3}

# Both sets of files, in $work/plain and $work/packed.
prepare_files() {
    mkdir "$work/plain" "$work/packed"
    if [ "${OLIST_SHARED_DATA:-}" ] && [ -z "${SCALE:-}" ]; then
        say '==> Unpacking the real files'
        cp "$OLIST_SHARED_DATA"/olist/*_dataset.csv.gz \
            "$OLIST_SHARED_DATA"/olist/product_category_name_translation.csv.gz "$work/packed"
        gzip -dk "$work"/packed/*.gz
        mv "$work"/packed/*.csv "$work/plain"
    else
        say "==> Generating files at scale ${SCALE:-1}"
        [ -z "$user" ] || chown "$user" "$work/plain"
        query -c "SELECT count(*) FROM olist_etl.generate_sample('$work/plain', ${SCALE:-1})" >/dev/null
        for file in "$work"/plain/*; do
            gzip -c "$file" >"$work/packed/${file##*/}.gz"
        done
    fi
    chmod -R a+rX "$work/plain" "$work/packed"
}

# The COPY statements, the largest file first.
copy_statements() {
    query -d sql_only <<'SQL'
SELECT olist_etl.create_staging() \g /dev/null
SELECT format('COPY %s (%s) FROM %L CSV HEADER;', e.target,
              (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY attnum) FROM pg_attribute a
               WHERE attrelid = e.target::regclass AND attnum > 0 AND left(attname, 1) <> '_'),
              replace(o ->> 'uri', 'file://', ''))
FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o
JOIN olist_etl.entity e ON e.entity = o ->> 'entity';
SQL
}

# The stage() calls for a database, shared out to two files of about equal work.
stage_statements() {
    query -d "$1" -c "SELECT format('SELECT olist_etl.stage(%L);', o)
        FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o" >"$work/stage"
    head -n 1 "$work/stage" >"$work/stage-1.sql"
    tail -n +2 "$work/stage" >"$work/stage-2.sql"
}

# The memory that is a process's own (neither shared buffers nor files), at its
# highest: looks at all processes of the server fifty times a second.
watch_memory() {
    perl -e '
        my ($postmaster, $result) = @ARGV;
        my $peak = 0;
        $SIG{TERM} = sub { open my $out, ">", $result; print $out "$peak\n"; exit };
        while (kill 0, $postmaster) {
            foreach my $pid (split " ", `pgrep -P $postmaster`) {
                open my $status, "<", "/proc/$pid/status" or next;
                local $/;
                my ($kb) = <$status> =~ /^RssAnon:\s+(\d+)/m;
                $peak = $kb if ($kb // 0) > $peak;
            }
            select undef, undef, undef, 0.02;
        }' "$(head -n 1 "$work/data/postmaster.pid")" "$work/peak" &
    watcher=$!
}

round() {
    local files
    query -d sql_only <<'SQL'
SELECT format('TRUNCATE %s', target) FROM olist_etl.entity \gexec
SET client_min_messages = error;
DROP SCHEMA IF EXISTS star_ctas CASCADE;
CHECKPOINT;
SQL
    measure copy sql_only "$work/copy.sql"
    measure ctas sql_only "$work/src/test/bench/star_ctas.sql"
    for files in plain packed; do
        new_database olist "$work/$files"
        stage_statements olist
        measure "stage_$files" olist "$work/stage-1.sql" "$work/stage-2.sql"
        new_database olist "$work/$files"
        measure "run_$files" olist "$work/run.sql"
    done
}

set_up build serve
find_shared_data
say '==> Starting a throw-away PostgreSQL'
start_cluster 'max_wal_size = 4GB' 'olist_etl.max_workers = 2'
query -c 'CREATE EXTENSION olist_etl'
prepare_files
new_database sql_only "$work/plain" >/dev/null
copy_statements >"$work/copy.sql"
# a run that fails says so in its result, not by an error
cat >"$work/run.sql" <<'SQL'
CALL olist_etl.run();
SELECT 1 / (status = 'SUCCEEDED')::int FROM olist_etl.run;
SQL

watch_memory
for number in $(seq "$rounds"); do
    say "==> Round $number of $rounds"
    round >/dev/null
done
kill -TERM "$watcher"
wait "$watcher" || true

say
say "$(nproc) processors, shared_buffers $(query -c 'SHOW shared_buffers'), $(du -sh "$work/plain" | cut -f1) of CSV; medians (and all rounds)"
say
line copy 'copy: nine COPYs'
line ctas 'ctas: star schema in plain SQL'
line stage_plain 'stage, two sessions'
line stage_packed 'stage, two sessions, compressed files'
line run_plain 'run, two workers'
line run_packed 'run, two workers, compressed files'
say
ratio 'stage / copy' stage_plain copy
ratio 'stage compressed / copy' stage_packed copy
ratio 'run / (copy + ctas)' run_plain copy ctas
ratio 'run compressed / (copy + ctas)' run_packed copy ctas
printf '%-46s %6d MB\n' "peak private memory of a process" "$(($(cat "$work/peak") / 1024))"
