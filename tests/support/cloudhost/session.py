# SPDX-License-Identifier: Apache-2.0
"""A machine as cloudhost keeps it: its folder on the disk, and the session while it has power."""
import contextlib
import gzip
import os

from . import standins

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FOLDERS = ("home", "tmp", "var-tmp", "host", "mnt", "cloud/instance/scripts",
           "cloud/scripts/per-boot", "cloud/scripts/per-once")
PART = "/var/lib/cloud/instance/scripts/part-001"
RUNPARTS = "/var/lib/cloud/instance/scripts/runparts"
# What cloud-init does at each start before the user's script, which runs at the first one only.
EACH_BOOT = """#!/bin/sh
for part in /var/lib/cloud/scripts/per-boot/*; do
  [ -x "$part" ] && "$part"
done
"""


def unpack(data):
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def resolv_conf():
    """None where the host's own will do: a resolver on its loopback is out of a machine's reach."""
    with contextlib.suppress(OSError):
        with open("/etc/resolv.conf") as file:
            if "nameserver 127." not in file.read():
                return None
        with open("/run/systemd/resolve/resolv.conf") as file:
            return file.read()
    return None


class Session:
    """state: starting, up, ended. how (once ended): off, reboot, lost, killed, failed."""

    def __init__(self, instance, folder, metadata, user_data, gpus):
        self.instance, self.folder, self.metadata = instance, folder, metadata
        self.user_data, self.gpus = user_data, gpus
        self.state, self.how, self.error = "ended", "", ""
        self.number = self.pid = self.server = None
        self.boots = 0
        self.unplugged = False  # the cloud was seen to have it without power since the last start
        self.posted = 0
        os.mkdir(folder, 0o700)
        for name in FOLDERS:
            os.makedirs(os.path.join(folder, name), 0o755)
        for name in ("tmp", "var-tmp"):
            os.chmod(os.path.join(folder, name), 0o1777)
        os.chmod(os.path.join(folder, "home"), 0o700)
        os.mkfifo(os.path.join(folder, "host", "power"), 0o600)
        self.console_path = os.path.join(folder, "console")
        open(self.console_path, "w").close()

    def script(self):
        """(path within the machine, what cloud-init has to say)."""
        if self.boots > 1:
            self.put(RUNPARTS, EACH_BOOT.encode())
            return RUNPARTS, ""
        script = unpack(self.user_data)
        if not script.startswith(b"#!"):
            return None, script and "Unhandled non-multipart (text/x-not-multipart) userdata"
        self.put(PART, script)
        return PART, ""

    def put(self, path, data):
        path = self.folder + "/cloud" + path[len("/var/lib/cloud"):]
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "wb") as file:
            file.write(data)

    def spec(self, number, place, env, share, stop_grace_s):
        """What the launcher is told; counts as a boot."""
        self.boots += 1
        self.number, self.state, self.how, self.unplugged = number, "starting", "", False
        script, say = self.script()
        return {
            "start": number, "folder": self.folder, "script": script, "say": say, "env": env,
            "host_name": self.instance.host_name.partition(".")[0],
            "private_ip": self.instance.private_ip, "address": place.address(number),
            "gateway": place.gateway, "bridge": place.bridge,
            "link": "%s-%d" % (place.bridge, number), "metadata": self.metadata.address,
            "share": share, "stop_grace_s": stop_grace_s,
            "files": standins.files(self.instance, self.gpus.count, resolv_conf())}

    def show_gpus(self, lacking=0, broken=False):
        with open(os.path.join(self.folder, "host", "gpus"), "w") as file:
            file.write("%s\n%s\n%s\n" % (
                "broken" if broken else max(0, self.gpus.count - lacking), self.gpus.model,
                self.gpus.memory_mib))

    def press(self, word):
        """The power switch, as the first process reads it (machine.py)."""
        with contextlib.suppress(OSError):
            fd = os.open(os.path.join(self.folder, "host", "power"), os.O_WRONLY | os.O_NONBLOCK)
            os.write(fd, word.encode())
            os.close(fd)

    def log(self, last=None):
        with open(self.console_path, "rb") as file:
            if last:
                file.seek(max(0, os.path.getsize(self.console_path) - last))
            return file.read()

    def processes(self):
        """pid (as the host counts) -> command line, of all that runs on the machine but its first."""
        found = {}
        if self.state != "up":
            return found
        with contextlib.suppress(OSError):
            ours = os.readlink("/proc/%d/ns/pid" % self.pid)
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    if int(pid) != self.pid and os.readlink("/proc/%s/ns/pid" % pid) == ours:
                        with open("/proc/%s/cmdline" % pid, "rb") as file:
                            found[int(pid)] = file.read().replace(b"\0", b" ").decode(
                                errors="replace").strip()
        return found
