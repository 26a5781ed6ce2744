#!/usr/bin/env bash
# States Language under AddressSanitizer and UndefinedBehaviorSanitizer: text,
# expressions and executions made at random. See unit/asl.c.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! echo 'int main(void) { return 0; }' |
    "${CC:-gcc}" -fsanitize=address,undefined -x c - -o "$work/probe" 2>/dev/null; then
    echo "1..0 # SKIP the compiler has no sanitizers"
    exit 0
fi
"$here/unit/build.sh" asl "$work/asl" >&2
"$work/asl" 5000
