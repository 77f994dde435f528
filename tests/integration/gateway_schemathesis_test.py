# SPDX-License-Identifier: Apache-2.0
"""What openapi.json says and what the gateway does, on every operation: schemathesis makes requests that fit
the description and requests that do not, and looks at each answer."""
import os
import pathlib
import subprocess
import sys
import unittest

from gateway_access_world import Gateway
from world import PYTHON

# The stream never ends, the link works once, a launch would write the configuration: gateway_rights_test.py
# and gateway_answers_test.py ask those.
BY_HAND = ["events", "tap", "login_link", "wizard_launch"]
EXAMPLES = 20
SCHEMATHESIS = os.path.join(os.path.dirname(PYTHON), "schemathesis")

# What fits the description may still be refused, and these say so.
CONFIG = """
[[operations]]
include-operation-id = "costs"
checks.positive_data_acceptance.expected-statuses = [200, 400, 401] # from_us after until_us
[[operations]]
include-operation-id = ["ask", "wizard_render", "wizard_test"]
# "body" and "config" are of shapes that this description does not tell.
checks.positive_data_acceptance.expected-statuses = [200, 400, 401, 404, 409]
[[operations]]
include-operation-id = "login"
checks.positive_data_acceptance.expected-statuses = [401, 429]
[[operations]]
include-operation-id = "config_put"
checks.positive_data_acceptance.expected-statuses = [200, 401, 409, 422]
"""


class EveryOperation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(Gateway())

    def test_keeps_to_its_description(self):
        world = self.world
        config = os.path.join(world.dir, "schemathesis.toml")
        pathlib.Path(config).write_text(CONFIG)
        argv = [SCHEMATHESIS, "--config-file", config, "run", world.url + "/api/v1/openapi.json",
                "--url", world.url, "--header", "Authorization: Bearer " + world.operator,
                "--phases", "examples,coverage,fuzzing", "--checks", "all",
                "--max-examples", str(EXAMPLES), "--seed", "7", "--generation-allow-x00", "false",
                "--request-timeout", "20", "--continue-on-failure", "--generation-database", "none",
                "--warnings", "off", "--no-color"]
        for name in BY_HAND:
            argv += ["--exclude-operation-id", name]
        done = subprocess.run(argv, cwd=world.dir, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-12000:] + done.stderr[-2000:])
        print(done.stdout[-1500:])
        self.assertEqual(world.ask("GET", "/healthz").status, 200)


if __name__ == "__main__":
    if not os.path.exists(SCHEMATHESIS):
        print("no schemathesis beside this Python: DROVER_TEST_PYTHON names one that has it")
        sys.exit(77)
    unittest.main()
