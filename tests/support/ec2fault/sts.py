# SPDX-License-Identifier: Apache-2.0
"""STS, and the table of keys that all services believe."""
import secrets
import threading

from .errors import AwsError
from .sigv4 import Key


class Keys:
    def __init__(self, wall):
        self.table, self.web_token = {}, None
        self._wall, self._lock = wall, threading.Lock()

    def add(self, access_key, secret, token, life_s, account, role=None):
        expires = None if life_s is None else self._wall() + life_s
        with self._lock:
            self.table[access_key] = Key(secret, account, token, expires, role)

    def temporary(self, life_s, account, role=None):
        """(access key, Key)"""
        name = "ASIA" + secrets.token_hex(8).upper()
        self.add(name, secrets.token_urlsafe(30), secrets.token_urlsafe(120), life_s, account, role)
        return name, self.table[name]

    def remove(self, access_key):
        with self._lock:
            del self.table[access_key]

    def expire(self, access_key):
        self.table[access_key].expires = self._wall()


def _assumed(cloud, call):
    params = call.params
    life = cloud.settings.token_life_s
    if life is None:
        life = params.get("DurationSeconds", 3600)
    account = params["RoleArn"].split(":")[4]
    name = params["RoleArn"].rsplit("/", 1)[-1]
    arn = "arn:aws:sts::%s:assumed-role/%s/%s" % (account, name, params["RoleSessionName"])
    access_key, key = call.keys.temporary(life, account, arn)
    return {"Credentials": {"AccessKeyId": access_key, "SecretAccessKey": key.secret,
                            "SessionToken": key.token, "Expiration": key.expires},
            "AssumedRoleUser": {"AssumedRoleId": "AROAEXAMPLE:" + params["RoleSessionName"],
                                "Arn": arn}}


def _web_identity(cloud, call):
    if call.keys.web_token not in (None, call.params["WebIdentityToken"]):
        raise AwsError("InvalidIdentityToken", "Couldn't retrieve verification key from your identity "
                       "provider")
    return _assumed(cloud, call)


def _identity(_, call):
    return {"Account": call.account, "UserId": "AIDAEXAMPLE",
            "Arn": call.key.role or "arn:aws:iam::%s:user/drover" % call.account}


UNSIGNED = {"AssumeRoleWithWebIdentity"}
HANDLERS = {"AssumeRole": _assumed, "AssumeRoleWithWebIdentity": _web_identity,
            "GetCallerIdentity": _identity}
