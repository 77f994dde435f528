# SPDX-License-Identifier: Apache-2.0
"""Stands in for droverd (proto/control.h): starts drover-bus and actors under it, and so knows
every token; speaks with the bus as any of them. Needs pyzmq and msgpack."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid

import msgpack
import zmq

BIN = os.environ.get("DROVER_BIN", "build/dev/bin")
ROLES = ["ledger", "watcher", "planner", "reaper", "provisioner:local", "console"]


class Actor:
    """One process with its control line."""

    def __init__(self, parent, source):
        ours, theirs = socket.socketpair()
        self.line, self.log_path = ours, os.path.join(parent.dir, source + ".log")
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [os.path.join(BIN, "drover-" + source.split(":")[0])], stdout=log, stderr=log,
                preexec_fn=lambda: os.dup2(theirs.fileno(), 3), pass_fds=[3])
        theirs.close()
        words = ["HELLO 1", "SOURCE " + source, "BOOT test",
                 "TOKEN " + parent.tokens.get(source, "0"), "STATEDIR " + parent.dir,
                 "RUNDIR " + parent.run_dir, "WATCHDOG_MS 30000",
                 "CONFIG %d\n%s" % (len(parent.config), parent.config)]
        if source == "bus":
            words += ["PEER %s %s" % pair for pair in parent.tokens.items()]
        ours.sendall(("\n".join(words + ["GO"]) + "\n").encode())
        ours.settimeout(20)
        said = ours.recv(100)
        assert b"READY" in said, "%s said %r: %s" % (source, said, self.log())

    def log(self):
        with open(self.log_path) as file:
            return file.read()

    def alive(self):
        return self.process.poll() is None

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def end(self):
        self.line.close()  # a closed line means: end
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class BusParent:
    """Use as a context manager."""

    def __init__(self, **bus):
        self.dir = tempfile.mkdtemp(prefix="drover-bus-")
        self.run_dir = os.path.join(self.dir, "run")
        self.config = json.dumps({
            "deployment": "test", "state_dir": self.dir, "bus": bus,
            "clearml": {"api_server": "http://127.0.0.1:1"},
            "accounts": [{"name": "local", "driver": "local"}],
            "machine_types": [{"name": "small", "account": "local"}],
            "queues": [{"name": "cpu", "types": ["small"]}]})
        self.tokens = {role: os.urandom(32).hex() for role in ROLES}
        self.context = zmq.Context()
        self.actors = {}
        self.seq = 0

    def __enter__(self):
        self.bus = self.start("bus")
        return self

    def __exit__(self, *_):
        for actor in reversed(list(self.actors.values())):
            actor.end()
        self.context.destroy(linger=0)
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, source):
        self.actors[source] = Actor(self, source)
        return self.actors[source]

    def socket(self, kind, endpoint, user, token=None, identity=None):
        made = self.context.socket(kind)
        made.setsockopt(zmq.LINGER, 0)
        made.setsockopt(zmq.RCVTIMEO, 5000)
        if user is not None:
            made.plain_username = user.encode()
            made.plain_password = (token or self.tokens[user]).encode()
        if identity is not None:
            made.setsockopt(zmq.IDENTITY, identity.encode())
        if kind == zmq.SUB:
            made.subscribe(b"")
        made.connect("ipc://%s/%s" % (self.run_dir, endpoint))
        return made

    def message(self, kind, source, body, **more):
        self.seq += 1
        return msgpack.packb(dict({
            "v": 1, "type": kind, "source": source, "boot": "b" * 32, "seq": self.seq,
            "time_us": int(time.time() * 1e6), "corr": "", "request": "", "left_ms": 0,
            "body": body}, **more))

    def ask(self, user, to, kind, body, source=None, identity=None):
        """The reply's (type, body), or None when none comes."""
        source = source or identity or (user if user != "console" else "console:test")
        dealer = self.socket(zmq.DEALER, "requests", user, identity=identity)
        dealer.setsockopt(zmq.RCVTIMEO, 2000)
        try:
            dealer.send_multipart([to.encode(), self.message(
                kind, source, body, request=uuid.uuid4().hex, left_ms=5000)])
            _, answer = dealer.recv_multipart()
            answer = msgpack.unpackb(answer)
            return answer["type"], answer["body"]
        except zmq.Again:
            return None
        finally:
            dealer.close()

    def counters(self):
        """{(source, topic or request): {relayed, refused, bytes}}."""
        _, body = self.ask("console", "bus", "actors.get", {"counters": True})
        return {(c["source"], c["topic"]): c for c in body["counters"]}
