# SPDX-License-Identifier: Apache-2.0
"""Who sells what where, and how many are left: offerings, capacity, vCPU quotas, spot prices."""
from .errors import AwsError

_STANDARD = set("acdhimrtz")
_FAMILIES = (("vt", "G"), ("inf", "Inf"), ("trn", "Trn"), ("hpc", "HPC"), ("dl", "DL"), ("g", "G"),
             ("p", "P"), ("f", "F"), ("x", "X"), ("u-", "HighMemory"), ("mac", "Mac"), ("im", "Standard"),
             ("is", "Standard"))


def family(instance_type):
    """EC2's quota bucket of a type."""
    for start, name in _FAMILIES:
        if instance_type.startswith(start):
            return name
    return "Standard" if instance_type[0] in _STANDARD else instance_type[0].upper()


def zones(cloud, region, instance_type):
    """The zones that sell this type."""
    if instance_type in cloud.zones:
        return [zone for zone in cloud.zones[instance_type] if zone.startswith(region)]
    return [zone for name, zone in cloud.moto.offerings(region) if name == instance_type]


def price(cloud, instance_type, zone):
    for key in ((instance_type, zone), (instance_type, None)):
        if key in cloud.prices:
            return cloud.prices[key]
    facts = cloud.moto.type_facts(instance_type)
    return 0.015 * (facts[0] if facts else 1)


def _left(cloud, call, instance_type, zone, market):
    """How many more there are by the tightest limit that applies."""
    left = float("inf")
    for (limit_type, limit_zone, limit_market), limit in cloud.capacity.items():
        if (limit_type in (None, instance_type) and limit_zone in (None, zone)
                and limit_market in (None, market)):
            used = sum(limit_type in (None, one.type) and limit_zone in (None, one.zone)
                       and limit_market in (None, one.market)
                       for one in cloud.instances.values() if one.state in ("pending", "running"))
            left = min(left, max(0, limit - used))
    return left


def _quota_left(cloud, call, instance_type, market, vcpus):
    bucket = (market, family(instance_type))
    if bucket not in cloud.quotas:
        return float("inf")
    used = sum(one.vcpus for one in cloud.instances.values()
               if one.state in ("pending", "running") and one.account == call.account
               and (one.market, family(one.type)) == bucket)
    return max(0, cloud.quotas[bucket] - used) // vcpus


def check_type(cloud, call, common, candidates):
    name = common["type"]
    facts = cloud.moto.type_facts(name)
    if facts is None:
        raise AwsError("InvalidParameterValue", "Invalid value '%s' for InstanceType." % name)
    if common["architecture"] not in facts[1]:
        raise AwsError("InvalidParameterValue", "The architecture '%s' of the specified instance type "
                       "does not match the architecture '%s' of the specified AMI."
                       % ("/".join(facts[1]), common["architecture"]))
    sold = zones(cloud, call.region, name)
    rows = [row for row in candidates if row[1] in sold]
    if not rows:
        raise AwsError("Unsupported", "Your requested instance type (%s) is not supported in your "
                       "requested Availability Zone (%s). Please retry your request by not specifying an "
                       "Availability Zone or choosing %s." % (
                           name, ", ".join(sorted({row[1] for row in candidates})), ", ".join(sold)))
    return facts[0], rows


def choose(cloud, call, candidates, common):
    """(subnet row, how many): MaxCount or as many as fit, never under MinCount."""
    low, high, market = call.params["MinCount"], call.params["MaxCount"], common["market"]
    vcpus, rows = check_type(cloud, call, common, candidates)
    allowed = min(high, _quota_left(cloud, call, common["type"], market, vcpus))
    if allowed < low:
        if market == "spot":
            raise AwsError("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
        raise AwsError("VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU "
                       "limit of %d allows for the instance bucket that the specified instance type "
                       "belongs to." % cloud.quotas[(market, family(common["type"]))])
    row = max(rows, key=lambda row: min(allowed, _left(cloud, call, common["type"], row[1], market)))
    count = min(allowed, _left(cloud, call, common["type"], row[1], market))
    if count < low:
        if market == "spot":
            raise AwsError("InsufficientInstanceCapacity",
                           "There is no Spot capacity available that matches your request.")
        raise AwsError("InsufficientInstanceCapacity", "We currently do not have sufficient %s capacity "
                       "in the Availability Zone you requested (%s)." % (common["type"], row[1]))
    options = call.params.get("InstanceMarketOptions", {}).get("SpotOptions", {})
    if float(options.get("MaxPrice", "inf")) < price(cloud, common["type"], row[1]):
        raise AwsError("SpotMaxPriceTooLow", "Your Spot request price of %s is lower than the minimum "
                       "required Spot request fulfillment price of %.4f."
                       % (options["MaxPrice"], price(cloud, common["type"], row[1])))
    return row, int(count)
