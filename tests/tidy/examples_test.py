# SPDX-License-Identifier: Apache-2.0
"""examples_test.py DROVERD ROOT: every drover.yaml that a person may copy is one that droverd takes.

Looked at: examples/*.yaml, and in README.md and docs/ each yaml block that sets `deployment`.
"""
import pathlib
import re
import subprocess
import sys
import tempfile


def configurations(root):
    for path in sorted(root.glob("examples/*.yaml")):
        if re.search(r"^deployment:", path.read_text(), re.M):
            yield str(path.relative_to(root)), path.read_text()
    for path in [root / "README.md", *sorted(root.glob("docs/*.md"))]:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", path.read_text(), re.S), 1):
            if re.search(r"^deployment:", block, re.M):
                yield "%s, block %d" % (path.relative_to(root), number), block


def fault_of(droverd, text):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        run = subprocess.run([droverd, "--config", file.name, "--check"], capture_output=True,
                             text=True, timeout=20)
    return None if run.returncode == 0 else run.stdout + run.stderr


def main():
    droverd, root = sys.argv[1], pathlib.Path(sys.argv[2])
    seen = bad = 0
    for name, text in configurations(root):
        fault, seen = fault_of(droverd, text), seen + 1
        if fault:
            bad += 1
            print("%s:\n%s" % (name, fault))
    if fault_of(droverd, "deployment: x\nno_such_key: 1\n") is None:
        bad += 1
        print("a file with faults was taken: this test cannot fail")
    print("%d configurations, %d refused" % (seen, bad))
    return 1 if bad or seen < 4 else 0


if __name__ == "__main__":
    sys.exit(main())
