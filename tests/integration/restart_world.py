# SPDX-License-Identifier: Apache-2.0
"""What the restart tests share: a flock of counted tasks, actors killed on the way, and the promise
that must hold whoever was killed when."""
import contextlib
import ctypes
import json
import os
import signal
import struct
import subprocess
import time

from world import BIN, MachineWatch, World, eventually, processes

ACTORS = ("bus", "ledger", "watcher", "planner", "provisioner", "reaper")


def config(cap):
    """Machines of one type for queue cpu. A task takes an agent about ten seconds here, so an orphan
    is told from a slow start after 40 s, not at once."""
    return {"machine_types": [{"name": "small", "account": "local", "max_machines": cap,
                               "idle_timeout": "5s"}],
            "queues": [{"name": "cpu", "types": ["small"]}],
            "timing": {"workers_period": "2s", "queue_reread": "2s", "drain_poll": "1s",
                       "drain_grace": "20s", "orphan": "40s", "key_sweep": "10s"},
            "supervisor": {"backoff_max": "200ms"}}


class Launches:
    """Every machine folder ever made below `folder`, told by the kernel: a machine too many is seen
    however short it lived. The folder is named by its launch, so a launch said twice is one."""
    IN_CREATE = 0x100
    HEADER = struct.Struct("iIII")

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if libc.inotify_add_watch(self._fd, folder.encode(), self.IN_CREATE) < 0:
            raise OSError(ctypes.get_errno(), "inotify_add_watch: " + folder)

    def stop(self):
        """The names; call once."""
        names, data = set(), b""
        with contextlib.suppress(BlockingIOError):
            while True:
                data += os.read(self._fd, 1 << 16)
        os.close(self._fd)
        while data:
            length = self.HEADER.unpack_from(data)[3]
            names.add(data[self.HEADER.size:self.HEADER.size + length].rstrip(b"\0").decode())
            data = data[self.HEADER.size + length:]
        return {name for name in names if not name.startswith(".")}


class Flock(World):
    """A world with `tasks` tasks, at most `cap` machines, and crash points that fire once each."""

    def __init__(self, tasks, cap, crash_points=()):
        super().__init__(config=config(cap), queues=("cpu",))
        self.expected = min(tasks, cap)
        self.marks = [os.path.join(self.dir, point.replace(":", "-")) for point in crash_points]
        self.env["DROVER_CRASH_AT"] = ",".join(
            "%s@%s" % pair for pair in zip(crash_points, self.marks))
        self.names = ["task%02d" % i for i in range(tasks)]
        self.tasks = []

    def __enter__(self):
        super().__enter__()
        self.keys_before = sorted(pair["access_key"] for pair in self.credentials())
        self.watch = MachineWatch(self)
        self.launches = Launches(os.path.join(self.state_dir, "machines"))
        return self

    def __exit__(self, kind, *rest):
        self.watch.stop()
        if kind is not None:
            print("---- runs: %s\n---- machines ever: %s" % (self.runs(), sorted(self.watch.ever)))
        super().__exit__(kind, *rest)

    def enqueue_all(self):
        self.tasks = [self.create_task(name) for name in self.names]
        for task in self.tasks:
            self.enqueue(task, "cpu")

    def completed(self):
        return sum(status == "completed" for status in self.status(self.tasks).values())

    def wait_completed(self, count, timeout_s=120):
        eventually(lambda: self.completed() >= count, timeout_s, "%d tasks completed" % count)

    # ---- what is killed ----------------------------------------------------------------------------
    def kill_actor(self, name):
        """SIGKILL, and its successor runs."""
        pid = eventually(lambda: self.actor_pid(name), 30, "%s runs" % name)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: self.actor_pid(name) not in (None, pid), 30, "a new %s runs" % name, 0.02)

    def kill_droverd(self):
        children = {pid for pid, (parent, _) in processes().items() if parent == self.droverd.pid}
        assert len(children) >= len(ACTORS), children
        self.droverd.kill()
        self.droverd.wait()
        eventually(lambda: not children & set(processes()), 10, "no actor outlives droverd", 0.02)

    def kill_by(self, plan):
        """plan: [(seconds from now, who), ...]. Nobody waits for the one killed before to be ready."""
        started = time.monotonic()
        for at_s, name in plan:
            time.sleep(max(0, started + at_s - time.monotonic()))
            if name == "droverd":
                self.kill_droverd()
                self.start_droverd()
            else:
                self.kill_actor(name)

    def wait_at_work(self):
        """Ready actors may still be fetching the rows that they begin with; two pictures later they
        have them and look at the queues."""
        with self.tap("queues.observed") as pictures:
            for _ in range(2):
                next(pictures)

    @contextlib.contextmanager
    def frozen(self, name):
        pid = self.actor_pid(name)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def kill_server(self):
        self.server.kill()
        self.server.wait()

    @contextlib.contextmanager
    def tap(self, topic):
        """The lines of `drover tap`, one event each; a stranger's way of knowing what happens."""
        process = subprocess.Popen(
            [os.path.join(BIN, "drover"), "--config", self.config_path, "--json", "tap", topic],
            stdout=subprocess.PIPE, text=True)
        try:
            yield (json.loads(line) for line in process.stdout)
        finally:
            process.kill()
            process.communicate()

    # ---- the promise ---------------------------------------------------------------------------------
    def check_promise(self, timeout_s=200):
        """All complete, none ran twice, exactly as many machines as needed ever, nothing left."""
        started = time.monotonic()
        eventually(lambda: self.all_completed(self.tasks), timeout_s, "all tasks completed")
        completed_s = time.monotonic() - started
        eventually(lambda: not self.machine_processes(), 90, "machines gone when idle")
        eventually(lambda: not self.workers(), 30, "the workers list is empty again")
        eventually(self.keys_are_gone, 60, "their keys are revoked")
        self.watch.stop()
        runs = sorted(name for name, _ in self.runs())
        assert runs == self.names, "each task runs once: %s" % self.runs()
        ever = self.watch.ever | self.launches.stop()
        assert len(ever) == self.expected, (
            "%d machines were needed, these were there: %s" % (self.expected, sorted(ever)))
        missing = [mark for mark in self.marks if not os.path.exists(mark)]
        assert not missing, "crash points that were never reached: %s" % missing
        print("restart: %d tasks completed, each run once, %d machines, 0 left "
              "(%.0f s to the last end, %.0f s to the last trace)"
              % (len(self.tasks), len(ever), completed_s, time.monotonic() - started),
              flush=True)

    def keys_are_gone(self):
        return sorted(pair["access_key"] for pair in self.credentials()) == self.keys_before
