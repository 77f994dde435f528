# SPDX-License-Identifier: Apache-2.0
"""Makes an environment with clearml-agent from the package index alone: the system's pip and venv
are rarely there, and slow to install. usage: install.py FOLDER REQUIREMENT; ends 1 where that fails.
"""
import glob
import io
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
import venv
import zipfile


def index():
    """As pip is told it."""
    found = ["https://pypi.org/simple"]
    for path in ("/etc/pip.conf", os.path.expanduser("~/.config/pip/pip.conf"),
                 os.environ.get("PIP_CONFIG_FILE", "")):
        if os.path.isfile(path):
            with open(path) as f:
                found += re.findall(r"(?m)^index[-_]url\s*[=:]\s*(\S+)", f.read())
    return os.environ.get("PIP_INDEX_URL", found[-1]).rstrip("/") + "/pip/"


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as reply:
        return reply.read()


def newest_pip(url):
    """The wheel of the newest release that this Python runs."""
    best = (), ""
    for link, attributes in re.findall(r'<a\b[^>]*?href="([^"#]+)([^>]*)', fetch(url).decode()):
        version = re.search(r"/pip-([\d.]+)-(?:py2\.)?py3-none-any\.whl$", link)
        needs = re.search(r"&gt;=\s*3\.(\d+)", attributes)
        if version and int(needs.group(1) if needs else 0) <= sys.version_info[1]:
            best = max(best, (tuple(map(int, version.group(1).split("."))), link))
    return urllib.parse.urljoin(url, best[1])


def main():
    folder, requirement = sys.argv[1:]
    venv.create(folder, symlinks=True)
    wheel = zipfile.ZipFile(io.BytesIO(fetch(newest_pip(index()))))
    wheel.extractall(glob.glob(folder + "/lib/python3*/site-packages")[0])
    # What is never imported is never compiled.
    sys.exit(subprocess.call([folder + "/bin/python", "-m", "pip", "install", "-q", "--no-compile",
                              "--no-input", "--disable-pip-version-check", requirement]))


if __name__ == "__main__":
    main()
