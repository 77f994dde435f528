# SPDX-License-Identifier: Apache-2.0
"""The Python that has tests/requirements.txt: DROVER_TEST_PYTHON."""
import os
import sys

PYTHON = os.environ.get("DROVER_TEST_PYTHON", sys.executable)


def again():
    """For a test that found a package missing: starts it anew under that Python, or skips it."""
    if PYTHON == sys.executable:
        print("skipped: DROVER_TEST_PYTHON names no Python with tests/requirements.txt")
        sys.exit(77)
    os.execv(PYTHON, [PYTHON] + sys.argv)
