# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a browser with 1,000 machines, 200 queues and 20,000 waiting tasks on a real gateway:
first paint, weight over the wire, and from an event's publication on the bus until a frame shows it;
beside an empty page that is served, and told its events, by a least server in the same run. Then
the table of 10,000 machines is scrolled, beside an empty page of its length."""
import contextlib
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from flock import Flock  # noqa: E402

PAGE = b"""<!doctype html><title>empty</title><p>empty</p><script>
new EventSource("/events").onmessage = (e) => { document.querySelector("p").textContent = e.data; };
</script>"""


LONG = b"<!doctype html><title>long</title><p style='height: 640000px'>empty</p>"


class Empty(BaseHTTPRequestHandler):
    listeners = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        pages = {"/": PAGE, "/long": LONG}
        self.send_response(200 if self.path in pages or self.path == "/events" else 404)
        self.send_header("Content-Type", "text/html" if self.path in pages else "text/event-stream")
        self.end_headers()
        if self.path in pages:
            self.wfile.write(pages[self.path])
        elif self.path == "/events":
            mine = queue.Queue()
            self.listeners.append(mine)
            with contextlib.suppress(OSError):  # the page was closed
                while True:
                    self.wfile.write(b"data: %s\n\n" % mine.get().encode())

    @classmethod
    def say(cls, text):
        for each in cls.listeners:
            each.put(text)


class Browser:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(["node", os.path.join(HERE, "dashboard.mjs"), *arguments],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def read(self):
        line = self.process.stdout.readline()
        assert line, "the browser ended"
        return json.loads(line)

    def delay(self, page, selector, text, publish):
        """Seconds from publish() until a frame of the page shows the text (or the class)."""
        self.process.stdin.write(json.dumps({"page": page, "selector": selector, "text": text}) + "\n")
        self.process.stdin.flush()
        self.read()
        time.sleep(0.05)  # the question is in the page well before what it asks for
        began = time.time()
        publish()
        return self.read()["at"] / 1000 - began

    def end(self):
        self.process.stdin.close()
        self.process.wait(20)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def say(name, value, unit, goal, **beside):
    print(json.dumps({"name": name, "value": round(value, 4), "unit": unit, **beside, "goal": goal}),
          flush=True)


def beside(name, mine, floor, unit, goal, **more):
    say(name, mine, unit, goal, floor=round(floor, 4), ratio=round(mine / floor, 2), **more)


def loads(browser):
    seen = browser.read()["loads"]
    for word, unit, scale, goal in (("paint", "s", 1000, "<= 0.5"), ("bytes", "bytes", 1, "<= 200000"),
                                    ("whole", "s", 1000, "none")):
        mine, floor = (statistics.median(each[word] / scale for each in seen[who])
                       for who in ("ours", "floor"))
        beside("dashboard_" + {"paint": "first_paint", "bytes": "weight",
                               "whole": "all_drawn"}[word], mine, floor, unit, goal,
               loads=len(seen["ours"]))
    faults = [fault for each in seen["ours"] for fault in each["faults"]]
    assert not faults, faults


def scrolls(browser):
    """A notch of the wheel, and a page down, in the table of all machines."""
    moved = browser.read()["scrolls"]
    for way, both in moved.items():
        for what, goal in (("work", "<= 0.016"), ("frame", "none")):
            mine, floor = ([each[what] for each in both[who]] for who in ("ours", "floor"))
            beside("dashboard_scroll_%s_%s_p95" % (way, what), percentile(mine, 0.95),
                   percentile(floor, 0.95), "s", goal, p50=round(percentile(mine, 0.5), 4),
                   load=round(os.getloadavg()[0], 1))


def events(flock, browser, rounds):
    """Three things that one event changes: a line, a number, a cell."""
    delays = {"line": [], "number": [], "cell": [], "floor": []}
    for i in range(rounds):
        mark = "mark-%d." % i
        delays["line"].append(browser.delay("ours", ".feedbox li", mark, lambda: flock.say(mark)))
        delays["floor"].append(browser.delay("floor", "p", mark, lambda: Empty.say(mark)))
        n = i % 50 * 10 + 1  # one that is up
        delays["number"].append(browser.delay(
            "ours", ".numbers .s-draining .big", str(i % 50 * 2 + 1), lambda: flock.change(n, "asked")))
        n += 1
        delays["cell"].append(browser.delay(
            "ours", '.strip [data-id="m%016x"]' % n, "s-draining", lambda: flock.change(n, "asked")))
    for name in ("line", "number", "cell"):
        for share, word in ((0.5, "p50"), (0.99, "p99")):
            beside("dashboard_event_to_%s_%s" % (name, word), percentile(delays[name], share),
                   percentile(delays["floor"], share), "s", "<= 0.3")


def main():
    quick = "--quick" in sys.argv
    server = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Flock(machines=1000, queues=200, tasks=20000) as flock:
        flock.say("the flock is there")
        browser = Browser(flock.url, flock.cookie, "http://127.0.0.1:%d/" % server.server_port,
                          "3" if quick else "9")
        loads(browser)
        events(flock, browser, 10 if quick else 50)
        browser.end()
    with Flock(machines=10000, queues=200) as flock:
        browser = Browser(flock.url, flock.cookie, "http://127.0.0.1:%d/" % server.server_port,
                          "0", "60" if quick else "200")
        scrolls(browser)
        browser.end()


if __name__ == "__main__":
    main()
