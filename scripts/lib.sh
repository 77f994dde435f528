# SPDX-License-Identifier: Apache-2.0
# What the scripts share: where things are, talking to a person, installing what is missing.
# Sourced; expects `set -eu`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${DROVER_CACHE:-$root/.cache}

# What building Drover needs, and what running the sandbox with its agents needs.
build_packages=(gcc g++ cmake ninja-build pkg-config libzmq3-dev libczmq-dev libmsgpack-dev
  libcurl4-openssl-dev libssl-dev libjansson-dev libsodium-dev libsqlite3-dev
  libmicrohttpd-dev libyaml-dev libexpat1-dev zlib1g-dev libinih-dev uthash-dev
  libcmocka-dev libncurses-dev)
run_packages=(python3 python3-venv git ca-certificates procps)
# What showing pages to a browser needs; any node from 18 on will do.
browser_packages=(chromium fonts-dejavu-core)
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then browser_packages+=(nodejs npm); fi

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi

say() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
die() { printf '%s\n' "$*" >&2; exit 1; }
# fail_with LOG WORDS: the end of the log, then the words.
fail_with() { tail -20 "$1" >&2; die "$2 (all of it: $1)"; }

# with_dots COMMAND...: on a terminal, a dot every few seconds while it runs: it is at work.
with_dots() {
  [ -t 1 ] || { "$@"; return; }
  local code=0 dots began=$SECONDS
  (while sleep 3 && kill -0 $$ 2>/dev/null; do printf .; done) &
  dots=$!
  "$@" || code=$?
  kill "$dots" 2>/dev/null || true
  wait "$dots" 2>/dev/null || true
  [ $((SECONDS - began)) -lt 3 ] || echo
  return $code
}

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
  as_root true # asks for the password, if it must, before the dots begin
  with_dots apt_install "${missing[@]}" || fail_with "$cache/apt.log" "apt-get failed"
}
apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
} >"$cache/apt.log" 2>&1

# make_venv NAME REQUIREMENTS-FILE: a Python with these packages at $cache/NAME, made once per
# content of the file.
make_venv() {
  local venv=$cache/$1 want=$2
  if ! cmp -s "$want" "$venv/requirements.txt"; then
    say "installing Python packages for $1 ($(grep -c '^[a-z]' "$want"))"
    rm -rf "$venv"
    with_dots fill_venv "$venv" "$want" || die "pip failed"
    cp "$want" "$venv/requirements.txt"
  fi
}
fill_venv() {
  python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2"
}

configure() {
  cmake --preset "$@"
} >"$cache/build-$1.log" 2>&1
# build PRESET [TARGET...]: on a terminal with ninja's progress, else only what went wrong.
build() {
  local preset=$1 log=$cache/build-$1.log; shift
  local launcher=()
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache); fi
  say "building ($preset)"
  (
    cd "$root"
    # A configured tree configures itself anew where that is needed.
    [ -e "build/$preset/build.ninja" ] ||
      with_dots configure "$preset" "${launcher[@]}" || fail_with "$log" "cmake failed"
    if [ -t 1 ]; then
      cmake --build --preset "$preset" ${1:+--target "$@"} || die "the build failed"
    else
      cmake --build --preset "$preset" ${1:+--target "$@"} >"$log" 2>&1 ||
        { grep -E -A12 'error:|FAILED|undefined reference' "$log" >&2 || true
          fail_with "$log" "the build failed"; }
    fi
  )
}

mkdir -p "$cache"
