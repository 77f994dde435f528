# SPDX-License-Identifier: Apache-2.0
"""EC2's instance metadata service, version 2 (and 1, where HttpTokens is optional)."""
import calendar
import json
import secrets
import time

TOKEN = "x-aws-ec2-metadata-token"
TTL = TOKEN + "-ttl-seconds"
PAGE = """<?xml version="1.0" encoding="iso-8859-1"?>
<html><head><title>{0} - {1}</title></head><body><h1>{0} - {1}</h1></body></html>
"""
NAMES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
         405: "Method Not Allowed"}


def stamp(when=None):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


def refuse(status):
    return status, {"Content-Type": "text/html"}, PAGE.format(status, NAMES[status]).encode()


class Ec2Metadata:
    address = "169.254.169.254"

    def __init__(self, instance, user_data, credentials=None):
        """credentials: function(instance) -> what the role's page tells, or None."""
        self.instance, self.user_data, self.credentials = instance, user_data, credentials
        self.tokens, self.action, self.rebalance = {}, None, None
        self.requests = []  # (method, path, status)

    # -- what a test or the cloud does to it -------------------------------------------------

    def notice(self, seconds=120, action="terminate", at=None):
        """The cloud will take the machine then; None for seconds takes the notice back."""
        if at is not None:
            at = calendar.timegm(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ"))
        elif seconds is not None:
            at = time.time() + seconds
        self.action = at and {"action": action, "time": stamp(at)}

    def recommend(self, on=True):
        self.rebalance = {"noticeTime": stamp()} if on else None

    # -- HTTP --------------------------------------------------------------------------------

    def answer(self, method, path, headers):
        status, more, body = self.decide(method, path, headers)
        self.requests.append((method, path, status))
        del self.requests[:-1000]
        return status, dict({"Server": "EC2ws"}, **more), body

    def decide(self, method, path, headers):
        options = self.instance.facts.get("metadata_options") or {}
        if options.get("HttpEndpoint") == "disabled":
            return refuse(403)
        if path == "/latest/api/token":
            return self.token(method, headers)
        if method not in ("GET", "HEAD"):
            return refuse(405)
        given = headers.get(TOKEN)
        if given is None and options.get("HttpTokens") == "required":
            return refuse(401)
        if given is not None and self.tokens.get(given, 0) <= time.monotonic():
            return refuse(401)
        body = self.look(path)
        return refuse(404) if body is None else (200, {"Content-Type": "text/plain"}, body)

    def token(self, method, headers):
        if method != "PUT":
            return refuse(405)
        if "x-forwarded-for" in headers:  # somebody's open proxy
            return refuse(403)
        ttl = headers.get(TTL, "")
        if not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
            return refuse(400)
        token = secrets.token_urlsafe(40)
        self.tokens[token] = time.monotonic() + int(ttl)
        return 200, {"Content-Type": "text/plain", TTL: ttl}, token.encode()

    def look(self, path):
        parts = [p for p in path.split("/") if p]
        if not parts:
            return b"latest"
        if parts[0] not in ("latest", "2021-07-15", "2019-10-01"):
            return None
        parts = parts[1:]
        if not parts:
            return b"dynamic\nmeta-data" + (b"\nuser-data" if self.user_data else b"")
        room, rest = parts[0], parts[1:]
        if room == "user-data":
            return self.user_data or None
        tree = {"meta-data": self.tree, "dynamic": self.dynamic}.get(room)
        if tree is None:
            return None
        node = tree()
        for part in rest:
            node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, dict):
            # Roles and tags are listed by their bare names, folders with a slash.
            return "\n".join(k + ("/" if isinstance(v, dict) else "")
                             for k, v in sorted(node.items())).encode()
        return None if node is None else node.encode()

    def dynamic(self):
        facts, i = self.instance.facts, self.instance
        return {"instance-identity": {"document": json.dumps({
            "accountId": facts.get("account"), "architecture": facts.get("architecture", "x86_64"),
            "availabilityZone": i.zone, "imageId": facts.get("image"), "instanceId": i.id,
            "instanceType": i.type, "pendingTime": facts.get("launch_time"),
            "privateIp": i.private_ip, "region": i.region, "version": "2017-09-30"}, indent=2)}}

    def tree(self):
        i, facts = self.instance, self.instance.facts
        tree = {
            "ami-id": facts.get("image") or "", "instance-id": i.id, "instance-type": i.type,
            "instance-action": "none", "hostname": i.host_name, "local-hostname": i.host_name,
            "local-ipv4": i.private_ip, "services": {"domain": "amazonaws.com", "partition": "aws"},
            "placement": {"availability-zone": i.zone, "region": i.region},
            "instance-life-cycle": facts.get("market") or "on-demand",
        }
        if facts.get("public_ip"):
            tree["public-ipv4"] = facts["public_ip"]
        if self.action:
            tree["spot"] = {"instance-action": json.dumps(self.action),
                            "termination-time": self.action["time"]}
        if self.rebalance:
            tree["events"] = {"recommendations": {"rebalance": json.dumps(self.rebalance)}}
        options = facts.get("metadata_options") or {}
        if options.get("InstanceMetadataTags") == "enabled":
            tree["tags"] = {"instance": dict(facts.get("tags") or {})}
        self.role(tree)
        return tree

    def role(self, tree):
        profile = self.instance.facts.get("profile")
        given = self.credentials(self.instance) if profile and self.credentials else None
        if given:
            told = dict({"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": stamp()}, **given)
            tree["iam"] = {
                "info": json.dumps({"Code": "Success", "LastUpdated": stamp(),
                                    "InstanceProfileArn": profile}),
                "security-credentials": {profile.rpartition("/")[2]: json.dumps(told)}}
