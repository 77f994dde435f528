# SPDX-License-Identifier: Apache-2.0
"""The bus against those who may not, and against bytes that are none of its messages: refused,
counted, and nobody dies of it. Killed, it comes back and everybody finds it again."""
import os
import random
import signal
import sys
import time
import unittest

from world import PYTHON, World, eventually

try:
    import zmq
except ImportError:  # the interpreter of the tests has it
    if PYTHON == sys.executable:
        print("skipped: DROVER_TEST_PYTHON names no Python with tests/requirements.txt")
        sys.exit(77)
    os.execv(PYTHON, [PYTHON] + sys.argv)

import msgpack  # noqa: E402
import zmq.utils.monitor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from busparent import BusParent  # noqa: E402

OBSERVED = {"sent_ms": 1, "settling": False, "changed": [], "queues": []}


def handshake_fails(parent, user, token):
    """True when the bus refuses to let this peer in, False when it lets it."""
    socket = parent.context.socket(zmq.DEALER)
    monitor = socket.get_monitor_socket()
    if user is not None:
        socket.plain_username, socket.plain_password = user.encode(), token.encode()
    socket.setsockopt(zmq.IDENTITY, b"planner")
    socket.connect("ipc://%s/requests" % parent.run_dir)
    try:
        while True:
            assert monitor.poll(5000), "no word on the handshake"
            event = zmq.utils.monitor.recv_monitor_message(monitor)["event"]
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return False
            if event in (zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                         zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL):
                return True
    finally:
        socket.disable_monitor()
        monitor.close()
        socket.close()


class Door(unittest.TestCase):
    def test_only_who_has_a_token_comes_in(self):
        with BusParent() as parent:
            tokens = parent.tokens
            self.assertFalse(handshake_fails(parent, "planner", tokens["planner"]))
            self.assertTrue(handshake_fails(parent, "planner", "0" * 64))
            self.assertTrue(handshake_fails(parent, "planner", tokens["planner"][:-1]))
            self.assertTrue(handshake_fails(parent, "planner", tokens["watcher"]))
            self.assertTrue(handshake_fails(parent, "planner", "0"))
            self.assertTrue(handshake_fails(parent, "nobody", tokens["planner"]))
            self.assertTrue(handshake_fails(parent, None, None), "no name at all")
            log = parent.bus.log()
            self.assertIn('refused a connection as "planner": unknown, or with a wrong token', log)
            for token in tokens.values():
                self.assertNotIn(token[:16], log)
            print("\n" + log.splitlines()[0])

    def test_nobody_publishes_for_another_or_beside_the_table(self):
        with BusParent() as parent:
            heard = parent.socket(zmq.SUB, "events.out", "planner")
            tap = parent.socket(zmq.SUB, "tap", None)
            watcher = parent.socket(zmq.PUB, "events.in", "watcher")
            self.await_subscription(parent, watcher, heard)
            self.await_subscription(parent, watcher, tap)
            for topic in (b"machine.changed/ledger",   # in the ledger's name
                          b"machine.changed/watcher",  # what a watcher does not say
                          b"no.such/watcher", b"queues.observed", b"", b"\0", b"x" * 5000):
                watcher.send_multipart([topic, parent.message("machine.changed", "watcher", {})])
            watcher.send_multipart([b"queues.observed/watcher", b"the last one"])
            for socket in (heard, tap):
                topics = []
                while not topics or topics[-1][1] != b"the last one":
                    topics.append(socket.recv_multipart())
                self.assertEqual({topic for topic, _ in topics}, {b"queues.observed/watcher"})
            counters = parent.counters()
            self.assertEqual(counters["watcher", "machine.changed"]["refused"], 1)
            self.assertEqual(counters["watcher", "(invented)"]["refused"], 6)
            self.assertNotIn(("ledger", "machine.changed"), counters)
            print("\n" + parent.bus.log().splitlines()[0])

    def test_nobody_asks_for_another_or_beside_the_table(self):
        with BusParent() as parent:
            parent.start("ledger")
            snapshot = {"account": "", "ended": False}
            kind, _ = parent.ask("planner", "ledger", "ledger.snapshot", snapshot)
            self.assertEqual(kind, "ledger.state", "what is allowed passes")
            for user, source, kind, to, body, why in (
                    ("planner", "reaper", "ledger.snapshot", "ledger", snapshot, "another source"),
                    ("planner", "planner", "health.mark", "ledger",
                     {"healthy_us": 1, "settling_until_us": 0}, "does not allow it"),
                    ("planner", "planner", "picture.get", "ledger", {"workers": True},
                     "does not allow it"),
                    ("console", None, "machine.want", "ledger",
                     {"type": "small", "queue": "q", "queue_name": "cpu", "count": 1, "plan_seq": 0,
                      "queues": ["q"], "tasks": [], "reason": ""}, "does not allow it")):
                answer = parent.ask(user, to, kind, body, source)
                self.assertIsNotNone(answer, "%s as %s: %s" % (kind, source, parent.bus.log()))
                self.assertEqual((answer[0], answer[1]["code"]), ("ack", "refused"))
                self.assertIn(why, answer[1]["sentence"])
            # A route of another's name, with a token of one's own.
            answer = parent.ask("planner", "ledger", "ledger.snapshot", snapshot, identity="reaper")
            self.assertEqual(answer[1]["code"], "refused")
            counters = parent.counters()
            self.assertEqual(counters["planner", "health.mark"]["refused"], 1)
            self.assertEqual(counters["planner", "picture.get"]["refused"], 1)
            self.assertEqual(counters["planner", "ledger.snapshot"]["relayed"], 1)
            self.assertEqual(counters["planner", "(invented)"]["refused"], 2, "in another's name")
            self.assertEqual(counters["console", "machine.want"]["refused"], 1)
            self.assertNotIn(("reaper", "ledger.snapshot"), counters)

    def test_nobody_hears_what_is_meant_for_another(self):
        """A connection may call itself what it likes: the bus goes by the token."""
        with BusParent() as parent:
            parent.start("ledger")
            parent.start("planner")
            snapshot = {"account": "", "ended": False}
            impostor = parent.socket(zmq.DEALER, "requests", "reaper", identity="ledger")
            impostor.send_multipart([b"bus", b""])
            impostor.send_multipart([b"ledger", parent.message(
                "picture.get", "ledger", {"workers": True}, request="r" * 32, left_ms=5000)])
            answer = msgpack.unpackb(impostor.recv_multipart()[1])
            self.assertEqual(answer["body"]["code"], "refused")
            kind, _ = parent.ask("planner", "ledger", "ledger.snapshot", snapshot)
            self.assertEqual(kind, "ledger.state", "the true ledger answers")
            impostor.setsockopt(zmq.RCVTIMEO, 300)
            self.assertRaises(zmq.Again, impostor.recv_multipart)

    def test_many_consoles_push_no_actor_out(self):
        with BusParent() as parent:
            parent.start("ledger")
            for i in range(1100):
                kind, _ = parent.ask("console", "bus", "actors.get", {"counters": False},
                                     source="console:%d" % i)
                self.assertEqual(kind, "actors")
            kind, _ = parent.ask("planner", "ledger", "ledger.snapshot",
                                 {"account": "", "ended": False})
            self.assertEqual(kind, "ledger.state")

    # ---- bytes that are no messages --------------------------------------------------------------
    def garbage(self, parent):
        good = parent.message("queues.observed", "watcher", OBSERVED)
        yield from (b"", b"\0", b"\xc1", b"\x91" * 10000 + b"\xc0", b"\x81\xa1a" * 10000 + b"\xc0",
                    b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff",
                    b"\xdb\xff\xff\xff\xff", good + good, good[:-1], good[:len(good) // 2],
                    b"x" * (9 << 20))
        dice = random.Random(20260101)
        for _ in range(1500):
            bytes_ = bytearray(good)
            for _ in range(dice.randint(1, 8)):
                bytes_[dice.randrange(len(bytes_))] = dice.randrange(256)
            yield bytes(bytes_)

    def test_garbage_kills_nobody(self):
        with BusParent() as parent:
            parent.start("ledger")
            planner = parent.start("planner")
            heard = parent.socket(zmq.SUB, "events.out", "reaper")
            watcher = parent.socket(zmq.PUB, "events.in", "watcher")
            self.await_subscription(parent, watcher, heard)
            dealer = parent.socket(zmq.DEALER, "requests", "watcher", identity="watcher")
            sent = 0
            for bytes_ in self.garbage(parent):
                watcher.send_multipart([b"queues.observed/watcher", bytes_])
                dealer.send_multipart([b"ledger", bytes_])
                dealer.send_multipart([b"bus", bytes_])
                sent += 3
                if sent % 300 == 0:
                    time.sleep(0.02)
            for frames in ([b""], [b"", b""], [b"", b"", b""], [b"ledger"], [b"a", b"b", b"c"],
                           [b"queues.observed/watcher"],
                           [b"queues.observed/watcher", b"{}", b"more"], [b"x"] * 100):
                watcher.send_multipart(frames)
                dealer.send_multipart(frames)
                sent += 2
            good = parent.message("queues.observed", "watcher", OBSERVED)
            eventually(lambda: self.passes(watcher, heard, good), 20, "a good event still passes")
            for actor in parent.actors.values():
                self.assertTrue(actor.alive(), actor.log()[-2000:])
            self.assertEqual(parent.ask("console", "planner", "plan.get", {"task": ""})[0], "plan")
            self.assertEqual(parent.ask("console", "ledger", "ledger.snapshot",
                                        {"account": "", "ended": False})[0], "ledger.state")
            said, bus_said = planner.log().splitlines(), parent.bus.log().splitlines()
            print("\n%d messages of garbage; the bus said it in %d lines, the planner in %d: %s" % (
                sent, len(bus_said), len(said), said[-1] if said else "nothing"))
            self.assertLess(len(bus_said) + len(said), 300, "no flood of words")

    def passes(self, watcher, heard, message):
        watcher.send_multipart([b"queues.observed/watcher", message])
        heard.setsockopt(zmq.RCVTIMEO, 200)
        try:
            while heard.recv_multipart()[1] != message:
                pass
            return True
        except zmq.Again:
            return False

    def await_subscription(self, parent, publisher, subscriber):
        eventually(lambda: self.passes(publisher, subscriber, b"hello"), 10, "subscribed", 0.05)
        subscriber.setsockopt(zmq.RCVTIMEO, 5000)


class BusKilled(unittest.TestCase):
    def test_everybody_finds_a_new_bus(self):
        with World() as world:
            names = ["ledger", "watcher", "provisioner", "planner", "reaper"]
            before = {name: world.actor_pid(name) for name in names}
            for round_ in range(2):
                tasks = [world.create_task("task%d-%d" % (round_, i)) for i in range(2)]
                world.enqueue(tasks[0], "cpu")
                bus = world.actor_pid("bus")
                os.kill(bus, signal.SIGKILL)
                killed = time.monotonic()
                world.enqueue(tasks[1], "gpu")
                eventually(lambda: world.actor_pid("bus") not in (None, bus), 10, "a new bus")
                eventually(world.is_ready, 10, "everybody answers through it", 0.05)
                print("\nall reachable %.2f s after the kill" % (time.monotonic() - killed), end="")
                eventually(lambda: world.all_completed(tasks), 90, "tasks are served")
            print()
            self.assertEqual({name: world.actor_pid(name) for name in names}, before,
                             "nobody else was restarted")
            names = [name for name, _ in world.runs()]
            self.assertEqual(len(names), len(set(names)), "no task ran twice")


if __name__ == "__main__":
    unittest.main()
