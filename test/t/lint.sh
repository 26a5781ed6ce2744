# shellcheck shell=bash
# The sources are in shape, and the tools that read them find nothing.

number=0

# check NAME COMMAND...: one test; its output is shown when it fails.
check() {
    local name=$1 output
    shift
    number=$((number + 1))
    if output=$("$@" 2>&1); then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        printf '%s\n' "$output" | grep -vE '^[0-9]+ warnings? generated' | sed 's/^/# /' >&2
    fi
}

skip() {
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

clean_whitespace() {
    ! grep -rnE --include='*.[ch]' --include='*.sql' --include='*.sh' --include='*.pl' \
        --include='*.pm' --include='*.js' --include='*.md' '[[:blank:]]+$' src sql/[0-9]* test README.md
}

scripts_parse() {
    shellcheck -x -S warning test/*.sh test/*/*.sh .ci/run &&
        for file in test/servers/*.js test/t/*.js; do
            [ ! -e "$file" ] || node --check "$file" || return 1
        done
}

# other versions of clang-format have other opinions
if clang-format --version | grep -q 'version 14\.'; then
    check clang-format make -s format-check
else
    skip clang-format 'not version 14'
fi
check cppcheck make -s cppcheck
check clang-tidy make -s tidy
check scripts scripts_parse
check whitespace clean_whitespace
echo "1..$number"
