#!/usr/bin/env bash
# A throw-away S3 server on loopback: one Ceph monitor, one OSD and one RADOS
# Gateway, with neither systemd nor root, everything in one directory.
#
#   ceph.sh start DIR             start it on free ports, print DIR/env
#   ceph.sh token DIR [SECONDS]   temporary credentials (STS) as shell assignments
#   ceph.sh status DIR            health and memory
#   ceph.sh stop DIR              stop it and remove DIR
#
# DIR/env holds S3_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and
# where openssl is installed S3_TLS_ENDPOINT, the same server over https, and
# S3_CA_FILE, the certificate to trust. The gateway checks signatures, clock
# skew, If-Match and session tokens as AWS does; it does not check the region
# (faultproxy.js --strict does).
# Objects live in memory: this is for demos and tests.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
    sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

[ $# -ge 2 ] || usage
command=$1
dir=$(realpath -m "$2")
export CEPH_CONF=$dir/ceph.conf

# A certificate for the gateway, and what to add to its configuration.
prepare_tls() {
    command -v openssl >/dev/null || return 0
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
        -keyout "$dir/tls.key" -out "$dir/tls.crt" 2>/dev/null
    tls=" ssl_endpoint=127.0.0.1:$tls_port ssl_certificate=$dir/tls.crt ssl_private_key=$dir/tls.key"
    cat >>"$dir/env" <<ENV
S3_TLS_ENDPOINT=https://127.0.0.1:$tls_port
S3_CA_FILE=$dir/tls.crt
ENV
}

write_conf() {
    cat >"$CEPH_CONF" <<CONF
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$mon_port]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
setuser match path =

# one node, nobody else reaches it: no internal authentication
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = false
ms mon client mode = crc secure
ms client mode = crc secure
ms cluster mode = crc secure
ms service mode = crc secure

run dir = $dir/run
crash dir = $dir/run
admin socket = $dir/run/\$name.asok
log file = $dir/log/\$name.log
mon cluster log file = $dir/log/cluster.log
log to stderr = false

# one copy of everything, on a disk that may be nearly full
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail warn = 2
mon data avail crit = 1
mon osd full ratio = .99
mon osd nearfull ratio = .98
mon osd backfillfull ratio = .985
osd failsafe full ratio = .995

# start in a second, not in a minute
paxos propose interval = .02
paxos min wait = .01
mon tick interval = 1
mon client hunt interval = .5
osd mon report interval = 1
osd heartbeat interval = 1

[mon]
mon data = $dir/mon
mon initial members = a

[osd]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 6442450944
osd journal = $dir/osd/journal
osd op num shards = 2
osd max scrubs = 0

[client]
rgw data = $dir/rgw
rgw frontends = beast endpoint=127.0.0.1:$s3_port tcp_nodelay=1$tls
rgw enable apis = s3, sts, iam, admin
rgw dns name = s3.localhost
rgw thread pool size = 32
rgw override bucket index max shards = 1
rgw dynamic resharding = false
rgw enable usage log = false
rgw enable ops log = false
rgw run sync thread = false
rgw s3 auth use sts = true
rgw s3 auth order = local, sts
rgw sts key = abcdefghijklmnop
rgw sts min session duration = 1
debug rgw = 1
CONF
}

start_monitor() {
    monmaptool --create --clobber --fsid "$fsid" \
        --addv a "[v2:127.0.0.1:$mon_port]" "$dir/monmap" >/dev/null 2>&1
    ceph-mon --mkfs -i a --monmap "$dir/monmap" --no-mon-config
    ceph-mon -f -i a >"$dir/log/mon.out" 2>&1 </dev/null &
    echo $! >"$dir/mon.pid"
    until_ok 60 ceph --connect-timeout 5 mon stat
}

start_osd() {
    local uuid
    uuid=$(cat /proc/sys/kernel/random/uuid)
    ceph osd new "$uuid" 0 >/dev/null
    ceph-osd -i 0 --mkfs --osd-uuid "$uuid" >"$dir/log/osd-mkfs.out" 2>&1
    # Debian 13's looks for its plugins in a path relative to /
    (cd / && exec ceph-osd -f -i 0) >"$dir/log/osd.out" 2>&1 </dev/null &
    echo $! >"$dir/osd.pid"
    until_ok 60 sh -c 'ceph osd stat | grep -q "1 up"'
}

# One user, and a role that it may assume for temporary credentials.
create_user() {
    radosgw-admin user create --uid=olist --display-name=olist \
        --access-key="$AWS_ACCESS_KEY_ID" --secret-key="$AWS_SECRET_ACCESS_KEY" >"$dir/log/admin.out" 2>&1
    radosgw-admin role create --role-name=olist --assume-role-policy-doc='{
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"],
                       "Principal": {"AWS": ["arn:aws:iam:::user/olist"]}}]}' >>"$dir/log/admin.out" 2>&1
    radosgw-admin role-policy put --role-name=olist --policy-name=all --policy-doc='{
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:*"],
                       "Resource": "arn:aws:s3:::*"}]}' >>"$dir/log/admin.out" 2>&1
}

start_gateway() {
    radosgw -f -n client.rgw --no-mon-config >"$dir/log/rgw.out" 2>&1 </dev/null &
    echo $! >"$dir/rgw.pid"
    until_ok 120 curl -s -o /dev/null "$S3_ENDPOINT"
}

start() {
    if [ -e "$dir" ]; then
        echo "ceph.sh: $dir exists; stop it first" >&2
        exit 1
    fi
    mkdir -p "$dir"/{mon,osd,rgw,log,run}
    read -r mon_port s3_port tls_port <<<"$(free_ports 3)"
    tls=
    fsid=$(cat /proc/sys/kernel/random/uuid)
    S3_ENDPOINT=http://127.0.0.1:$s3_port
    # random, so that nobody else on this machine can use the server
    AWS_ACCESS_KEY_ID=OLIST$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n' | tr a-f A-F)
    AWS_SECRET_ACCESS_KEY=$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')
    write_env
    # functions have the trap, too
    set -E
    trap 'start_failed "$BASH_COMMAND"' ERR
    prepare_tls
    write_conf
    start_monitor
    start_osd
    create_user
    start_gateway
    cat "$dir/env"
}

token() {
    # shellcheck disable=SC1091
    . "$dir/env"
    curl -sf --aws-sigv4 aws:amz:us-east-1:sts -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
        -d "Action=AssumeRole&Version=2011-06-15&RoleSessionName=olist&RoleArn=arn:aws:iam:::role/olist&DurationSeconds=$1" \
        "$S3_ENDPOINT/" |
        grep -oE '<(AccessKeyId|SecretAccessKey|SessionToken)>[^<]*' |
        sed -e 's/<AccessKeyId>/AWS_ACCESS_KEY_ID=/' \
            -e 's/<SecretAccessKey>/AWS_SECRET_ACCESS_KEY=/' \
            -e 's/<SessionToken>/AWS_SESSION_TOKEN=/'
}

status() {
    ceph -s
    local f
    for f in "$dir"/*.pid; do
        printf '%s: ' "$(basename "$f" .pid)"
        grep VmRSS "/proc/$(cat "$f")/status"
    done
}

case $command in
    start) start ;;
    token) token "${3:-3600}" ;;
    status) status ;;
    stop) stop ;;
    *) usage ;;
esac
