# SPDX-License-Identifier: Apache-2.0
"""Drover's guard: runs the ClearML agents of one machine and takes the machine away without losing
a task. What it promises is told in docs/machine.md; P14 to P21 are the rules it obeys.

Python 3.6, standard library only: it is sent to machines of every age and stays small.
usage: guard.py SETTINGS.json AGENT_PYTHON   (DROVER_INSTANCE_ID in the environment)
"""
import json
import os
import re
import select
import signal
import sys
import time

from procs import clock, docker, in_container, is_agent, marked, send
from slot import Slot, dies_with_parent, spare_from_oom

STRENGTH = {None: 0, "idle": 1, "after-task": 2, "now": 3}
QUIET_S = 15  # how long a quiet moment is waited for before the agent is ended without one
ACK_S = 60    # how long the last words are repeated to a server that does not answer
HEARD_S = 10  # how long a machine that is unfit waits for Drover to have heard of it


class Guard:
    def __init__(self, settings, agent_python):
        self.s = s = settings
        self.id = os.environ["DROVER_INSTANCE_ID"]
        self.secrets = find_secrets(s)
        self.slots = [self.make_slot(i, agent_python) for i in range(s["slots"])]
        self.started = self.pumped_at = clock()
        self.flag = self.refused = self.told = self.sick = self.unsure_since = None
        self.kept = 0  # a person keeps the machine until then, in seconds since 1970
        self.reachable, self.next_look, self.next_notice = True, 0, 0
        self.gate = make_gate(s) if s.get("gpu_count") else iter([""])
        self.wake, wake = os.pipe()
        for end in (self.wake, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.on_signal)

    def make_slot(self, index, agent_python):
        s, many = self.s, self.s["slots"] > 1
        worker = ":".join((s["worker_prefix"], s["worker_name"], s["type_name"], self.id))
        gpus = s.get("gpus") or ""
        if many:
            worker += ":gpu%d" % index
            cards = [g for g in gpus.split(",") if g]
            gpus = ",".join(cards[index::s["slots"]]) if cards else str(index)
        argv = [agent_python, "-u", "-m", "clearml_agent", "daemon", "--foreground"]
        argv += ["--queue"] + s["queues"]
        if s.get("order_fairness"):
            argv.append("--order-fairness")
        if s.get("cpu_only"):
            argv.append("--cpu-only")
        elif gpus:
            argv += ["--gpus", gpus]
        if s.get("docker_image"):
            argv += ["--docker", s["docker_image"]]  # its arguments stand in clearml.conf
        env = dict(os.environ, CLEARML_WORKER_ID=worker, DROVER_MACHINE=self.id,
                   DROVER_SLOT="%s/%d" % (self.id, index))
        return Slot(index, worker, argv, env)

    def on_signal(self, number, _):
        self.told = "signal %d" % number

    def masked(self, text):
        for secret in self.secrets:
            text = text.replace(secret, "****")
        return text

    def say(self, text):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        try:
            sys.stdout.write("%s %s\n" % (stamp, self.masked(text)))
            sys.stdout.flush()
        except (OSError, ValueError):
            pass  # a full disk is no reason to lose the fence

    # -- the agents' words ------------------------------------------------------------------

    def pump(self, timeout):
        """Reads what the agents said. A line's time is when it came; what came while we were
        away could be as old as the last look, and is taken for that old."""
        pipes = {s.proc.stdout.fileno(): s for s in self.slots
                 if s.proc and not s.proc.stdout.closed}
        watch, stamp = list(pipes) + [self.wake], self.pumped_at
        ready = select.select(watch, [], [], 0)[0]
        if not ready:
            ready = select.select(watch, [], [], timeout)[0]
            stamp = clock()
        for fd in ready:
            data = os.read(fd, 65536)
            while fd in pipes and data:
                self.hear(pipes[fd], data, stamp)
                try:
                    data = os.read(fd, 65536)
                except BlockingIOError:
                    break
            if fd in pipes and not data:
                pipes[fd].proc.stdout.close()
        self.pumped_at = clock()

    def hear(self, slot, data, stamp):
        lines = (slot.line + data).split(b"\n")
        slot.line = lines.pop()[-65536:]
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            if slot.hear(text, stamp) and text.strip() and slot.room:
                slot.room -= 1
                self.say("agent%s: %s%s" % (slot.index if len(self.slots) > 1 else "", text,
                                            "" if slot.room else " (more is left out)"))

    # -- the server -------------------------------------------------------------------------

    def look(self):
        """Reads the drain flag (P14). A failed read keeps what was known."""
        if not self.gate:
            for slot in self.slots:
                slot.look()
        try:
            data = self.api.call("queues.get_all", {"id": [self.s["drain_queue_id"]],
                                                    "only_fields": ["id", "metadata"]})
            entries = (data.get("queues") or [{}])[0].get("metadata") or {}
            flag = (entries.get("drover.drain." + self.id) or {}).get("value")
            self.kept = int((entries.get("drover.keep." + self.id) or {}).get("value") or 0)
        except (OSError, AttributeError, ValueError) as e:
            if self.reachable:
                self.say("guard: the drain flag cannot be read, trying on: %s" % e)
            self.reachable = False
            return
        if not self.reachable:
            self.say("guard: the server answers again")
        self.reachable = True
        if flag != self.flag:
            self.say("guard: the drain flag is now %s" % flag)
            self.flag, self.refused = flag, None

    def write(self, kind, value, patience):
        """Sets drover.KIND.<instance id>; true once the server has it."""
        body = {"queue": self.s["drain_queue_id"],
                "metadata": [{"key": "drover.%s.%s" % (kind, self.id), "type": "str",
                              "value": value}]}
        return self.insist("queues.add_or_update_metadata", body, patience)

    def insist(self, name, body, patience):
        until = clock() + patience
        while True:
            try:
                self.api.call(name, body)
                return True
            except OSError as e:
                if clock() >= until:
                    if patience:
                        self.say("guard: gave up telling the server: %s" % e)
                    return False
            time.sleep(2)

    # -- the fence --------------------------------------------------------------------------

    def containers(self, slots):
        if not self.s.get("docker_image"):
            return []
        return [c for s in slots for c in
                docker("ps", "-q", "--filter", "label=clearml-parent-worker-id=" + s.worker)]

    def try_stop(self, slots):
        """'ended': every agent was found without a task and is dead. Otherwise nothing has
        changed, and it is 'busy' or 'unsure' (perhaps amid a pop: ask again)."""
        if self.s.get("fence_off"):
            return "ended"
        force = self.unsure_since and clock() - self.unsure_since > QUIET_S

        def state():
            if any(s.busy() for s in slots):
                return "busy"
            return "ended" if force or all(s.asleep() for s in slots) else "unsure"

        found = state()
        if found != "ended":
            return found
        try:
            # Frozen first: what is seen now cannot change before it is dead.
            for slot in slots:
                if slot.alive():
                    slot.freeze()
            self.pump(0)
            found = "busy" if self.containers(slots) else state()
            if found == "ended":
                self.kill_agents(slots)
                if force:
                    self.say("guard: no quiet moment in %d s; a task just taken from its queue "
                             "may be waiting for recovery" % QUIET_S)
            return found
        finally:
            for slot in slots:
                slot.thaw()

    def kill_agents(self, slots):
        for slot in slots:
            slot.kill()

    def end_tasks(self, slots, grace):
        """P15: with the agents dead, ends what runs for them. A task's own agent process (it
        prepares the task) is frozen, for it would report; all else gets SIGTERM and a grace."""
        containers = self.containers(slots)

        def targets():
            found = set().union(*[marked(s.mark) for s in slots])
            return found.union(*[in_container(c) for c in containers])

        frozen, until = set(), clock() + grace
        for pid in targets():
            if is_agent(pid):
                frozen.add(pid)
                send(pid, signal.SIGSTOP)
            else:
                send(pid, signal.SIGTERM)
        for container in containers:
            if not in_container(container):
                docker("stop", "-t", str(int(grace)), container)
        while targets() - frozen and clock() < until:
            time.sleep(0.2)
        for _ in range(50):
            left = targets()
            if not left:
                break
            for pid in left:
                send(pid, signal.SIGKILL)
            time.sleep(0.1)
        for container in containers:
            docker("rm", "-f", container)

    # -- deciding ---------------------------------------------------------------------------

    def own_wish(self):
        """(wish, reason) of the machine itself (P19); limits of 0 are off."""
        s, now, grace = self.s, clock(), self.s["unreported_grace_s"]
        age, life, task = now - self.started, s.get("max_life_s", 0), s.get("max_task_s", 0)
        limit = s.get("own_idle_limit_s", 0)
        if time.time() < self.kept:
            life = limit = 0
        idle = [slot.idle_since for slot in self.slots]
        quiet = [slot.childless_since for slot in self.slots]
        if self.told:
            return "now", "told to end by " + self.told
        if life and task and age > life + task:
            return "now", "older than its maximum life and a task's"
        if grace and None in idle and None not in quiet and now - max(quiet) > grace:
            return "now", "a task's end could not be reported for %d s" % grace
        if self.sick:
            return "after-task", self.sick
        if life and age > life:
            return "after-task", "older than its maximum life"
        if limit and None not in idle and now - max(idle) > limit:
            return "idle", "idle for %d s and nobody took the machine away" % limit
        return None, ""

    def wish(self):
        asked = self.flag if self.flag in STRENGTH and self.flag != self.refused else None
        own, reason = self.own_wish()
        if STRENGTH[asked] >= STRENGTH[own]:
            return asked, "drained: %s" % asked
        return own, reason

    def act(self):
        """One step towards what is wished; the reason once the machine's work is over."""
        wish, reason = self.wish()
        if wish is None:
            self.unsure_since = None
            return self.start()
        if wish == "now":
            self.kill_agents(self.slots)
            self.end_tasks(self.slots, self.s["kill_grace_s"])
            return reason
        # idle is all or nothing (P16); after-task takes each agent as its task ends
        groups = [self.slots] if wish == "idle" else [[s] for s in self.slots if s.proc]
        answers = [self.try_stop(group) for group in groups]
        if set(answers) <= {"ended"}:
            return reason
        for group, answer in zip(groups, answers):
            if answer == "ended":
                group[0].proc = None
        if "unsure" in answers:
            self.unsure_since = self.unsure_since or clock()
        else:
            self.unsure_since = None
        if wish == "idle" and "busy" in answers and self.flag == "idle":
            if self.write("ack", "refused", 0):
                self.say("guard: a task runs; the drain is refused")
                self.refused = self.flag
        return None

    def start(self):
        """The agents that do not run yet, or no more since a drain that was taken back. First the
        machine must be seen to be fit for them; the reason if it is not."""
        fault = next(self.gate) if self.gate else ""
        if fault is None:
            return None
        if fault:
            reason = "unfit: " + self.masked(fault)
            self.say("guard: " + reason)
            # Drover has to know before it sees the end, or the next one is started in the same place.
            until = clock() + (HEARD_S if self.write("notice", reason, ACK_S) else 0)
            while self.flag != "now" and not self.told and clock() < until:
                time.sleep(0.5)
                self.look()
            return reason
        self.gate = None
        for slot in self.slots:
            if slot.proc is None:
                slot.start()
                self.say("guard: watching " + slot.worker)
        return None

    def lost(self):
        """Agents that ended by themselves: their tasks end with them (P19)."""
        for slot in self.slots:
            if slot.proc is None or slot.alive():
                continue
            self.pump(0)
            told = "the agent ended by itself (exit %s)" % slot.proc.returncode
            self.say("guard: %s: %s" % (slot.worker, told))
            self.end_tasks([slot], self.s["kill_grace_s"])
            if len(self.slots) == 1:
                return told
            slot.proc = None
            if slot.starts < 2:
                slot.start()
            else:
                self.sick = "%s twice" % told
        return None

    def noticed(self):
        """P21: the cloud announced the end."""
        if clock() < self.next_notice:
            return None
        self.next_notice = clock() + min(5, self.s["poll_s"])
        notice = self.cloud.notice(self.id)
        if not notice:
            return None
        self.say("guard: the cloud announced: %s" % notice)
        self.kill_agents(self.slots)
        known = self.write("notice", notice, 0)
        self.end_tasks(self.slots, min(20, self.s["kill_grace_s"]))
        if not known:
            self.write("notice", notice, 10)
        return "noticed: %s" % notice

    def run(self):
        reason = self.act()
        # Only now, for it takes as long as all else: the agents start meanwhile.
        from net import Api, Cloud
        self.api, self.cloud = Api(self.s), Cloud(self.s)
        while not reason:
            self.pump(0.2 if self.gate or self.unsure_since else
                      max(0.0, min(1.0, self.next_look - clock())))
            reason = self.lost()
            if reason:
                return self.end(reason, 3)
            if clock() >= self.next_look:
                self.look()
                self.next_look = clock() + self.s["poll_s"]
            reason = self.noticed() or self.act()
        return self.end(reason, 0)

    def end(self, reason, code):
        self.say("guard: machine ends: %s" % reason)
        # Before the answer: after it the machine may be switched off from outside at any moment, and
        # a worker that is left in the list stays there for ten minutes.
        for slot in self.slots:
            if slot.starts:
                self.insist("workers.unregister", {"worker": slot.worker}, 10)
        if self.flag:
            self.write("ack", "done", ACK_S)
        self.kill_agents(self.slots)
        self.end_tasks(self.slots, 0)
        return code


def make_gate(settings):
    from gpus import gate  # sent where GPUs are promised
    return gate(settings)


def find_secrets(settings):
    """Values that must not be read in a log, the longest first."""
    found = {settings["secret_key"]}
    found.update(h.get("token") for h in settings.get("git_hosts") or [])
    for raw in (settings.get("storage_conf"), settings.get("extra_clearml_conf")):
        found.update(re.findall(r'(?i)(?:secret|pass|token|key)\w*"?\s*[=:]\s*"([^"\n]+)"',
                                raw or ""))
    for name, _, value in (e.partition("=") for e in settings.get("env") or []):
        if re.search("(?i)secret|pass|token|key", name):
            found.add(value)
    return sorted((f for f in found if f and len(f) > 4), key=len, reverse=True)


def main():
    with open(sys.argv[1]) as f:
        settings = json.load(f)
    parent = os.getppid()
    dies_with_parent(signal.SIGTERM)
    spare_from_oom(-900)
    code = Guard(settings, sys.argv[2]).run()
    if settings.get("power_off") == "shutdown" and os.getppid() != parent:
        os.system("shutdown -h now || poweroff -f")  # the boot script, whose work it is, is gone
    sys.exit(code)


if __name__ == "__main__":
    main()
