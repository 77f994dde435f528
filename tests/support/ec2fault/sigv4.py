# SPDX-License-Identifier: Apache-2.0
"""Signature Version 4, verified by the book: who asks, with a key that is known, unexpired and truly used."""
import datetime
import hashlib
import hmac
import re
import urllib.parse

from .errors import AwsError

MAX_SKEW_S = 15 * 60
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^,/]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})\Z")


class Key:
    """One access key. expires: in seconds of the server's clock, or None."""

    def __init__(self, secret, account, token=None, expires=None, role=None):
        self.secret, self.account, self.token = secret, account, token
        self.expires, self.role = expires, role


class Scope:
    """What an Authorization header says, before anything of it is believed."""

    def __init__(self, header):
        found = _AUTHORIZATION.match(header)
        if not found:
            raise AwsError("IncompleteSignature", "Authorization: " + header[:40])
        (self.access_key, self.day, self.region, self.service, signed, self.signature) = found.groups()
        self.signed = signed.split(";")
        self.text = "/".join((self.day, self.region, self.service, "aws4_request"))


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _payload_hash(headers, body):
    real = hashlib.sha256(body).hexdigest()
    said = headers.get("X-Amz-Content-Sha256")
    if said and said not in (real, "UNSIGNED-PAYLOAD"):
        raise AwsError("SignatureDoesNotMatch", "X-Amz-Content-Sha256 is not that of the body")
    return said or real


def _canonical_query(query):
    pairs = [piece.partition("=")[::2] for piece in query.split("&") if piece]
    quoted = [tuple(urllib.parse.quote(urllib.parse.unquote(part), safe="-_.~") for part in pair)
              for pair in pairs]
    return "&".join("=".join(pair) for pair in sorted(quoted))


def signature(secret, scope, method, target, headers, body):
    """The signature the request should bear. headers: an email.message.Message of what came."""
    path, _, query = target.partition("?")
    if scope.service != "s3":
        path = urllib.parse.quote(path, safe="/-_.~")
    lines = []
    for name in scope.signed:
        values = headers.get_all(name)
        if values is None:
            raise AwsError("SignatureDoesNotMatch", "signed header %s did not come" % name)
        lines.append(name + ":" + ",".join(re.sub(" +", " ", value.strip()) for value in values))
    canonical = "\n".join([method, path or "/", _canonical_query(query), *lines, "",
                           ";".join(scope.signed), _payload_hash(headers, body)])
    text = "\n".join(["AWS4-HMAC-SHA256", headers.get("X-Amz-Date", ""), scope.text,
                      hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (scope.day, scope.region, scope.service, "aws4_request"):
        key = _hmac(key, part)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _check_time(scope, headers, now):
    try:
        when = datetime.datetime.strptime(headers.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ")
    except ValueError:
        raise AwsError("IncompleteSignature", "X-Amz-Date is missing or malformed") from None
    if headers["X-Amz-Date"][:8] != scope.day:
        raise AwsError("SignatureDoesNotMatch", "the scope's day is not that of X-Amz-Date")
    if abs(when.replace(tzinfo=datetime.timezone.utc).timestamp() - now) > MAX_SKEW_S:
        raise AwsError("RequestExpired", "Request has expired.")


def verify(keys, regions, expired_code, method, target, headers, body, now):
    """The Key and Scope of a signed request. keys: {access key: Key}; now: the server's clock."""
    if not headers.get("Authorization"):
        raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token")
    scope = Scope(headers["Authorization"])
    key = keys.get(scope.access_key)
    if key is None:
        raise AwsError("AuthFailure",
                       "AWS was not able to validate the provided access credentials")
    unsigned = [name for name in {name.lower() for name in headers.keys()}
                if (name.startswith("x-amz-") or name == "host") and name not in scope.signed]
    if unsigned or scope.signed != sorted(set(scope.signed)) or "host" not in scope.signed:
        raise AwsError("SignatureDoesNotMatch", "SignedHeaders lacks %s or is not sorted" % unsigned)
    if regions and scope.region not in regions:
        raise AwsError("SignatureDoesNotMatch", "Credential should be scoped to a valid region")
    _check_time(scope, headers, now)
    right = signature(key.secret, scope, method, target, headers, body)
    if not hmac.compare_digest(right, scope.signature):
        raise AwsError("SignatureDoesNotMatch", "The request signature we calculated does not match "
                       "the signature you provided. Check your AWS Secret Access Key and signing method.")
    if (headers.get("X-Amz-Security-Token") or None) != key.token:
        raise AwsError("AuthFailure",
                       "AWS was not able to validate the provided access credentials")
    if key.expires is not None and now >= key.expires:
        raise AwsError(expired_code, "The security token included in the request is expired")
    return key, scope
