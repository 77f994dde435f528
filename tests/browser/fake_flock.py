# SPDX-License-Identifier: Apache-2.0
"""A made-up flock that moves: machines, queues, tasks and money as docs/gateway.md shows them."""

import random
import time

TYPES = {  # name: (size, dollars an hour in millionths, gpus)
    "aws4gpu": ("g5.xlarge", 1_006_000, 1),
    "big": ("p4d.24xlarge", 32_772_600, 8),
    "cpu": ("c6i.2xlarge", 340_000, 0),
    "spot": ("g4dn.xlarge", 0, 1),
}
WORDS = ["train", "eval", "sweep", "resnet50", "bert", "export", "tokens", "lora", "imagenet", "whisper"]
PEOPLE = ["ada", "grace", "katherine", "edsger", "barbara"]
PHASE = {
    "wanted": "waiting",
    "launching": "booting",
    "booting": "booting",
    "draining": "draining",
    "terminating": "draining",
    "failed": "failed",
    "gone": "ended",
    "cancelled": "ended",
}
CAUSES = {
    "wanted": "a task waits in {q}",
    "launching": "asked for as {o}",
    "booting": "{o} runs; its agent is not seen yet",
    "up": "its worker is registered",
    "draining": "idle for 15m: it goes",
    "terminating": "its guard said done",
    "gone": "the cloud says it ended",
    "failed": "no image ami-0f3 in us-east-1: give the type another ami_id",
}


def now_us():
    return int(time.time() * 1e6)


def compact(value, top=True):
    """Empty texts, zeros, false and empty lists are left out of records (docs/gateway.md, Shapes)."""
    if isinstance(value, dict):
        kept = {k: compact(v, False) for k, v in value.items()}
        return kept if top else {k: v for k, v in kept.items() if v or isinstance(v, dict)}
    return [compact(v, False) for v in value] if isinstance(value, list) else value


class Flock:
    def __init__(self, machines=13, queues=4, tasks=40, seed=7):
        self.random = random.Random(seed)
        self.boot, self.seq, self.listeners = f"{seed:08x}", 0, []
        self.machines, self.tasks, self.activity, self.history, self.evil = {}, {}, [], [], ""
        self.queue_names = (["gpu", "cpu", "notebooks", "big"] + [f"team-{i:03}" for i in range(200)])[
            :queues
        ]
        self.pauses, self.server = (
            [],
            {"state": "ok", "sentence": "", "since_us": 0, "web": "https://app.clear.ml"},
        )
        self.today, self.month, self.target = 96_412_000, 1_204_118_000, machines
        self.started_us, self.blocked, self.missing = now_us() - int(9e9), "", []
        self.actors = {
            name: {
                "actor": name,
                "state": "ready",
                "pid": 4100 + i,
                "since_us": self.started_us,
                "memory_bytes": (6 + i) << 20,
                "cpu_ms": 900 * i + 300,
            }
            for i, name in enumerate(
                ["bus", "ledger", "watcher", "planner", "reaper", "provisioner:aws", "gateway"]
            )
        }
        for i in range(machines):
            self.make_machine(self.random.randint(5, 20_000), i)
        for _ in range(tasks):
            self.enqueue(self.random.randint(1, 900))
        for i in range(min(tasks, 24)):
            took = self.random.randint(700, 1000)
            self.ran(self.queue_names[i % min(2, queues)], 60 * self.random.randint(1, 300), took)
        self.samples = self.past()
        self.settle()
        self.queues()

    def id(self, n=32):
        return "%0*x" % (n, self.random.getrandbits(4 * n))

    def make_machine(self, age_s=0, ordinal=None):
        type_ = self.random.choices(list(TYPES), [8, 1, 5, 3])[0]
        size, price, _ = TYPES[type_]
        queue = self.random.choice(self.queue_names)
        at = now_us() - int(age_s * 1e6)
        state = (
            "wanted"
            if ordinal is None
            else self.random.choices(
                ["up", "booting", "draining", "wanted", "failed"], [60, 16, 6, 5, 1]
            )[0]
        )
        if state in ("booting", "wanted"):  # a boot is over within two minutes
            age_s %= 90
            at = now_us() - int(age_s * 1e6)
        m = {
            "id": self.id(16),
            "version": 3,
            "type": type_,
            "account": "aws",
            "state": state,
            "for_queue": queue,
            "queue_names": sorted({queue, "gpu" if "gpu" in self.queue_names else queue}),
            "slots": 1,
            "created_us": at,
            "state_since_us": at + int(min(age_s, 94) * 1e6),
            "offering": f"{size} us-east-1{self.random.choice('abc')}"
            + (" spot" if type_ == "spot" else ""),
            "price_usd_micros": price,
            "identity": "123456789012/us-east-1",
        }
        if state not in ("wanted", "failed"):
            m.update(instance_id="i-0" + self.id(16), launched_us=at + 1_400_000)
        if state in ("up", "draining"):
            m["up_us"] = at + 94_000_000
            if self.random.random() < 0.75 and state == "up":
                self.give(m)
            else:
                m["idle_since_us"] = now_us() - self.random.randint(10, 700) * 1_000_000
        self.machines[m["id"]] = m
        return m

    def give(self, m, task=None):
        if task is None:
            task = self.enqueue(200, m["for_queue"], quiet=True)
        task.update(
            state="running",
            machine=m["id"],
            from_us=max(m.get("up_us", 0), now_us() - self.random.randint(30, 650) * 1_000_000)
            if task.get("quiet") else now_us(),
        )
        for gone in ("verdict", "sentence", "expected_us"):
            task.pop(gone, None)
        m.update(busy=1, tasks=[{"id": task["id"], "name": task["name"]}])
        m.pop("idle_since_us", None)

    def enqueue(self, age_s=0, queue=None, quiet=False):
        queue = (
            queue
            or self.random.choices(self.queue_names, [1 / (i + 1) for i in range(len(self.queue_names))])[
                0
            ]
        )
        name = "-".join(self.random.sample(WORDS, 2)) + f" #{self.random.randint(1, 400)}"
        t = {
            "id": self.id(),
            "name": name,
            "project": "vision/" + self.random.choice(["cats", "roads", "cells"]),
            "user": self.random.choice(PEOPLE),
            "queue": queue,
            "state": "waiting",
            "added_us": now_us() - int(age_s * 1e6),
        }
        t.update({"quiet": True} if quiet else {})
        self.tasks[t["id"]] = t
        return t

    def ran(self, queue, ago_s, took_s):
        """A task that ended."""
        t = self.enqueue(ago_s + took_s + 30, queue)
        end = now_us() - int(ago_s * 1e6)
        t.update(state="ended", machine="", from_us=end - int(took_s * 1e6), to_us=end)

    def plan(self, name, boots):
        """Why the tasks of a queue wait, in the planner's words. boots: machines that start for it."""
        waiting = sorted(
            (t for t in self.tasks.values() if t["queue"] == name and t["state"] == "waiting"),
            key=lambda t: t["added_us"],
        )
        boots = sorted(boots, key=lambda m: m["created_us"])
        cap = self.evil or "machine type aws4gpu may have 5 machines and has 5"
        for i, t in enumerate(waiting):
            t.pop("expected_us", None)
            if i < len(boots):
                t.update(verdict="booting", sentence="a machine for it is starting")
                t["expected_us"] = max(now_us() + 1_000_000, boots[i]["created_us"] + 94_000_000)
            else:
                t.update(
                    verdict="capped",
                    sentence=f"it is number {i + 1 - len(boots)} of {len(waiting) - len(boots)} in queue "
                    f"{name}: {cap}",
                )
        if not waiting:
            return {}
        begun = min(len(boots), len(waiting))
        rest = len(waiting) - begun
        parts = [f"{begun} for machines that are starting"] if begun else []
        parts += [f"{rest} without a machine because {cap}"] if rest else []
        return {
            "oldest_us": waiting[0]["added_us"],
            "verdict": "capped" if rest else "booting",
            "sentence": f"{len(waiting)} {'task waits' if len(waiting) == 1 else 'tasks wait'}: "
            + ", ".join(parts),
        }

    def settle(self):
        for m in self.machines.values():
            m["phase"] = PHASE.get(m["state"]) or ("running" if m.get("busy") else "idle")
            m["cause"] = CAUSES[m["state"]].format(q=m["for_queue"], o=m["offering"])
            lived = (m.get("ended_us") or now_us()) - m.get("launched_us", now_us())
            m["spent_usd_micros"] = int(m["price_usd_micros"] * lived / 3.6e9)

    def counts(self):
        c = dict.fromkeys(["waiting", "booting", "running", "idle", "draining", "failed"], 0)
        for m in self.machines.values():
            if m["phase"] in c and m["phase"] != "waiting":
                c[m["phase"]] += 1
        c["waiting"] = sum(t["state"] == "waiting" for t in self.tasks.values())
        return c

    def queues(self):
        by = {
            n: {
                "name": n,
                "id": f"q{i:031x}",
                "known": True,
                "waiting": 0,
                "running": 0,
                "booting": 0,
                "available": 2,
                "types": ["aws4gpu", "spot"] if n != "cpu" else ["cpu"],
            }
            for i, n in enumerate(self.queue_names)
        }
        for i, q in enumerate(by.values()):
            if i < 2:
                q["max"] = 8
        for t in self.tasks.values():
            q = by[t["queue"]]
            if t["state"] == "waiting":
                q["waiting"] += 1
            q["running"] += t["state"] == "running"
        boots = {}
        for m in self.machines.values():
            if m["phase"] == "booting":
                boots.setdefault(m["for_queue"], []).append(m)
        for name, q in by.items():
            q["booting"] = len(boots.get(name, []))
            q.update(self.plan(name, boots.get(name, [])))
        for pause in self.pauses:
            if pause["queue"] in by:
                by[pause["queue"]]["paused"] = pause
        return list(by.values())

    def rate(self):
        return sum(
            m["price_usd_micros"]
            for m in self.machines.values()
            if m["phase"] not in ("ended", "failed", "waiting")
        )

    def money(self):
        now = now_us()
        row = {
            "scope": "all",
            "name": "",
            "spent_usd_micros": 0,
            "reserved_usd_micros": 0,
            "from_us": now,
            "until_us": now,
        }
        live = [m for m in self.machines.values() if m["phase"] not in ("ended", "failed")]
        return {
            "t_us": now,
            "zone": "UTC",
            "rate_usd_micros": self.rate(),
            "today_usd_micros": self.today,
            "month_usd_micros": self.month,
            "unpriced": sum(not m["price_usd_micros"] for m in live),
            "waiting": "",
            "limits": [
                row | {"window": "hour", "max_usd_micros": 40_000_000},
                row | {"window": "day", "max_usd_micros": 200_000_000, "spent_usd_micros": self.today},
                row
                | {"window": "month", "max_usd_micros": 4_000_000_000, "spent_usd_micros": self.month},
            ],
            "prices": [
                {
                    "type": n,
                    "price_usd_micros": p,
                    "source": "list" if p else "unknown",
                    "as_of": "2026-10-01",
                    "link": "https://aws.amazon.com/ec2/pricing/on-demand/",
                    "size": s,
                    "cores": 4,
                    "memory_mib": 16384,
                    "gpus": g,
                    "gpu": "A10G" if g else "",
                }
                for n, (s, p, g) in TYPES.items()
            ],
        }

    def past(self):
        s = {
            n: []
            for n in [
                "t_us",
                "waiting",
                "booting",
                "running",
                "idle",
                "draining",
                "failed",
                "rate_usd_micros",
            ]
        }
        running, now = max(1, self.target // 2), now_us()
        for i in range(2160):
            gap = 700 < i < 760
            running = max(
                0, min(self.target, running + (self.random.choice([-1, 0, 1]) if i % 45 == 0 else 0))
            )
            row = {
                "waiting": max(0, running * 2 - 9 + i // 110 % 4),
                "booting": i // 140 % 3,
                "running": running,
                "idle": max(0, self.target // 4 - running // 3),
                "draining": i // 190 % 2,
                "failed": 0,
                "rate_usd_micros": running * 1_006_000,
            }
            s["t_us"].append(now - (2160 - i) * 10_000_000)
            for name, value in row.items():
                s[name].append(None if gap else value)
        return s

    def say(self, event, data):
        self.seq += 1
        data = data if event in ("counts", "sample") else compact(compact(data), False)
        for queue in list(self.listeners):
            queue.put((self.seq, event, data))

    def note(self, text, kind="log", level="info", **about):
        row = {
            "seq": len(self.activity) + 1,
            "t_us": now_us(),
            "source": "planner",
            "level": level,
            "kind": kind,
            "text": text,
        } | about
        self.activity.insert(0, row)
        if not self.missing:
            self.say("activity", row)

    def away(self, sentences):
        """A part that does not answer, or is back: what happened meanwhile is in the state only."""
        self.missing = sentences
        self.say("missing", {"ready": not sentences, "missing": sentences})

    def move(self, m, state, **more):
        if m["state"] != state:
            self.history.insert(
                0,
                {
                    "seq": self.seq,
                    "t_us": now_us(),
                    "kind": "machine",
                    "id": m["id"],
                    "from": m["state"],
                    "to": state,
                    "cause": CAUSES.get(state, "").format(q=m["for_queue"], o=m["offering"]),
                },
            )
            m.update(state=state, state_since_us=now_us())
        m.update(more)
        m["version"] += 1
        self.settle()
        self.say("machine", m)
        return m

    def end(self, m):
        for t in self.tasks.values():
            if t.get("machine") == m["id"] and t["state"] == "running":
                t.update(state="waiting", sentence="its machine ended; it was put back")
        self.move(m, "gone", ended_us=now_us(), busy=0, tasks=[])

    def step(self):
        """One second of life: a few things happen, each is told."""
        pick = self.random
        for m in pick.sample(
            list(self.machines.values()), min(len(self.machines), 1 + len(self.machines) // 100)
        ):
            name = m.get("instance_id", m["id"])
            if m["state"] == "wanted":
                self.move(m, "booting", launched_us=now_us(), instance_id="i-0" + self.id(16))
                self.note(f"started 1 × {m['offering']} for {m['for_queue']}", "machine", machine=m["id"])
            elif m["state"] == "booting" and pick.random() < 0.5:
                self.move(m, "up", up_us=now_us(), idle_since_us=now_us())
                self.note(f"{name} registered after 1m 34s", "machine", machine=m["id"])
            elif m["phase"] == "idle":
                waiting = [t for t in self.tasks.values() if t["state"] == "waiting"]
                if waiting and pick.random() < 0.7:
                    self.give(m, waiting[0])
                    self.move(m, "up")
                    self.note(
                        f"{name} took {waiting[0]['name']}",
                        "machine",
                        machine=m["id"],
                        task=waiting[0]["id"],
                    )
                elif pick.random() < 0.3:
                    self.move(m, "draining", drain_mode="idle", drain_reason="idle")
            elif m["phase"] == "running" and pick.random() < 0.3:
                for t in self.tasks.values():
                    if t.get("machine") == m["id"] and t["state"] == "running":
                        t.update(state="ended", to_us=now_us())
                self.move(m, "up", busy=0, tasks=[], idle_since_us=now_us())
            elif m["state"] == "draining" and pick.random() < 0.4:
                self.end(m)
                self.note(f"{name} ended: idle for 15m", "machine", machine=m["id"])
        living = sum(m["phase"] != "ended" for m in self.machines.values())
        if living < self.target and pick.random() < 0.5:
            m = self.make_machine()
            self.move(m, "wanted")
        if pick.random() < 0.3 and self.target:
            t = self.enqueue()
            q = next(q for q in self.queues() if q["name"] == t["queue"])
            self.note(f"{t['queue']}: {q['sentence']}", "plan", "info", queue=t["queue"])
        if pick.random() < 0.04 and self.target:
            self.note(
                "g5.xlarge had no capacity in us-east-1a; trying 1b now.",
                level="warning",
                queue=self.queue_names[0],
            )
        self.today += self.rate() // 3600
        self.month += self.rate() // 3600
        self.say("counts", self.counts())
        self.say("money", self.money())
        for q in self.queues()[:8]:
            self.say("queue", q)

    def stick(self):
        """The second queue is at its cap, all other tasks have machines that start."""
        busy = next(m for m in self.machines.values() if m.get("tasks"))
        words = (
            f"queue cpu is at its cap and its only machine is busy with task {busy['tasks'][0]['id']} "
            "since 2026-11-25 18:03:28 UTC: if that task waits for tasks of the same queue it waits for ever"
        )
        for q in self.queues():
            if q["name"] == "cpu":
                q.update(verdict="capped", sentence=f"2 tasks wait: {words}")
            elif q["waiting"]:
                q.update(verdict="booting", sentence="1 for machines that are starting", oldest_us=1)
            self.say("queue", q)
        self.note(words, "log", "warning", queue="cpu")

    def markup(self):
        """Names that would be markup, were they not texts."""
        self.queues()
        self.evil = evil = "<img src=x onerror='window.broken=1'>"
        for m in self.machines.values():
            m["cause"] = evil
            for t in m.get("tasks", []):
                t["name"] = evil
            self.say("machine", m)
        for t in self.tasks.values():
            t.update(name=evil, project=evil, user=evil)
        for q in self.queues():
            self.say("queue", q)
        self.note(evil, "plan", queue=self.queue_names[0])

    def drained_by_hand(self, who):
        """The two lines of the gateway: what became of the machine, and whose doing it was."""
        m = next(m for m in self.machines.values() if m["state"] == "up")
        self.move(m, "draining", drain_mode="after-task", drain_reason="hand")
        words = "draining, a person drains it"
        self.note(f"{m['type']} {m['instance_id']}: {words}", "machine", machine=m["id"])
        self.note(f"machine {m['id']}: {words}", "hand", machine=m["id"], by=who, source="ledger")
        self.note("what came after it")

    def sample(self):
        row = {"t_us": now_us(), "rate_usd_micros": self.rate()} | self.counts()
        for name, values in self.samples.items():
            values.append(row[name])
        self.say("sample", row)

    def state(self):
        return {
            "boot": self.boot,
            "seq": self.seq,
            "t_us": now_us(),
            "version": "0.1.0",
            "deployment": "prod",
            "started_us": self.started_us,
            "ready": not self.missing,
            "missing": self.missing,
            "server": self.server,
            "blocked": self.blocked,
            "counts": self.counts(),
            "machines": compact(list(self.machines.values())),
            "queues": compact(self.queues()),
            "money": compact(self.money(), False),
            "actors": compact(list(self.actors.values())),
            "pauses": self.pauses,
            "activity": self.activity[:50],
        }
