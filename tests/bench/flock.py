# SPDX-License-Identifier: Apache-2.0
"""A flock of any size without machines, for benches of the gateway: the real bus and the real gateway;
ledger, watcher, planner and supervisor are spoken for from here, on the bus, as the real ones speak."""
import http.client
import json
import os
import re
import socket
import sys
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "support"), os.path.join(HERE, "..", "integration")]
from busparent import BusParent  # noqa: E402
from world import eventually  # noqa: E402

import msgpack  # noqa: E402
import zmq  # noqa: E402

SPOKEN_FOR = ("ledger", "watcher", "planner", "supervisor")
REPLIES = {"ledger.snapshot": "ledger.state", "picture.get": "picture", "plan.get": "plan",
           "money.get": "money", "tasks.get": "tasks", "history.get": "history"}


EMPTY = {"STR": "", "I64": 0, "BOOL": False, "BIN": b"", "STRS": [], "RECS": []}


def table():
    """(fields of each record, record of each message) of proto/messages.def."""
    fields, messages = {}, {}
    with open(os.path.join(HERE, "..", "..", "proto", "messages.def")) as file:
        for line in file:
            field = re.match(r"F_(\w+)\((\w+), (\w+), (\w+)?", line)
            head = re.match(r'(?:EVENT|REQUEST|REPLY)\(\d+, \w+, (\w+), "([\w.]+)"', line)
            if field:
                kind, record, name, of = field.groups()
                fields.setdefault(record, []).append((name, kind, of))
            elif head:
                messages[head.group(2)] = head.group(1)
    return fields, messages


FIELDS, MESSAGES = table()


def whole(record, given):
    """What was given, with what was left out: on the bus every field is there."""
    full = {}
    for name, kind, of in FIELDS.get(record, []):
        if kind == "REC":
            full[name] = whole(of, given.get(name, {}))
        elif kind == "RECS":
            full[name] = [whole(of, each) for each in given.get(name, [])]
        else:
            full[name] = given.get(name, EMPTY[kind])
    return full


def now_us():
    return int(time.time() * 1e6)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def pss_kb(pid):
    with open("/proc/%d/smaps_rollup" % pid) as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


class Flock(BusParent):
    """Use as a context manager."""

    def __init__(self, machines=5, queues=2, tasks=0):
        super().__init__()
        self.names = ["queue-%03d" % i for i in range(queues)]
        self.port = free_port()
        config = json.loads(self.config)
        config["machine_types"] = [{"name": "small", "account": "local", "max_machines": 5000}]
        config["queues"] = [{"name": name, "types": ["small"]} for name in self.names]
        config["gateway"] = {"listen": "127.0.0.1:%d" % self.port}
        self.config = json.dumps(config)
        for role in SPOKEN_FOR + ("gateway",):
            self.tokens.setdefault(role, os.urandom(32).hex())
        self.machines = [self.machine(i) for i in range(machines)]
        self.tasks = [("%032x" % i, i % queues) for i in range(tasks)]
        self.counters_, self.publishers, self.ended = {}, {}, False

    def __enter__(self):
        super().__enter__()
        for role in ("ledger", "watcher", "planner"):
            threading.Thread(target=self.speak_for, args=[role], daemon=True).start()
        for role in SPOKEN_FOR:
            self.publishers[role] = self.socket(zmq.PUB, "events.in", role)
        self.gateway = self.start("gateway")
        self.url = "http://127.0.0.1:%d" % self.port
        self.cookie = eventually(self.enter, 20, "the gateway lets us in")
        eventually(self.known, 30, "the gateway knows the flock")
        return self

    def __exit__(self, *all_):
        self.ended = True
        time.sleep(0.3)  # the threads that speak look up from their sockets
        super().__exit__(*all_)

    # ---- the flock -------------------------------------------------------------------------------
    def queue_id(self, n):
        return "%032x" % (n + 0x1000)

    def machine(self, n):
        queue, since = n % len(self.names), now_us() - (n + 60) * 1000000
        state = "up" if n % 10 else "booting"
        return {"id": "m%016x" % n, "version": 5, "type": "small", "account": "local", "state": state,
                "cause": "its worker was seen", "for_queue": self.queue_id(queue),
                "queues": [self.queue_id(queue)], "drain_queue": self.queue_id(queue),
                "attempt": "a%019x" % n, "instance_id": "local-%020x" % n, "offering": "small",
                "slots": 1, "created_us": since, "launched_us": since, "up_us": since,
                "state_since_us": since, "price_usd_micros": 340000,
                "idle_since_us": since if n % 10 == 5 else 0}

    def workers(self):
        up = [m for m in self.machines if m["state"] == "up"]
        return [{"id": "drover:local:small:" + m["instance_id"], "instance_id": m["instance_id"],
                 "slot": 0, "ours": True, "queues": m["queues"], "proven": True, "report_age_ms": 900,
                 "task": "" if m["idle_since_us"] else "b" + m["id"][1:].zfill(31),
                 "idle_since_us": m["idle_since_us"]} for m in up]

    def queues(self):
        waiting = [[] for _ in self.names]
        for i, (task, queue) in enumerate(self.tasks):
            waiting[queue].append({"task": task, "added_us": now_us() - (len(self.tasks) - i) * 10000})
        sent = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000000
        return {"sent_ms": sent, "settling": False, "changed": self.names, "queues": [
            {"id": self.queue_id(i), "name": name, "known": True, "fresh": True, "read_ms": sent,
             "waiting": waiting[i]} for i, name in enumerate(self.names)]}

    def reply(self, kind):
        sent = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000000
        return {
            "ledger.snapshot": lambda: {"seq": 1, "ledger_id": "l", "deployment": "test",
                                        "machines": self.machines, "healthy_us": now_us()},
            "picture.get": lambda: {
                "server": {"state": "ok", "sentence": "the ClearML server answers",
                           "since_us": now_us()},
                "queues": self.queues(), "calls": 1,
                "workers": {"sent_ms": sent, "settling": False, "workers": self.workers()}},
            "plan.get": lambda: {"plan": {"seq": 1, "wanted": 0, "reasons": [
                {"queue": name, "task": "", "verdict": "capped",
                 "sentence": "100 tasks wait: machine type small may have 5000 machines"}
                for name in self.names]}},
            "money.get": lambda: {"t_us": now_us(), "zone": "UTC", "rate_usd_micros": 340000000,
                                  "today_usd_micros": 96000000, "month_usd_micros": 1204000000},
            "tasks.get": dict, "history.get": dict}[kind]()

    # ---- speaking --------------------------------------------------------------------------------
    def envelope(self, kind, source, body, seq=0, **more):
        return msgpack.packb(dict({
            "v": 1, "type": kind, "source": source, "boot": "b" * 32, "seq": seq,
            "time_us": now_us(), "corr": "", "request": "", "left_ms": 0,
            "body": whole(MESSAGES[kind], body)}, **more))

    def speak_for(self, role):
        dealer = self.socket(zmq.DEALER, "requests", role, identity=role)
        dealer.setsockopt(zmq.RCVTIMEO, 100)
        dealer.send_multipart([b"bus", b""])  # here I am
        while not self.ended:
            try:
                asker, bytes_ = dealer.recv_multipart()
            except zmq.Again:
                continue
            asked = msgpack.unpackb(bytes_)
            kind, body = REPLIES.get(asked["type"]), {}
            if kind is None:
                kind, body = "ack", {"ok": True}
            else:
                body = self.reply(asked["type"])
            dealer.send_multipart([asker, self.envelope(kind, role, body, request=asked["request"],
                                                        corr=asked["corr"])])
        dealer.close()

    def publish(self, role, kind, body):
        """Returns the moment, by CLOCK_MONOTONIC, right before it goes onto the bus."""
        seq = self.counters_[kind] = self.counters_.get(kind, 0) + 1
        bytes_ = self.envelope(kind, role, body, seq)
        moment = time.monotonic()
        self.publishers[role].send_multipart([("%s/%s" % (kind, role)).encode(), bytes_])
        return moment

    def say(self, text):
        """A log line: the event that goes through the gateway to every page as it came."""
        return self.publish("supervisor", "log.line", {
            "actor": "planner", "level": "info", "t_us": now_us(), "text": text, "machine": "",
            "task": "", "queue": ""})

    def change(self, n, cause):
        """Machine n changes its cause and its state between up and draining."""
        machine = self.machines[n]
        before = machine["state"]
        machine.update(version=machine["version"] + 1, cause=cause, state_since_us=now_us(),
                       state="draining" if before == "up" else "up", idle_since_us=0)
        return self.publish("ledger", "machine.changed",
                            {"seq": machine["version"], "from": before, "machine": machine})

    # ---- reading ---------------------------------------------------------------------------------
    def call(self, path, cookie=None):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        link.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        answer = link.getresponse()
        body = answer.read()
        link.close()
        return answer, body

    def enter(self):
        path = os.path.join(self.run_dir, "login")
        if not os.path.exists(path):
            return None
        with open(path) as file:
            parts = urllib.parse.urlsplit(file.read().strip())
        try:
            answer, _ = self.call("%s?%s" % (parts.path, parts.query))
        except OSError:
            return None
        return (answer.headers["Set-Cookie"] or "").split(";")[0] or None

    def state(self):
        return json.loads(self.call("/api/v1/state", self.cookie)[1])

    def known(self):
        state = self.state()
        return len(state["machines"]) == len(self.machines) and state["as_of"]["queues_us"]
