# SPDX-License-Identifier: Apache-2.0
# What the scripts share: where things are, talking to a person, installing what is missing.
# Sourced; expects `set -eu`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${DROVER_CACHE:-$root/.cache}

# What building Drover needs, and what running the sandbox with its agents needs.
build_packages=(gcc g++ cmake ninja-build pkg-config libzmq3-dev libczmq-dev libmsgpack-dev
  libcurl4-openssl-dev libssl-dev libjansson-dev libsodium-dev libsqlite3-dev
  libmicrohttpd-dev libyaml-dev uthash-dev libcmocka-dev)
run_packages=(python3 python3-venv git ca-certificates procps)

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi

say() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "root or sudo is needed to install: $*"; fi
}

# Installs the Debian packages of its arguments that are missing.
install_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >"$cache/apt.log" 2>&1 || { tail -20 "$cache/apt.log" >&2; die "apt-get failed"; }
}

# make_venv NAME REQUIREMENTS-FILE: a Python with these packages at $cache/NAME, made once per
# content of the file.
make_venv() {
  local venv=$cache/$1 want=$2
  if ! cmp -s "$want" "$venv/requirements.txt"; then
    say "installing Python packages for $1 ($(grep -c '^[a-z]' "$want"))"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$want"
    cp "$want" "$venv/requirements.txt"
  fi
}

# build PRESET [TARGET...]
build() {
  local preset=$1; shift
  local launcher=()
  command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
  say "building ($preset)"
  (cd "$root" && cmake --preset "$preset" "${launcher[@]}" >"$cache/cmake-$preset.log" 2>&1) ||
    { tail -20 "$cache/cmake-$preset.log" >&2; die "cmake failed"; }
  (cd "$root" && cmake --build --preset "$preset" ${1:+--target "$@"}) |
    { grep -E 'error|warning|FAILED' || true; }
  [ "${PIPESTATUS[0]}" = 0 ] || die "the build failed"
}

mkdir -p "$cache"
