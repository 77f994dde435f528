# SPDX-License-Identifier: Apache-2.0
"""From enqueue to gone: what the dashboard says, what a page keeps from the live stream, and what the
command line says are one and the same at each step."""
import json
import os
import re
import sys
import unittest

from gateway_world import Browser, Page, free_port
from world import BIN, World, eventually

PHASES = {"wanted": "waiting", "launching": "booting", "booting": "booting", "draining": "draining",
          "terminating": "draining", "absent": "draining"}


def phase(row):
    if row["state"] == "up":
        return "idle" if row["idle_since_us"] else "running"
    return PHASES.get(row["state"], "ended")


def filled(row):
    return {key: value for key, value in row.items() if value not in ("", 0, False, [])}


class Picture(unittest.TestCase):
    def alive(self, machines):
        """Living machines by id; what they cost runs with time."""
        return {m["id"]: {k: v for k, v in m.items() if k != "spent_usd_micros"}
                for m in machines if m["phase"] not in ("ended", "failed")}

    def rows(self):
        found = json.loads(self.world.drover("--json", "machines").stdout)["machines"]
        return {row["id"]: row for row in found}

    def words(self):
        """What `drover status` and `drover queues` print, as numbers."""
        line = self.world.drover("status").stdout.splitlines()[0]
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", line)}
        queues = {}
        for row in self.world.drover("queues").stdout.splitlines()[1:]:
            name, waiting, running = re.match(r"(\S+) +(\d+) +(?:-|\d+\w(?: \d+\w)?) +(\d+) ", row).groups()
            queues[name] = {"waiting": int(waiting), "running": int(running)}
        return counts, queues

    def figures(self, queue):
        return [queue.get(name, 0) for name in ("waiting", "running", "booting", "available")]

    def expected(self, queue, workers, rows):
        """The same from the command line's readings; each queue has one type, with slots for one task."""
        mine = [w for w in workers if queue["id"] in w["queues"]]
        serve = [row for row in rows if queue["id"] in row["queues"]]
        stay = {row["instance_id"] for row in serve if row["state"] in ("booting", "up")}
        idle = sum(w["task"] == "" and w["proven"] and w["instance_id"] in stay for w in mine)
        cap = {"cpu": 4, "gpu": 2}[queue["name"]]
        return [len(queue["waiting"]), sum(w["task"] != "" for w in mine),
                sum(phase(row) == "booting" for row in serve), idle + cap - len(serve)]

    def differs(self):
        """None, or what differs; true at one moment only if all that is compared was."""
        state, rows = self.browser.get("state"), self.rows()
        shown = self.alive(state["machines"])
        if set(shown) != set(rows):
            return "machines %s, rows %s" % (sorted(shown), sorted(rows))
        for id, row in rows.items():
            if shown[id]["phase"] != phase(row):
                return "phase of %s" % shown[id]
            for key, value in filled(row).items():
                if key != "wasted_s" and shown[id].get(key) != value:
                    return "%s: %s is %s, not %s" % (id, key, shown[id].get(key), value)
        seen = json.loads(self.world.drover("--json", "queues").stdout)
        for queue in seen["queues"]["queues"]:
            mine = next(q for q in state["queues"] if q["name"] == queue["name"])
            if self.figures(mine) != self.expected(queue, seen["workers"]["workers"], rows.values()):
                return "queue %s, %s" % (mine, queue)
        counts, queues = self.words()
        for name in ("running", "idle", "booting", "draining"):
            if counts.get(name, 0) != state["counts"][name]:
                return "%s: %s, %s" % (name, counts, state["counts"])
        for name, figures in queues.items():
            mine = next(q for q in state["queues"] if q["name"] == name)
            if figures != {"waiting": mine.get("waiting", 0), "running": mine.get("running", 0)}:
                return "%s: %s, %s" % (name, figures, mine)
        return self.page_differs(state)

    def page_differs(self, state):
        with self.page.lock:
            if self.alive(self.page.machines.values()) != self.alive(state["machines"]):
                return "page's machines"
            if self.page.queues != {q["name"]: q for q in state["queues"]}:
                return "page's queues"
            if self.page.parts["counts"] != state["counts"]:
                return "page's counts"
            if self.page.actors != {a["actor"]: a for a in state["actors"]}:
                return "page's processes"
        return None

    def agree(self, step):
        last = [None]

        def same():
            last[0] = self.differs()
            return last[0] is None
        try:
            eventually(same, 20, step)
        except AssertionError as error:
            raise AssertionError("%s: %s" % (error, last[0])) from None

    def wait(self, phase, step):
        found = eventually(
            lambda: [m for m in self.browser.get("state")["machines"] if m["phase"] == phase], 60, step)
        self.agree(step)
        return found[0]

    def test_one_picture(self):
        port = free_port()
        with World({"gateway": {"listen": "127.0.0.1:%d" % port}}) as world:
            self.world, self.browser = world, Browser(world, port)
            eventually(lambda: self.browser.get("state")["ready"], 30, "all parts are there")
            self.page = Page(self.browser)
            self.agree("nothing yet")
            task = world.create_task("shown", seconds=15)
            world.enqueue(task, "cpu")
            self.wait("booting", "a machine boots")
            running = self.wait("running", "the task runs")
            eventually(lambda: [t["id"] for t in self.machine(running["id"]).get("tasks", [])] == [task],
                       20, "the machine names its task")
            self.reads(running, task)
            self.wait("idle", "the machine is idle")
            self.wait("ended", "the machine is gone")
            self.assertEqual(self.page.resets, 0)
            self.after(running, task)
            self.page.close()
            self.restart()

    def machine(self, id):
        return self.browser.get("machines/" + id)["machine"]

    def reads(self, machine, task):
        get = self.browser.get
        by_instance = get("machines/" + machine["instance_id"])
        self.assertEqual(by_instance["machine"]["id"], machine["id"])
        self.assertEqual([row["to"] for row in by_instance["history"] if row["kind"] == "machine"][-1],
                         "wanted")
        log = get("machines/%s/log" % machine["id"])
        self.assertGreater(len(log["text"]), 0)
        self.assertEqual(get("machines/%s/log?after=%d" % (machine["id"], log["next"]))["text"][:1], "")
        self.assertEqual(get("tasks/" + task)["task"]["state"], "running")
        self.assertEqual([t["id"] for t in get("tasks")["tasks"]], [task])
        self.assertEqual(get("queues/cpu")["machines"], [machine["id"]])
        actors = get("actors")["actors"]
        self.assertTrue(all(a["memory_bytes"] > 0 for a in actors if a["pid"]), actors)
        for path in ("machines/nobody", "machines/..%2f..%2fledger/log", "queues/none", "tasks/none"):
            self.assertEqual(self.browser.status(path), 404, path)

    def after(self, machine, task):
        get = self.browser.get
        told = get("tasks/" + task)
        self.assertEqual((told["task"]["state"], told["task"]["name"]), ("ended", "shown"))
        self.assertTrue(any(machine["instance_id"] in line["text"] for line in told["dossier"]), told)
        self.assertEqual([t["id"] for t in get("tasks?state=ended")["tasks"]], [task])
        self.assertIn(machine["id"], [m["id"] for m in get("machines?all=1")["machines"]])
        lines = get("activity?kind=machine&machine=" + machine["id"])["activity"]
        self.assertRegex(lines[0]["text"], "gone")
        with self.browser.open("/api/v1/activity?format=ndjson") as answer:
            rows = [json.loads(line) for line in answer.read().decode().splitlines()]
        self.assertGreater(len(rows), len(lines))
        costs = get("costs?by=machine")
        self.assertIn("forecast_month_usd_micros", costs)
        with self.page.lock:
            self.assertGreaterEqual(len(self.page.activity), len(lines))
        eventually(lambda: get("samples")["t_us"], 20, "a sample")

    def restart(self):
        """A gateway that comes back knows the chart's past and what people did."""
        samples = self.browser.get("samples")["t_us"]
        self.world.stop_droverd()
        self.world.start_droverd()
        eventually(lambda: self.browser.status("samples") == 200, 30, "the dashboard is back")
        self.assertEqual(self.browser.get("samples")["t_us"][:len(samples)], samples)
        eventually(lambda: self.browser.get("activity?kind=machine")["activity"], 20, "what happened before")


if __name__ == "__main__":
    if not os.path.exists(os.path.join(BIN, "drover-gateway")):
        print("skipped: this build has no drover-gateway")
        sys.exit(77)
    unittest.main()
