# SPDX-License-Identifier: Apache-2.0
"""From enqueue to RunInstances, for tasks that come at any moment of the watcher's tick, with the
default launch budget, breaker and caps. Two parts are told apart: the wait for the next look into the
queues (sent_ms of the pictures on the tap), and Drover's own share after that look began. Beside it
stands what the same host cannot do faster: two fsyncs and one HTTPS round trip."""
import concurrent.futures
import http.client
import json
import os
import random
import ssl
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))
from ec2_world import Ec2World, World, eventually  # noqa: E402
from faultproxy import FaultProxy  # noqa: E402

import msgpack  # noqa: E402
import zmq  # noqa: E402

PER_S = 1.5  # tasks a second: below EC2's own refill of RunInstances calls, 2 a second
REPORT_S = 25


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


class Pictures(threading.Thread):
    """When each look into the queues began, by CLOCK_BOOTTIME in seconds."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.tap = zmq.Context.instance().socket(zmq.SUB)
        self.tap.connect(endpoint)
        self.tap.subscribe("queues.observed")
        self.sent, self.ended = [], False
        self.start()

    def run(self):
        while not self.ended:
            if self.tap.poll(200):
                event = msgpack.unpackb(self.tap.recv_multipart()[1])
                self.sent.append(event["body"]["sent_ms"] / 1000)

    def first_after(self, moment):
        return next((sent for sent in self.sent if sent >= moment), None)


class Agents:
    """Takes the tasks out as agents would: each instance that runs registers a worker, asks the queue
    until it gets a task, and works on it until the end of the run, reporting every half a minute.
    (Machines that left by themselves, many in a minute, would look like an outage of the server.)"""

    def __init__(self, world):
        self.world, self.taken, self.done = world, {}, 0
        self.pool = concurrent.futures.ThreadPoolExecutor(32)
        self.seen, self.ended = set(), False
        world.cloud.subscribe(self.changed)
        threading.Thread(target=self.report_all, daemon=True).start()

    def changed(self, instance):
        if instance["state"] == "running" and instance["id"] not in self.seen:
            self.seen.add(instance["id"])
            self.pool.submit(self.live, instance["id"])

    def live(self, instance):
        try:
            self.work(instance)
        except Exception as error:  # shown: a bench that lost an agent measures something else
            if not self.ended:
                print("agent of %s: %r" % (instance, error), file=sys.stderr)

    def next_task(self, worker, queue):
        while not self.ended:
            entry = self.world.api("queues.get_next_task", queue=queue).get("entry")
            if entry:
                return entry["task"]
            self.report(worker, queue)
            time.sleep(5)
        return None

    def report(self, worker, queue, **task):
        self.world.api("workers.status_report", worker=worker, queues=[queue],
                       timestamp=int(time.time() * 1000), **task)

    def work(self, instance):
        api, queue = self.world.api, self.world.queues["cpu"]
        worker = "drover:cloud:small:" + instance
        api("workers.register", worker=worker, queues=[queue], register_timeout=600)
        task = self.next_task(worker, queue)
        if task is None:
            return
        api("tasks.started", task=task, force=True)
        self.report(worker, queue, task=task)
        self.taken[task] = instance
        self.done += 1

    def report_all(self):
        queue = self.world.queues["cpu"]
        while not self.ended:
            for task, instance in list(self.taken.items()):
                self.report("drover:cloud:small:" + instance, queue, task=task)
            time.sleep(REPORT_S)


def floor_s(world, rounds=200):
    """Two fsyncs of 4 KiB beside the ledger and one round trip over a kept HTTPS connection to the
    same endpoint."""
    url = urllib.parse.urlsplit(world.cloud.url)
    context = ssl.create_default_context(cafile=world.cloud.ca_file)
    link = http.client.HTTPSConnection(url.hostname, url.port, context=context)
    times, block = [], b"x" * 4096
    with tempfile.NamedTemporaryFile(dir=world.state_dir) as file:
        for _ in range(rounds):
            began = time.monotonic()
            for _ in range(2):
                os.write(file.fileno(), block)
                os.fsync(file.fileno())
            link.request("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", {
                "Content-Type": "application/x-www-form-urlencoded"})
            link.getresponse().read()
            times.append(time.monotonic() - began)
    return times


def offer(world, count):
    """[(task, moment of its enqueue)], at random moments."""
    tasks = [world.create_task("task%d" % i, code="pass") for i in range(count)]
    enqueued = []
    for task in tasks:
        time.sleep(random.expovariate(PER_S * 2) / 2 + 0.25 / PER_S + random.random() * 0.25)
        world.enqueue(task, "cpu")
        enqueued.append((task, time.clock_gettime(time.CLOCK_BOOTTIME)))
    return enqueued


def measure(world, count):
    """(whole, wait, own) in seconds of each task that a machine had to be started for, and how many
    were taken by a machine that was there before they came."""
    pictures = Pictures("ipc://%s/run/tap" % world.state_dir)
    agents = Agents(world)
    enqueued = offer(world, count)
    eventually(lambda: agents.done >= count, 90, "all tasks taken out")
    agents.ended = pictures.ended = True
    calls = [r["mono"] for r in world.cloud.requests("RunInstances")]
    to_boottime = time.clock_gettime(time.CLOCK_BOOTTIME) - time.time()
    samples, free = [], 0
    for task, moment in enqueued:
        if world.cloud.life(agents.taken[task])[0][0] + to_boottime < moment:
            free += 1
            continue
        look = pictures.first_after(moment)
        call = next(call for call in calls if call >= moment)
        if look is not None:
            samples.append((call - moment, look - moment, max(call - look, 0)))
    return samples, free, len(calls)


class QuietWorld(World):
    """Nothing waits and nothing runs; the calls to the server are counted on the way."""

    def default_config(self):
        config = super().default_config()
        self.proxy = FaultProxy(self.api_url, self.dir)
        config["clearml"].update(api_server=self.proxy.url, ca_file=self.proxy.ca_file, tick="1s")
        config["timing"] = {}
        return config


def quiet(seconds):
    """Calls a tick, and bytes of the largest: a minute in which nothing happens."""
    with QuietWorld() as world:
        eventually(lambda: len(world.proxy.calls) > 5, 30, "the first calls")
        time.sleep(5)
        calls, sizes = len(world.proxy.calls), len(world.proxy.sizes)
        time.sleep(seconds)
        return (len(world.proxy.calls) - calls) / seconds, max(world.proxy.sizes[sizes:])


class LatencyWorld(Ec2World):
    """Everything as configured by default; a tick of 1 s."""

    def default_config(self):
        config = super().default_config()
        config["clearml"]["tick"] = "1s"
        config["accounts"][0].update(ca_file=self.cloud.ca_file)
        config["accounts"][0].pop("list_period")
        for kind in config["machine_types"]:
            kind.pop("max_machines")
            kind["idle_timeout"] = "15m"
        config["timing"] = {}
        return config


def say(name, value, unit, goal, **beside):
    print(json.dumps({"name": name, "value": round(value, 4), "unit": unit, **beside, "goal": goal}),
          flush=True)


def main():
    count, minute = (60, 30) if "--quick" in sys.argv else (500, 120)
    calls_a_tick, largest = quiet(minute)
    say("latency_quiet_calls_per_tick", calls_a_tick, "calls", "<= 1.1", seconds=minute)
    say("latency_quiet_largest_call", largest, "bytes", "< 2000")
    with LatencyWorld(host=False, settings={"tls": True, "pending_s": 0.2}) as world:
        floors = floor_s(world)
        samples, free, calls = measure(world, count)
        floors += floor_s(world)
    whole, waits, own = zip(*samples)
    floor, worst = statistics.median(floors), percentile(floors, 0.99)
    say("latency_whole_p50", percentile(whole, 0.5), "s", "<= 0.6", tasks=len(samples),
        calls=calls, taken_by_free_machines=free)
    say("latency_whole_p99", percentile(whole, 0.99), "s", "<= 1.2", worst=round(max(whole), 3))
    say("latency_tick_wait_p50", percentile(waits, 0.5), "s", "none")
    say("latency_own_p50", percentile(own, 0.5), "s", "<= 10 x floor", floor=round(floor, 5),
        ratio=round(percentile(own, 0.5) / floor, 1))
    # Like with like: the slow hundredth of ours beside the slow hundredth of the floor.
    say("latency_own_p99", percentile(own, 0.99), "s", "<= 10 x floor", floor=round(worst, 5),
        ratio=round(percentile(own, 0.99) / worst, 1))


if __name__ == "__main__":
    main()
