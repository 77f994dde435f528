# SPDX-License-Identifier: Apache-2.0
"""Situations in which keys of AWS are looked for: files, variables, and what answers."""
from aws_creds_world import secret_of, token_of

ROLE = "arn:aws:iam::123456789012:role/"


def static(access_key, indent=""):
    return "%saws_access_key_id = %s\n%saws_secret_access_key = %s\n" % (
        indent, access_key, indent, secret_of(access_key))


def environment(access_key):
    return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_of(access_key)}


def situation(name, key, says="", credentials=None, config=None, files=None, cloud=None,
              peer_differs="", profile="", **env):
    return locals()


IMDS = {"AWS_EC2_METADATA_DISABLED": None}
CONTAINER = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/task"}
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/jwt", "AWS_ROLE_ARN": ROLE + "web"}
JWT = {"jwt": "JWT-one"}
BASE = "[base]\n" + static("AKIABASE")
TRAIN = "[profile train]\nrole_arn = %strain\n" % ROLE

# key: what is found, "role" where it is one that STS makes up, None where nothing is to be found; says: words
# of our sentence.
SITUATIONS = [
    situation("nothing anywhere", None, "no AWS_ACCESS_KEY_ID"),
    # the environment
    situation("environment", "AKIAENV", **environment("AKIAENV")),
    situation("environment with a token", "ASIAENV", **environment("ASIAENV"),
              AWS_SESSION_TOKEN=token_of("ASIAENV")),
    situation("environment before the files", "AKIAENV", credentials="[default]\n" + static("AKIAFILE"),
              **environment("AKIAENV")),
    situation("environment before AWS_PROFILE", "AKIAENV", credentials=BASE, AWS_PROFILE="base",
              **environment("AKIAENV")),
    situation("a profile named by the account before the environment", "AKIABASE", credentials=BASE,
              profile="base", **environment("AKIAENV")),
    situation("environment before all that asks somebody", "AKIAENV", **environment("AKIAENV"), **CONTAINER,
              **IMDS, **WEB, files=JWT),
    situation("half an environment", None, "AWS_ACCESS_KEY_ID is set, but the secret key is missing",
              credentials="[default]\n" + static("AKIAFILE"), AWS_ACCESS_KEY_ID="AKIAENV"),
    situation("an empty variable is none", "AKIAFILE", credentials="[default]\n" + static("AKIAFILE"),
              AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""),
    situation("keys of the environment that have ended", None, "expired at 2020-01-01T00:00:00Z",
              **environment("ASIAENV"), AWS_SESSION_TOKEN="t",
              AWS_CREDENTIAL_EXPIRATION="2020-01-01T00:00:00Z"),
    # the shared files
    situation("credentials file", "AKIAFILE", credentials="[default]\n" + static("AKIAFILE")),
    situation("credentials file before the config file", "AKIAFILE",
              credentials="[default]\n" + static("AKIAFILE"), config="[default]\n" + static("AKIACONF")),
    situation("config file", "AKIACONF", config="[default]\n" + static("AKIACONF")),
    situation("config file, [profile default]", "AKIACONF", config="[profile default]\n"
              + static("AKIACONF")),
    situation("config file, a quoted profile", "AKIACONF", config='[profile "my own"]\n'
              + static("AKIACONF"),
              AWS_PROFILE="my own"),
    situation("a bare section of the config file is no profile", None, "there is no profile base",
              config=BASE, AWS_PROFILE="base"),
    situation("AWS_DEFAULT_PROFILE before AWS_PROFILE", "AKIABASE", AWS_PROFILE="default",
              AWS_DEFAULT_PROFILE="base", credentials="[default]\n" + static("AKIAFILE") + BASE),
    situation("files by name", "AKIAFILE", files={"elsewhere": "[default]\n" + static("AKIAFILE")},
              AWS_SHARED_CREDENTIALS_FILE="{home}/elsewhere"),
    situation("a config file below the home directory by ~", "AKIACONF",
              files={"elsewhere": "[default]\n" + static("AKIACONF")}, AWS_CONFIG_FILE="~/elsewhere"),
    situation("a file that has keys and a token of 1,900 letters", "AKIAFILE", credentials="[default]\n"
              + static("AKIAFILE") + "aws_session_token = " + "t" * 1900 + "\n"),
    situation("names with an indentation, capitals and colons", "AKIAFILE", credentials="[default]\n"
              + static("AKIAFILE", "   ").replace("aws_a", "AWS_A").replace(" = ", ": ")),
    situation("names of profiles that are equal in their first 60 letters", "AKIASECOND",
              credentials="[%s1]\n%s[%s2]\n%s"
              % ("a" * 60, static("AKIAFIRST"), "a" * 60, static("AKIASECOND")),
              AWS_PROFILE="a" * 60 + "2"),
    situation("a comment behind a value is part of it", None, "profile default of",
              credentials="[default]\n"
              "aws_access_key_id = AKIAFILE\naws_secret_access_key = x ; mine\n",
              peer_differs="takes it whole"),
    situation("settings of several lines", "AKIAFILE", credentials="[default]\n" + static("AKIAFILE"),
              config="[default]\ns3 =\n  max_concurrent_requests = 20\n\n  # none\nregion = eu-west-2\n"),
    situation("half a profile", None, "the secret key is missing", config="[default]\n"
              + static("AKIACONF"),
              credentials="[default]\naws_access_key_id = AKIAFILE\n"),
    situation("a profile that is missing", None, "there is no profile gone", AWS_PROFILE="gone", **IMDS),
    situation("no INI at all", None, "line 2", credentials="[default]\nnonsense\n", **IMDS),
    situation("a section that stands twice", None, "stands twice", **IMDS,
              credentials="[default]\n" + static("AKIAFILE") + "[default]\n"),
    situation("a name that stands twice", None, "stands twice", credentials="[default]\n"
              + static("AKIAFILE") + "aws_access_key_id = AKIATWO\n", **IMDS),
    situation("nothing before the first section", None, "before the first [section]",
              credentials=static("AKIAFILE"), **IMDS),
    # roles of profiles
    situation("source_profile", "role", credentials=BASE, config=TRAIN + "source_profile = base\n",
              AWS_PROFILE="train"),
    situation("source_profile with all settings", "role", credentials=BASE,
              config=TRAIN + "source_profile = base\n"
              "external_id = e/x & y\nrole_session_name = me@home\nduration_seconds = 1800\n",
              AWS_PROFILE="train"),
    situation("source_profile in a row", "role", credentials=BASE,
              config=TRAIN + "source_profile = middle\n"
              "[profile middle]\nrole_arn = %smiddle\nsource_profile = base\n" % ROLE, AWS_PROFILE="train"),
    situation("source_profile that has keys and a role", "role", config=TRAIN + "source_profile = both\n"
              "[profile both]\nrole_arn = %sboth\nsource_profile = gone\n" % ROLE + static("AKIABOTH"),
              AWS_PROFILE="train"),
    situation("source_profile that is itself", "role", credentials="[train]\n" + static("AKIASELF"),
              config=TRAIN + "source_profile = train\n", AWS_PROFILE="train"),
    situation("source_profile that is itself, without keys", None, "leads back to itself",
              config=TRAIN + "source_profile = train\n", AWS_PROFILE="train"),
    situation("source_profiles in a ring", None, "leads back to itself",
              config=TRAIN + "source_profile = b\n"
              "[profile b]\nrole_arn = x\nsource_profile = train\n", AWS_PROFILE="train", **IMDS),
    situation("source_profile that is missing", None, "source_profile gone does not exist",
              config=TRAIN + "source_profile = gone\n", AWS_PROFILE="train", **IMDS),
    situation("source_profile without keys", None, "no aws_access_key_id in profile base",
              config=TRAIN + "source_profile = base\n[profile base]\nregion = x\n", AWS_PROFILE="train",
              **IMDS),
    situation("source_profile of web identity", "role",
              config=TRAIN + "source_profile = web\n[profile web]\n"
              "role_arn = %sweb\nweb_identity_token_file = {home}/jwt\n" % ROLE, AWS_PROFILE="train",
              files=JWT),
    situation("a role before the keys of its profile", "role", credentials=BASE + "[train]\n"
              + static("AKIASELF"),
              config=TRAIN + "source_profile = base\n", AWS_PROFILE="train"),
    situation("credential_source Environment", "role", config=TRAIN + "credential_source = Environment\n",
              profile="train", **environment("AKIAENV")),
    situation("credential_source Environment without it", None, "no AWS_ACCESS_KEY_ID", **IMDS,
              config=TRAIN + "credential_source = Environment\n", AWS_PROFILE="train"),
    situation("credential_source EcsContainer", "role", config=TRAIN + "credential_source = EcsContainer\n",
              AWS_PROFILE="train", **CONTAINER),
    situation("credential_source Ec2InstanceMetadata", "role", AWS_PROFILE="train", **IMDS,
              config=TRAIN + "credential_source = Ec2InstanceMetadata\n"),
    situation("credential_source of another name", None, "credential_source is Moon",
              config=TRAIN + "credential_source = Moon\n", AWS_PROFILE="train"),
    situation("both kinds of source", None, "needs either", AWS_PROFILE="train", credentials=BASE,
              config=TRAIN + "source_profile = base\ncredential_source = Environment\n"),
    situation("no source", None, "needs a source_profile", config=TRAIN, AWS_PROFILE="train", **IMDS),
    situation("a role that is denied", None, "AccessDenied", credentials=BASE, AWS_PROFILE="train",
              config=TRAIN + "source_profile = base\n", cloud={"denied": {ROLE + "train"}}, **IMDS),
    situation("a role with a person's code", None, "mfa_serial", credentials=BASE, AWS_PROFILE="train",
              config=TRAIN + "source_profile = base\nmfa_serial = m\n", peer_differs="asks a person"),
    # web identity
    situation("web identity", "role", files=JWT, **WEB),
    situation("web identity with a session name", "role", files=JWT, **WEB, AWS_ROLE_SESSION_NAME="pod-1"),
    situation("web identity before the files", "role", files=JWT, credentials="[default]\n"
              + static("AKIAFILE"),
              **WEB),
    situation("a profile's role before web identity", "role", files=JWT, credentials=BASE,
              AWS_PROFILE="train",
              config=TRAIN + "source_profile = base\n", **WEB),
    situation("web identity of a profile", "role", files=JWT, AWS_PROFILE="web", config="[profile web]\n"
              "role_arn = %sweb\nweb_identity_token_file = {home}/jwt\n" % ROLE),
    situation("web identity without a role", None, "no AWS_ROLE_ARN", files=JWT, **dict(WEB,
              AWS_ROLE_ARN=None)),
    situation("web identity without its file", None, "jwt: No such file", **WEB,
              credentials="[default]\n" + static("AKIAFILE")),
    situation("web identity refused", None, "AccessDenied", files=JWT, **WEB, **IMDS,
              cloud={"denied": {ROLE + "web"}}),
    # what Drover does not run
    situation("credential_process", None, "aws configure export-credentials --profile default",
              config="[default]\ncredential_process = /bin/false\n" + static("AKIACONF")),
    situation("credential_process behind the credentials file", "AKIAFILE",
              credentials="[default]\n" + static("AKIAFILE"),
              config="[default]\ncredential_process = /bin/false\n"),
    situation("SSO", None, "aws configure export-credentials --profile sso", config="[profile sso]\n"
              "sso_account_id = 1\nsso_role_name = r\nsso_region = eu-west-1\nsso_start_url = https://x\n",
              AWS_PROFILE="sso"),
    situation("SSO before the keys of its profile", None, "signed in by a person", credentials="[sso]\n"
              + static("AKIAFILE"), AWS_PROFILE="sso", config="[profile sso]\nsso_account_id = 1\n"
              "sso_role_name = r\nsso_region = eu-west-1\nsso_start_url = https://x\n"),
    situation("login session", None, "login_session", config="[default]\nlogin_session = arn:x\n", **IMDS),
    # container
    situation("container", "ASIACONTAINERTASK", **CONTAINER),
    situation("container by the fixed address", "ASIACONTAINERV2",
              AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2"),
    situation("relative before full", "ASIACONTAINERV2", AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2",
              **CONTAINER),
    situation("container before the instance", "ASIACONTAINERTASK", **CONTAINER, **IMDS),
    situation("files before the container", "AKIAFILE", credentials="[default]\n" + static("AKIAFILE"),
              **CONTAINER),
    situation("container with a token", "ASIACONTAINERTASK", cloud={"container_token": "Basic abc"},
              AWS_CONTAINER_AUTHORIZATION_TOKEN="Basic abc", **CONTAINER),
    situation("a token file before a token", "ASIACONTAINERTASK", cloud={"container_token": "from-file"},
              AWS_CONTAINER_AUTHORIZATION_TOKEN="other", files={"token": "from-file"},
              AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="{home}/token", **CONTAINER),
    situation("a token of two lines", None, "no single line",
              AWS_CONTAINER_AUTHORIZATION_TOKEN="a\r\nX-Evil: 1",
              **CONTAINER, **IMDS),
    situation("a token file of two lines", None, "no single line", files={"token": "a\n"},
              AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="{home}/token", **CONTAINER, **IMDS),
    situation("a token file that is missing", None, "gone: No such file",
              AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="{home}/gone", **CONTAINER, **IMDS),
    situation("a container address elsewhere", None, "http://10.0.0.1/x is neither https nor", **IMDS,
              AWS_CONTAINER_CREDENTIALS_FULL_URI="http://10.0.0.1/x"),
    situation("a container address that looks like the right one", None, "neither https nor", **IMDS,
              AWS_CONTAINER_CREDENTIALS_FULL_URI="http://169.254.170.2@10.0.0.1/x"),
    situation("a container service that fails", None, "answered status 500", cloud={"fail": {"/task": 500}},
              **CONTAINER, **IMDS),
    situation("a container service that sends elsewhere", None, "127.0.0.1", cloud={"fail": {"/task": 302}},
              **CONTAINER, **IMDS),
    situation("a container's answer that is none", None, "no JSON object",
              cloud={"fail": {"/task": (200, "hm")}},
              **CONTAINER, **IMDS),
    # the instance
    situation("instance", "ASIAIMDSMACHINE", **IMDS),
    situation("instance at the fixed address", "ASIAIMDSMACHINE", AWS_EC2_METADATA_SERVICE_ENDPOINT=None,
              **IMDS),
    situation("instance switched off", None, "switched off", AWS_EC2_METADATA_DISABLED="TRUE"),
    situation("instance without a role", None, "has no role", cloud={"role": None}, **IMDS),
    situation("instance that says no token", None, "no token of version 2", **IMDS,
              cloud={"fail": {"/api/token": 400}}),
    situation("instance whose role fails", None, "AssumeRoleUnauthorizedAccess: not trusted", **IMDS,
              cloud={"fail": {"credentials/machine": (200, '{"Code": "AssumeRoleUnauthorizedAccess",'
                                                           ' "Message": "not trusted"}')}}),
    situation("instance that does not answer", None, "169.254.169.254", **IMDS,
              AWS_EC2_METADATA_SERVICE_ENDPOINT="http://169.254.169.254:81"),
    situation("instance keys that have ended", "ASIAIMDSMACHINE", cloud={"life_s": -60}, **IMDS),
]
