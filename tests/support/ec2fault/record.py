# SPDX-License-Identifier: Apache-2.0
"""Every request that came, and every one that EC2 would call ill-made."""
import base64
import collections
import threading
import time


class Entry:
    """One request. status None: not answered yet; 0: closed without."""

    def __init__(self, number, body, headers):
        self.number, self.body, self.headers = number, body, headers
        self.mono, self.wall = time.monotonic(), time.time()
        self.action = self.service = self.params = self.access_key = self.region = None
        self.account = self.status = self.code = self.rule = self.seconds = None

    def facts(self):
        facts = dict(self.__dict__)
        facts["body"] = base64.b64encode(self.body).decode()
        return facts


class Record:
    def __init__(self):
        self._lock, self._number = threading.Condition(), 0
        self.entries, self.violations = [], []

    def open(self, body, headers):
        kept = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        with self._lock:
            self._number += 1
            entry = Entry(self._number, body, kept)
            self.entries.append(entry)
        return entry

    def close(self, entry, status, code):
        with self._lock:
            entry.status, entry.code = status, code
            entry.seconds = time.monotonic() - entry.mono
            self._lock.notify_all()

    def wait_answered(self, number, timeout):
        with self._lock:
            entry = next(entry for entry in self.entries if entry.number == number)
            self._lock.wait_for(lambda: entry.status is not None, timeout)
            return entry.facts()

    def violation(self, entry, error):
        with self._lock:
            self.violations.append({"number": entry.number, "action": entry.action,
                                    "code": error.code, "message": error.message})

    def counts(self):
        with self._lock:
            return dict(collections.Counter(entry.action for entry in self.entries))

    def requests(self, action, since):
        with self._lock:
            entries = list(self.entries)
        return [entry.facts() for entry in entries
                if entry.number > since and action in (None, entry.action)]

    def clear(self):
        with self._lock:
            self.entries, self.violations = [], []
