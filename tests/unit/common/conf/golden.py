#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes NAME.json beside each NAME.conf: what ClearML's own reader makes of it.

Run with a Python that has the clearml package (2.1.12 wrote the present ones). With --check nothing
is written, and a file that would differ ends it with 1.
"""
import json
import os
import pathlib
import sys

os.environ.update(DROVER_TEST_KEY="KEY0001", DROVER_TEST_HOME="/home/someone")

from clearml.utilities.pyhocon import ConfigFactory, ConfigTree  # noqa: E402


def plain(value):
    if isinstance(value, ConfigTree):
        # The reader keeps the quotes of a quoted key that has a dot in it.
        return {name.strip('"'): plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def main():
    stale = []
    for conf in sorted(pathlib.Path(__file__).parent.glob("*.conf")):
        tree = plain(ConfigFactory.parse_string(conf.read_text()))
        text = json.dumps(tree, indent=1, sort_keys=True) + "\n"
        golden = conf.with_suffix(".json")
        if "--check" not in sys.argv:
            golden.write_text(text)
        elif golden.read_text() != text:
            stale.append(golden.name)
    sys.exit(f"stale: {', '.join(stale)}" if stale else 0)


main()
