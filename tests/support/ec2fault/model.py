# SPDX-License-Identifier: Apache-2.0
"""botocore's own model of EC2 and STS, turned round: a form becomes checked parameters in boto3's names,
and an answer in boto3's names becomes the XML that botocore's parser reads."""
import datetime
import functools
import re
import urllib.parse
from xml.sax.saxutils import escape

import botocore.loaders
import botocore.model
import botocore.validate

from .errors import AwsError

FREE_ENUMS = {"InstanceType"}  # newer types than the model knows are sold
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z")


@functools.lru_cache(None)
def service(name):
    """botocore's model of "ec2", "sts" or "ssm"."""
    description = botocore.loaders.Loader().load_service_model(name, "service-2")
    return botocore.model.ServiceModel(description, name)


@functools.lru_cache(None)
def shape(name):
    """EC2's shape of that name; always the same object, as what is kept of a shape is kept by it."""
    return service("ec2").shape_for(name)


def parse_form(raw):
    """The pairs of a form, refusing what a sloppy writer makes: doubles and wrong escapes."""
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise AwsError("InvalidParameterValue", "the body holds raw bytes over 127") from None
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise AwsError("InvalidParameterValue", "a percent sign that escapes nothing")
    fields = {}
    for piece in text.split("&") if text else []:
        name, equals, value = piece.partition("=")
        try:
            name, value = (urllib.parse.unquote_plus(part, errors="strict") for part in (name, value))
        except UnicodeDecodeError:
            raise AwsError("InvalidParameterValue", name + " is not UTF-8") from None
        if not equals or not name:
            raise AwsError("InvalidParameterValue", "a field without name or '=': " + piece[:60])
        if name in fields:
            raise AwsError("InvalidParameterCombination", "The parameter %s is given twice" % name)
        fields[name] = value
    return fields


def _nest(fields):
    tree = {}
    for name, value in fields.items():
        at, parts = tree, name.split(".")
        for part in parts[:-1]:
            at = at.setdefault(part, {})
            if not isinstance(at, dict):
                raise AwsError("InvalidParameterValue", name + " is below a plain value")
        if parts[-1] in at:
            raise AwsError("InvalidParameterValue", name + " is a value and a structure")
        at[parts[-1]] = value
    return tree


@functools.lru_cache(None)
def _members(shape, protocol):
    """{wire name: (boto3 name, shape)}"""
    names = {}
    for member, inner in shape.members.items():
        form = inner.serialization
        wire = form.get("name", member)
        if protocol == "ec2":
            wire = form.get("queryName") or wire[0].upper() + wire[1:]
        names[wire] = (member, inner)
    return names


def _list(shape, tree, path, protocol):
    if not isinstance(tree, dict):
        raise AwsError("InvalidParameterValue", path + " is a list: " + path + ".1")
    if protocol == "query" and not shape.serialization.get("flattened"):
        if set(tree) != {"member"} or not isinstance(tree["member"], dict):
            raise AwsError("UnknownParameter", path + " is written " + path + ".member.N")
        tree, path = tree["member"], path + ".member"
    if set(tree) != {str(n) for n in range(1, len(tree) + 1)}:
        raise AwsError("InvalidParameterValue" if all(key.isdigit() for key in tree)
                       else "UnknownParameter", "%s is not numbered 1 to n: %s" % (path, sorted(tree)))
    return [_value(shape.member, tree[str(n)], "%s.%d" % (path, n), protocol)
            for n in range(1, len(tree) + 1)]


def _scalar(shape, text, path):
    wrong = AwsError("InvalidParameterValue", "Invalid value '%s' for %s (%s)"
                     % (text[:60], path, shape.type_name))
    kind = shape.type_name
    if kind in ("integer", "long"):
        if not _INTEGER.match(text):
            raise wrong
        return int(text)
    if kind == "boolean":
        if text not in ("true", "false"):
            raise wrong
        return text == "true"
    if kind in ("double", "float"):
        try:
            return float(text)
        except ValueError:
            raise wrong from None
    if kind == "timestamp":
        if not _TIME.match(text):
            raise wrong
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if kind == "string" and shape.enum and shape.name not in FREE_ENUMS and text not in shape.enum:
        raise wrong
    return text


def _value(shape, tree, path, protocol):
    if shape.type_name == "structure":
        if not isinstance(tree, dict):
            raise AwsError("InvalidParameterValue", path + " is a structure, not a value")
        names, result = _members(shape, protocol), {}
        for wire, inner in tree.items():
            where = path + "." + wire if path else wire
            if wire not in names:
                raise AwsError("UnknownParameter", "The parameter %s is not recognized" % where)
            member, member_shape = names[wire]
            result[member] = _value(member_shape, inner, where, protocol)
        return result
    if shape.type_name == "list":
        return _list(shape, tree, path, protocol)
    if isinstance(tree, dict):
        raise AwsError("UnknownParameter", "The parameter %s.%s is not recognized"
                       % (path, next(iter(tree))))
    return _scalar(shape, tree, path)


def check(name, operation, params):
    """The members that are required, and types (of JSON)."""
    report = botocore.validate.ParamValidator().validate(params, operation.input_shape)
    if report.has_errors():
        text = report.generate_report()
        code = "MissingParameter" if "Missing required" in text else "InvalidParameterValue"
        raise AwsError(code if name != "ssm" else "ValidationException", text)


def parse(name, fields):
    """The parameters, in boto3's names, of a form to service `name`; AwsError tells what is wrong."""
    fields = dict(fields)
    action, version = fields.pop("Action", None), fields.pop("Version", None)
    model = service(name)
    if not action:
        raise AwsError("MissingAction", "The request must contain the parameter Action")
    if action not in model.operation_names:
        raise AwsError("InvalidAction", "The action %s is not valid for this web service" % action)
    if version != model.api_version:
        raise AwsError("InvalidAction" if version else "MissingParameter", "Version=%s" % version)
    operation = model.operation_model(action)
    protocol = "ec2" if name == "ec2" else "query"
    if operation.input_shape is None:
        if fields:
            raise AwsError("UnknownParameter", "%s takes no parameters" % action)
        return {}
    params = _value(operation.input_shape, _nest(fields), "", protocol)
    check(name, operation, params)
    return params


def iso(moment):
    """UNIX seconds or a datetime as EC2 writes it."""
    if not isinstance(moment, datetime.datetime):
        moment = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (moment.microsecond // 1000)


class Ready(str):
    """XML that was rendered before."""


@functools.lru_cache(None)
def _outputs(shape):
    """{boto3 name: (opening tag, shape, closing tag)}"""
    rows = {}
    for member, inner in shape.members.items():
        tag = inner.serialization.get("name", member)
        rows[member] = ("<" + tag + ">", inner, "</" + tag + ">")
    return rows


def _render_structure(shape, value):
    parts, rows = [], _outputs(shape)
    for member, inner in value.items():
        if inner is not None:
            opening, inner_shape, closing = rows[member]
            parts += (opening, render(inner_shape, inner), closing)
    return "".join(parts)


def _render_list(shape, value):
    tag = shape.member.serialization.get("name", "member")
    return "".join("<%s>%s</%s>" % (tag, render(shape.member, item), tag) for item in value)


_RENDER = {"structure": _render_structure, "list": _render_list,
           "boolean": lambda _, value: "true" if value else "false",
           "timestamp": lambda _, value: iso(value)}


def render(shape, value):
    """The inside of an element of this shape. A name the model does not know is a KeyError."""
    if isinstance(value, Ready):
        return value
    known = _RENDER.get(shape.type_name)
    return known(shape, value) if known else escape(str(value))


def answer(name, action, result, request_id):
    """The whole body of a success."""
    operation = service(name).operation_model(action)
    inside = render(operation.output_shape, result) if operation.output_shape else ""
    if name == "ec2":
        if operation.output_shape is None:
            inside = "<return>true</return>"
        text = ('<%sResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>%s</requestId>'
                "%s</%sResponse>") % (action, request_id, inside, action)
    else:
        text = ('<%sResponse xmlns="https://%s.amazonaws.com/doc/%s/"><%sResult>%s</%sResult>'
                "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>") % (
                    action, name, service(name).api_version, action, inside, action, request_id, action)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + text).encode()
