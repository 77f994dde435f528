# SPDX-License-Identifier: Apache-2.0
"""What the made-up gateway answers to each operation of docs/gateway.md but the stream."""

import difflib
import hashlib
import json
import pathlib
import re

from fake_flock import TYPES, compact, now_us

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEF = ROOT / "proto/config.def"
HELP = ROOT / "proto/config_help.def"
KINDS = {
    **{"C_STR": "text", "C_REQ": "text", "C_NAME": "name", "C_ENUM": "word", "C_INT": "number"},
    **{"C_DUR": "duration", "C_USD": "dollars", "C_BOOL": "switch", "C_STRS": "texts"},
    **{"C_REC": "section", "C_RECS": "sections"},
}


def arguments(text):
    return [a[1:-1] if a.startswith('"') else a for a in re.findall(r'"[^"]*"|[\w]+', text)]


def helps():
    """(section, field) -> label, example, link, group and flags."""
    found = {}
    for line in HELP.read_text().splitlines():
        if line.startswith("HELP("):
            section, field, label, example, link, group, *flags = arguments(line[5:-1])
            flags = [flag[4:].lower() for flag in flags if flag != "0"]
            found[section, field] = dict(
                label=label, example=example, link=link, group=group.lower(), flags=flags
            )
    return found


def secrets():
    keys = ("file", "key", "hidden", "label", "example", "link", "group", "meaning")
    rows = re.findall(r"^CONFIG_SECRET\((.*)\)$", HELP.read_text(), re.M)
    return [dict(zip(keys, arguments(r))) | {"hidden": arguments(r)[2] == "1"} for r in rows]


def schema():
    sections, known = {}, helps()
    for line in DEF.read_text().splitlines():
        match = re.match(r"(SECTION|C_\w+)\((.*)\)$", line)
        if not match:
            continue
        args = arguments(match.group(2))
        if match.group(1) == "SECTION":
            sections[args[0]] = {"name": args[0][4:], "meaning": args[1], "fields": []}
            continue
        field = {"key": args[1], "kind": KINDS[match.group(1)], "meaning": args[-1]}
        field["required"] = match.group(1) in ("C_REQ", "C_NAME")
        field |= known.get((args[0], args[1]), {})
        if field["kind"] in ("section", "sections"):
            field["of"] = args[2][4:]
        elif field["kind"] in ("duration", "dollars"):
            field["key"], field["default"] = args[2], args[3]
        elif field["kind"] != "texts" and len(args) > 3:
            field["default"] = args[2]
        if field["kind"] == "word":
            field["words"], field["required"] = args[3].split("|"), not args[2]
        if field["kind"] in ("number", "duration"):
            field["min"], field["max"] = args[-3], args[-2]
        sections[args[0]]["fields"].append(field)
    return {"root": "root", "groups": [], "secrets": secrets(), "sections": list(sections.values())}


class Config:
    def __init__(self):
        self.text, self.versions = "", []
        self.write((ROOT / "examples/team.yaml").read_text(), "ada", "first")

    def write(self, text, by, note):
        self.text = text
        self.versions.insert(
            0,
            {
                "n": len(self.versions) + 1,
                "t_us": now_us(),
                "by": by,
                "hash": self.hash(),
                "note": note,
                "text": text,
            },
        )

    def hash(self):
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def check(self, text):
        errors = []
        for number, line in enumerate(text.splitlines(), 1):
            if "\t" in line:
                errors.append(
                    {
                        "line": number,
                        "path": "",
                        "text": "a tab; YAML is indented with spaces",
                        "warning": False,
                    }
                )
            match = re.match(r"\s*-?\s*max_machines:\s*(\S+)", line)
            if match and not match.group(1).isdigit():
                errors.append(
                    {
                        "line": number,
                        "path": "max_machines",
                        "warning": False,
                        "text": f"max_machines is a whole number from 0 to 100000, not “{match.group(1)}”",
                    }
                )
            if "price_per_hour: 0.05" in line:
                errors.append(
                    {
                        "line": number,
                        "path": "machine_types[0].price_per_hour",
                        "warning": True,
                        "text": "cheaper than anything on the list: is it dollars?",
                    }
                )
        diff = [
            d for d in difflib.unified_diff(self.text.splitlines(), text.splitlines(), lineterm="", n=2)
        ][2:]
        most = {
            "per_hour_usd_micros": 12_072_000,
            "unpriced": ["container"],
            "sentence": "12 machines at most",
        }
        return {"errors": errors, "most": most, "diff": diff}


def yaml_of(value, depth=0):
    pad = "  " * depth
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                lines += [f"{pad}{key}:", yaml_of(item, depth + 1)]
            else:
                lines.append(f"{pad}{key}: {json.dumps(item) if not isinstance(item, str) else item}")
        return "\n".join(lines)
    return "\n".join(
        re.sub(r"^(\s*)  ", r"\1- ", yaml_of(v, depth + 1), count=1)
        if isinstance(v, dict)
        else f"{pad}- {v}"
        for v in value
    )


def render(config):
    errors = []
    for i, t in enumerate(config.get("machine_types", [])):
        if not t.get("name"):
            errors.append({"path": f"machine_types[{i}].name", "text": "a machine type needs a name"})
    if not config.get("deployment"):
        errors.append(
            {"path": "deployment", "text": "deployment is missing: a name of this Drover, e.g. prod"}
        )
    api = config.get("clearml", {}).get("api_server", "")
    if not api.startswith("http"):
        errors.append({"path": "clearml.api_server", "text": "begins with http:// or https://"})
    prices = {size: price for size, price, _ in TYPES.values()}
    most = sum(
        prices.get(t.get("instance_type"), 0) * int(t.get("max_machines") or 1)
        for t in config.get("machine_types", [])
    )
    return {
        "yaml": yaml_of(config) + "\n",
        "errors": errors,
        "most": {
            "per_hour_usd_micros": most,
            "sentence": "",
            "unpriced": [
                t.get("name")
                for t in config.get("machine_types", [])
                if not prices.get(t.get("instance_type"))
            ],
        },
    }


def error(status, sentence, **more):
    return status, {"error": {"code": "refused", "sentence": sentence}} | more


def page(rows, query):
    start, limit = int(query.get("offset", 0)), int(query.get("limit", 200))
    return rows[start : start + limit]


def costs(flock, query):
    keys = {
        "queue": flock.queue_names,
        "type": list(TYPES),
        "project": ["vision/cats", "vision/roads", "vision/cells"],
        "user": ["ada", "grace", "edsger"],
        "task": [t["id"] for t in list(flock.tasks.values())[:300]],
        "machine": list(flock.machines)[:300],
        "day": [f"2026-11-{d:02}" for d in range(1, 26)],
    }[query.get("by", "queue")]
    rows = []
    for i, key in enumerate(keys):
        run = 90_000_000 * 7 // (i + 1)
        name = flock.tasks[key]["name"] if key in flock.tasks else key
        rows.append(
            {
                "key": key,
                "name": name,
                "machines": 9 - i % 8,
                "tasks": 40 // (i + 1),
                "run_ms": 80_000_000 // (i + 1),
                "run_usd_micros": run,
                "boot_usd_micros": run // 9,
                "idle_usd_micros": run // 5,
                "unpriced_ms": 7_200_000 if i == 1 else 0,
            }
        )
    return {
        "from_us": now_us() - int(24 * 86400e6),
        "until_us": now_us(),
        "rows": rows,
        "unattributed_usd_micros": 3_210_000,
        "forecast_month_usd_micros": 1_480_000_000,
    }


def machine(flock, id_):
    m = flock.machines.get(id_) or next(
        (m for m in flock.machines.values() if m.get("instance_id") == id_), None
    )
    if not m:
        return error(404, f"there is no machine {id_}")
    at, rows = m["created_us"], []
    plan = [("", "wanted", 0)] + [
        ("wanted", "launching", 1_200_000),
        ("launching", "booting", 4_000_000),
    ] * (m["state"] != "wanted")
    if m.get("up_us"):
        plan.append(("booting", "up", m["up_us"] - at))
    if m["state"] in ("draining", "gone", "failed"):
        plan.append(("up", m["state"], max(m["state_since_us"] - at, 5_000_000)))
    for i, (old, new, after) in enumerate(plan):
        rows.insert(
            0,
            {
                "seq": i + 1,
                "t_us": at + after,
                "kind": "machine",
                "id": m["id"],
                "from": old,
                "to": new,
                "cause": m["cause"] if new == m["state"] else f"{m['offering']} for {m['for_queue']}",
            },
        )
    work, tasks, start = [], [], m.get("up_us", 0)
    while start and start < now_us() - 500_000_000 and len(work) < 12:
        t = list(flock.tasks.values())[len(work) % max(1, len(flock.tasks))]
        work.insert(
            0,
            {
                "task": t["id"],
                "machine": m["id"],
                "worker": f"drover:prod:{m['type']}:{m.get('instance_id')}",
                "from_us": start,
                "to_us": min(start + 1_400_000_000, now_us() - 120_000_000),
            },
        )
        tasks.append(t)
        start += 1_600_000_000
    for t in m.get("tasks", []):
        full = flock.tasks[t["id"]]
        work.insert(
            0,
            {
                "task": t["id"],
                "machine": m["id"],
                "worker": work[0]["worker"] if work else "w",
                "from_us": full.get("from_us", at),
                "to_us": 0,
            },
        )
        tasks.append(full)
    spent = m["spent_usd_micros"]
    return 200, {
        "machine": m,
        "history": rows,
        "work": work,
        "tasks": tasks,
        "links": {
            "cloud": "https://console.aws.amazon.com/ec2/home?region=us-east-1#InstanceDetails:instanceId="
            + m.get("instance_id", ""),
            "web": "https://app.clear.ml/workers-and-queues/workers",
        },
        "cost": {
            "key": m["id"],
            "run_usd_micros": spent * 7 // 10 if m.get("up_us") else 0,
            "boot_usd_micros": spent // 10 if m.get("up_us") else spent,
            "idle_usd_micros": spent // 5 if m.get("up_us") else 0,
            "run_ms": 3_000_000,
            "machines": 1,
            "tasks": len(work),
            "unpriced_ms": 0 if m["price_usd_micros"] else 9_000_000,
        },
    }


def task(flock, id_):
    t = flock.tasks.get(id_)
    if not t:
        return error(404, f"there is no task {id_}")
    work = (
        [
            {
                "task": id_,
                "machine": t["machine"],
                "worker": "w",
                "from_us": t["from_us"],
                "to_us": t.get("to_us", 0),
            }
        ]
        if t.get("machine")
        else []
    )
    return 200, {
        "task": t,
        "verdict": t.get("verdict", "served"),
        "sentence": t.get("sentence", "It runs." if t["state"] == "running" else "It has ended."),
        "queue": t["queue"],
        "machine": t.get("machine", ""),
        "work": work,
        "recoveries": [
            {
                "id": "r1",
                "task": id_,
                "kind": "running",
                "mode": "continue",
                "step": "done",
                "machine": t["machine"],
                "note": "its machine was silent for 15m",
                "created_us": now_us() - 9 * 10**8,
                "settled_us": now_us() - 8 * 10**8,
            }
        ]
        if t.get("machine")
        else [],
        "cost": {
            "run_usd_micros": 412_000,
            "boot_usd_micros": 31_000,
            "idle_usd_micros": 92_000,
            "run_ms": 1_480_000,
            "machines": 1,
            "tasks": 1,
            "unpriced_ms": 0,
        },
        "dossier": [
            {"t_us": t["added_us"], "text": f"enqueued in {t['queue']} by {t['user']}"},
            {"t_us": t["added_us"] + 900_000, "text": "seen by Drover, 900 ms later"},
        ],
    }


def read(app, path, query):
    flock, config = app.flock, app.config
    match path:
        case ["me"]:
            return {
                "user": "ada",
                "role": app.options.role,
                "csrf": "c5rf",
                "setup": app.options.setup,
                "version": "0.1.0",
            }
        case ["state"]:
            return flock.state()
        case ["machines"]:
            return {"machines": list(flock.machines.values())}
        case ["machines", _, "log"]:
            text = "".join(f"[{i:3}.20] cloud-init: step {i} of the boot script\n" for i in range(40))
            after = int(query.get("after", 0))
            return {"text": text[after:], "next": len(text), "whole": True}
        case ["queues", name]:
            found = [q for q in flock.queues() if q["name"] == name]
            rows = [t for t in flock.tasks.values() if t["queue"] == name and t["state"] == "waiting"]
            rows.sort(key=lambda t: t["added_us"])
            ids = [
                m["id"]
                for m in flock.machines.values()
                if name in m["queue_names"] and m["phase"] != "ended"
            ]
            return (
                {
                    "queue": found[0],
                    "tasks": page(rows, query),
                    "total": len(rows),
                    "machines": ids,
                    "reasons": [
                        {
                            "queue": name,
                            "task": "",
                            "verdict": found[0].get("verdict", "served"),
                            "sentence": found[0].get("sentence", "nothing waits"),
                        }
                    ],
                }
                if found
                else None
            )
        case ["tasks"]:
            states = query.get("state", "waiting,running").split(",")
            rows = [t for t in flock.tasks.values() if t["state"] in states]
            return {"tasks": page(rows, query), "total": len(rows)}
        case ["activity"]:
            rows = [
                a
                for a in flock.activity
                if (not query.get("text") or query["text"].lower() in a["text"].lower())
                and all(
                    not query.get(k) or a.get(k) == query[k]
                    for k in ("kind", "level", "machine", "task", "queue")
                )
                and a["seq"] < int(query.get("before", 1 << 60))
            ]
            if query.get("format") == "ndjson":
                return "".join(json.dumps(a) + "\n" for a in rows).encode()
            return {"activity": rows[: int(query.get("limit", 200))], "next": 0}
        case ["history"]:
            return {"rows": flock.history[:200]}
        case ["costs"]:
            return costs(flock, query)
        case ["samples"]:
            return flock.samples
        case ["actors"]:
            return {
                "actors": list(flock.actors.values()),
                "counters": [
                    {
                        "source": a,
                        "topic": "machine.changed",
                        "relayed": 8123 * i + (now_us() - flock.started_us) * i // 1_000_000,
                        "refused": i // 5,
                        "bytes": 910_000 * i,
                    }
                    for i, a in enumerate(flock.actors)
                ],
            }
        case ["config"]:
            return {
                "text": config.text,
                "hash": config.hash(),
                "path": "/etc/drover/drover.yaml",
                "writable": True,
            }
        case ["config", "history"]:
            return {
                "versions": [{k: v for k, v in row.items() if k != "text"} for row in config.versions]
            }
        case ["config", "history", n]:
            return {"text": next(v["text"] for v in config.versions if str(v["n"]) == n)}
        case ["wizard", "known"]:
            return {"config": {"deployment": "prod", "clearml": {"api_server": "https://api.clear.ml"}}}
        case ["schema"]:
            return schema()
        case ["prices"]:
            return {"cloud": query.get("cloud", "aws"), "sizes": flock.money()["prices"]}
        case ["tokens"]:
            return {
                "tokens": [
                    {
                        "id": "t1",
                        "name": "ci",
                        "role": "viewer",
                        "created_us": flock.started_us,
                        "used_us": now_us(),
                    }
                ]
            }
        case ["users"]:
            return {"users": [{"name": "ada", "role": "operator"}, {"name": "edsger", "role": "viewer"}]}
    return None


def act(app, path, body):
    flock = app.flock
    match path:
        case ["machines", id_, "kill"]:
            m = flock.machines.get(id_)
            if m and sorted(t["id"] for t in m.get("tasks", [])) != sorted(body.get("tasks", [])):
                return error(409, "Other tasks run on it now.", tasks=m.get("tasks", []))
            flock.end(m)
            flock.note(f"killed {m.get('instance_id', id_)}", "hand", machine=id_, by="ada")
        case ["machines", id_, "drain"]:
            flock.move(flock.machines[id_], "draining", drain_mode=body["mode"], drain_reason="hand")
        case ["machines", id_, "keep"]:
            flock.move(
                flock.machines[id_],
                flock.machines[id_]["state"],
                keep_until_us=body["for_ms"] * 1000 + now_us() if body["for_ms"] else 0,
            )
        case ["pause"] | ["resume"]:
            name = body.get("queue", "")
            flock.pauses = [p for p in flock.pauses if p["queue"] != name]
            if path == ["pause"]:
                flock.pauses.append(
                    {
                        "queue": name,
                        "since_us": now_us(),
                        "by": "ada",
                        "sentence": body.get("sentence", ""),
                    }
                )
            flock.say("pauses", flock.pauses)
            for q in flock.queues():
                flock.say("queue", q)
        case ["config", "check"]:
            return 200, app.config.check(body["text"])
        case ["config"]:
            if body["base_hash"] != app.config.hash():
                return error(
                    409,
                    "grace saved another version meanwhile.",
                    yours={"text": body["text"]},
                    current={"text": app.config.text, "hash": app.config.hash()},
                )
            errors = [e for e in app.config.check(body["text"])["errors"] if not e["warning"]]
            if errors:
                return error(422, "The file has faults.", errors=errors)
            app.config.write(body["text"], "ada", body.get("note", ""))
            return 200, {"hash": app.config.hash()}
        case ["tokens"]:
            return 200, {"id": "t9", "name": body["name"], "token": "drv_9f3c1d0e7a"}
        case ["wizard", "render"]:
            return 200, render(body["config"])
        case ["wizard", "test"]:
            good = bool(body.get("secrets", {}).get("clearml"))
            return 200, {
                "findings": [
                    {
                        "what": body["what"],
                        "ok": good,
                        "sentence": "It answers as ada."
                        if good
                        else "The key is refused: make one at app.clear.ml, settings, workspace",
                    },
                    {
                        "what": "rights",
                        "ok": True,
                        "unsure": True,
                        "sentence": "ec2:RunInstances could not be tried",
                    },
                ],
                "queues": flock.queue_names,
            }
        case ["wizard", "launch"]:
            return 200, {
                "sentence": "drover.yaml is written; Drover starts.",
                "files": ["/etc/drover/drover.yaml"],
            }
    return 200, {}


def answer(app, method, path, query, body):
    if method != "GET":
        return act(app, path, body)
    status, found = 200, None
    if path[0] == "machines" and len(path) == 2:
        status, found = machine(app.flock, path[1])
    elif path[0] == "tasks" and len(path) == 2:
        status, found = task(app.flock, path[1])
    else:
        found = read(app, path, query)
    if found is None:
        return error(404, f"there is no {'/'.join(path)}")
    if path[0] in ("machines", "tasks", "queues", "costs", "activity", "actors", "history"):
        found = compact(found) if not isinstance(found, bytes) else found
    if int(query.get("limit", 0)) > (10_000 if path == ["machines"] else 1000):
        return error(400, "limit is at most 1000")
    return status, found
