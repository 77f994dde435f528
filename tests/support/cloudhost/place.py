# SPDX-License-Identifier: Apache-2.0
"""A cloudhost's part of the host: a bridge with its subnet, rules for the way out, a folder; and the
proof that it is somebody's. Whoever holds the lock of a number owns everything with that number in
its name; a lock that nobody holds means remains, which are removed before the number is used again.
"""
import contextlib
import fcntl
import os
import shutil
import subprocess
import time

LOCKS = "/run/drover-cloudhost"
FORWARD = "/proc/sys/net/ipv4/ip_forward"
NUMBERS, ADDRESSES = 64, 1021


class CloudHostError(Exception):
    pass


def command(*argv, stdin=None):
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, stdin=None if stdin
                          else subprocess.DEVNULL)
    if done.returncode != 0:
        raise CloudHostError("%s: %s" % (" ".join(argv), done.stderr.strip()))
    return done.stdout


def lock(path, wait, how=os.O_CREAT):
    """A descriptor that holds the lock, or None. Whoever let go of it may have removed the path."""
    while True:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | how, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(fd)
            return None
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(fd), os.stat(path)):
                return fd
        os.close(fd)


@contextlib.contextmanager
def door():
    """One at a time comes or goes."""
    while True:
        os.makedirs(LOCKS, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            fd = lock(LOCKS, True, os.O_DIRECTORY)
            break
    try:
        yield
    finally:
        os.close(fd)


def held():
    """Numbers whose cloudhost lives."""
    for name in os.listdir(LOCKS):
        if name.isdigit():
            fd = lock(os.path.join(LOCKS, name), False)
            if fd is None:
                yield int(name)
            else:
                os.close(fd)


def processes_with(marker):
    word = b"\0%s\0" % marker.encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open("/proc/%s/cmdline" % pid, "rb") as file:
            if word in file.read():
                yield int(pid)


def links_of(bridge):
    return [name for name in os.listdir("/sys/class/net")
            if name == bridge or name.startswith(bridge + "-")]


class Place:
    def __init__(self, wanted=None):
        """wanted: that number, which must be free, instead of the first that is."""
        if os.geteuid() != 0:
            raise CloudHostError("cloudhost needs root: each machine gets namespaces of its own")
        with door():
            living = set(held())
            for name in os.listdir(LOCKS):
                if name.isdigit() and int(name) not in living:
                    self.sweep(int(name))
                    os.unlink(os.path.join(LOCKS, name))
            choice = range(NUMBERS) if wanted is None else [wanted]
            number = next((n for n in choice if n not in living), None)
            if number is None:
                raise CloudHostError("taken is each place of %s" % list(choice))
            self.fd = lock(os.path.join(LOCKS, str(number)), False)
            self.number, self.bridge = number, self.bridge_name(number)
            self.marker, self.folder = self.names(number)
            try:
                self.build()
            except BaseException:
                self.remove()
                raise

    @staticmethod
    def bridge_name(number):
        return "dch%d" % number

    @staticmethod
    def names(number):
        marker = "drover-cloudhost-%d" % number
        return marker, "/var/tmp/" + marker

    @property
    def gateway(self):
        """The host as its machines see it."""
        return "10.213.%d.1" % (self.number * 4)

    def address(self, serial):
        """Taken in turn, so that one that was just in use is not used again soon."""
        n = 2 + serial % ADDRESSES
        return "10.213.%d.%d/22" % (self.number * 4 + n // 256, n % 256)

    def build(self):
        os.makedirs(self.folder, 0o711, exist_ok=True)
        command("ip", "-batch", "-", stdin="link add {0} type bridge\naddr add {1}/22 dev {0}\n"
                "link set {0} addrgenmode none up\n".format(self.bridge, self.gateway))
        self.let_out()

    def let_out(self):
        """Masquerade, so that machines reach the package index. Without iptables they do not."""
        if not shutil.which("iptables"):
            return
        saved = os.path.join(LOCKS, "forward")
        if not os.path.exists(saved):
            with open(FORWARD) as now, open(saved, "w") as file:
                file.write(now.read())
        with open(FORWARD, "w") as file:
            file.write("1\n")
        subnet = "10.213.%d.0/22" % (self.number * 4)
        for rule in (("-t", "nat", "-A", "POSTROUTING", "-s", subnet, "!", "-o", self.bridge,
                      "-j", "MASQUERADE"),
                     ("-I", "FORWARD", "-i", self.bridge, "-j", "ACCEPT"),
                     ("-I", "FORWARD", "-o", self.bridge, "-j", "ACCEPT")):
            command("iptables", "-w", *rule, "-m", "comment", "--comment", self.marker)

    def release(self):
        with door():
            self.remove()

    def remove(self):
        self.sweep(self.number)
        os.unlink(os.path.join(LOCKS, str(self.number)))
        os.close(self.fd)
        saved = os.path.join(LOCKS, "forward")
        if os.path.exists(saved) and not any(True for _ in held()):
            with open(saved) as file, open(FORWARD, "w") as now:
                now.write(file.read())
            os.unlink(saved)
        with contextlib.suppress(OSError):
            os.rmdir(LOCKS)  # if it is the last

    @classmethod
    def sweep(cls, number):
        """Leaves nothing of that number behind, whatever state it is in."""
        marker, folder = cls.names(number)
        while True:
            pids = list(processes_with(marker))
            if not pids:
                break
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            time.sleep(0.02)
        # The bridge last: the cables go with the namespaces, which the kernel takes its time for.
        for name in sorted(links_of(cls.bridge_name(number)), reverse=True):
            with contextlib.suppress(CloudHostError):
                command("ip", "link", "del", name)
        if shutil.which("iptables"):
            for table in ("nat", "filter"):
                for rule in command("iptables", "-w", "-t", table, "-S").split("\n"):
                    if "--comment %s " % marker in rule + " ":
                        command("iptables", "-w", "-t", table, "-D", *rule.split()[1:])
        shutil.rmtree(folder, ignore_errors=True)
