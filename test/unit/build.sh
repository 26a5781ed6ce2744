#!/usr/bin/env bash
# Builds a unit test with the sanitizers: build.sh OUTPUT [compiler options]
#
#   build.sh /tmp/csv && /tmp/csv 100000 7
#   CC=clang build.sh /tmp/csv_fuzz -fsanitize=fuzzer -DFUZZ && /tmp/csv_fuzz -max_len=200
#
# What the code calls of the server beyond unit/server.c is left unresolved:
# those functions are not reached.
set -eu
cd "$(dirname "$0")/../.."
output=$1
shift
: "${CC:=gcc}" "${PG_CONFIG:=pg_config}"
"$CC" -g -O1 -std=gnu11 -DUSE_ASSERT_CHECKING=1 \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer \
    -Isrc -Itest/unit -isystem "$("$PG_CONFIG" --includedir-server)" \
    -Wall -Wextra -Wno-unused-parameter -Wno-ignored-attributes \
    test/unit/csv.c test/unit/server.c src/csv/record_reader.c src/csv/convert_fast.c \
    src/source/decompress.c src/base/message.c "$@" \
    -L"$("$PG_CONFIG" --libdir)" -L"$("$PG_CONFIG" --pkglibdir)" -lpgcommon -lpgport \
    -lcsv -lz -lzstd -o "$output"
