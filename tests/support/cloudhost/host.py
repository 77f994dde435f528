# SPDX-License-Identifier: Apache-2.0
"""CloudHost: watches a cloud and gives each of its running instances a machine."""
import asyncio
import contextlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import threading

from . import imds
from .adapter import Gpus
from .control import Control
from .place import Place
from .session import PATH, Session

HERE = os.path.dirname(os.path.abspath(__file__))
CONSOLE_BYTES, CONSOLE_S = 65536, 2
PASSED_ON = re.compile(r"(https?|ftp|no|all)_proxy|PIP_.*|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE"
                       r"|CURL_CA_BUNDLE|GIT_SSL_CAINFO", re.IGNORECASE)
HIDDEN = ("/root", "/tmp", "/var/tmp", "/run/cloudhost", "/var/lib/cloud", "/dev/shm")


def homes_of(folder):
    """What programs in that folder need of places that a machine does not share with the host: the
    folder's parent (an environment) and the installation that its interpreter is a link to."""
    folder = os.path.abspath(folder)
    found = {os.path.dirname(folder)}
    for name in os.listdir(folder):
        if name.startswith("python"):
            found.add(os.path.dirname(os.path.dirname(os.path.realpath(os.path.join(folder, name)))))
    return [path for path in sorted(found) if path.startswith(tuple(h + "/" for h in HIDDEN))]


class CloudHost(Control):
    """Use as a context manager.

    path_prefix   first in the machines' PATH: a prepared image, e.g. an environment's bin folder
    share         paths that are the same on host and machines (also those below /tmp and /root)
    env           more environment for the scripts; proxies and pip's settings are passed on anyway
    gpus          {instance type: number}, instead of what the cloud says
    power_cut     False: a machine that the cloud ends is shut down in order (SIGTERM, stop_grace_s),
                  else it dies at once
    expose        ports of the host's 127.0.0.1 that machines reach at `address`
    place         a number of 0 to 63 for its bridge and subnet; else the first that is free
    """

    def __init__(self, adapter, path_prefix="", share=(), env=None, gpus=None, power_cut=True,
                 stop_grace_s=5, expose=(), place=None):
        self.adapter, self.gpu_counts, self.power_cut = adapter, gpus or {}, power_cut
        self.stop_grace_s, self.exposed = stop_grace_s, list(expose)
        self.share = [os.path.abspath(p) for p in share]
        self.env = {k: v for k, v in os.environ.items() if PASSED_ON.fullmatch(k)}
        self.env.update({"PATH": PATH, "LANG": "C.UTF-8"}, **(env or {}))
        if path_prefix:
            self.share += homes_of(path_prefix)
            self.env["PATH"] = os.path.abspath(path_prefix) + ":" + self.env["PATH"]
        self.machines, self.by_number, self.serial = {}, {}, 0
        self.gpu_faults, self.errors = {}, []
        self.changed = threading.Condition(threading.RLock())
        self.stopping = False
        self.wanted_place = place
        self.place = self.launcher = self.sock = self.loop = None
        self.threads, self.doors = [], {}

    # -- life --------------------------------------------------------------------------------

    def __enter__(self):
        self.place = Place(self.wanted_place)
        try:
            self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self.launcher = subprocess.Popen(
                    [sys.executable, "-IBS", os.path.join(HERE, "launcher.py"),
                     str(theirs.fileno()), self.place.marker], stdin=subprocess.DEVNULL, cwd="/",
                    pass_fds=(theirs.fileno(),), start_new_session=True, env={"PATH": PATH})
            self.sock.setblocking(False)
            self.loop = asyncio.new_event_loop()
            self.loop.add_reader(self.sock, self.hear)
            self.threads = [threading.Thread(target=run, name="cloudhost", daemon=True)
                            for run in (self.loop.run_forever, self.watch)]
            self.threads[0].start()
            for port in self.exposed:
                self.expose(port)
            self.on_loop(self.start_posting())
            self.threads[1].start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stopping = True
        self.adapter.stop()
        if len(self.threads) > 1 and self.threads[1].ident:
            self.threads[1].join()
        if self.loop and self.threads and self.threads[0].ident:
            self.on_loop(self.hang_up())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.threads[0].join()
            self.loop.close()
        if self.sock:
            self.sock.close()
        if self.launcher:
            self.launcher.wait()  # with all of its machines
        if self.place:
            self.place.release()
        self.place = self.sock = self.launcher = self.loop = None

    async def hang_up(self):
        self.loop.remove_reader(self.sock)
        tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for server in list(self.doors.values()) + [s.server for s in self.machines.values() if s.server]:
            server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.loop.shutdown_default_executor()

    def on_loop(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    @property
    def address(self):
        """The host, for its machines; servers may listen on it."""
        return self.place.gateway

    def expose(self, port):
        """address:port leads to 127.0.0.1:port from now on."""
        if port not in self.doors:
            self.doors[port] = self.on_loop(imds.relay((self.address, port), port))

    # -- the cloud's word --------------------------------------------------------------------

    def watch(self):
        while not self.stopping:
            try:
                self.adapter.wait()
                self.reconcile(self.adapter.instances())
            except Exception as error:  # the cloud may be away or misbehave: that is what it is for
                self.note("the cloud: %r" % error)
                self.adapter.stopping.wait(0.5)

    def note(self, text):
        with self.changed:
            if self.errors[-1:] != [text]:
                self.errors.append(text)

    def reconcile(self, instances):
        for instance in instances:
            if self.stopping:
                return
            session = self.machines.get(instance.id)
            if session:
                session.instance = session.metadata.instance = instance
            if instance.running:
                if session is None:
                    session = self.unwrap(instance)
                    self.start(session)
                elif session.state == "ended" and session.unplugged:
                    self.start(session)
            elif session:
                self.unplug(session)
        listed = {i.id for i in instances}
        for session in list(self.machines.values()):
            if session.instance.id not in listed:
                self.unplug(session)
                self.forget(session)

    def unwrap(self, instance):
        """The folder of a new machine."""
        data, gpus = self.adapter.user_data(instance), self.adapter.gpus(instance)
        if instance.type in self.gpu_counts:
            gpus = Gpus(self.gpu_counts[instance.type])
        return Session(instance, os.path.join(self.place.folder, instance.id),
                       self.adapter.metadata(instance, data), data, gpus)

    def start(self, session):
        with self.changed:
            self.serial += 1
            spec = session.spec(self.serial, self.place, self.env, self.share, self.stop_grace_s)
            self.machines[session.instance.id] = self.by_number[self.serial] = session
        self.show_gpus(session)
        self.order(spec)

    def order(self, message):
        """To the launcher, which is quick to take it."""
        while True:
            try:
                return self.sock.send(json.dumps(message).encode())
            except BlockingIOError:
                select.select([], [self.sock], [], 1)

    def unplug(self, session):
        with self.changed:
            first, session.unplugged = not session.unplugged, True
            live = session.state != "ended"
        if live and first and not self.power_cut:
            session.press("O")
        elif live and self.power_cut:
            self.cut(session.instance.id)

    def forget(self, session):
        """The cloud does, so the disk is nobody's."""
        with self.changed:
            if session.state == "ended":
                del self.machines[session.instance.id]
                shutil.rmtree(session.folder, ignore_errors=True)

    # -- the machines' word ------------------------------------------------------------------

    def hear(self):
        """On the loop's thread."""
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, fds, _, _ = socket.recv_fds(self.sock, 1 << 16, 1)
                if not packet:
                    self.loop.remove_reader(self.sock)
                    return self.note("the launcher ended")
                self.heard(json.loads(packet), fds)

    def heard(self, message, fds):
        with self.changed:
            session = self.by_number[message.get("up") or message.get("failed") or message["ended"]]
            if "up" in message:
                session.state, session.pid = "up", message["pid"]
                sock = socket.socket(fileno=fds[0])
                task = self.loop.create_task(imds.serve(sock, session.metadata))
                task.add_done_callback(lambda t: self.attached(session, message["up"], t.result()))
            elif "failed" in message:
                session.error = message["error"]
                self.note("%s: %s" % (session.instance.id, session.error))
            else:
                del self.by_number[message["ended"]]
                self.ended(session, message["how"])
            self.changed.notify_all()

    def attached(self, session, number, server):
        if session.number == number and session.state == "up":
            session.server = server
        else:
            server.close()

    def ended(self, session, how):
        session.state = "ended"
        session.how = "killed" if session.unplugged else "failed" if session.error else how
        if session.server:
            session.server.close()  # and so lets go of the network namespace
            session.server = None
        if self.stopping:
            return
        if session.how == "reboot":
            self.start(session)
        else:
            self.loop.run_in_executor(None, self.tell_end, session)

    def tell_end(self, session):
        with self.telling(session):
            self.adapter.console(session.instance, session.log(CONSOLE_BYTES))
        if session.how == "off":
            with self.telling(session):
                self.adapter.switched_off(session.instance)

    @contextlib.contextmanager
    def telling(self, session):
        try:
            yield
        except Exception as error:
            self.note("telling the cloud of %s: %r" % (session.instance.id, error))

    async def start_posting(self):
        self.loop.create_task(self.post())

    async def post(self):
        """Console output reaches the cloud with some delay, as it does."""
        while True:
            await asyncio.sleep(CONSOLE_S)
            for session in list(self.machines.values()):
                size = os.path.getsize(session.console_path)
                if session.state == "up" and size != session.posted:
                    session.posted = size
                    with self.telling(session):
                        await self.loop.run_in_executor(
                            None, self.adapter.console, session.instance, session.log(CONSOLE_BYTES))
