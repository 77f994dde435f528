# SPDX-License-Identifier: Apache-2.0
"""The world of story_wizard.mjs: a ClearML server and a person who types `drover up` on a host that has no
configuration yet. Asked as story_world.py is."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from gateway_setup_test import SetupWorld, Up  # noqa: E402
from gateway_world import free_port  # noqa: E402
from sdk_agent_world import needed  # noqa: E402
from world import PYTHON, eventually  # noqa: E402

ENQUEUE = """
task = create("first", "print('this ran', flush=True)")
Task.enqueue(task, queue_name=ARGS["queue"])
done(task.id)
"""


class Person(SetupWorld):
    def answers(self):
        return {"api": self.api_url, "files": self.files_url, "access": self.access_key,
                "secret": self.secret_key, "python": PYTHON}

    def enqueue_first(self, queue):
        return self.sdk(ENQUEUE, queue=queue)

    def written(self):
        with open(self.config_path) as file:
            return file.read()


def main():
    needed()
    with Person() as world:
        up = Up(world, "--dir", world.dir, "--listen", "127.0.0.1:%d" % free_port())
        try:
            link = eventually(up.links, 30, "the link is printed")[0]
            print(json.dumps({"ok": {"link": link}}), flush=True)
            for line in sys.stdin:
                name, arguments = json.loads(line)
                assert name in ("answers", "enqueue_first", "written", "status"), name
                try:
                    said = {"ok": getattr(world, name)(*arguments)}
                except Exception as error:  # the test says it in its words
                    said = {"error": repr(error)}
                print(json.dumps(said), flush=True)
        finally:
            up.end()


if __name__ == "__main__":
    main()
