# SPDX-License-Identifier: Apache-2.0
"""DescribeInstances and its kin, filtered and paged as EC2 does it: over instances, by opaque tokens."""
import base64
import fnmatch
import re

from . import room
from .errors import AwsError, Violation
from .instance import CODES, state

_ID = {"i": "InvalidInstanceID", "sir": "InvalidSpotInstanceRequestID", "vol": "InvalidVolume"}


def identities(cloud, given, kind, find):
    """Those objects, or the refusal of the first that is malformed or unknown."""
    for one in given:
        if not re.match(r"%s-([0-9a-f]{17}|[0-9a-z]{8})\Z" % kind, one):
            raise Violation(_ID[kind] + ".Malformed", 'Invalid id: "%s"' % one)
    found = {one: find(one) for one in given}
    missing = [one for one in given if found[one] is None]
    if missing:
        what = "%s '%s' do%s not exist" % ("IDs" if len(missing) > 1 else "ID", ", ".join(missing),
                                           "" if len(missing) > 1 else "es")
        raise AwsError(_ID[kind] + ".NotFound", "The instance " + what if kind == "i" else "The " + what)
    return list(found.values())


def _matches(wanted, have):
    """Whether one of the wildcards fits one of the values."""
    values = have if isinstance(have, list) else [have]
    for want in wanted:
        pattern = re.sub(r"\[", "[[]", want)
        if any(value is not None and fnmatch.fnmatchcase(str(value), pattern) for value in values):
            return True
    return False


def select(items, filters, fields, tags):
    """The items all filters let through. fields: {filter name: getter}; tags: getter of the tags."""
    for one in filters:
        name, wanted = one["Name"], one["Values"]
        if name.startswith("tag:"):
            items = [item for item in items if _matches(wanted, tags(item).get(name[4:]))]
        elif name == "tag-key":
            items = [item for item in items if _matches(wanted, list(tags(item)))]
        elif name == "tag-value":
            items = [item for item in items if _matches(wanted, list(tags(item).values()))]
        elif name in fields:
            items = [item for item in items if _matches(wanted, fields[name](item))]
        else:
            raise Violation("InvalidParameterValue", "The filter '%s' is invalid" % name)
    return items


def page(params, items, order, start_empty=False):
    """(the items of this page, the next token). order: of an item, a text that sorts as the items do;
    the token says up to where the caller has come, so what leaves the list in between harms nobody."""
    size, token = params.get("MaxResults"), params.get("NextToken")
    if token:
        try:
            said = base64.urlsafe_b64decode(token.encode()).decode()
        except ValueError:
            said = ""
        if not said.startswith("after:"):
            raise Violation("InvalidParameterValue", "Unable to parse pagination token")
        items = [item for item in items if order(item) > said[6:]]
    elif size and start_empty:
        return [], base64.urlsafe_b64encode(b"after:").decode()
    if not size or len(items) <= size:
        return items, None
    return items[:size], base64.urlsafe_b64encode(b"after:" + order(items[size - 1]).encode()).decode()


_FIELDS = {
    "instance-id": lambda one: one.id, "instance-state-name": lambda one: one.state,
    "instance-state-code": lambda one: CODES[one.state], "instance-type": lambda one: one.type,
    "image-id": lambda one: one.image, "client-token": lambda one: one.token,
    "instance-lifecycle": lambda one: "spot" if one.market == "spot" else None,
    "availability-zone": lambda one: one.zone, "subnet-id": lambda one: one.subnet,
    "vpc-id": lambda one: one.vpc, "key-name": lambda one: one.key_name,
    "reservation-id": lambda one: one.reservation, "owner-id": lambda one: one.account,
    "spot-instance-request-id": lambda one: one.spot_request,
    "private-ip-address": lambda one: one.private_ip, "ip-address": lambda one: one.public_ip,
    "private-dns-name": lambda one: one.private_dns, "architecture": lambda one: one.architecture,
    "iam-instance-profile.arn": lambda one: one.profile,
    "instance.group-id": lambda one: [group for group, _ in one.groups],
    "state-reason-code": lambda one: (one.state_reason or {}).get("code"),
}


def _chosen(cloud, call):
    """The instances of this call, of one page, and the next token."""
    params, now = call.params, cloud.now()
    if params.get("InstanceIds"):
        rows = identities(cloud, params["InstanceIds"], "i",
                          lambda one: cloud.find(call.account, call.region, one))
    else:
        rows = cloud.listed(call.account, call.region)
    rows = select(rows, params.get("Filters", []), _FIELDS, lambda one: one.seen_tags(now))
    return page(params, rows, lambda one: one.order, cloud.settings.empty_first_page)


def describe_instances(cloud, call):
    with cloud.lock:
        rows, token = _chosen(cloud, call)
        reservations, now = {}, cloud.now()
        for one in rows:
            reservation = reservations.setdefault(one.reservation, {
                "ReservationId": one.reservation, "OwnerId": one.account, "Groups": [], "Instances": []})
            reservation["Instances"].append(one.xml(now))
        return {"Reservations": list(reservations.values()), "NextToken": token}


def describe_instance_status(cloud, call):
    with cloud.lock:
        rows, token = _chosen(cloud, call)
        if not call.params.get("IncludeAllInstances"):
            rows = [one for one in rows if one.state == "running"]
        return {"NextToken": token, "InstanceStatuses": [
            {"InstanceId": one.id, "AvailabilityZone": one.zone, "InstanceState": state(one.state),
             "InstanceStatus": {"Status": "ok"}, "SystemStatus": {"Status": "ok"}} for one in rows]}


def describe_volumes(cloud, call):
    with cloud.lock:
        volumes = [(one, volume) for one in cloud.instances.values() for volume in one.volumes
                   if (one.account, one.region) == (call.account, call.region)
                   and volume["state"] != "deleted" and cloud.now() >= one.listed_from]
        ids = call.params.get("VolumeIds")
        if ids:
            known = {volume["id"]: (one, volume) for one, volume in volumes}
            volumes = identities(cloud, ids, "vol", known.get)
        volumes = select(volumes, call.params.get("Filters", []), {
            "volume-id": lambda row: row[1]["id"], "status": lambda row: row[1]["state"],
            "availability-zone": lambda row: row[0].zone, "volume-type": lambda row: row[1]["type"],
            "attachment.instance-id": lambda row: row[0].id}, lambda row: row[1]["tags"])
        volumes, token = page(call.params, volumes, lambda row: row[0].order + row[1]["device"])
        return {"NextToken": token, "Volumes": [_volume(one, volume) for one, volume in volumes]}


def _volume(one, volume):
    return {"VolumeId": volume["id"], "Size": volume["size"], "VolumeType": volume["type"],
            "State": volume["state"], "AvailabilityZone": one.zone, "CreateTime": one.launched,
            "Iops": volume["iops"], "Throughput": volume["throughput"],
            "Encrypted": volume["encrypted"], "SnapshotId": volume["snapshot"] or "",
            "Attachments": [{"InstanceId": one.id, "VolumeId": volume["id"], "State": "attached",
                             "Device": volume["device"], "DeleteOnTermination": volume["delete"],
                             "AttachTime": one.launched}] if volume["state"] == "in-use" else [],
            "Tags": [{"Key": key, "Value": value} for key, value in volume["tags"].items()]}


def describe_spot_requests(cloud, call):
    with cloud.lock:
        mine = {request.id: request for request in cloud.spot.values()
                if (request.instance.account, request.instance.region) == (call.account, call.region)
                and cloud.now() >= request.instance.listed_from}
        ids = call.params.get("SpotInstanceRequestIds")
        rows = identities(cloud, ids, "sir", mine.get) if ids else list(mine.values())
        rows = select(rows, call.params.get("Filters", []), {
            "spot-instance-request-id": lambda row: row.id, "state": lambda row: row.state,
            "status-code": lambda row: row.code, "instance-id": lambda row: row.instance.id,
            "launched-availability-zone": lambda row: row.instance.zone,
            "launch.instance-type": lambda row: row.instance.type}, lambda row: row.tags)
        rows, token = page(call.params, rows, lambda row: row.instance.order)
        return {"SpotInstanceRequests": [row.row() for row in rows], "NextToken": token}


def describe_offerings(cloud, call):
    kind = call.params.get("LocationType", "region")
    rows = cloud.moto.offerings(call.region, kind)
    if kind == "availability-zone":
        rows = [row for row in rows if row[0] not in cloud.zones]
        rows += [(name, zone) for name in cloud.zones for zone in room.zones(cloud, call.region, name)]
    rows = select(rows, call.params.get("Filters", []), {
        "instance-type": lambda row: row[0], "location": lambda row: row[1]}, lambda row: {})
    rows, token = page(call.params, sorted(rows), ",".join)
    return {"NextToken": token, "InstanceTypeOfferings": [
        {"InstanceType": name, "LocationType": kind, "Location": place} for name, place in rows]}


def describe_spot_prices(cloud, call):
    """Each type's price in each zone that sells it; the time is now."""
    types = call.params.get("InstanceTypes") or sorted({name for name, _ in cloud.prices})
    rows = [(name, zone) for name in types for zone in room.zones(cloud, call.region, name)
            if call.params.get("AvailabilityZone") in (None, zone)]
    rows = select(rows, call.params.get("Filters", []), {
        "instance-type": lambda row: row[0], "availability-zone": lambda row: row[1],
        "product-description": lambda row: "Linux/UNIX"}, lambda row: {})
    rows, token = page(call.params, sorted(rows), ",".join)
    return {"NextToken": token or "", "SpotPriceHistory": [
        {"AvailabilityZone": zone, "InstanceType": name, "ProductDescription": "Linux/UNIX",
         "SpotPrice": "%.6f" % room.price(cloud, name, zone), "Timestamp": cloud.wall()}
        for name, zone in rows]}


HANDLERS = {
    "DescribeInstances": describe_instances, "DescribeInstanceStatus": describe_instance_status,
    "DescribeVolumes": describe_volumes, "DescribeSpotInstanceRequests": describe_spot_requests,
    "DescribeInstanceTypeOfferings": describe_offerings,
    "DescribeSpotPriceHistory": describe_spot_prices,
}
