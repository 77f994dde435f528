# SPDX-License-Identifier: Apache-2.0
"""The live stream with 500 listeners on a real gateway: from an event's publication on the bus until all
have it, beside the same bytes through the least broadcaster that asyncio can be, read by the same
listeners in the same run; what the listeners cost in memory; and one of them that stops reading."""
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from flock import Flock, pss_kb  # noqa: E402

LISTENERS = 500
LIMIT_S = 20
FILLER = "x" * 30000  # 150 of them are more than the gateway's ring
BROADCASTER = """
import asyncio, sys
async def main():
    writers = set()
    async def listener(reader, writer):
        writers.add(writer)
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\n\\r\\nevent: hello\\n\\n")
        try:
            await reader.read()
        except OSError:
            pass
        writers.discard(writer)
    async def control(reader, _):
        while True:
            size = int.from_bytes(await reader.readexactly(4), "big")
            data = await reader.readexactly(size)
            for writer in writers:
                writer.write(data)
    servers = [await asyncio.start_server(one, "127.0.0.1", 0, backlog=1024)
               for one in (listener, control)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def request(port, cookie):
    return ("GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nCookie: %s\r\n\r\n" % (
        port, cookie)).encode()


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


class Listeners:
    """Connections that wait for a mark in what they are sent."""

    def __init__(self, port, cookie, count):
        self.poll, self.open, self.tails = select.epoll(), {}, {}
        for _ in range(count):
            self.add(port, cookie)
        self.await_all(b"event: hello")

    def add(self, port, cookie):
        link = socket.create_connection(("127.0.0.1", port))
        link.sendall(request(port, cookie))
        link.setblocking(False)
        self.open[link.fileno()] = link
        self.poll.register(link.fileno(), select.EPOLLIN)

    def await_all(self, mark):
        """The moments at which the first and the last of them had the mark."""
        left, first, until = set(self.open), None, time.monotonic() + LIMIT_S
        while left:
            ready = self.poll.poll(1)
            for number, _ in ready:
                data = self.open[number].recv(1 << 20)
                assert data, "a listener was closed"
                tail = self.tails.get(number, b"") + data
                self.tails[number] = tail[-64:]
                if number in left and mark in tail:
                    first = first or time.monotonic()
                    left.discard(number)
            if time.monotonic() > until:
                raise AssertionError("%d of %d did not get %r" % (len(left), len(self.open), mark))
        return first, time.monotonic()

    def close(self):
        for link in self.open.values():
            link.close()


class Broadcaster:
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-c", BROADCASTER], stdout=subprocess.PIPE,
                                        text=True)
        self.port, control = map(int, self.process.stdout.readline().split())
        self.control = socket.create_connection(("127.0.0.1", control))

    def say(self, mark, filler):
        """As long as what the gateway makes of it."""
        data = ("id: 0123456789ab-100\nevent: activity\ndata: " + json.dumps(
            {"seq": 100, "t_us": 1795627978370159, "source": "planner", "level": "info", "kind": "log",
             "text": mark + filler}, separators=(",", ":")) + "\n\n").encode()
        moment = time.monotonic()
        self.control.sendall(len(data).to_bytes(4, "big") + data)
        return moment

    def end(self):
        self.process.kill()
        self.process.wait()


def measure(say, listeners, rounds, filler=""):
    """[(until the first, until the last had it)] in seconds, after three rounds to warm up."""
    times = []
    for i in range(-3, rounds):
        mark = "mark-%d-%d." % (id(listeners) % 99991, i)
        moment = say(mark, filler)
        first, last = listeners.await_all(mark.encode())
        if i >= 0:
            times.append((first - moment, last - moment))
        time.sleep(0.02)
    return times


def say_figures(name, ours, floors, goals):
    for share, word in ((0.5, "p50"), (0.99, "p99"), (1, "worst")):
        mine, floor = percentile(ours, share), percentile(floors, share)
        say("%s_%s" % (name, word), mine, "s", goals[word], floor=round(floor, 5),
            ratio=round(mine / floor, 2))


def say(name, value, unit, goal, **beside):
    print(json.dumps({"name": name, "value": round(value, 5), "unit": unit, **beside, "goal": goal}),
          flush=True)


def stall(flock, rounds):
    """Beside 50 that read there is one that does not, and more comes than any buffer on its way holds;
    by turns with the same events without it."""
    process, mine, floors, grown = flock.gateway.process.pid, [], [], []
    readers = Listeners(flock.port, flock.cookie, 50)
    plain = lambda mark, more: flock.say(mark + more)  # noqa: E731
    measure(plain, readers, 5, FILLER)
    for _ in range(4):
        before = pss_kb(process)
        floors += [last for _, last in measure(plain, readers, rounds, FILLER)]
        between = pss_kb(process)
        lazy = socket.socket()
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", flock.port))
        lazy.sendall(request(flock.port, flock.cookie))
        mine += [last for _, last in measure(plain, readers, rounds, FILLER)]
        grown.append(pss_kb(process) - between - (between - before))  # the lines are kept, too
        lazy.close()
    readers.close()
    return mine, floors, statistics.median(grown)


def main():
    rounds = 50 if "--quick" in sys.argv else 300
    with Flock(machines=5, queues=2) as flock:
        plain = lambda mark, filler: flock.say(mark + filler)  # noqa: E731
        base = Broadcaster()
        one, other = Listeners(flock.port, flock.cookie, 1), Listeners(base.port, "", 1)
        ours = [last for _, last in measure(plain, one, rounds)]
        floors = [last for _, last in measure(base.say, other, rounds)]
        say_figures("sse_event_to_page", ours, floors,
                    {"p50": "<= 0.3", "p99": "<= 0.3", "worst": "none"})
        one.close()
        other.close()
        alone = pss_kb(flock.gateway.process.pid)
        many, peers = (Listeners(flock.port, flock.cookie, LISTENERS),
                       Listeners(base.port, "", LISTENERS))
        # By turns, so that whatever else this host does falls upon both.
        ours, floors = [], []
        for _ in range(5):
            ours += [last for _, last in measure(plain, many, rounds // 5)]
            floors += [last for _, last in measure(base.say, peers, rounds // 5)]
        say_figures("sse_all_%d" % LISTENERS, ours, floors,
                    {"p50": "<= 1", "p99": "<= 1", "worst": "<= 1"})
        full = pss_kb(flock.gateway.process.pid)
        say("sse_memory_%d" % LISTENERS, full / 1024, "MB", "<= 30", floor=round(alone / 1024, 2),
            ratio=round(full / alone, 2), a_listener_kb=round((full - alone) / LISTENERS, 1))
        many.close()
        with_it, without, grown = stall(flock, 150)
        for share, word in ((0.5, "p50"), (0.99, "p99")):
            mine, floor = percentile(with_it, share), percentile(without, share)
            say("sse_beside_a_stalled_one_" + word, mine, "s", "as without it", floor=round(floor, 5),
                ratio=round(mine / floor, 2))
        say("sse_stalled_one_memory", grown / 1024, "MB", "<= 5", floor=0, ratio=None)
        peers.close()
        base.end()


if __name__ == "__main__":
    main()
