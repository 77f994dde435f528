# SPDX-License-Identifier: Apache-2.0
"""Compares an answer with a recorded one: types, keys, lengths of lists, and values, where
placeholders (<id>, <time>, …) stand for what differs from run to run."""

import re

HEX_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?$")
PLACEHOLDERS = {
    "<id>": re.compile(r"^[0-9a-zA-Z_:.=-]{8,}$"),
    "<time>": TIME,
    "<token>": re.compile(r"^[\w-]+\.[\w-]+\.[\w-]+$"),
    "<access_key>": re.compile(r"^[A-Z0-9]{10,}$"),
}
NAME = re.compile(r"\$\{(\w+)\}")


def fill(value, names):
    """Puts the saved values for ${NAME} into strings, lists and objects (keys too)."""
    if isinstance(value, str):
        return NAME.sub(lambda m: str(names.get(m[1], m[0])), value)
    if isinstance(value, list):
        return [fill(v, names) for v in value]
    if isinstance(value, dict):
        return {fill(k, names): fill(v, names) for k, v in value.items()}
    return value


def lookup(value, path):
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def same_text(wanted, got):
    if wanted == got:
        return True
    pattern = PLACEHOLDERS.get(wanted)
    if pattern:
        return bool(pattern.match(got))
    # Ids inside longer texts (keys of workers, messages) differ from server to server.
    known = HEX_ID.findall(wanted)
    return bool(known) and HEX_ID.sub("<id>", wanted) == HEX_ID.sub("<id>", got)


def differences(wanted, got, tolerated=(), at="data"):
    """Sentences, one for each difference; none when the answer matches."""
    if at in tolerated:
        return []
    if isinstance(wanted, bool) or isinstance(got, bool) or wanted is None or got is None:
        return [] if wanted is got else [f"{at}: {got!r} instead of {wanted!r}"]
    if isinstance(wanted, dict) and isinstance(got, dict):
        out = [f"{at}.{k}: missing" for k in wanted
               if k not in got and f"{at}.{k}" not in tolerated]
        out += [f"{at}.{k}: not expected ({got[k]!r})" for k in got
                if k not in wanted and f"{at}.{k}" not in tolerated]
        for key in wanted.keys() & got.keys():
            out += differences(wanted[key], got[key], tolerated, f"{at}.{key}")
        return out
    if isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            return [f"{at}: {len(got)} items instead of {len(wanted)}"]
        return [d for i, (w, g) in enumerate(zip(wanted, got))
                for d in differences(w, g, tolerated, f"{at}.{i}")]
    if isinstance(wanted, str) and isinstance(got, str) and same_text(wanted, got):
        return []
    if type(wanted) is type(got) and wanted == got:
        return []
    if isinstance(wanted, float) and isinstance(got, float) and abs(wanted - got) <= 1e-12:
        return []
    return [f"{at}: {got!r} instead of {wanted!r}"]
