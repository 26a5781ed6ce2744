#!/usr/bin/env bash
# The CSV reader, decompression and the fast conversions under AddressSanitizer
# and UndefinedBehaviorSanitizer, over random objects: see unit/csv.c.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! echo 'int main(void) { return 0; }' |
    "${CC:-gcc}" -fsanitize=address,undefined -x c - -o "$work/probe" 2>/dev/null; then
    echo "1..0 # SKIP the compiler has no sanitizers"
    exit 0
fi
"$here/unit/build.sh" csv "$work/csv" >&2
"$work/csv" 5000
