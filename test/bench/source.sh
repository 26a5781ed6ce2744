#!/usr/bin/env bash
# How fast objects come in from S3, against what the curl tool gets from the
# same server in the same run, round by round side by side.
#
#   source.sh [ROUNDS]   5 by default; the best of each counts
#
#   SIZE    of the large object in MB, 400 by default
#   COUNT   of the small objects of 10 kB, 10,000 by default
#
# What is measured:
#   large    the object's bytes, read to their end: over https; over http as it
#            is by default; and over http with the MD5 sum compared
#   small    a foreign table over all of the small objects, against curl
#            fetching them one after the other and four at a time over kept
#            connections
#   memory   the backend's own, at its highest, above what it had before
. "$(dirname "$0")/lib.sh"

rounds=${1:-5}
size=${SIZE:-400}
count=${COUNT:-10000}

signed_curl() {
    curl -sSf --aws-sigv4 aws:amz:us-east-1:s3 -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}

prepare_objects() {
    local i
    say "==> Storing an object of $size MB and $count of 10 kB"
    signed_curl -X PUT "$S3_ENDPOINT/bench"
    openssl rand $((size * 1024 * 1024)) >"$work/large"
    signed_curl -T "$work/large" "$S3_ENDPOINT/bench/large"
    perl -e 'print "id,payload\n"; printf "%d,%s\n", $_, "x" x (99 - length $_) for 1 .. 100' >"$work/small"
    for ((i = 1; i <= count; i++)); do
        printf 'upload-file = "%s"\nurl = "%s/bench/small/%06d.csv"\n' "$work/small" "$S3_ENDPOINT" "$i"
    done >"$work/uploads"
    signed_curl -K "$work/uploads"
    for ((i = 1; i <= count; i++)); do
        printf 'output = "/dev/null"\nurl = "%s/bench/small/%06d.csv"\n' "$S3_ENDPOINT" "$i"
    done >"$work/downloads"
}

# server NAME ENDPOINT OPTION...: with the keys of the S3 server
server() {
    local name=$1 endpoint=$2
    shift 2
    query <<SQL
CREATE SERVER $name FOREIGN DATA WRAPPER olist_etl
    OPTIONS (endpoint '$endpoint', use_http 'true'$(printf ", %s" "$@"));
CREATE USER MAPPING FOR CURRENT_USER SERVER $name
    OPTIONS (access_key_id '$AWS_ACCESS_KEY_ID', secret_access_key '$AWS_SECRET_ACCESS_KEY');
SQL
}

prepare_servers() {
    query <<'SQL'
CREATE EXTENSION olist_etl;
CREATE FUNCTION read_object(uri text, server name, etag text DEFAULT NULL,
    size bigint DEFAULT NULL, sum boolean DEFAULT false) RETURNS text
    LANGUAGE c AS 'olist_etl', 'olist_etl_test_read';
CREATE FUNCTION own_memory() RETURNS bigint LANGUAGE sql AS $$
    SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'VmHWM:\s+(\d+)')::bigint
$$;
SQL
    server https "$S3_TLS_ENDPOINT" "ca_file '$S3_CA_FILE'"
    server http "$S3_ENDPOINT" "checksum 'auto'"
    server http_checked "$S3_ENDPOINT" "checksum 'on'"
    query -c "CREATE FOREIGN TABLE small (id int, payload text) SERVER http OPTIONS (uri 's3://bench/small/')"
}

# measure NAME COMMAND...: its milliseconds are added to the times of NAME
measure() {
    local name=$1 start
    shift
    start=$(date +%s%N)
    "$@" >"$work/log/$name" || die "failed: $name"
    echo $((($(date +%s%N) - start) / 1000000)) >>"$work/times.$name"
}

# large NAME: the milliseconds of the read itself, in a session that has just begun
large() {
    query <<SQL >>"$work/times.$1"
SELECT clock_timestamp() AS start \gset
SELECT read_object('s3://bench/large', '$1') \g /dev/null
SELECT round(extract(epoch FROM clock_timestamp() - :'start') * 1000);
SQL
}

# curl_large NAME URL OPTION...: what curl says that its transfer took
curl_large() {
    local name=$1 url=$2
    shift 2
    signed_curl -o /dev/null -w '%{time_total}\n' "$@" "$url" |
        awk '{ printf "%d\n", $1 * 1000 }' >>"$work/times.$name"
}

small() {
    query -c 'SELECT count(*) FROM small'
}

best() {
    sort -n "$work/times.$1" | head -n 1
}

line() {
    printf '%-34s %7d ms  %s   (%s)\n' "$2" "$(best "$1")" "$3" "$(paste -sd' ' "$work/times.$1")"
}

speed() {
    awk -v ms="$(best "$1")" -v mb="$size" 'BEGIN { printf "%6.0f MB/s", mb / ms * 1000 }'
}

rate() {
    awk -v ms="$(best "$1")" -v n="$count" 'BEGIN { printf "%6.0f /s  ", n / ms * 1000 }'
}

ratio() {
    awk -v text="$1" -v a="$(best "$2")" -v b="$(best "$3")" \
        'BEGIN { printf "%-34s %7.2f\n", text, b / a }'
}

memory() {
    query <<'SQL'
SELECT read_object('s3://bench/small/000001.csv', 'http') \g /dev/null
SELECT own_memory() AS before \gset
SELECT read_object('s3://bench/large', 'http') \g /dev/null
SELECT format('%-34s %7s MB', 'memory above that of a small object', (own_memory() - :before) / 1024);
SQL
}

set_up build serve check
start_cluster 'fsync = off' "olist_etl.allowed_endpoints = '127.0.0.1'"
start_s3
prepare_objects
prepare_servers
for ((i = 1; i <= rounds; i++)); do
    say "==> Round $i of $rounds"
    curl_large curl_http "$S3_ENDPOINT/bench/large"
    large http
    large http_checked
    curl_large curl_https "$S3_TLS_ENDPOINT/bench/large" --cacert "$S3_CA_FILE"
    large https
    measure curl_small signed_curl -K "$work/downloads"
    measure curl_small_4 signed_curl -Z --no-progress-meter --parallel-max 4 -K "$work/downloads"
    measure small small
done
line curl_http 'curl, http' "$(speed curl_http)"
line http 'large, http' "$(speed http)"
line http_checked 'large, http, MD5 compared' "$(speed http_checked)"
line curl_https 'curl, https' "$(speed curl_https)"
line https 'large, https' "$(speed https)"
line curl_small 'curl, small, one by one' "$(rate curl_small)"
line curl_small_4 'curl, small, four at a time' "$(rate curl_small_4)"
line small 'small, foreign table' "$(rate small)"
memory
ratio 'http / curl' http curl_http
ratio 'http, MD5 compared / curl' http_checked curl_http
ratio 'https / curl' https curl_https
ratio 'small / curl, one by one' small curl_small
ratio 'small / curl, four at a time' small curl_small_4
