# SPDX-License-Identifier: Apache-2.0
"""Ec2Fault: the whole of it. Its methods are the control API that the package's top describes."""
import base64 as base64_
import threading

from . import wire
from .cloud import Cloud
from .control import Control
from .faults import Buckets, Rules
from .front import Front
from .record import Record
from .sts import Keys
from .world import Moto

ACCOUNT, REGION = "123456789012", "us-east-1"
ACCESS_KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI"


class Ec2Fault:
    """port 0: a free one. tls: a directory for the certificate (its authority is then .ca_file), or
    None for plain HTTP. control: a port of the control API, None for none. regions: those that exist
    (None: any). Other arguments are settings."""

    def __init__(self, port=0, control=None, tls=None, address="127.0.0.1", account=ACCOUNT,
                 region=REGION, regions=(REGION,), **settings):
        self.account, self.region = account, region
        self.cloud = Cloud(Moto())
        self.cloud.settings.change(settings)
        self.keys, self.record, self.rules = Keys(self.cloud.wall), Record(), Rules()
        self.front = Front(self.cloud, self.keys, self.record, Buckets(self.cloud.now), account,
                           region, regions)
        self.keys.add(ACCESS_KEY, SECRET, None, None, account)
        self.ca_file, pair = None, None
        if tls:
            from faultproxy import make_certificate
            pair = make_certificate(tls, "ec2fault", "IP:127.0.0.1,DNS:localhost")
            self.ca_file = pair[0]
        self._server = wire.Server((address, port), wire.Handler, self, pair)
        self.port = self._server.server_address[1]
        self.url = "%s://%s:%d" % ("https" if tls else "http", address, self.port)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self._control = Control(address, control, self) if control is not None else None
        self.control_url = self._control and self._control.url

    def close(self):
        self.rules.clear()
        if self._control:
            self._control.close()
        self._server.shutdown()
        self._server.server_close()
        self.cloud.end()
        self.cloud.moto.reset()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def boto(self):
        """What boto3.client(…) wants beside endpoint_url."""
        return {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET,
                "region_name": self.region}

    # ---- instances -------------------------------------------------------------------------------
    def _one(self, identity):
        return self.cloud.instances[identity]

    def instances(self, state=None, since=0):
        states = [state] if isinstance(state, str) else state
        with self.cloud.lock:
            return [one.facts() for one in self.cloud.instances.values()
                    if one.version > int(since) and (states is None or one.state in states)]

    def instance(self, id):
        with self.cloud.lock:
            return self._one(id).facts()

    def wait(self, since=0, timeout=30):
        with self.cloud.lock:
            version, changed = self.cloud.wait(int(since), float(timeout))
            return {"version": version, "changed": [one.facts() for one in changed]}

    def subscribe(self, function):
        self.cloud.subscribers.append(lambda one: function(one.facts()))

    def shutdown(self, id):
        why = ("Client.InstanceInitiatedShutdown",
               "Client.InstanceInitiatedShutdown: Instance initiated shutdown")
        one = self._one(id)
        (self.cloud.terminate if one.shutdown_behavior == "terminate" else self.cloud.stop)(one, *why)

    def set_state(self, id, state, code=None, message=""):
        self.cloud.move(self._one(id), state, code, message)

    def run(self, id):
        with self.cloud.lock:
            if self._one(id).state == "pending":
                self.cloud.move(self._one(id), "running")

    def fail_launches(self, count, code, message="", instance_type=None, after_s=0):
        with self.cloud.lock:
            self.cloud.failures.append([count, instance_type, code, message, after_s])

    def forget(self, id):
        with self.cloud.lock:
            self._one(id).forgotten = True
            self.cloud.touch(self._one(id))

    def protect(self, id, on=True):
        self._one(id).protected = on

    def user_data(self, id):
        return self._one(id).script()

    def console(self, id, text=None, base64=None, file=None):
        raw = base64_.b64decode(base64) if base64 is not None else (text or "").encode()
        self.cloud.console[id] = file or raw

    def console_unsupported(self, types):
        self.cloud.console_types = set(types)

    # ---- spot ------------------------------------------------------------------------------------
    def notice(self, id, code="instance-terminated-no-capacity"):
        with self.cloud.lock:
            self.cloud.spot[self._one(id).spot_request].say(
                code, "Your Spot instance is to be terminated.", self.cloud.wall())

    def interrupt(self, id):
        self.cloud.terminate(self._one(id), "Server.SpotInstanceTermination",
                             "Server.SpotInstanceTermination: Spot instance termination")

    def spot_price(self, instance_type, price, zone=None):
        self.cloud.prices[instance_type, zone] = float(price)

    # ---- capacity --------------------------------------------------------------------------------
    def capacity(self, limit, instance_type=None, zone=None, market=None):
        with self.cloud.lock:
            self.cloud.capacity.pop((instance_type, zone, market), None)
            if limit is not None:
                self.cloud.capacity[instance_type, zone, market] = int(limit)

    def quota(self, vcpus, market="on-demand", family="Standard"):
        with self.cloud.lock:
            self.cloud.quotas.pop((market, family), None)
            if vcpus is not None:
                self.cloud.quotas[market, family] = int(vcpus)

    def sold_in(self, instance_type, zones):
        with self.cloud.lock:
            self.cloud.zones.pop(instance_type, None)
            if zones is not None:
                self.cloud.zones[instance_type] = list(zones)

    # ---- faults ----------------------------------------------------------------------------------
    def rule(self, action, fault, times=1, after=0, where=None, **how):
        return self.rules.add(action, fault, times, after, where, how)

    def clear_rule(self, id):
        self.rules.clear(int(id))

    def clear_rules(self):
        self.rules.clear()

    def release(self, id):
        self.rules.release(int(id))

    def met(self, id):
        return self.rules.met(int(id))

    def wait_met(self, id, count=1, timeout=30):
        return self.rules.wait_met(int(id), int(count), float(timeout))

    # ---- keys and rights -------------------------------------------------------------------------
    def add_key(self, access_key, secret, token=None, life_s=None, account=None):
        self.keys.add(access_key, secret, token, life_s, account or self.account)

    def temporary_key(self, life_s=3600, account=None, role=None):
        from .model import iso
        name, key = self.keys.temporary(float(life_s), account or self.account, role)
        return {"access_key": name, "secret": key.secret, "token": key.token,
                "expiration": iso(key.expires)}

    def expire_key(self, access_key):
        self.keys.expire(access_key)

    def remove_key(self, access_key):
        self.keys.remove(access_key)

    def deny(self, *actions):
        self.front.denied |= set(actions)

    def allow(self, *actions):
        self.front.denied -= set(actions)

    def web_identity(self, token=None):
        self.keys.web_token = token

    # ---- time, settings, record ------------------------------------------------------------------
    def settings(self, **changes):
        with self.cloud.lock:
            self.cloud.settings.change(changes)
            return dict(self.cloud.settings.__dict__)

    def skip(self, seconds):
        self.cloud.skip(float(seconds))

    def freeze(self, on=True):
        self.cloud.freeze(on)

    def add_image(self, id, root_device="/dev/xvda", architecture="x86_64", size=8):
        self.cloud.moto.add_image(self.account, self.region, id, root_device, architecture, int(size))

    def requests(self, action=None, since=0):
        return self.record.requests(action, int(since))

    def wait_answered(self, number, timeout=30):
        return self.record.wait_answered(int(number), float(timeout))

    def counts(self):
        return self.record.counts()

    @property
    def violations(self):
        return list(self.record.violations)

    @property
    def peak(self):
        return self.cloud.peak

    @property
    def launched(self):
        return len(self.cloud.instances)

    def life(self, id):
        return self.instance(id)["life"]

    def clear_record(self):
        self.record.clear()
