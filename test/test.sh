#!/usr/bin/env bash
# Everything from nothing, then every test: what "make test" does.
#
#   test.sh             all
#   test.sh PATTERN...  only tests whose file name holds one of the patterns
#
# The last line is "N passed, N failed", counted over all suites; the exit
# status is 0 when nothing failed.
. "$(dirname "$0")/lib.sh"

patterns=("$@")

# Prints the names of the files given that the patterns choose.
chosen() {
    local file pattern
    for file in "$@"; do
        [ -e "$file" ] || continue
        if [ ${#patterns[@]} = 0 ]; then
            echo "$file"
            continue
        fi
        for pattern in "${patterns[@]}"; do
            case $file in *"$pattern"*)
                echo "$file"
                break
                ;;
            esac
        done
    done
}

# Adds a suite's numbers of passed, failed and skipped tests to the totals.
count() {
    echo "$1 $2 $3" >>"$work/totals"
}

# The numbers of one pg_regress or pg_isolation_regress run, from its output:
# "test name ... ok" up to PostgreSQL 15, TAP from 16 on.
count_regress() {
    local passed failed
    passed=$(grep -cE '^(test .* \.\.\. ok|ok [0-9])' "$1") || true
    failed=$(grep -cE '^(test .* \.\.\. FAILED|not ok [0-9])' "$1") || true
    # a run that broke off has failed even if no single test has
    [ "$2" = 0 ] || [ "$failed" != 0 ] || failed=1
    count "$passed" "$failed" 0
}

installcheck() {
    as_user make -s -C "$work/src" PG_CONFIG="$PG_CONFIG" "$@" installcheck 2>&1 | tee "$work/log/regress"
}

# run_regress TITLE VARIABLE OTHER FILE...: the files' tests as make's VARIABLE,
# none as OTHER.
run_regress() {
    local title=$1 variable=$2 other=$3 file names='' status=0
    shift 3
    for file in "$@"; do
        file=${file##*/}
        names="$names ${file%.*}"
    done
    [ "$names" ] || return 0
    say "==> $title"
    guarded installcheck "$variable=$names" "$other=" || status=$?
    count_regress "$work/log/regress" $status
    if [ $status != 0 ]; then
        find "$work/src" -name regression.diffs -exec cat {} + || true
    fi
}

# run_tap FILE...: TAP tests in Perl, shell and JavaScript.
run_tap() {
    [ $# -gt 0 ] || return 0
    say '==> TAP'
    (cd "$work/src" && as_user env \
        TESTDIR="$work" TESTDATADIR="$work/tmp_check" TESTLOGDIR="$work/tmp_check/log" \
        PG_REGRESS="$("$PG_CONFIG" --pkglibdir)/pgxs/src/test/regress/pg_regress" \
        S3_DIRECTORY="$work/s3" FAULTPROXY="$work/src/test/servers/faultproxy.js" \
        perl test/tap.pl "$work/tap-totals" "$@") || true
}

set_up build serve check
find_shared_data
say '==> Starting a throw-away PostgreSQL'
start_cluster 'fsync = off'

cd "$work/src"
mapfile -t sql < <(chosen test/sql/*.sql)
mapfile -t specs < <(chosen test/specs/*.spec)
mapfile -t tap < <(chosen test/t/*.pl test/t/*.sh test/t/*.js)
run_regress 'Regression tests' REGRESS ISOLATION "${sql[@]}"
run_regress 'Isolation tests' ISOLATION REGRESS "${specs[@]}"
if [ ${#tap[@]} -gt 0 ]; then
    say '==> Building with fault points'
    build -DOLIST_FAULT_POINTS
    say '==> Starting a throw-away S3 server'
    start_s3
    guarded run_tap "${tap[@]}" || true
    # tap.pl that did not come to its end has failed
    cat "$work/tap-totals" >>"$work/totals" 2>/dev/null || count 0 1 0
fi

read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$work/totals")
summary="$passed passed, $failed failed"
[ "$skipped" = 0 ] || summary="$summary, $skipped skipped"
say "$summary"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
