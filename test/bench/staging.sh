#!/usr/bin/env bash
# Staging against COPY, side by side: the nine files into UNLOGGED tables.
#
#   staging.sh [ROUNDS]
#
# COPY reads the uncompressed files one after the other, and so does stage() the
# compressed ones, in one process and in two. The real files are used where they
# are (OLIST_SHARED_DATA), else the generated ones. Of all rounds the best time
# counts. The last lines are the ratios.
. "$(dirname "$0")/../lib.sh"

rounds=${1:-3}

query() {
    psql -XAtq -v ON_ERROR_STOP=1 "$@"
}

now() {
    date +%s%N
}

# The nine compressed files, in $work/files, and uncompressed in $work/plain.
prepare_files() {
    mkdir "$work/files" "$work/plain"
    if [ "${OLIST_SHARED_DATA:-}" ]; then
        cp "$OLIST_SHARED_DATA"/olist/*.csv.gz "$work/files"
    else
        [ -z "$user" ] || chown "$user" "$work/files"
        query -c "SELECT olist_etl.generate_sample('$work/files', 1, 42)" >/dev/null
        gzip -q "$work"/files/*.csv
    fi
    for file in "$work"/files/*.csv.gz; do
        gzip -dc "$file" >"$work/plain/$(basename "$file" .gz)"
    done
    chmod -R a+rX "$work/files" "$work/plain"
}

prepare_tables() {
    query >/dev/null <<SQL
SELECT olist_etl.set_source('$work/files/');
SELECT olist_etl.create_staging();
CREATE SCHEMA copied;
SELECT format('CREATE UNLOGGED TABLE copied.%I (%s)', e.entity, d.columns)
FROM olist_etl.entity e JOIN olist_etl.staging_definition() d USING (target) \gexec
SQL
    # one COPY and one stage() a line, the largest file first
    query >"$work/copy.sql" <<SQL
SELECT format('COPY copied.%I FROM %L CSV HEADER;', o ->> 'entity',
              '$work/plain/' || regexp_replace(o ->> 'uri', '.*/(.*)\.gz', '\1'))
FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o;
SQL
    query >"$work/stage.sql" <<SQL
SELECT format('SELECT olist_etl.stage(%L);', o)
FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o;
SQL
}

empty_tables() {
    query >/dev/null <<'SQL'
SELECT format('TRUNCATE %s, copied.%I', e.target, e.entity) FROM olist_etl.entity e \gexec
CHECKPOINT
SQL
}

# best NAME FILE...: runs each file of SQL in a session of its own, at the same
# time; keeps the best time, in milliseconds, in the variable NAME.
best() {
    local name=$1 start file job elapsed
    local -a jobs=()
    shift
    empty_tables
    start=$(now)
    for file in "$@"; do
        query -f "$file" >/dev/null &
        jobs+=($!)
    done
    for job in "${jobs[@]}"; do
        wait "$job"
    done
    elapsed=$((($(now) - start) / 1000000))
    if [ -z "${!name:-}" ] || [ "$elapsed" -lt "${!name}" ]; then
        printf -v "$name" %d "$elapsed"
    fi
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

set_up build serve
find_shared_data
start_cluster
query -c 'CREATE EXTENSION olist_etl'
prepare_files
prepare_tables
head -n 1 "$work/stage.sql" >"$work/stage-1.sql"
tail -n +2 "$work/stage.sql" >"$work/stage-2.sql"

for _ in $(seq "$rounds"); do
    best copy "$work/copy.sql"
    best one "$work/stage.sql"
    best two "$work/stage-1.sql" "$work/stage-2.sql"
done

# set by best()
# shellcheck disable=SC2154
cat <<EOT
nine COPYs of the uncompressed files    $copy ms
staging, one process                    $one ms
staging, two processes                  $two ms
one process / COPY                      $(ratio "$one" "$copy")
two processes / COPY                    $(ratio "$two" "$copy")
EOT
