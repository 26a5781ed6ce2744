#!/usr/bin/env bash
# The data set generator under AddressSanitizer and UndefinedBehaviorSanitizer:
# see unit/sample.c.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! echo 'int main(void) { return 0; }' |
    "${CC:-gcc}" -fsanitize=address,undefined -x c - -o "$work/probe" 2>/dev/null; then
    echo "1..0 # SKIP the compiler has no sanitizers"
    exit 0
fi
"$here/unit/build.sh" sample "$work/sample" >&2
"$work/sample" 0.1 4
