#!/bin/bash
# Installs what this machine lacks for building and testing: system packages (those of VMFIT_PACKAGES, too) and uv.
# Asks sudo only when something is missing; without root and sudo it says what is missing and goes on.
set -eu
cd "$(dirname "$0")/../.."

missing_packages() {
  { grep -v '^#' packaging/dev/apt-packages.txt; tr ' ' '\n' <<<"${VMFIT_PACKAGES-}"; } | grep . | while read -r package; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || echo "$package"
  done
}

install_packages() {
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "setup: not root and no sudo; tests that need these will be skipped: $*" >&2
      return
    fi
    as_root=(sudo)
  fi
  echo "setup: installing $*" >&2
  "${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=600 update >/dev/null
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 \
    install --no-install-recommends "$@" >/dev/null
}

if command -v dpkg-query >/dev/null; then
  mapfile -t packages < <(missing_packages)
  [ "${#packages[@]}" = 0 ] || install_packages "${packages[@]}"
else
  echo "setup: not a Debian system; see packaging/dev/apt-packages.txt for what is needed" >&2
fi

# Prometheus checks here what is written for it. Unpacked, not installed: its package starts a service.
unpack_prometheus() {
  local place
  place=$(mktemp -d)
  echo "setup: unpacking prometheus into .tools" >&2
  (cd "$place" && apt-get -qq download prometheus >/dev/null 2>&1 && dpkg -x prometheus_*.deb unpacked) \
    && mkdir -p .tools/prometheus && cp "$place"/unpacked/usr/bin/prom* .tools/prometheus/ \
    || echo "setup: no package prometheus; tests that need it will be skipped" >&2
  rm -rf "$place"
}

if command -v apt-get >/dev/null && ! command -v prometheus >/dev/null && [ ! -x .tools/prometheus/prometheus ]; then
  unpack_prometheus
fi

if ! command -v uv >/dev/null && [ ! -x .tools/bin/uv ]; then
  echo "setup: installing uv into .tools" >&2
  python3 -m venv .tools
  .tools/bin/pip install --quiet --disable-pip-version-check uv
fi
