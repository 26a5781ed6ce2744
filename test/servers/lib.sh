# shellcheck shell=bash disable=SC2154
# What the throw-away servers share. $dir is a server's directory, with the
# numbers of its processes in *.pid and what they print in log/*.out.

# Prints COUNT free ports. They are taken below the kernel's ephemeral range,
# where no outgoing connection can occupy them before the server does.
free_ports() {
    perl -MIO::Socket::INET -e '
        my ($count, @held) = (shift);
        while (@held < $count) {
            my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1",
                LocalPort => 10000 + int rand 20000) or next;
            push @held, $s;
        }
        print join(" ", map { $_->sockport } @held), "\n"' "$1"
}

# until_ok SECONDS COMMAND...: polls until the command succeeds.
until_ok() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            echo "${0##*/}: gave up waiting for: $*" >&2
            return 1
        fi
        sleep 0.1
    done
}

# Tells in $dir/env where the server is, and who may use it.
write_env() {
    (umask 077 && cat >"$dir/env") <<ENV
S3_ENDPOINT=$S3_ENDPOINT
AWS_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID
AWS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY
ENV
}

# Says what failed, and what the servers had to say.
start_failed() {
    trap - ERR
    echo "${0##*/}: failed: $1" >&2
    tail -n 5 "$dir"/log/*.out >&2
    exit 1
}

# Nothing here is worth a clean shutdown: nobody keeps the objects.
stop() {
    local f pid
    for f in "$dir"/*.pid; do
        [ -s "$f" ] || continue
        pid=$(cat "$f")
        kill -9 "$pid" 2>/dev/null || continue
        # a process that only waits to be reaped has no command line
        until_ok 10 sh -c "! grep -q . /proc/$pid/cmdline" || true
    done
    rm -rf "$dir"
}
