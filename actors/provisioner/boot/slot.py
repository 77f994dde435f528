# SPDX-License-Identifier: Apache-2.0
"""One agent of the machine."""
import ctypes
import os
import re
import signal
import subprocess
import time

from procs import clock, descendants, send

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
# What a clearml-agent says with --foreground (its commands/worker.py, run_tasks_loop). It repeats
# its task's output too, between RUNS and DONE, and not all of it ends with a newline.
SLEEPS = re.compile(r"No tasks in Queues, sleeping for ([0-9.]+) seconds$")
EMPTY = re.compile(r"No tasks in queue \w+$")
RUNS = re.compile(r"task (\w+) pulled from \w+ by worker |Running task '(\w+)'$")
DONE = re.compile(r"DONE: Running task '(\w+)'|status=in_progress task id '(\w+)', skipping$")
CRASH = re.compile(r"FATAL ERROR:$")


def dies_with_parent(number):
    LIBC.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def spare_from_oom(score):
    """Root's privilege; without it the kernel chooses as it likes."""
    try:
        with open("/proc/self/oom_score_adj", "w") as f:
            f.write(str(score))
    except OSError:
        pass


class Slot:
    """One agent and what is known of it from its own words and its children."""

    def __init__(self, index, worker, argv, env):
        self.worker, self.argv, self.env = worker, argv, env
        self.mark = "DROVER_SLOT=%s" % env["DROVER_SLOT"]
        self.index, self.proc, self.starts = index, None, 0
        self.room = 1000  # lines of it for the log
        self.forget()

    def forget(self):
        self.line, self.sleeps_until, self.sleep = b"", 0, 5.0
        # the task that it runs, and whether it was over but its end not known to be reported
        self.task, self.unreported, self.in_conf = None, False, False
        self.idle_since, self.childless_since = None, None

    def start(self):
        def child():
            os.setpgid(0, 0)
            # an agent never outlives its guard, and says nothing when it goes (P15)
            dies_with_parent(signal.SIGKILL)
            spare_from_oom(0)
        self.forget()
        self.starts += 1
        self.proc = subprocess.Popen(self.argv, env=self.env, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     bufsize=0, preexec_fn=child)
        os.set_blocking(self.proc.stdout.fileno(), False)

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def hear(self, line, stamp):
        """Learns from one line of the agent; true if the line is worth keeping. The task's output
        is not (it is the server's, and without end), nor is the configuration."""
        self.sleeps_until = 0
        if self.task:
            done = DONE.search(line)
            over = CRASH.match(line) or done and self.task in done.groups()
            if over:
                self.task, self.unreported = None, True
            return bool(over)
        runs, sleeps = RUNS.search(line), SLEEPS.search(line)
        if runs:
            self.task = runs.group(1) or runs.group(2)
        elif sleeps:
            self.sleep = float(sleeps.group(1))
            self.sleeps_until = stamp + self.sleep
        elif EMPTY.search(line):  # the server answered: whatever had to be reported is
            self.unreported = False
        elif line.startswith("Current configuration ("):
            self.in_conf = True
        if not line.strip():
            self.in_conf = False
        return not (sleeps or EMPTY.match(line) or self.in_conf)

    def working(self):
        return bool(self.task) or self.unreported

    def children(self):
        return descendants(self.proc.pid) if self.alive() else set()

    def busy(self):
        return self.alive() and (self.working() or bool(self.children()))

    def asleep(self):
        """Between two looks into its queues, with time to spare: it holds no popped task."""
        margin = min(1.0, self.sleep / 4)
        return not self.alive() or clock() < self.sleeps_until - margin

    def freeze(self):
        """Stops the agent; returns when it really stands still."""
        send(self.proc.pid, signal.SIGSTOP)
        until = clock() + 2
        flags = os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT
        while self.alive() and not os.waitid(os.P_PID, self.proc.pid, flags) and clock() < until:
            time.sleep(0.01)

    def thaw(self):
        if self.alive():
            send(self.proc.pid, signal.SIGCONT)

    def kill(self):
        if self.alive():
            self.proc.kill()
            self.proc.wait()

    def look(self):
        """Keeps the clocks of idleness (P19)."""
        # One whose key is refused says so anew each second, for as long as it lives.
        self.room = min(1000, self.room + 1)
        now, children = clock(), self.children()
        self.childless_since = None if children else self.childless_since or now
        self.idle_since = None if children or self.working() else self.idle_since or now
