#!/usr/bin/env bash
# Installs what test/packages lists and this machine lacks; does nothing, and
# needs no rights, where nothing is missing.
#
#   install.sh PURPOSE...       of build, serve, check
#   install.sh --pg-config      print the pg_config that the others use
#
# PG_CONFIG in the environment chooses the server. Without it: the newest of
# this machine's servers under /usr/lib/postgresql, else the distribution's own.
set -eu

here=$(cd "$(dirname "$0")" && pwd)

# The pg_config of the newest supported server that is here, or nothing.
newest_server() {
    local directory
    for directory in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5 -rn); do
        if [ -x "$directory/postgres" ] && [ -x "$directory/pg_config" ] &&
            [ "$(major_version "$directory/pg_config")" -ge 15 ]; then
            echo "$directory/pg_config"
            return
        fi
    done
}

major_version() {
    "$1" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/'
}

# The major version that the metapackage "postgresql" stands for.
distribution_version() {
    apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -1
}

pg_config_path() {
    local found
    found=${PG_CONFIG:-$(newest_server)}
    found=$(command -v "${found:-pg_config}") || {
        echo "no pg_config: set PG_CONFIG, or install PostgreSQL 15 or later" >&2
        exit 1
    }
    echo "$found"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# may_install PACKAGE...: ends the script where nobody may install them.
may_install() {
    [ "$(id -u)" = 0 ] || { command -v sudo && sudo true; } >/dev/null || {
        echo "missing, and only root or sudo may install it: $*" >&2
        exit 1
    }
}

# Asks nothing, and starts no service: not what comes with the packages, nor
# anything of this machine's again.
apt() {
    as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 SYSTEMD_OFFLINE=1 RUNLEVEL=1 \
        apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

# Debian's postgresql-N creates a cluster and starts it. This machine gets the
# programs only, unless it has them already.
without_main_cluster() {
    local conf=/etc/postgresql-common/createcluster.d/olist_etl.conf status=0
    as_root sh -c "mkdir -p ${conf%/*} && echo 'create_main_cluster = false' >$conf"
    "$@" || status=$?
    as_root rm -f "$conf"
    return $status
}

# Prints the packages for the given purposes, "name" or "name?".
wanted() {
    local version=$1 name purpose
    shift
    while read -r name purpose; do
        case $name in '' | '#'*) continue ;; esac
        case " $* " in *" ${purpose%\?} "*) ;; *) continue ;; esac
        # a server outside the packages' own place brings its own development files
        case $name in *VERSION*) [ "$version" ] || continue ;; esac
        case $purpose in *\?) name="$name?" ;; esac
        echo "${name//VERSION/$version}"
    done <"$here/packages"
}

is_installed() {
    [ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = "install ok installed" ]
}

# Prints the PostgreSQL version whose packages are wanted; nothing when
# PG_CONFIG names a server that was not installed from packages.
packaged_version() {
    local server=${PG_CONFIG:-$(newest_server)}
    case $server in
        '') distribution_version ;;
        /usr/lib/postgresql/*/bin/pg_config) major_version "$server" ;;
    esac
}

missing_of() {
    local name
    for name in "$@"; do
        is_installed "${name%\?}" || echo "$name"
    done
}

main() {
    if [ "$1" = --pg-config ]; then
        pg_config_path
        return
    fi
    if ! command -v dpkg-query apt-get >/dev/null; then
        echo "not Debian or Ubuntu: test/packages lists what has to be here" >&2
        return
    fi

    local version missing required optional names name
    version=$(packaged_version)
    if [ -z "$version" ] && [ -z "${PG_CONFIG:-}" ]; then
        may_install "PostgreSQL, and what else test/packages lists"
        # a bare machine has no package lists yet
        apt update
        version=$(distribution_version)
        if [ "${version:-0}" -lt 15 ]; then
            echo "this distribution has no PostgreSQL 15 or later: install one (apt.postgresql.org) and set PG_CONFIG" >&2
            exit 1
        fi
    fi

    # shellcheck disable=SC2046
    missing=$(missing_of $(wanted "$version" "$@"))
    required=$(grep -v '?$' <<<"$missing") || true
    optional=$(grep '?$' <<<"$missing" | tr -d '?') || true
    if [ "$required" ]; then
        # shellcheck disable=SC2086
        may_install $required
        apt update
    elif [ "$optional" ] && [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
        echo "tests that need these will be skipped:" $optional
        return
    fi
    names=$required
    for name in $optional; do
        if apt-cache show "$name" >/dev/null 2>&1; then
            names="$names $name"
        fi
    done
    [ "$names" ] || return 0
    # shellcheck disable=SC2086
    set -- $names
    echo "installing: $*"
    without_main_cluster apt install -y --no-install-recommends "$@"
}

[ $# -gt 0 ] || set -- build serve check
main "$@"
