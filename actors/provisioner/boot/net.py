# SPDX-License-Identifier: Apache-2.0
"""What the guard hears and says over HTTP: the cloud's metadata service and the ClearML server."""
import base64
import json
import os
import ssl
import urllib.error
import urllib.request

from procs import clock

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch(url, headers=None, data=None, method=None, timeout=10, opener=DIRECT):
    """(status, text); status 0 when nobody answered."""
    try:
        request = urllib.request.Request(url, data, headers or {}, method=method)
        with opener.open(request, timeout=timeout) as reply:
            return reply.getcode(), reply.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as e:
        return e.code, e.read(2000).decode("utf-8", "replace")
    except Exception as e:  # refused, timed out, cut short, bad certificate: all the same to us
        return 0, "%s: %s" % (type(e).__name__, e)


class Cloud:
    """What the cloud tells its own machine: the instance id, and notice of a coming end."""
    BASE = {"aws-imdsv2": "http://169.254.169.254", "azure": "http://169.254.169.254",
            "gce": "http://metadata.google.internal"}
    IDS = {"aws-imdsv2": "/latest/meta-data/instance-id",
           "gce": "/computeMetadata/v1/instance/name",
           "azure": "/metadata/instance/compute/name?api-version=2021-02-01&format=text"}
    NOTICES = {"aws-imdsv2": "/latest/meta-data/spot/instance-action",
               "gce": "/computeMetadata/v1/instance/preempted",
               "azure": "/metadata/scheduledevents?api-version=2020-07-01"}

    def __init__(self, settings):
        self.source = settings["id_source"]
        self.base = settings.get("metadata_url") or self.BASE.get(self.source)
        self.headers = {"gce": {"Metadata-Flavor": "Google"},
                        "azure": {"Metadata": "true"}}.get(self.source, {})

    def get(self, path):
        for _ in range(2):
            if self.source == "aws-imdsv2" and not self.headers:
                status, text = fetch(self.base + "/latest/api/token", method="PUT", timeout=1,
                                     headers={"X-aws-ec2-metadata-token-ttl-seconds": "21600"})
                if status != 200:
                    return 0, text
                self.headers = {"X-aws-ec2-metadata-token": text}
            status, text = fetch(self.base + path, self.headers, timeout=1)
            if status != 401:
                break
            self.headers = {}
        return status, text

    def instance_id(self):
        """The id, or None while the cloud does not tell."""
        status, text = self.get(self.IDS[self.source])
        return text.strip() if status == 200 and text.strip() else None

    def notice(self, instance):
        """A line saying which end is announced, or None."""
        if self.source not in self.NOTICES:
            return None
        status, text = self.get(self.NOTICES[self.source])
        if status != 200:
            return None
        if self.source == "gce":
            return "preempted" if text.strip() == "TRUE" else None
        try:
            told = json.loads(text)
            if self.source == "aws-imdsv2":
                return "%s %s" % (told.get("action", "end"), told.get("time", ""))
            for event in told.get("Events", []):
                if event.get("EventType") in ("Preempt", "Terminate") and \
                        instance in event.get("Resources", []):
                    return "%s %s" % (event["EventType"], event.get("NotBefore", ""))
        except ValueError:
            pass
        return None


class ApiError(OSError):  # the server was not heard, or refused
    pass


class Api:
    """The ClearML server with this machine's key pair; the token is renewed ahead of its end."""

    def __init__(self, settings):
        self.base = settings["api_server"].rstrip("/")
        pair = "%s:%s" % (settings["access_key"], settings["secret_key"])
        self.basic = "Basic " + base64.b64encode(pair.encode()).decode()
        self.token, self.renew_at = None, 0
        tls = ssl.create_default_context()
        ca = os.environ.get("REQUESTS_CA_BUNDLE")
        if settings.get("insecure_tls"):
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        elif ca and os.path.isfile(ca):
            tls.load_verify_locations(ca)
        self.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls))

    def post(self, name, body, authorization):
        status, text = fetch("%s/%s" % (self.base, name), opener=self.opener,
                             data=json.dumps(body).encode(), method="POST",
                             headers={"Content-Type": "application/json",
                                      "Authorization": authorization})
        try:
            return status, text, json.loads(text)["data"] if status == 200 else None
        except (ValueError, KeyError, TypeError):
            return 0, "no ClearML answer: %s" % text[:80], None

    def call(self, name, body):
        for _ in range(2):
            if clock() >= self.renew_at:
                status, text, data = self.post("auth.login", {"expiration_sec": 3600}, self.basic)
                if not data or "token" not in data:
                    raise ApiError("auth.login: %s %s" % (status, text[:200]))
                self.token, self.renew_at = data["token"], clock() + 1800
            status, text, data = self.post(name, body, "Bearer " + self.token)
            if status != 401:
                break
            self.renew_at = 0
        if data is None:
            raise ApiError("%s: %s %s" % (name, status, text[:200]))
        return data
