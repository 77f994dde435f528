# SPDX-License-Identifier: Apache-2.0
"""`drover why` in situations that are seldom: a task on a worker that is not Drover's, one that a limit of
money holds, one whose machine has no price under such a limit, and one that is being put back."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from holdproxy import HoldProxy  # noqa: E402
from world import World, eventually  # noqa: E402

FINE, WAITS = 0, 1
QUEUES = ("own", "poor", "dear", "back")


class Why(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.proxy = HoldProxy(lambda: cls.world.api_url)
        cls.addClassCleanup(cls.proxy.close)
        cls.world = World(queues=QUEUES, config={
            "clearml": {"api_server": cls.proxy.url, "tick": "250ms"},
            "machine_types": [
                {"name": "type-own", "account": "local", "max_machines": 0},
                {"name": "type-poor", "account": "local", "max_machines": 1, "price_per_hour": 5},
                {"name": "type-dear", "account": "local", "max_machines": 1},
                {"name": "type-back", "account": "local", "max_machines": 1, "idle_timeout": "30m"}],
            "queues": [
                {"name": "own", "types": ["type-own"]},
                {"name": "poor", "types": ["type-poor"], "budget": {"per_hour": 1}},
                {"name": "dear", "types": ["type-dear"], "budget": {"per_hour": 1}},
                {"name": "back", "types": ["type-back"]}],
            "timing": {"workers_period": "1s", "queue_reread": "1s", "drain_poll": "1s",
                       "drain_grace": "8s", "kill_grace": "1s"}})
        cls.addClassCleanup(lambda: cls.world.__exit__(None, None, None))
        cls.world.__enter__()

    def task(self, queue, seconds=1):
        task = self.world.create_task("of-" + queue, seconds=seconds)
        self.world.enqueue(task, queue)
        return task

    def why(self, task):
        """Its document, its exit code and its text; None while a part of Drover has no answer."""
        done, said = self.world.drover("--json", "why", task), self.world.drover("why", task)
        return json.loads(done.stdout or "{}"), done.returncode, said.stdout

    def comes(self, task, text, seconds=60):
        eventually(lambda: text in self.why(task)[2], seconds, text)
        return self.why(task)

    def test_on_a_worker_that_is_not_drovers(self):
        task, queue = self.task("own"), self.world.queues["own"]
        self.comes(task, "in queue own")
        self.world.api("workers.register", worker="desk:gpu0", queues=[queue], timeout=600)
        got = self.world.api("queues.get_next_task", queue=queue)["entry"]["task"]
        self.assertEqual(got, task)
        self.world.api("tasks.started", task=task, force=True)
        self.world.api("workers.status_report", worker="desk:gpu0", task=task, queues=[queue], queue=queue,
                       timestamp=1)
        document, code, text = self.comes(task, "it runs on worker desk:gpu0")
        self.assertIn(", which Drover did not start", text)
        self.assertIn("to do: nothing", text)
        self.assertEqual(code, FINE)
        self.assertEqual((document["state"], document["machine"]), ("running", ""))
        self.assertEqual((document["will_start"], document["to_do"]), (False, "nothing"))

    def held(self, queue, *sentences):
        task = self.task(queue)
        document, code, text = self.comes(task, sentences[0])
        self.assertEqual((document["state"], document["verdict"], document["queue"]),
                         ("waiting", "capped", queue))
        self.assertEqual((code, document["will_start"]), (WAITS, False))
        for sentence in sentences:
            self.assertIn(sentence, text)
            self.assertIn(sentence, document["sentence"])
        self.assertIn("to do: wait until something ends, or raise what is named in drover.yaml", text)

    def test_a_limit_of_money(self):
        self.held("poor", "an hour would pass the limit of $1.00 an hour of queue poor",
                  "waits until machines have gone or the limit is raised")

    def test_no_price_under_a_limit(self):
        self.held("dear", "nobody knows what machine type type-dear costs",
                  "the limit of $1.00 an hour of queue dear covers it",
                  "set price_per_hour of machine type type-dear in drover.yaml")

    def test_being_put_back(self):
        task = self.task("back", seconds=100)
        machine = self.comes(task, "it runs on machine ", 120)[0]["machine"]
        hold = self.proxy.hold(lambda call: call.endpoint == "tasks.enqueue" and
                               call.body.get("task") == task)
        try:
            self.assertEqual(self.world.drover("kill", machine, "--yes").returncode, 0)
            self.assertTrue(hold.met.wait(90), "it is put back")
            document, code, text = self.comes(task, "it lost its machine and is being put back (")
        finally:
            hold.release()
        self.assertEqual((code, document["state"], document["will_start"]), (FINE, "returning", False))
        self.assertEqual(len(document["recoveries"]), 1)
        self.assertIn("the task is being put back into queue back", document["recoveries"][0]["text"])
        self.assertIn("to do: nothing", text)
        self.comes(task, "it runs on machine ", 120)


if __name__ == "__main__":
    unittest.main()
