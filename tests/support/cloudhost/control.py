# SPDX-License-Identifier: Apache-2.0
"""What a test asks of a CloudHost and does to its machines. `id` is always an instance id."""
import os
import subprocess
import time

from .place import CloudHostError


class Control:
    # -- to see ------------------------------------------------------------------------------

    def sessions(self, state=None):
        """id -> Session (see session.py), of all machines ever or those starting, up, ended."""
        with self.changed:
            return {id: s for id, s in self.machines.items() if state in (None, s.state)}

    def session(self, id):
        try:
            return self.machines[id]
        except KeyError:
            raise CloudHostError("no machine was ever started for %s; %s" % (
                id, "; ".join(self.errors) or "no error was met")) from None

    def log(self, id):
        """The boot log: all that the script and its children printed."""
        return self.session(id).log().decode(errors="replace")

    def processes(self, id):
        return self.session(id).processes()

    def root(self, id):
        """The machine's file system as a path of the host, while it has power."""
        return "/proc/%d/root" % self.session(id).pid

    def read(self, id, path):
        """A file of the machine, or None. /tmp and /root can be read after its end, too."""
        session = self.session(id)
        for place, folder in (("/tmp/", "tmp/"), ("/root/", "home/")):
            if path.startswith(place):
                path = os.path.join(session.folder, folder, path[len(place):])
                break
        else:
            path = self.root(id) + path
        try:
            with open(path, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def run(self, id, *argv, **how):
        """Runs a command within the machine: subprocess.CompletedProcess with its text."""
        session = self.session(id)
        if session.state != "up":
            raise CloudHostError("%s has no power" % id)
        return subprocess.run(
            ["nsenter", "-t", str(session.pid), "--mount", "--uts", "--ipc", "--net", "--pid",
             "--root", "--wd"] + list(argv), env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)

    # -- to wait -----------------------------------------------------------------------------

    def wait(self, condition, seconds=30, what="the condition"):
        """condition()'s first true value."""
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError("not within %d s: %s; %s" % (
                    seconds, what, "; ".join(self.errors) or "cloudhost met no error"))
            with self.changed:
                self.changed.wait(0.05)

    def wait_up(self, id, seconds=30):
        def up():
            session = self.machines.get(id)
            if session and session.how == "failed":
                raise AssertionError("%s: %s\n%s" % (id, session.error, self.log(id)))
            return session and session.state == "up" and session
        return self.wait(up, seconds, id + " up")

    def wait_ended(self, id, seconds=60):
        """How it ended: off (by itself), killed (by the cloud), lost (no cause is known)."""
        def ended():
            with self.changed:  # or a reboot might pass for an end
                session = self.machines.get(id)
                return session and session.state == "ended" and session
        return self.wait(ended, seconds, "the end of " + id).how

    def wait_log(self, id, text, seconds=30):
        def said():
            return id in self.machines and text in self.log(id)
        return self.wait(said, seconds, "%r in the log of %s" % (text, id))

    # -- to do -------------------------------------------------------------------------------

    def notice(self, id, seconds=120, action="terminate"):
        """The metadata service announces the end; None for seconds takes that back. The end itself
        is the test's to bring."""
        session = self.session(id)
        session.metadata.notice(seconds, action)
        if seconds is not None:
            self.adapter.notice(session.instance)

    def rebalance(self, id, on=True):
        self.session(id).metadata.recommend(on)

    def cut(self, id):
        """Power fails: every process is gone at once, the cloud is not told."""
        session = self.session(id)
        if session.number in self.by_number:
            self.order({"kill": session.number})

    def switch_off(self, id):
        """As `shutdown -h now` within the machine."""
        self.session(id).press("O")

    def reboot(self, id):
        self.session(id).press("R")

    def gpu_fault(self, what, lacking=0, broken=False):
        """From now on, machines of that type, or the machine of that id, lack GPUs, or their driver
        does not work."""
        self.gpu_faults[what] = {"lacking": lacking, "broken": broken}
        for session in self.sessions().values():
            self.show_gpus(session)

    def show_gpus(self, session):
        faults, instance = self.gpu_faults, session.instance
        session.show_gpus(**(faults.get(instance.id) or faults.get(instance.type) or {}))
