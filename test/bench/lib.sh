# shellcheck shell=bash
# What the benches share, on top of ../lib.sh.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

query() {
    psql -XAtq -v ON_ERROR_STOP=1 "$@"
}

# new_database NAME FILES: with the extension, pointed at the files.
new_database() {
    query <<SQL
SET client_min_messages = error;
DROP DATABASE IF EXISTS $1;
CREATE DATABASE $1;
\c $1
CREATE EXTENSION olist_etl;
SELECT olist_etl.set_source('$2');
CHECKPOINT;
SQL
}

# measure NAME DATABASE FILE...: the files of SQL, each in a session of its own,
# all at the same time; the milliseconds are added to the times of NAME.
measure() {
    local name=$1 database=$2 start file session
    local -a sessions=()
    shift 2
    start=$(date +%s%N)
    for file in "$@"; do
        query -d "$database" -f "$file" >/dev/null 2>"$work/log/$name" &
        sessions+=($!)
    done
    for session in "${sessions[@]}"; do
        wait "$session" || {
            cat "$work/log/$name" >&2
            die "failed: $name"
        }
    done
    echo $((($(date +%s%N) - start) / 1000000)) >>"$work/times.$name"
}

median() {
    sort -n "$work/times.$1" | awk '{ t[NR] = $1 } END { print int((t[int((NR + 1) / 2)] + t[int(NR / 2) + 1]) / 2) }'
}

line() {
    printf '%-46s %6d ms   (%s)\n' "$2" "$(median "$1")" "$(paste -sd' ' "$work/times.$1")"
}

# ratio TEXT NUMERATOR DENOMINATOR...: of medians.
ratio() {
    local text=$1 numerator=$2 sum=0 name
    shift 2
    for name in "$@"; do
        sum=$((sum + $(median "$name")))
    done
    awk -v text="$text" -v a="$(median "$numerator")" -v b=$sum \
        'BEGIN { printf "%-46s %6.3f\n", text, a / b }'
}
