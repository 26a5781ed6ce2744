#!/usr/bin/env bash
# Proves the claim that this works on a bare machine: makes a Debian that has
# nothing (not even make), copies the tree into it, runs the script in it, and
# fails when the script fails or leaves a process or a file behind. Needs root,
# debootstrap and a Debian mirror.
#
#   bare.sh [COMMAND...]   the default is test/test.sh; another is test/demo.sh
#
#   SUITE   the Debian release, default bookworm
#   MIRROR  default http://deb.debian.org/debian
#   BARE    a directory that debootstrap has filled, to save its time
set -eu -o pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
[ $# -gt 0 ] || set -- test/test.sh

root=$(mktemp -d "${TMPDIR:-/var/tmp}/olist_bare.XXXXXX")
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM HUP

if [ "${BARE:-}" ]; then
    cp -a "$BARE/." "$root"
else
    debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || {
        tail "$root.log"
        exit 1
    }
    rm -f "$root.log"
fi
# mktemp's mode is that of / now, and others than root must get in
chmod 755 "$root"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"

# the checkout belongs to root and nobody else may write there
mkdir -p "$root/root/olist_etl"
tar -C "$top" -cf - --exclude='*.o' --exclude='*.so' . | tar -C "$root/root/olist_etl" -xf - --no-same-owner

cat >"$root/root/inside" <<'INSIDE'
set -eu
mount -t proc proc /proc
mount -t tmpfs tmpfs /dev/shm
cd /root/olist_etl
find . | sort >/root/before
"$@" </dev/null || exit
# this script is process 1 of its namespace, and should be alone in it
left=
for directory in /proc/[0-9]*; do
    if [ "$directory" != /proc/1 ] && read -r -d '' name <"$directory/cmdline"; then
        left="$left $name"
    fi
done
[ -z "$left" ] || { echo "processes were left:$left"; exit 1; }
find . | sort | diff /root/before - || { echo 'files were left in the checkout'; exit 1; }
[ -z "$(ls -A /tmp)" ] || { echo 'files were left in /tmp'; exit 1; }
echo 'nothing was left behind'
INSIDE

# shellcheck disable=SC2016
# a mount and a process namespace of their own: all of it ends with the script
unshare --mount --pid --fork --propagation private sh -eu -c '
    root=$1
    shift
    mount --bind "$root" "$root"
    mount --rbind /dev "$root/dev"
    exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        PG_CONFIG="${PG_CONFIG:-}" bash /root/inside "$@"' sh "$root" "$@"
