#!/usr/bin/env bash
# Builds a unit test with the sanitizers: build.sh TEST OUTPUT [compiler options]
#
#   build.sh csv /tmp/csv && /tmp/csv 100000 7
#   CC=clang build.sh asl /tmp/asl_fuzz -fsanitize=fuzzer -DFUZZ && /tmp/asl_fuzz -max_len=200
#
# What the code calls of the server beyond unit/server.c is left unresolved:
# those functions are not reached.
set -eu
cd "$(dirname "$0")/../.."
test=$1
output=$2
shift 2
: "${CC:=gcc}" "${PG_CONFIG:=pg_config}"
case $test in
    csv)
        sources=(src/csv/record_reader.c src/csv/convert_fast.c src/source/{decompress,stream}.c
            src/base/message.c)
        libraries=(-lcsv -lz -lzstd "-Wl,--wrap=csv_init")
        ;;
    source)
        sources=(src/source/{uri,glob,sigv4,s3_page,s3_error,xml_fields,time_text,policy}.c
            src/source/credentials_{file,sts,metadata}.c src/base/message.c)
        libraries=(-lcurl -lexpat -l:libcrypto.so.3)
        ;;
    transfer)
        sources=(src/source/{http,http_request,answer,exchange,remote_stream,stream,md5}.c
            src/source/{uri,time_text}.c src/base/message.c)
        libraries=(-lcurl)
        ;;
    sample)
        sources=(src/sample/{sample,plan,rows,order,goods,place,phrase,payment,review,geolocation}.c)
        libraries=()
        ;;
    asl)
        sources=(src/asl/{json,path,intrinsic}*.c src/asl/{dataflow,choice,retry,timestamp,items}.c
            src/asl/{validate,check,check_fields,definition,executor,states,containers,events,recall}.c)
        libraries=(-lm -l:libcrypto.so.3)
        ;;
esac
"$CC" -g -O1 -std=gnu11 -DUSE_ASSERT_CHECKING=1 \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer \
    -Isrc -Itest/unit -isystem "$("$PG_CONFIG" --includedir-server)" \
    -Wall -Wextra -Wno-unused-parameter -Wno-ignored-attributes \
    "test/unit/$test.c" test/unit/server.c "${sources[@]}" "$@" \
    -L"$("$PG_CONFIG" --libdir)" -L"$("$PG_CONFIG" --pkglibdir)" -lpgcommon -lpgport \
    "${libraries[@]}" -o "$output"
