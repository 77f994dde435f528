# SPDX-License-Identifier: Apache-2.0
"""EC2 as EC2 is, before moto: an endpoint for EC2, STS and SSM that checks every request against
botocore's model, verifies its signature, honours client tokens, runs out of capacity, lags, throttles
and breaks on demand. What it keeps no state of (images, subnets, groups, keys, profiles, parameters,
instance types) moto serves behind it, in the same process.

    with Ec2Fault(pending_s=2) as cloud:                    # every setting: settings.py
        client = boto3.client("ec2", endpoint_url=cloud.url, **cloud.boto())
        cloud.rule("RunInstances", "close_after", times=1)
        ...
        assert cloud.violations == []                       # requests that EC2 would refuse

    PYTHONPATH=tests/support python -m ec2fault --port 5000 --control 5001 [--tls DIR] [--set pending_s=2]

The first key is AKIDEXAMPLE / wJalrXUtnFEMI, account 123456789012, region us-east-1 (cloud.boto()).

CONTROL API. Each method below is a method of Ec2Fault, and with the same arguments
`POST http://CONTROL/_fault/METHOD` with a JSON object of arguments (GET with a query string does for
those without lists). It answers 200 {"result": …} or 400 {"error": "…"}. `id` is an instance id.

Instances. An instance is a JSON object: id, state (pending running shutting-down terminated stopping
  stopped), state_reason {code,message} or null, type, zone, region, account, subnet, private_ip,
  private_dns, public_ip or null, image, key_name, profile (the ARN asked for, or null), market
  (on-demand, spot), spot_request or null, tags {}, user_data (base64 or null), token (ClientToken),
  reservation, launch_time (ISO, server's clock), shutdown_behavior (stop, terminate), groups [],
  metadata_options {}, volumes [], vcpus, version (of its last change), life [[unix time, state,
  reason code or null] …].
  instances(state=None, since=0)   those in that state (a name or a list of names); since: changed after
  instance(id)
  wait(since=0, timeout=30)        {"version": v, "changed": [instance …]}: waits until something changed
                                   after version `since` (long poll); pass v in the next call
  subscribe(function)              Python only: function(instance) after each change, from its thread
  shutdown(id)                     as `shutdown -h` inside: terminated (Client.InstanceInitiatedShutdown)
                                   or stopped, by its shutdown_behavior
  set_state(id, state, code=None, message="")   any state, at once, with that stateReason
  run(id)                          pending -> running now (with pending_s=None nothing else does it)
  fail_launches(count, code, message="", instance_type=None, after_s=0)
                                   the next `count` instances go pending -> terminated with that reason
  forget(id)                       EC2 does not know it any more: InvalidInstanceID.NotFound
  protect(id, on=True)             termination protection
  user_data(id)                    the decoded script as text, or null
  console(id, text=None, base64=None, file=None)  what GetConsoleOutput tells (a file is read each time)
  console_unsupported(types)       for these types Latest=true is UnsupportedOperation
Spot.
  notice(id, code="instance-terminated-no-capacity")  the request's status; the instance keeps running
  interrupt(id)                    the end: terminated, Server.SpotInstanceTermination
  spot_price(instance_type, price, zone=None)
Capacity (market: "on-demand", "spot" or None for both; None is also any type, any zone).
  capacity(limit, instance_type=None, zone=None, market=None)   limit None: endless again
  quota(vcpus, market="on-demand", family="Standard")           family as EC2 names the buckets
  sold_in(instance_type, zones)    a list of zones; None: as moto's data say
Faults. rule(action, fault, times=1, after=0, where=None, **how) -> rule id. action: "RunInstances", "*".
  times None: always; after: the first `after` matching requests pass; where: only requests with these
  parameters, as {"Placement.AvailabilityZone": "us-east-1a", "tag:KEY": "VALUE"} or a list's member.
  Faults:
  error         code="InternalError", message="", status=None, effect=False (True: it acts all the same)
  http          status=503, body="", content_type="text/plain", retry_after=None
  garbage       200 with a body that is no XML (effect=True: after it acted)
  truncate      acts, announces the whole length, sends half
  close_before  the connection is closed, nothing happened
  close_after   acts, then closes: a lost reply
  delay         acts, answers after seconds=N
  hang          before=True: not acted yet, else acted; nothing is sent until release(rule), or the
                client goes. late=True: a held request acts when released though its caller is gone
  slow          acts, the answer trickles over seconds=N
  clear_rule(id), clear_rules(), release(id), met(id) (how many requests met it; one that acts
  before its fault has acted by then), wait_met(id, count=1, timeout=30)
Keys and rights.
  add_key(access_key, secret, token=None, life_s=None, account=None)   life_s: seconds until it expires
  temporary_key(life_s=3600, account=None, role=None)   {access_key, secret, token, expiration}
  expire_key(access_key), remove_key(access_key)
  deny(*actions), allow(*actions)  "RunInstances", "iam:PassRole", "iam:CreateServiceLinkedRole",
                                   "ssm:GetParameters", "sts:AssumeRole" (over HTTP: {"actions": […]})
  web_identity(token=None)         the only token AssumeRoleWithWebIdentity takes (None: any)
Time and settings.
  settings(**changes)              changes some and answers all (see settings.py)
  skip(seconds)                    moves what the cloud waits for (pending, lag, visibility) ahead
  freeze(on=True)                  that time stands still but for skip()
  add_image(id, root_device="/dev/xvda", architecture="x86_64", size=8)
Record.
  requests(action=None, since=0)   [{number, action, service, params (nested), body (base64), headers,
                                   access_key, account, region, mono, wall, status, code, rule,
                                   seconds} …]; params is what botocore's model makes of the wire names
  wait_answered(number, timeout=30)  that request, once it was answered (status 0: closed without)
  counts()                         {action: how often}
  violations                       [{number, action, code, message} …]
  peak                             most instances pending or running at one time, ever
  life(id)                         [[unix time, state, reason code or null] …]
  launched                         how many instances were ever launched
  clear_record()
"""
from .cloudfault import Ec2Fault

__all__ = ["Ec2Fault"]
