#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gateway_seeds.py DIR: a request for each operation of openapi.json, in the form that gateway_fuzz.c reads:
"METHOD TARGET", a line feed, the body."""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOC = json.loads((ROOT / "actors/gateway/openapi.json").read_text())


def resolve(schema):
    if "$ref" in schema:
        found = DOC
        for part in schema["$ref"][2:].split("/"):
            found = found[part]
        return resolve(found)
    return schema


def example(schema):
    """Something that fits, with every field that is known."""
    schema = resolve(schema)
    for key in ("example", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("oneOf", "anyOf", "allOf"):
        if key in schema:
            return example(schema[key][0])
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: example(of) for name, of in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema.get("items", {}))]
    return {"integer": 7, "number": 0.5, "boolean": True, "string": "a"}[kind]


def requests():
    for path, methods in DOC["paths"].items():
        for method, operation in methods.items():
            query = []
            target = path
            for parameter in operation.get("parameters", []) + methods.get("parameters", []):
                parameter = resolve(parameter)
                value = str(parameter.get("example", example(parameter.get("schema", {}))))
                if parameter["in"] == "path":
                    target = target.replace("{%s}" % parameter["name"], value)
                elif parameter["in"] == "query":
                    query.append("%s=%s" % (parameter["name"], value))
            body = ""
            if "requestBody" in operation:
                schema = resolve(operation["requestBody"])["content"]["application/json"]["schema"]
                body = json.dumps(example(schema))
            yield operation["operationId"], "%s %s\n%s" % (
                method.upper(), target + ("?" + "&".join(query) if query else ""), body)
    for name, to, asked in (
            ("machine.drain", "ledger", {"machine": "m", "mode": "idle", "reason": "hand", "sentence": "s"}),
            ("machine.keep", "ledger", {"machine": "m", "until_us": 7}),
            ("launch.pause", "ledger", {"queue": "q", "paused": True, "sentence": "s"}),
            ("costs.get", "ledger", {"by": "queue", "from_us": 1, "until_us": 2, "only": ""}),
            ("history.get", "ledger", {"kind": "pause", "id": "q", "limit": 7}),
            ("cloud.get", "provisioner.local", {}), ("picture.get", "watcher", {"workers": True})):
        yield "ask-" + name, "POST /api/v1/ask/%s\n%s" % (name, json.dumps({"to": to, "body": asked}))


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, text in requests():
        (out / name).write_text(text)
