# shellcheck shell=bash
# What test.sh, demo.sh and bench/bench.sh stand on: everything from nothing,
# in one temporary directory that is gone at the end, whatever happens.
#
#   set_up PURPOSE...   install packages, copy the tree and the server into
#                       $work, build, install there, start PostgreSQL
#   start_s3            start the S3 server; sets S3_ENDPOINT and the keys
#
# The checkout is only read: it may belong to somebody else, and two runs at a
# time cannot meet. The server's programs are copied too (PostgreSQL finds its
# files relative to its binaries), so "make install" needs no rights, and the
# machine's own server never sees this build. As root, all but the packages is
# done by an unprivileged user, as which alone PostgreSQL agrees to run.
#
# What $work holds: src (the tree), pg (the server's programs), data (the
# cluster), run (its socket), s3, log, tmp.

set -eu -o pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=
job=

# Steps are told in plain words, as they begin.
say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# Runs a command as the unprivileged user, from $work.
as_user() {
    if [ "$user" ]; then
        runuser -u "$user" -- "$@"
    else
        "$@"
    fi
}

# Runs a command or function in a process group of its own, so that a signal
# ends all of it and the trap runs at once, not when the command is done.
guarded() {
    local status=0
    set -m
    "$@" </dev/null &
    set +m
    job=$!
    wait $job || status=$?
    job=
    return $status
}

# quietly NAME COMMAND...: guarded, its output in log/NAME, shown if it fails.
quietly() {
    local name=$1
    shift
    if ! guarded "$@" >"$work/log/$name" 2>&1; then
        tail -n 60 "$work/log/$name" >&2
        die "failed: $*"
    fi
}

# every postmaster below $work, also those that tests started and lost
stop_postmasters() {
    local file pid
    while read -r file; do
        pid=$(head -n 1 "$file")
        kill -QUIT "$pid" 2>/dev/null || continue
        for _ in $(seq 100); do
            # a process that only waits to be reaped has no command line
            grep -qs . "/proc/$pid/cmdline" || break
            sleep 0.1
        done
    done < <(find "$work" -name postmaster.pid)
}

tear_down() {
    local status=$?
    trap '' INT TERM HUP
    if [ "$job" ]; then
        kill -TERM -- "-$job" 2>/dev/null || true
        for _ in $(seq 20); do
            kill -0 -- "-$job" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-$job" 2>/dev/null || true
    fi
    stop_postmasters
    if [ -d "$work/s3" ]; then
        "$top/test/servers/ceph.sh" stop "$work/s3"
    fi
    cd /
    rm -rf "$work"
    exit $status
}

# The user's own settings must not leak into the build or the servers.
clean_environment() {
    local name
    while read -r name; do
        case $name in
            PG_CONFIG) ;;
            PG*) unset "$name" ;;
            AWS_* | S3_*) unset "$name" ;;
            MAKEFLAGS | MFLAGS | MAKELEVEL | MAKEOVERRIDES) unset "$name" ;;
        esac
    done < <(compgen -e)
    export LC_ALL=C.UTF-8
}

make_work_directory() {
    local base=${TMPDIR:-/tmp}
    # a socket's path has to fit in 107 bytes
    [ ${#base} -le 40 ] || base=/tmp
    user=
    if [ "$(id -u)" = 0 ]; then
        user=postgres
        id "$user" >/dev/null 2>&1 || user=nobody
    fi
    work=$(mktemp -d "$base/olist_etl.XXXXXX")
    trap tear_down EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mkdir "$work"/{src,pg,run,log,tmp,home}
    export HOME=$work/home TMPDIR=$work/tmp
}

# Build products of the checkout may be of another server: they stay behind.
copy_tree() {
    tar -C "$top" -cf - --exclude=./.git --exclude='*.o' --exclude='*.so' \
        --exclude=./sql/olist_etl--*.sql --exclude=./results --exclude=./output_iso \
        --exclude=./tmp_check . |
        tar -C "$work/src" -xf - --no-same-owner
}

# Copies the server below $work/pg with its layout kept, and points PG_CONFIG there.
copy_server() {
    local original=$1 directory prefix
    local -a directories
    mapfile -t directories < <(for option in bindir pkglibdir sharedir includedir-server; do
        "$original" --$option
    done)
    prefix=${directories[0]}
    for directory in "${directories[@]}"; do
        until [ "${directory#"$prefix"/}" != "$directory" ]; do
            prefix=${prefix%/*}
        done
    done
    for directory in "${directories[@]}"; do
        mkdir -p "$work/pg/${directory#"$prefix"/}"
        cp -rL "$directory/." "$work/pg/${directory#"$prefix"/}"
    done
    export PG_CONFIG=$work/pg/${directories[0]#"$prefix"/}/pg_config
    bindir=$(dirname "$PG_CONFIG")
    export PATH=$bindir:$PATH
}

# build FLAGS: of the compiler, beyond -Werror.
build() {
    quietly clean as_user make -s -C "$work/src" PG_CONFIG="$PG_CONFIG" clean
    quietly build as_user make -s -C "$work/src" -j "$(nproc)" PG_CONFIG="$PG_CONFIG" \
        COPT="-Werror $1" all
    quietly install as_user make -s -C "$work/src" PG_CONFIG="$PG_CONFIG" install
}

# start_cluster [LINE]...: each a line for postgresql.conf. Nobody else on the
# machine can reach it: it listens on a socket in a directory of its own only.
start_cluster() {
    quietly initdb as_user "$bindir/initdb" -D "$work/data" -A trust -U postgres \
        --locale=C.UTF-8 --encoding=UTF8 --no-sync
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$work/run'" \
        'max_worker_processes = 16' "$@" >>"$work/data/postgresql.conf"
    quietly start as_user "$bindir/pg_ctl" -w -D "$work/data" -l "$work/log/postgresql" start
    export PGHOST=$work/run PGUSER=postgres PGDATABASE=postgres
}

start_s3() {
    quietly s3 as_user "$work/src/test/servers/ceph.sh" start "$work/s3"
    set -a
    # shellcheck disable=SC1091
    . "$work/s3/env"
    set +a
}

# The directory with the reference data, when it is there and the server's user
# can read it; a copy when only we can.
find_shared_data() {
    local directory=${OLIST_SHARED_DATA:-$top/../shared/data}
    unset OLIST_SHARED_DATA
    [ -d "$directory/olist" ] || return 0
    directory=$(cd "$directory" && pwd)
    if ! as_user find "$directory" -mindepth 1 >/dev/null 2>&1; then
        cp -rL "$directory" "$work/shared-data"
        directory=$work/shared-data
        [ -z "$user" ] || chown -R "$user" "$directory"
    fi
    export OLIST_SHARED_DATA=$directory
}

# set_up PURPOSE...
set_up() {
    local original
    clean_environment
    say '==> Packages'
    "$top/test/install.sh" "$@"
    original=$("$top/test/install.sh" --pg-config)
    make_work_directory
    copy_tree
    copy_server "$original"
    [ -z "$user" ] || chown -R "$user" "$work"
    cd "$work"
    say "==> Building for $("$PG_CONFIG" --version)"
    build ''
}
