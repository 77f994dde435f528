# SPDX-License-Identifier: Apache-2.0
"""What is done to instances that run: the end, stops, tags, protection, the console, cancelled requests."""
import base64

from .describe import identities
from .errors import AwsError
from .instance import state

_BY_USER = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")


def _named(cloud, call):
    return identities(cloud, call.params["InstanceIds"], "i",
                      lambda one: cloud.find(call.account, call.region, one))


def terminate(cloud, call):
    with cloud.lock:
        rows = _named(cloud, call)
        spared = {one.zone for one in rows if one.protected and one.state != "terminated"}
        ended, answer = [one for one in rows if one.zone not in spared], []
        for one in ended:
            before = one.state
            cloud.begin_end(one, *_BY_USER)
            answer.append({"InstanceId": one.id, "PreviousState": state(before),
                           "CurrentState": state(one.state)})
        for one in ended:
            cloud.finish_end(one)
    if spared:
        kept = next(one.id for one in rows if one.protected)
        raise AwsError("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its "
                       "'disableApiTermination' instance attribute and try again." % kept)
    return {"TerminatingInstances": answer}


def stop(cloud, call):
    with cloud.lock:
        rows, answer = _named(cloud, call), []
        for one in rows:
            if one.market == "spot" and cloud.spot[one.spot_request].kind == "one-time":
                raise AwsError("UnsupportedOperation", "You can't stop the Spot Instance '%s' because it "
                               "is associated with a one-time Spot Instance request." % one.id)
            if one.state in ("shutting-down", "terminated"):
                raise AwsError("IncorrectInstanceState", "The instance '%s' is not in a state from which "
                               "it can be stopped." % one.id)
        for one in rows:
            before = one.state
            cloud.stop(one, *_BY_USER)
            answer.append({"InstanceId": one.id, "PreviousState": state(before),
                           "CurrentState": state("stopped" if before == "stopped" else "stopping")})
    return {"StoppingInstances": answer}


def start(cloud, call):
    with cloud.lock:
        rows, answer = _named(cloud, call), []
        for one in rows:
            if one.state not in ("stopped", "running", "pending"):
                raise AwsError("IncorrectInstanceState", "The instance '%s' is not in a state from which "
                               "it can be started." % one.id)
        for one in rows:
            before = one.state
            if before == "stopped":
                cloud.move(one, "pending")
            answer.append({"InstanceId": one.id, "PreviousState": state(before),
                           "CurrentState": state(one.state)})
            if before == "stopped":
                cloud.start(one)
    return {"StartingInstances": answer}


def reboot(cloud, call):
    _named(cloud, call)
    return {}


def _tagged(cloud, call):
    """[instance, or (tags dict, owner) of a volume or a spot request], None where moto must know it."""
    found = []
    for resource in call.params["Resources"]:
        if resource.startswith("i-"):
            found += identities(cloud, [resource], "i",
                                lambda one: cloud.find(call.account, call.region, one))
        elif resource in cloud.spot:
            found.append(cloud.spot[resource].tags)
        else:
            found.append(next((volume["tags"] for one in cloud.instances.values()
                               for volume in one.volumes if volume["id"] == resource), None))
    return found


def _change_tags(cloud, call, changes):
    with cloud.lock:
        found = _tagged(cloud, call)
        if None in found:
            return None  # moto's
        for one in found:
            tags = dict(one if isinstance(one, dict) else one.tags)
            after = {key for key in (*tags, *changes) if changes.get(key, tags.get(key)) is not None}
            if len(after) > 50:
                raise AwsError("TagLimitExceeded", "The maximum number of Tags has been reached.")
        for one in found:
            if isinstance(one, dict):
                one.update({key: value for key, value in changes.items() if value is not None})
                for key in [key for key, value in changes.items() if value is None]:
                    one.pop(key, None)
            else:
                cloud.tag(one, changes)
    return {}


def create_tags(cloud, call):
    return _change_tags(cloud, call, {tag["Key"]: tag.get("Value", "") for tag in call.params["Tags"]})


def delete_tags(cloud, call):
    return _change_tags(cloud, call, {tag["Key"]: None for tag in call.params.get("Tags", [])})


def modify(cloud, call):
    params = call.params
    one = identities(cloud, [params["InstanceId"]], "i",
                     lambda name: cloud.find(call.account, call.region, name))[0]
    with cloud.lock:
        if "DisableApiTermination" in params:
            one.protected = params["DisableApiTermination"].get("Value", False)
        if "InstanceInitiatedShutdownBehavior" in params:
            one.shutdown_behavior = params["InstanceInitiatedShutdownBehavior"]["Value"]
        cloud.touch(one)
    return {}


def attribute(cloud, call):
    one = identities(cloud, [call.params["InstanceId"]], "i",
                     lambda name: cloud.find(call.account, call.region, name))[0]
    value = {"userData": ("UserData", one.user_data), "instanceType": ("InstanceType", one.type),
             "disableApiTermination": ("DisableApiTermination", one.protected),
             "instanceInitiatedShutdownBehavior":
                 ("InstanceInitiatedShutdownBehavior", one.shutdown_behavior)}
    name, found = value.get(call.params["Attribute"], (None, None))
    if name is None:
        raise AwsError("UnsupportedOperation", "ec2fault keeps no " + call.params["Attribute"])
    return {"InstanceId": one.id, name: {"Value": found} if found is not None else {}}


def console(cloud, call):
    one = identities(cloud, [call.params["InstanceId"]], "i",
                     lambda name: cloud.find(call.account, call.region, name))[0]
    if call.params.get("Latest") and one.type in cloud.console_types:
        raise AwsError("UnsupportedOperation", "This instance type does not support retrieving the "
                       "latest console logs.")
    output = cloud.console.get(one.id)
    if isinstance(output, str):  # a file's name
        try:
            with open(output, "rb") as file:
                output = file.read()
        except FileNotFoundError:
            output = None
    answer = {"InstanceId": one.id, "Timestamp": cloud.wall()}
    if output:  # in lines, as EC2 breaks it
        answer["Output"] = base64.encodebytes(output[-65536:]).decode()
    return answer


def cancel_spot(cloud, call):
    with cloud.lock:
        rows = identities(cloud, call.params["SpotInstanceRequestIds"], "sir", cloud.spot.get)
        for request in rows:
            if request.state in ("open", "active"):
                request.state = "cancelled"
                request.say("request-canceled-and-instance-running", "Cancelled.", cloud.wall())
        return {"CancelledSpotInstanceRequests": [
            {"SpotInstanceRequestId": request.id, "State": request.state} for request in rows]}


HANDLERS = {
    "TerminateInstances": terminate, "StopInstances": stop, "StartInstances": start,
    "RebootInstances": reboot, "CreateTags": create_tags, "DeleteTags": delete_tags,
    "ModifyInstanceAttribute": modify, "DescribeInstanceAttribute": attribute,
    "GetConsoleOutput": console, "CancelSpotInstanceRequests": cancel_spot,
}
