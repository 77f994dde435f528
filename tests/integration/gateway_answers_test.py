# SPDX-License-Identifier: Apache-2.0
"""The answers of a gateway that has something to tell are as openapi.json describes them: every field that
must be there is, of its type, and none is there that is not described. (schemathesis asks a gateway whose
lists are mostly empty; that the records' descriptions are those of docs/messages.md is a unit test.)"""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
try:
    from openapi_schema_validator import OAS30Validator
except ImportError:
    import testpython
    testpython.again()

from gateway_access_world import Gateway, operations
from world import eventually


class Description:
    def __init__(self, doc):
        self.doc = doc
        self.operations = {operation["operationId"]: operation for methods in doc["paths"].values()
                           for operation in methods.values()}

    def resolve(self, schema):
        """[schema, ...] that a value is to fit, without references."""
        if "$ref" in schema:
            found = self.doc
            for part in schema["$ref"][2:].split("/"):
                found = found[part]
            return self.resolve(found)
        return [schema] + [more for part in schema.get("allOf", []) for more in self.resolve(part)]

    def schema(self, name, answer):
        response = self.resolve(self.operations[name]["responses"][str(answer.status)])[0]
        return response["content"][answer.headers["Content-Type"]]["schema"]

    def faults(self, name, answer):
        schema, value = self.schema(name, answer), answer.json
        whole = dict({"components": self.doc["components"]}, allOf=[schema])
        return ([fault.message for fault in OAS30Validator(whole).iter_errors(value)] +
                ["%s is not described" % path for path in self.unknown(schema, value, name)])

    def unknown(self, schema, value, path):
        parts = self.resolve(schema)
        if isinstance(value, list):
            items = [part["items"] for part in parts if "items" in part]
            for i, each in enumerate(value):
                yield from self.unknown(items[0], each, "%s[%d]" % (path, i)) if items else ()
        known = {key: of for part in parts for key, of in part.get("properties", {}).items()}
        if isinstance(value, dict) and known:
            for key, each in value.items():
                if key in known:
                    yield from self.unknown(known[key], each, path + "." + key)
                else:
                    yield path + "." + key


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = world = cls.enterClassContext(Gateway())
        cls.says = Description(cls.ask("GET", "/api/v1/openapi.json").json)
        cls.task = world.create_task("told", seconds=3)
        world.enqueue(cls.task, "cpu")
        cls.waits = world.create_task("waits")
        world.enqueue(cls.waits, "gpu")
        assert cls.ask("POST", "/api/v1/pause", {"queue": "gpu", "sentence": "for the test"}).status == 200
        cls.machine = world.first_machine()
        eventually(lambda: world.status([cls.task])[cls.task] == "completed", 60, "the task is done")

    @classmethod
    def ask(cls, method, path, body=None):
        return cls.world.ask(method, path, body, token=cls.world.operator)

    def look(self, name, answer, status=200):
        self.assertEqual(answer.status, status, answer.text)
        self.assertEqual(self.says.faults(name, answer), [], answer.text[:3000])
        return answer.json

    def test_every_read_is_as_described(self):
        parts = {"machine": self.machine, "machine_log": self.machine, "task": self.task, "queue": "gpu",
                 "config_version": "1"}
        text = self.ask("GET", "/api/v1/config").json
        put = self.ask("PUT", "/api/v1/config", {"text": text["text"] + "\n", "base_hash": text["hash"]})
        self.look("config_put", put)
        found = {}
        for method, path, _, name in operations():
            if method == "GET" and name not in ("events", "tap", "login_link"):
                with self.subTest(name):
                    path = re.sub(r"{\w+}", lambda _, name=name: parts[name], path)
                    found[name] = self.look(name, self.ask("GET", path))
        # What is compared has something in it.
        self.assertTrue(found["state"]["machines"] and found["state"]["pauses"])
        self.assertTrue(found["machine"]["history"] and found["machine"]["work"])
        self.assertTrue(found["task"]["work"] and found["task"]["dossier"])
        self.assertEqual([task["id"] for task in found["queue"]["tasks"]], [self.waits])
        for name, key in (("machines", "machines"), ("tasks", "tasks"), ("history", "rows"),
                          ("costs", "rows"), ("actors", "counters"), ("config_history", "versions"),
                          ("tokens", "tokens"), ("activity", "activity"), ("prices", "sizes")):
            with self.subTest(name):
                self.assertTrue(found[name][key])

    def test_every_write_is_as_described(self):
        keep = self.ask("POST", "/api/v1/machines/%s/keep" % self.machine, {"for_ms": 600000})
        self.look("machine_keep", keep)
        self.look("resume", self.ask("POST", "/api/v1/resume", {"queue": "cpu"}))
        self.look("pause", self.ask("POST", "/api/v1/pause", {"queue": "cpu"}))
        self.look("config_check", self.ask("POST", "/api/v1/config/check", {"text": "queues: 7"}))
        hash_now = self.ask("GET", "/api/v1/config").json["hash"]
        self.look("config_put", self.ask("PUT", "/api/v1/config", {"text": "x", "base_hash": "x"}), 409)
        self.look("config_put", self.ask("PUT", "/api/v1/config", {"text": "x", "base_hash": hash_now}), 422)
        made = self.ask("POST", "/api/v1/tokens", {"name": "t", "role": "viewer"})
        made = self.look("token_add", made, 201)
        self.look("token_revoke", self.ask("DELETE", "/api/v1/tokens/" + made["id"]))
        self.look("wizard_render", self.ask("POST", "/api/v1/wizard/render", {"config": {"queues": 7}}))
        asked = self.ask("POST", "/api/v1/ask/history.get", {"to": "ledger", "body": {"kind": "pause"}})
        self.assertTrue(self.look("ask", asked)["body"]["rows"])
        asked = self.ask("POST", "/api/v1/ask/costs.get", {"to": "ledger", "body": {"by": "x"}})
        self.look("ask", asked, 400)
        drain = self.ask("POST", "/api/v1/machines/%s/drain" % self.machine, {"mode": "idle"})
        self.look("machine_drain", drain)

    def test_a_launch_with_faults_writes_nothing(self):
        before = pathlib.Path(self.world.config_path).read_bytes()
        self.look("wizard_launch", self.ask("POST", "/api/v1/wizard/launch", {"config": {}}), 422)
        self.look("wizard_launch", self.ask("POST", "/api/v1/wizard/launch", {}), 400)
        self.assertEqual(pathlib.Path(self.world.config_path).read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
