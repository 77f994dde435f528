# SPDX-License-Identifier: Apache-2.0
"""Processes of this machine, as /proc and docker show them."""
import os
import subprocess
import time


def clock():
    """Seconds that also run while the machine sleeps (CLOCK_BOOTTIME)."""
    return time.clock_gettime(7)


def processes():
    """pid -> (parent, group) of every process that runs; zombies do not."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, errors="replace") as f:
                    state, parent, group = f.read().rpartition(")")[2].split()[:3]
                if state not in "ZX":
                    found[int(name)] = int(parent), int(group)
            except (OSError, ValueError):
                pass
    return found


def descendants(pid):
    table, found = processes(), {pid}
    while True:
        more = {p for p, (parent, _) in table.items() if parent in found} - found
        if not more:
            return found - {pid}
        found |= more


def marked(mark):
    """Every process that inherited the line `mark` in its environment, wherever it fled."""
    found = set()
    for pid in processes():
        try:
            with open("/proc/%d/environ" % pid, "rb") as f:
                if mark.encode() in f.read().split(b"\0"):
                    found.add(pid)
        except OSError:
            pass
    return found


def is_agent(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            words = f.read().split(b"\0")
        return b"clearml_agent" in words or any(w.endswith(b"/clearml-agent") for w in words)
    except OSError:
        return False


def send(pid, number):
    try:
        os.kill(pid, number)
    except OSError:
        pass


def docker(*words):
    """Output lines of a docker command; none if it fails."""
    try:
        p = subprocess.run(("docker",) + words, stdout=subprocess.PIPE, timeout=10,
                           stderr=subprocess.DEVNULL, universal_newlines=True)
        return p.stdout.split() if p.returncode == 0 else []
    except (OSError, subprocess.SubprocessError):
        return []


def in_container(container):
    """Host pids of a container's processes; empty if we may not see them."""
    found = set()
    for first in docker("inspect", "-f", "{{.State.Pid}}", container):
        try:
            space = os.readlink("/proc/%s/ns/pid" % first)
        except OSError:
            continue
        for pid in processes():
            try:
                if os.readlink("/proc/%d/ns/pid" % pid) == space:
                    found.add(pid)
            except OSError:
                pass
        if space == os.readlink("/proc/self/ns/pid"):  # --pid=host: not a set of its own
            found = {int(first)} | descendants(int(first))
    return found
