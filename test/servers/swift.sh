#!/usr/bin/env bash
# A throw-away OpenStack Swift with S3 in front (s3api) on loopback: a second
# opinion beside Ceph's gateway, stricter about the region and about
# x-amz-content-sha256, with continuation tokens that hold + / and =.
#
#   swift.sh installed    is it there?
#   swift.sh start DIR    start it on free ports, print DIR/env
#   swift.sh stop DIR     stop it and remove DIR
#
# DIR/env holds S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Needs
# neither systemd nor root; swift.conf is the package's own in /etc/swift.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

# backend NAME PORT: the configuration and the ring of an object, container or
# account server
backend() {
    cat >"$dir/etc/$1.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $2
workers = 0
user = $(id -un)
swift_dir = $dir/etc
devices = $dir/srv
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
log_level = WARNING
recon_cache_path = $dir/cache
[pipeline:main]
pipeline = $1-server
[app:$1-server]
use = egg:swift#$1
CONF
    (
        cd "$dir/etc"
        swift-ring-builder "$1.builder" create 4 1 1
        swift-ring-builder "$1.builder" add "r1z1-127.0.0.1:$2/d1" 1
        swift-ring-builder "$1.builder" rebalance
    ) >/dev/null
}

proxy() {
    cat >"$dir/etc/proxy.conf" <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $s3_port
workers = 0
user = $(id -un)
swift_dir = $dir/etc
log_level = WARNING
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats s3api tempauth slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$memcached_port
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
dns_compliant_bucket_names = true
auth_pipeline_check = false
s3_acl = false
allow_no_owner = true
[filter:tempauth]
use = egg:swift#tempauth
user_olist_olist = $AWS_SECRET_ACCESS_KEY .admin .reseller_admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
CONF
}

# the account has to be there before the first request over S3
create_account() {
    local token
    token=$(curl -si -H "X-Auth-User: $AWS_ACCESS_KEY_ID" -H "X-Auth-Key: $AWS_SECRET_ACCESS_KEY" \
        "$S3_ENDPOINT/auth/v1.0" | tr -d '\r' | sed -n 's/^X-Auth-Token: //Ip')
    curl -sf -o /dev/null -X PUT -H "X-Auth-Token: $token" "$S3_ENDPOINT/v1/AUTH_olist"
}

start() {
    if [ -e "$dir" ]; then
        echo "swift.sh: $dir exists; stop it first" >&2
        exit 1
    fi
    mkdir -p "$dir"/{etc,log,srv/d1,cache}
    read -r s3_port object_port container_port account_port memcached_port <<<"$(free_ports 5)"
    S3_ENDPOINT=http://127.0.0.1:$s3_port
    AWS_ACCESS_KEY_ID=olist:olist
    AWS_SECRET_ACCESS_KEY=$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')
    write_env
    # functions have the trap, too
    set -E
    trap 'start_failed "$BASH_COMMAND"' ERR
    cat >"$dir/etc/memcache.conf" <<<"[memcache]
memcache_servers = 127.0.0.1:$memcached_port"
    backend object "$object_port"
    backend container "$container_port"
    backend account "$account_port"
    proxy
    memcached -l 127.0.0.1 -p "$memcached_port" -m 64 -U 0 -u "$(id -un)" \
        >"$dir/log/memcached.out" 2>&1 </dev/null &
    echo $! >"$dir/memcached.pid"
    local name port
    for name in object container account proxy; do
        "swift-$name-server" "$dir/etc/$name.conf" >"$dir/log/$name.out" 2>&1 </dev/null &
        echo $! >"$dir/$name.pid"
    done
    until_ok 60 curl -sf "$S3_ENDPOINT/healthcheck"
    for port in "$object_port" "$container_port" "$account_port"; do
        until_ok 60 bash -c ": >/dev/tcp/127.0.0.1/$port"
    done
    until_ok 60 create_account
    cat "$dir/env"
}

installed() {
    command -v swift-proxy-server swift-object-server swift-container-server \
        swift-account-server swift-ring-builder memcached >/dev/null
}

[ $# -ge 1 ] || usage
command=$1
[ "$command" = installed ] || [ $# -ge 2 ] || usage
dir=$(realpath -m "${2:-.}")
case $command in
    installed) installed ;;
    start) start ;;
    stop) stop ;;
    *) usage ;;
esac
