#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# as_user.sh TEST LAUNCHER: runs the test as nobody, on copies that nobody can read.
# 77 (skipped) where that says nothing: not root, or a host without user namespaces.
set -eu
[ "$(id -u)" = 0 ] || { echo "not root: local_machine ran as a user already"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cp "$1" "$dir/test"
cp "$2" "$dir/drover-local-machine"
run="setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all"
if ! reason=$($run "$dir/drover-local-machine" --check); then
    echo "skipped: $reason"
    exit 77
fi
DROVER_LOCAL_MACHINE="$dir/drover-local-machine" HOME=/nonexistent $run "$dir/test"
