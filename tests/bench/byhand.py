# SPDX-License-Identifier: Apache-2.0
"""Starts an actor as droverd would, by hand: the handover on fd 3 and nothing else."""
import os
import socket
import subprocess


def start(program, source, token, state_dir, run_dir, config, peers=()):
    """Returns (process, our end of its line). Lines as in proto/control.h."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$0" 3<&%d' % theirs.fileno(), program],
        pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL)
    theirs.close()
    lines = ["HELLO 1", "SOURCE " + source, "BOOT byhand", "TOKEN " + token,
             "STATEDIR " + state_dir, "RUNDIR " + run_dir, "WATCHDOG_MS 30000",
             "CONFIG %d\n%s" % (len(config.encode()), config)]
    lines += ["PEER %s %s" % peer for peer in peers] + ["GO"]
    ours.sendall(("\n".join(lines) + "\n").encode())
    return process, ours


def wait_ready(line):
    said = b""
    while b"READY\n" not in said:
        more = line.recv(4096)
        if not more:
            raise RuntimeError("ended before it was ready: %r" % said)
        said += more


def token():
    return os.urandom(32).hex()
