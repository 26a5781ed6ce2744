#!/usr/bin/env bash
# Builds a unit test with the sanitizers and runs it: run.sh TEST [ARGUMENT]...
set -eu
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! echo 'int main(void) { return 0; }' |
    "${CC:-gcc}" -fsanitize=address,undefined -x c - -o "$work/probe" 2>/dev/null; then
    echo "1..0 # SKIP the compiler has no sanitizers"
    exit 0
fi
"$here/build.sh" "$1" "$work/$1" >&2
"$work/$1" "${@:2}"
