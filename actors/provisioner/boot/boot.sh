#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Turns this machine into a ClearML agent under Drover's guard, and ends the machine when that is
# over, whatever the reason. The whole story is in docs/machine.md.
# Secrets pass through here: never `set -x`, never an argument, never a world-readable file.
# exit: only this session ends; shutdown: the machine is switched off
POWER_OFF=@POWER_OFF@
# cloud-init may give no HOME, and no PATH to `shutdown`.
export HOME="${HOME:-$(cd ~ && pwd)}"
export PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DIR="$HOME/.drover"

say() { printf '%s %s\n' "$(date -u +%FT%TZ)" "boot: $*"; }

unpack_settings() {
  cat <<'DROVER_END'
@SETTINGS@
DROVER_END
}

unpack_guard() {
  cat >"$DIR/net.py" <<'DROVER_END'
@net.py@
DROVER_END
  cat >"$DIR/procs.py" <<'DROVER_END'
@procs.py@
DROVER_END
  cat >"$DIR/slot.py" <<'DROVER_END'
@slot.py@
DROVER_END
  cat >"$DIR/gpus.py" <<'DROVER_END'
@gpus.py@
DROVER_END
  cat >"$DIR/guard.py" <<'DROVER_END'
@guard.py@
DROVER_END
  cat >"$DIR/access.py" <<'DROVER_END'
@access.py@
DROVER_END
  cat >"$DIR/install.py" <<'DROVER_END'
@install.py@
DROVER_END
  cat >"$DIR/prepare.py" <<'DROVER_END'
@prepare.py@
DROVER_END
}

# The last line of defence: what a dead guard left running dies without a word to the server.
sweep() {
  local p
  [ -n "$DROVER_INSTANCE_ID" ] || return
  for p in /proc/[0-9]*; do
    grep -qzxF "DROVER_MACHINE=$DROVER_INSTANCE_ID" "$p/environ" 2>/dev/null &&
      kill -KILL "${p#/proc/}" 2>/dev/null
  done
}

end_machine() {
  local status=$?
  trap - EXIT
  trap "" TERM INT HUP
  [ -n "$GUARD" ] && kill -KILL "$GUARD" 2>/dev/null
  sweep
  say "machine ends: ${REASON:-boot script left with status $status}"
  # The log ends here; its writer gets two seconds to put the last words down.
  exec >/dev/null 2>&1
  for _ in {1..20}; do
    [ -n "$LOGGER" ] && kill -0 "$LOGGER" || break
    sleep 0.1
  done
  if [ "$POWER_OFF" = shutdown ]; then
    sync
    shutdown -h now || poweroff -f || echo o >/proc/sysrq-trigger
  fi
  exit "${CODE:-1}"
}

fail() {
  REASON="$*"
  exit 1
}

# NAME=VALUE lines ended by NUL, as `env -0` writes them.
load_env() {
  local line
  while IFS= read -r -d '' line; do
    case "${line%%=*}" in
    '' | _ | *[!A-Za-z0-9_]*) ;;
    *) export "$line" 2>/dev/null ;;
    esac
  done <"$1"
}

# Three times, for networks that are still coming up.
try() {
  local i
  for i in 1 2 3; do
    "$@" && return
    sleep $((i * 5))
  done
  return 1
}

# Without recommended packages, manual pages (their index takes long) and syncs to the disk.
packages() {
  local yum
  if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o Acquire::Languages=none update &&
      apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 \
        -o DPkg::Options::=--force-unsafe-io -o DPkg::Options::=--path-exclude=/usr/share/man/* \
        install "$@" >/dev/null
  else
    yum="$(command -v dnf || echo yum)"
    set -- "${@/python3-venv/python3}"
    $yum -q -y install "${@/openssh-client/openssh-clients}"
  fi
}

get_git() {
  command -v git >/dev/null && { [ ! -e ~/.ssh/id_drover ] || command -v ssh >/dev/null; } ||
    try packages git openssh-client ca-certificates ||
    say "no git or no ssh: tasks from repositories will fail"
}

has_agent() {
  "$1" -c 'import importlib.util as i, sys; sys.exit(not i.find_spec("clearml_agent"))' 2>/dev/null
}

find_agent() {
  local wanted version script
  { read -r wanted; read -r version; } <"$DIR/agent"
  if [ -n "$wanted" ]; then
    has_agent "$wanted" || fail "agent_python $wanted has no clearml_agent"
    AGENT_PYTHON="$wanted"
    return
  fi
  script="$(PATH="$PATH:$DIR/venv/bin" command -v clearml-agent)"
  # Its first line names its interpreter.
  [ -n "$script" ] && { read -r script; } <"$script" && AGENT_PYTHON="${script#\#!}" &&
    [ -x "$AGENT_PYTHON" ] && return
  AGENT_PYTHON="$(command -v python3)"
  has_agent "$AGENT_PYTHON" && return
  say "installing clearml-agent $version"
  version="clearml-agent${version:+==$version}"
  AGENT_PYTHON="$DIR/venv/bin/python"
  python3 "$DIR/install.py" "$DIR/venv" "$version" && return
  say "not by the package index alone: installing pip too"
  # The system's packages are installed one after the other.
  wait $GIT
  { try packages python3-venv python3-pip && python3 -m venv --clear "$DIR/venv"; } ||
    fail "no Python environment could be made for clearml-agent"
  try "$AGENT_PYTHON" -m pip install -q --disable-pip-version-check "$version" ||
    fail "clearml-agent could not be installed"
}

main() {
  trap end_machine EXIT
  trap 'REASON="told to end by a signal"; exit 1' TERM INT HUP
  mkdir -p -m 700 "$DIR" "$HOME/tmp" && : >>"$DIR/machine.log" ||
    fail "cannot write to $DIR: is the disk full?"
  chmod 600 "$DIR/machine.log"
  exec > >(trap '' TERM INT HUP; exec tee -a "$DIR/machine.log") 2>&1
  LOGGER=$!
  if [ "$POWER_OFF" = exit ]; then export TMPDIR="$HOME/tmp"; fi
  say "machine starts"

  command -v python3 >/dev/null || try packages python3 || fail "python3 could not be installed"
  (umask 077 && unpack_settings >"$DIR/settings.json" && unpack_guard) ||
    fail "cannot write to $DIR: is the disk full?"
  (umask 077 && python3 "$DIR/prepare.py" "$DIR/settings.json" "$DIR") ||
    fail "the machine could not be prepared"
  load_env "$DIR/env"
  say "instance $DROVER_INSTANCE_ID"

  if [ -s "$DIR/init.sh" ]; then
    # In a shell of its own, but what it exports stays. Only an exit of its own is a failure.
    (
      trap '(umask 077; env -0 >"$DIR/env")' EXIT
      trap - TERM INT HUP
      . "$DIR/init.sh"
      : >"$DIR/init.done"
    )
    local status=$?
    [ $status = 0 ] || [ -e "$DIR/init.done" ] || fail "the init script ended with status $status"
    load_env "$DIR/env"
  fi

  get_git &
  GIT=$!
  find_agent
  wait $GIT
  # What the agent finds as python3 makes the environments of tasks.
  [ "$AGENT_PYTHON" = "$DIR/venv/bin/python" ] && PATH="$DIR/venv/bin:$PATH"
  python3 "$DIR/guard.py" "$DIR/settings.json" "$AGENT_PYTHON" &
  GUARD=$!
  trap 'kill -TERM $GUARD 2>/dev/null' TERM INT HUP
  wait $GUARD
  CODE=$?
  # A signal ends the wait, not the guard.
  while kill -0 $GUARD 2>/dev/null; do
    wait $GUARD
    CODE=$?
  done
  # Its status is still known, if a signal came just then.
  wait $GUARD 2>/dev/null
  local late=$?
  [ $late = 127 ] || CODE=$late
  GUARD=
  case $CODE in
  0) REASON="the guard is done" ;;
  3) REASON="the agent ended by itself" ;;
  *) REASON="the guard was lost (status $CODE)" ;;
  esac
  exit $CODE
}

main </dev/null
