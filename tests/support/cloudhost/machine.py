# SPDX-License-Identifier: Apache-2.0
"""One machine, from the inside: what the forked child does to become the first process of a machine
with namespaces of its own (net, uts, mount, ipc, pid), and what that first process then does.

Standard library only and little of it: launcher.py forks this for every machine. The file system is
the host's with a layer above it that takes what is written; /tmp, /var/tmp, /root and /var/lib/cloud
are the machine's own folders on the host's disk, and outlast a reboot.
"""
import array
import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import time

OFF, REBOOT = 10, 11  # exit status of the first process
NEWNS, NEWUTS, NEWIPC, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, CAP_SYS_MODULE, CAP_SYS_TIME = 1, 24, 16, 25
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFINDEX, SIOCBRADDIF = 0x8913, 0x8914, 0x8933, 0x89a2
IFF_UP, IP_FREEBIND = 1, 15

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *words):
    plain = [w.encode() if isinstance(w, str) else w for w in words]
    if getattr(libc, name)(*plain) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s%r: %s" % (name, words, os.strerror(number)))


def mount(source, target, kind=None, flags=0, data=None):
    call("mount", source, target, kind, ctypes.c_ulong(flags), data)


def bind(source, target):
    """Over a file or a folder, which is made if it is missing."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "w").close()
    mount(source, target, None, MS_BIND | MS_REC)


class Home:
    """What a child needs of the host it leaves."""

    def __init__(self):
        self.net = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.pid = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self.links = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # stays in this net

    def new_pid_namespace(self):
        """For the next child. A second unshare needs the way back first."""
        call("setns", self.pid, NEWPID)
        call("unshare", NEWPID)

    def plug(self, link, bridge):
        """The host's end of a machine's cable into the bridge, and up."""
        def ask(number, form, name, value):
            answer = fcntl.ioctl(self.links, number, struct.pack(form, name.encode(), value))
            return struct.unpack(form, answer)[1]
        ask(SIOCBRADDIF, "16si20x", bridge, ask(SIOCGIFINDEX, "16si20x", link, 0))
        ask(SIOCSIFFLAGS, "16sh22x", link, IFF_UP | ask(SIOCGIFFLAGS, "16sh22x", link, 0))


def network(spec, home):
    """eth0 on the host's bridge; the address of the metadata service on lo. One run of ip."""
    text = """link set lo up
addr add {metadata}/32 dev lo
link add eth0 type veth peer name {link} netns /proc/self/fd/{net}
addr add {address} dev eth0
addr add {private_ip}/32 dev eth0
link set eth0 addrgenmode none up
route add default via {gateway}
""".format(net=home.net, **spec)
    out, into = os.pipe()
    os.write(into, text.encode())
    os.close(into)
    os.set_inheritable(home.net, True)
    pid = os.posix_spawnp("ip", ["ip", "-batch", "-"], {"PATH": spec["env"]["PATH"]}, file_actions=[
        (os.POSIX_SPAWN_DUP2, out, 0), (os.POSIX_SPAWN_DUP2, spec["console_fd"], 2)])
    os.close(out)
    if os.waitpid(pid, 0)[1] != 0:
        raise OSError("ip could not set up the network; its words are in the console log")
    home.plug(spec["link"], spec["bridge"])


def metadata_socket(address):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    sock.bind((address, 80))
    sock.listen(64)
    return sock


def files(spec):
    """Mounts the machine's file system and makes it the root."""
    folder = spec["folder"]
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    layer = folder + "/mnt"
    # The kernel refuses a layer that lies within the one below it, hence memory and not the disk.
    mount("cloudhost", layer, "tmpfs", MS_NODEV, "mode=755")
    for name in ("up", "work", "root"):
        os.mkdir(layer + "/" + name)
    for path, text in spec["files"].items():
        path = layer + "/up" + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = 0o755 if text.startswith("#!") else 0o644
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, mode), "w") as file:
            file.write(text)
    root = layer + "/root"
    mount("overlay", root, "overlay", 0,
          "lowerdir=/,upperdir={0}/up,workdir={0}/work".format(layer))
    mount("sysfs", root + "/sys", "sysfs")
    mount("/sys/fs/cgroup", root + "/sys/fs/cgroup", None, MS_BIND | MS_REC)
    mount("/dev", root + "/dev", None, MS_BIND | MS_REC)
    mount("tmpfs", root + "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV)
    mount("proc", root + "/proc", "proc")
    if os.path.exists("/proc/sysrq-trigger"):
        mount(folder + "/host/power", root + "/proc/sysrq-trigger", None, MS_BIND)
    for own, place in (("tmp", "/tmp"), ("var-tmp", "/var/tmp"), ("home", "/root"),
                       ("cloud", "/var/lib/cloud"), ("host", "/run/cloudhost")):
        bind(folder + "/" + own, root + place)
    for path in spec["share"]:
        bind(path, root + path)
    os.chdir(root)
    call("pivot_root", ".", ".")
    call("umount2", ".", MNT_DETACH)
    os.chdir("/")


def run(spec, home, sock):
    """The forked child: never returns."""
    number = spec["start"]
    try:
        call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.umask(0o022)
        os.setsid()
        spec["console_fd"] = os.open(spec["folder"] + "/console",
                                     os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        call("unshare", NEWNET | NEWNS | NEWUTS | NEWIPC)
        socket.sethostname(spec["host_name"])
        network(spec, home)
        metadata = metadata_socket(spec["metadata"])
        pid = int(os.readlink("/proc/self"))  # as the host counts
        files(spec)
        for cap in (CAP_SYS_MODULE, CAP_SYS_TIME):  # these two reach beyond the machine
            call("prctl", PR_CAPBSET_DROP, cap, 0, 0, 0)
        message = json.dumps({"up": number, "pid": pid}).encode()
        sock.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                  array.array("i", [metadata.fileno()]))])
    except BaseException as error:
        sock.send(json.dumps({"failed": number, "error": str(error)}).encode())
        os._exit(1)
    First(spec).live()


class First:
    """The first process: starts the script, buries the dead, and waits for the power switch. The
    machine goes on when its script has ended, as machines do."""

    def __init__(self, spec):
        self.spec, self.console = spec, spec["console_fd"]
        self.script = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        keep = self.console
        os.closerange(3, keep)
        os.closerange(keep + 1, 1024)
        self.wake, signal_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(signal_end)
        self.power = os.open("/run/cloudhost/power", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def say(self, text):
        os.write(self.console, ("cloud-init: %s\n" % text).encode())

    def start(self):
        """A session of its own without a terminal; nothing of this process but the log."""
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1,
                               signal.SIGUSR2, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
                    signal.signal(number, signal.SIG_DFL)
                os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
                os.dup2(self.console, 1)
                os.dup2(self.console, 2)
                os.closerange(3, 1024)
                os.execve(self.spec["script"], [self.spec["script"]], self.spec["env"])
            except OSError as error:
                os.write(2, ("cloud-init: %s: %s\n" % (self.spec["script"], error)).encode())
            finally:
                os._exit(126)
        self.script = pid

    def live(self):
        try:
            if self.spec["script"]:
                self.start()
            if self.spec.get("say"):
                self.say(self.spec["say"])
            while True:
                ready, _, _ = select.select([self.wake, self.power], [], [])
                if self.wake in ready:
                    os.read(self.wake, 4096)
                    self.bury()
                if self.power in ready:
                    self.switch(os.read(self.power, 4096).decode("ascii", "replace"))
        except Exception as error:
            self.say("cloudhost's first process broke: %r" % error)
        finally:
            os._exit(1)

    def bury(self):
        """False once no process is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.script:
                self.say("the script ended with status %d" % os.waitstatus_to_exitcode(status))

    def switch(self, words):
        """What /proc/sysrq-trigger and the stand-ins of shutdown say: o and b at once, O and R in
        order, that is SIGTERM to all and time to heed it."""
        for word in words:
            if word in "OR":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGTERM)
                end = time.monotonic() + self.spec["stop_grace_s"]
                while self.bury() and time.monotonic() < end:
                    select.select([self.wake], [], [], max(0, end - time.monotonic()))
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake, 4096)
            if word in "OoRb":
                os._exit(OFF if word in "Oo" else REBOOT)
