# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a request to the bytes of its answer: checked, signed for, allowed, paced, done."""
import json
import traceback
import uuid

from . import act, checks, describe, errors, launch, model, sigv4, sts
from .errors import AwsError, Violation

_EC2 = {**launch.HANDLERS, **describe.HANDLERS, **act.HANDLERS}
_CHECKED = ("ec2", "sts", "ssm")


class Reply:
    def __init__(self, status, content_type, body, code=None, headers=()):
        self.status, self.content_type, self.body = status, content_type, body
        self.code, self.headers = code, headers


class Call:
    """One request on its way through. wrong: what is ill-made about it, or None."""

    def __init__(self, front, method, target, headers, body):
        self.front, self.method, self.target = front, method, target
        self.headers, self.body = headers, body
        self.keys, self.key, self.wrong = front.keys, None, None
        self.account, self.region = front.account, front.region
        self.request_id = str(uuid.uuid4())
        self.entry = front.record.open(body, headers)
        self.service, self.action, self.params = "ec2", None, {}
        try:
            self._read()
        except AwsError as error:
            self.wrong = error
            front.record.violation(self.entry, error)
        self.entry.service, self.entry.action = self.service, self.action
        self.entry.params = json.loads(json.dumps(self.params, default=str))

    def _read(self):
        target = self.headers.get("X-Amz-Target", "")
        scope = (self.headers.get("Authorization", "").split(", ")[0].split("/") + [""] * 4)[:4]
        self.entry.access_key = scope[0].rpartition("=")[2] or None
        self.entry.region = self.region = scope[2] or self.region
        if scope[3]:
            self.service = scope[3]
        elif b"Version=2011-06-15" in self.body:
            self.service = "sts"
        elif target.startswith("AmazonSSM."):
            self.service = "ssm"
        if self.service == "ssm":
            self._read_json(target.rpartition(".")[2])
        elif self.service in _CHECKED:
            self._read_form()
        else:
            self.action = self.service + ":*"

    def _read_json(self, action):
        self.action, operations = action, model.service("ssm").operation_names
        if action not in operations:
            raise AwsError("UnknownOperationException", action)
        try:
            self.params = json.loads(self.body)
        except ValueError:
            raise AwsError("SerializationException", "not JSON") from None
        model.check("ssm", model.service("ssm").operation_model(action), self.params)

    def _read_form(self):
        query = self.target.partition("?")[2].encode()
        fields = model.parse_form(b"&".join(part for part in (query, self.body) if part))
        self.action = fields.get("Action")
        self.params = model.parse(self.service, fields)
        checks.check(self.action, self.params)

    def denied(self, *names):
        return any(name in self.front.denied for name in names)


class Front:
    """cloud, keys, record, rules, buckets as in cloudfault.py."""

    def __init__(self, cloud, keys, record, buckets, account, region, regions):
        self.cloud, self.keys, self.record, self.buckets = cloud, keys, record, buckets
        self.account, self.region, self.regions = account, region, regions
        self.denied = set()

    def refuse(self, call, error):
        status, code, content_type, body = errors.render(call.service, error, call.request_id)
        return Reply(status, content_type, body, code)

    def act(self, call):
        """The Reply to a call, its effect done."""
        try:
            return self._act(call)
        except AwsError as error:
            if isinstance(error, Violation):
                self.record.violation(call.entry, error)
            return self.refuse(call, error)
        except Exception as error:  # ec2fault's own: no test shall pass over it
            self.record.violation(call.entry, AwsError("Ec2FaultBroke", traceback.format_exc()))
            return self.refuse(call, AwsError("InternalError", "ec2fault: %r" % error))

    def _authenticate(self, call):
        if call.service == "sts" and call.action in sts.UNSIGNED:
            return
        if self.cloud.settings.check_signature:
            call.key, scope = sigv4.verify(
                self.keys.table, self.regions, self.cloud.settings.expired_token_code, call.method,
                call.target, call.headers, call.body, self.cloud.wall())
            call.region, call.account = scope.region, call.key.account
        else:
            call.key = self.keys.table.get(call.entry.access_key) or next(iter(self.keys.table.values()))
            call.account = call.key.account
        call.entry.account = call.account

    def _act(self, call):
        self._authenticate(call)
        if call.action != "GetCallerIdentity" and call.denied(
                "*", call.action, "%s:%s" % (call.service, call.action)):
            raise AwsError("UnauthorizedOperation", "You are not authorized to perform this operation. "
                           "Encoded authorization failure message: " + uuid.uuid4().hex * 8)
        if (call.service == "ec2" and self.cloud.settings.throttling and not
                self.buckets.take(call.account, call.region, str(call.action), call.params)):
            raise AwsError("RequestLimitExceeded", "Request limit exceeded.")
        if call.wrong:
            raise call.wrong
        if call.params.get("DryRun") is True and call.service == "ec2":
            if call.action == "RunInstances":
                launch.look(self.cloud, call)
            raise AwsError("DryRunOperation",
                           "Request would have succeeded, but DryRun flag is set.")
        handler = {"ec2": _EC2, "sts": sts.HANDLERS}.get(call.service, {}).get(call.action)
        result = handler(self.cloud, call) if handler else None
        if result is None:
            return self._behind(call)
        return Reply(200, "text/xml;charset=UTF-8",
                     model.answer(call.service, call.action, result, call.request_id))

    def _behind(self, call):
        status, content_type, body = self.cloud.moto.call(call.method, call.target, call.headers,
                                                          call.body, call.account)
        if status >= 500 and call.service in _CHECKED and b"<Code>" not in body:
            raise AwsError("InternalError", "moto: %d" % status)
        return Reply(status, content_type, body, None if status < 400 else "moto")
