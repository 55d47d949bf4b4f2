#!/bin/bash
# Builds the packages for another release of Debian or Ubuntu than this machine's, with that release's
# Python and libvirt, in a root of its own below ~/.cache/vmfit (root, debootstrap; some minutes):
#   packaging/linux/for_release.sh trixie [WORDS of build.py...]
# They are in dist/packages-RELEASE.
set -eu
cd "$(dirname "$0")/../.."
release=${1:?usage: for_release.sh RELEASE [WORDS of build.py...]}
shift
uv=$(command -v uv || echo "$PWD/.tools/bin/uv")
root=${XDG_CACHE_HOME:-$HOME/.cache}/vmfit/build-$release
output=$PWD/dist/packages-$release

if [ ! -d "$root" ]; then
  rm -rf "$root.new"
  debootstrap --variant=minbase \
    --include=ca-certificates,gcc,libc6-dev,libvirt-dev,pkg-config,python3-dev,python3-venv \
    "$release" "$root.new" >&2
  mv "$root.new" "$root"
fi
rm -rf "$root/src"
mkdir -p "$root/src" "$output"
tar -c --exclude=./.git --exclude=./.venv --exclude=./.tools --exclude=./dist --exclude='*_cache' . \
  | tar -x -C "$root/src"
install "$uv" "$root/usr/local/bin/uv"
cp -L /etc/resolv.conf "$root/etc/resolv.conf"

# What is mounted goes with the namespace.
# shellcheck disable=SC2016 # the variables are the inner shell's
unshare --mount --pid --fork --kill-child bash -euc '
  root=$1 output=$2; shift 2
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount --bind /etc/ssl/certs "$root/etc/ssl/certs"
  mkdir -p "$root/output" "$root/var/cache/uv"
  mount --bind "$output" "$root/output"
  exec chroot "$root" env -i HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LC_ALL=C.UTF-8 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt UV_CACHE_DIR=/var/cache/uv \
    UV_PYTHON=/usr/bin/python3 UV_LINK_MODE=copy bash -euc "
      cd /src
      uv sync --quiet --locked
      uv run --no-sync python packaging/linux/build.py --output /output \"\$@\"" bash "$@"
' bash "$root" "$output" "$@" | sed "s|^/output|$output|"
