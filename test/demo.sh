#!/usr/bin/env bash
# The whole thing from nothing, on real or generated data: what "make demo" does.
#
#   demo.sh [DATA]   DATA (or $DATA): Kaggle's archive.zip, or a directory with
#                    its files (.csv or .csv.gz); a sample is generated without
#
#   SCALE            size of the sample; 1, the default, is that of the real data
. "$(dirname "$0")/lib.sh"

data=${1:-${DATA:-}}
[ -z "$data" ] || data=$(realpath -e "$data")
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

find_data() {
    case $data in
        '')
            say "==> Generating a sample at scale ${SCALE:-1} (make demo DATA=archive.zip takes Kaggle's files)"
            data=$work/sample
            sql "SELECT file, rows, pg_size_pretty(bytes) AS size
FROM olist_etl.generate_sample('$data', ${SCALE:-1});"
            ;;
        *.zip)
            say "==> Unpacking $data"
            mkdir "$work/unpacked"
            unzip -q "$data" -d "$work/unpacked"
            data=$work/unpacked
            ;;
    esac
    mapfile -t files < <(olist_files "$data")
    [ ${#files[@]} -gt 0 ] || die "no Olist files (olist_orders_dataset.csv, ...) in $data"
}

upload() {
    local file
    perl "$top/test/perl/Olist/S3.pm" mb "$bucket"
    for file in "${files[@]}"; do
        perl "$top/test/perl/Olist/S3.pm" put "$bucket" "olist/${file##*/}" "$file"
        say "    s3://$bucket/olist/${file##*/}"
    done
}

# Runs the workflow; a run that fails says so in its result, not by an error.
run() {
    local status
    sql 'CALL olist_etl.run();'
    status=$(as_user psql -XAt -d olist -c \
        'SELECT status FROM olist_etl.run ORDER BY run_id DESC LIMIT 1')
    [ "$status" = SUCCEEDED ] || die "the run ended $status"
}

set_up build serve
say '==> Starting a throw-away S3 server (Ceph)'
start_s3
say '==> Starting a throw-away PostgreSQL, and creating the extension'
configure_server
sql 'CREATE EXTENSION olist_etl;'
find_data
say "==> Uploading ${#files[@]} files to the S3 server"
guarded upload

say
say '==> Pointing the workflow at the bucket, and running it'
sql "SELECT olist_etl.set_source('s3://$bucket/olist/', endpoint => '$S3_ENDPOINT',
    use_http => true, profile => 'demo');"
run
say '==> A second run finds nothing new'
run

say '==> What an analyst sees'
sql 'SELECT * FROM olist_dw.mart_monthly_sales ORDER BY 1 DESC LIMIT 12;'
sql 'SELECT * FROM olist_dw.mart_state_sales LIMIT 10;'
sql 'SELECT * FROM olist_dw.mart_payment_mix LIMIT 10;'
sql 'SELECT * FROM olist_dw.mart_review_by_delay LIMIT 10;'
say '==> Done. Everything is being stopped and removed.'
