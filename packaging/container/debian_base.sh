#!/bin/bash
# Makes a base image for the Containerfile out of a release of Debian, where no registry is at hand
# (root, debootstrap, buildah): packaging/container/debian_base.sh RELEASE TAG
# BUILDAH may be the program with options of its own: --storage-driver vfs --root ...
set -eu
release=${1:?usage: debian_base.sh RELEASE TAG}
tag=${2:?usage: debian_base.sh RELEASE TAG}
read -ra buildah <<<"${BUILDAH:-buildah}"
root=${XDG_CACHE_HOME:-$HOME/.cache}/vmfit/base-$release

if [ ! -d "$root" ]; then
  rm -rf "$root.new"
  debootstrap --variant=minbase --include=ca-certificates,python3-venv "$release" "$root.new" >&2
  rm -f "$root.new"/var/cache/apt/archives/*.deb
  mv "$root.new" "$root"
fi
container=$("${buildah[@]}" from scratch)
"${buildah[@]}" copy --quiet "$container" "$root" / >&2
"${buildah[@]}" commit --quiet --rm "$container" "$tag"
