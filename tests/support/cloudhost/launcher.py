# SPDX-License-Identifier: Apache-2.0
"""Forks the machines. A lean process of its own, because a fork costs what its parent weighs and
must not happen amid threads; and because it lives no longer than the socket to its parent, so that
no machine outlives a test, however that ended.

usage: launcher.py FD MARKER   (the marker is how remains are found)

Each packet is a JSON object. To here: {"start": NUMBER, ...} (see machine.py), {"kill": NUMBER}.
From here: {"up": NUMBER, "pid": PID} with the socket of the machine's metadata service attached,
{"failed": NUMBER, "error": TEXT}, {"ended": NUMBER, "how": off|reboot|lost}.
"""
import json
import os
import select
import signal
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machine  # noqa: E402


def how_it_ended(status):
    """reboot(2) within a pid namespace kills its first process by a signal that tells which."""
    if os.WIFSIGNALED(status):
        return {signal.SIGINT: "off", signal.SIGHUP: "reboot"}.get(os.WTERMSIG(status), "lost")
    return {machine.OFF: "off", machine.REBOOT: "reboot"}.get(os.WEXITSTATUS(status), "lost")


class Launcher:
    def __init__(self, sock):
        self.sock, self.pids = sock, {}
        self.home = machine.Home()
        wake, signal_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.wake = wake
        signal.set_wakeup_fd(signal_end)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # its parent's end is its end

    def start(self, spec):
        self.home.new_pid_namespace()
        pid = os.fork()
        if pid == 0:
            try:
                machine.run(spec, self.home, self.sock)
            finally:
                os._exit(1)
        self.pids[pid] = spec["start"]

    def kill(self, number):
        for pid, theirs in self.pids.items():
            if theirs == number:
                os.kill(pid, signal.SIGKILL)

    def reap(self):
        while self.pids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            number = self.pids.pop(pid, None)
            if number is not None:
                self.say({"ended": number, "how": how_it_ended(status)})

    def say(self, message):
        try:
            self.sock.send(json.dumps(message).encode())
        except OSError:
            pass  # nobody is left to hear it

    def serve(self):
        while True:
            ready, _, _ = select.select([self.sock, self.wake], [], [])
            if self.wake in ready:
                os.read(self.wake, 4096)
            self.reap()
            if self.sock in ready:
                packet = self.sock.recv(1 << 17)
                if not packet:
                    break
                message = json.loads(packet)
                if "start" in message:
                    self.start(message)
                else:
                    self.kill(message["kill"])
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
        while self.pids:
            self.pids.pop(os.wait()[0], None)


if __name__ == "__main__":
    Launcher(socket.socket(fileno=int(sys.argv[1]))).serve()
