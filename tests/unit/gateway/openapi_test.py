# SPDX-License-Identifier: Apache-2.0
"""actors/gateway/openapi.json is valid OpenAPI 3.0, says the same operations and roles as routes.def, and its
records have the fields of docs/messages.md."""
import json
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
ROUTE = re.compile(r'^ROUTE\((\w+), "([^"]+)", (\w+), (\w+)\)$', re.M)
NAMES = {"machine_row": "Machine", "pause_row": "Pause", "money": "Money", "ack": "Ack",
         "server_changed": "Server"}
COMPACT = {"machine_row", "pause_row"}  # what is empty is left out of them
FORMS = {"text": "string", "number": "integer", "true/false": "boolean", "texts": "array"}

sys.path.insert(0, str(ROOT / "tests/support"))
try:
    from openapi_spec_validator import OpenAPIV30SpecValidator
except ImportError:
    import testpython
    testpython.again()


def document():
    return json.loads((ROOT / "actors/gateway/openapi.json").read_text())


def operations(doc):
    for path, methods in doc["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def tables():
    """Record or message -> {field: form} as docs/messages.md says it."""
    found, name = {}, None
    for line in (ROOT / "docs/messages.md").read_text().split("\n"):
        if line.startswith("### "):
            name = line[4:].split()[0].replace(".", "_")
            found[name] = {}
        elif name and (row := re.match(r"\| `(\w+)` \| ([^|]+) \|", line)):
            found[name][row[1]] = row[2].strip()
    return found


class OpenApi(unittest.TestCase):
    def test_is_valid(self):
        faults = [str(fault) for fault in OpenAPIV30SpecValidator(document()).iter_errors()]
        self.assertEqual(faults, [])

    def test_says_the_same_operations_and_roles_as_the_table(self):
        table = {(method, path, role.lower(), name) for method, path, role, name in
                 ROUTE.findall((ROOT / "actors/gateway/routes.def").read_text())}
        self.assertGreater(len(table), 30)
        said = {(method, path, operation["x-drover-role"], operation["operationId"])
                for method, path, operation in operations(document())}
        self.assertEqual(table - said, set(), "in routes.def only")
        self.assertEqual(said - table, set(), "in openapi.json only")

    def test_says_who_may(self):
        doc = document()
        for method, path, operation in operations(doc):
            with self.subTest(operation["operationId"]):
                role, security = operation["x-drover-role"], operation.get("security", doc["security"])
                answers = set(operation["responses"])
                self.assertEqual("401" in answers,
                                 role != "none" or operation["operationId"] in ("login", "me"))
                self.assertEqual(bool(security), role != "none" or operation["operationId"] == "me")
                by_cookie = [names for names in security if "session" in names]
                self.assertEqual([("csrf" in names) for names in by_cookie],
                                 [method != "GET"] * len(by_cookie))
                if role == "operator" or method != "GET":
                    self.assertIn("403", answers)

    def test_describes_each_part_of_a_path(self):
        for _, path, operation in operations(document()):
            said = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            self.assertEqual(set(re.findall(r"{(\w+)}", path)), said, path)

    def test_records_have_the_fields_of_the_message_table(self):
        schemas, compared = document()["components"]["schemas"], 0
        for name, fields in tables().items():
            schema = schemas.get(NAMES.get(name, name))
            if schema is None:
                continue
            compared += 1
            for field, form in fields.items():
                if form == "bytes":  # in no answer
                    continue
                with self.subTest(record=name, field=field):
                    said = schema["properties"].get(field)
                    self.assertIsNotNone(said, "not in openapi.json")
                    if form in FORMS:
                        self.assertEqual(said["type"], FORMS[form])
                    elif form.startswith("list of"):
                        self.assertEqual(said["type"], "array")
                    if name not in COMPACT:
                        self.assertIn(field, schema["required"])
            if name not in NAMES:
                self.assertEqual(set(schema["properties"]) - set(fields), set(), name)
        self.assertGreaterEqual(compared, 15)


if __name__ == "__main__":
    unittest.main()
