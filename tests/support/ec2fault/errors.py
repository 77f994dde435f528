# SPDX-License-Identifier: Apache-2.0
"""EC2's error codes: with what status each comes and in what form each service writes them."""
import json
from xml.sax.saxutils import escape

# Every code not here comes as 400.
STATUS = {
    "AuthFailure": 401, "UnauthorizedOperation": 403, "AccessDenied": 403, "Blocked": 403,
    "InvalidClientTokenId": 403, "SignatureDoesNotMatch": 403, "MissingAuthenticationToken": 403,
    "IncompleteSignature": 403, "OptInRequired": 401, "PendingVerification": 403, "ExpiredToken": 403,
    "IDPRejectedClaim": 403, "RegionDisabledException": 403, "DryRunOperation": 412,
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted": 403,
    "RequestLimitExceeded": 503, "SlowDown": 503, "ServiceUnavailable": 503, "Unavailable": 503,
    "TooManyRequestsException": 429, "BandwidthLimitExceeded": 509, "RequestTimeout": 408,
    "InternalError": 500, "InternalFailure": 500, "ServerInternal": 500,
    "InsufficientInstanceCapacity": 500, "InsufficientCapacity": 500, "UnfulfillableCapacity": 500,
    "InsufficientHostCapacity": 500, "InsufficientAddressCapacity": 500,
    "InsufficientVolumeCapacity": 500, "InsufficientReservedInstanceCapacity": 500,
}


class AwsError(Exception):
    """A request is refused. code: as EC2 names it; status: by the table above unless given."""

    def __init__(self, code, message="", status=None):
        super().__init__(code + ": " + message)
        self.code, self.message = code, message or "ec2fault: " + code
        self.status = status or STATUS.get(code, 400)


class Violation(AwsError):
    """One that no well-made client ever gets: it is kept among the violations."""


# Other services say the same with other words.
_QUERY = {"AuthFailure": ("InvalidClientTokenId", 403), "RequestExpired": ("SignatureDoesNotMatch", 403),
          "UnauthorizedOperation": ("AccessDenied", 403)}
_JSON = {"AuthFailure": ("UnrecognizedClientException", 400), "ExpiredToken": ("ExpiredTokenException", 400),
         "RequestExpired": ("InvalidSignatureException", 400),
         "SignatureDoesNotMatch": ("InvalidSignatureException", 400),
         "UnauthorizedOperation": ("AccessDeniedException", 400)}


def render(service, error, request_id):
    """(status, code as written, content type, body) of an error in the form of that service."""
    if service == "ssm":
        code, status = _JSON.get(error.code, (error.code, error.status))
        return (status, code, "application/x-amz-json-1.1",
                json.dumps({"__type": code, "message": error.message}).encode())
    if service == "ec2":
        body = ("<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors>"
                "<RequestID>%s</RequestID></Response>")
        code, status = error.code, error.status
        filled = body % (escape(code), escape(error.message), request_id)
    else:
        body = ('<ErrorResponse xmlns="https://%s.amazonaws.com/doc/2011-06-15/"><Error><Type>%s</Type>'
                "<Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>")
        code, status = _QUERY.get(error.code, (error.code, error.status))
        filled = body % (service, "Sender" if status < 500 else "Receiver", escape(code),
                         escape(error.message), request_id)
    return (status, code, "text/xml;charset=UTF-8",
            ('<?xml version="1.0" encoding="UTF-8"?>\n' + filled).encode())
