#!/usr/bin/env bash
# The whole thing from nothing, on real or generated data: what "make demo" does.
#
#   demo.sh [DATA]   DATA (or $DATA): Kaggle's archive.zip, or a directory with
#                    its files (.csv or .csv.gz); a sample is generated without
#
#   SCALE            size of the sample; 1, the default, is that of the real data
. "$(dirname "$0")/lib.sh"

data=${1:-${DATA:-}}
bucket=olist-demo

# Shows a statement and runs it as a user of the demo's database.
sql() {
    printf '\n%s\n\n' "$1"
    guarded as_user psql -X -v ON_ERROR_STOP=1 -d olist \
        -P border=0 -P footer=off -P null=- -c "$1"
}

configure_server() {
    printf '%s\n' '[demo]' "aws_access_key_id = $AWS_ACCESS_KEY_ID" \
        "aws_secret_access_key = $AWS_SECRET_ACCESS_KEY" >"$work/credentials"
    chmod 600 "$work/credentials"
    [ -z "$user" ] || chown "$user" "$work/credentials"
    start_cluster "olist_etl.credentials_file = '$work/credentials'" \
        "olist_etl.allowed_endpoints = '127.0.0.1'"
    as_user createdb olist
}

# Prints the Olist files of the directory.
olist_files() {
    find -L "$1" -maxdepth 2 -type f \
        \( -name 'olist_*_dataset.csv' -o -name 'product_category_name_translation.csv' \
        -o -name 'olist_*_dataset.csv.*' -o -name 'product_category_name_translation.csv.*' \) | sort
}

# Data that cannot be used should be known before a minute of building.
check_data() {
    [ "$data" ] || return 0
    [ -e "$data" ] || die "DATA: there is no $data"
    data=$(realpath "$data")
    if [ -d "$data" ]; then
        find_files
    else
        [[ $data = *.zip ]] || die "DATA: neither an archive (.zip) nor a directory: $data"
        [ -r "$data" ] || die "DATA: cannot read $data"
    fi
}

find_files() {
    mapfile -t files < <(olist_files "$data")
    [ ${#files[@]} -gt 0 ] || die "no Olist files (olist_orders_dataset.csv, ...) in $data"
}

unpack() {
    say "==> Unpacking $data"
    mkdir "$work/unpacked"
    quietly unzip unzip -q "$data" -d "$work/unpacked"
    data=$work/unpacked
    find_files
}

generate() {
    say "==> Generating a sample at scale ${SCALE:-1} (make demo DATA=archive.zip takes Kaggle's files)"
    data=$work/sample
    sql "SELECT file, rows, pg_size_pretty(bytes) AS size
FROM olist_etl.generate_sample('$data', ${SCALE:-1});"
    find_files
}

upload() {
    local file
    perl "$top/test/perl/Olist/S3.pm" mb "$bucket"
    for file in "${files[@]}"; do
        perl "$top/test/perl/Olist/S3.pm" put "$bucket" "olist/${file##*/}" "$file"
        say "    s3://$bucket/olist/${file##*/}"
    done
}

check_data
set_up build serve
[[ $data != *.zip ]] || unpack
say '==> Starting a throw-away S3 server (Ceph)'
start_s3
say '==> Starting a throw-away PostgreSQL, and creating the extension'
configure_server
sql 'CREATE EXTENSION olist_etl;'
[ "$data" ] || generate
say "==> Uploading ${#files[@]} files to the S3 server"
guarded upload

say
say '==> Pointing the workflow at the bucket, and running it'
say '    It tells of each task; then, of the quality rules that this data breaks: those only warn'
say '    (severity "fail" would stop it). At the end stands what became of each state.'
sql "SELECT olist_etl.set_source('s3://$bucket/olist/', endpoint => '$S3_ENDPOINT',
    use_http => true, profile => 'demo');"
sql 'CALL olist_etl.run();'
say '==> A second run finds nothing new'
sql 'CALL olist_etl.run();'

say '==> What an analyst sees'
sql 'SELECT * FROM olist_dw.mart_monthly_sales ORDER BY 1 DESC LIMIT 12;'
sql 'SELECT * FROM olist_dw.mart_state_sales LIMIT 10;'
sql 'SELECT * FROM olist_dw.mart_payment_mix LIMIT 10;'
sql 'SELECT * FROM olist_dw.mart_review_by_delay LIMIT 10;'
say '==> Done. Everything is being stopped and removed.'
