/* SPDX-License-Identifier: Apache-2.0
 * Examples and vendors' pages for fields whose schema names none. Keys: SECTION.field. */

const AWS = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/";
const AGENT = "https://clear.ml/docs/latest/docs/clearml_agent/";

const HELP = {
  "cfg_root.deployment": ["prod"],
  "cfg_root.time_zone": [
    "Europe/Berlin",
    "https://en.wikipedia.org/wiki/List_of_tz_database_time_zones",
  ],
  "cfg_clearml.api_server": [
    "https://api.clear.ml",
    "https://clear.ml/docs/latest/docs/configs/clearml_conf/",
  ],
  "cfg_clearml.web_server": ["https://app.clear.ml"],
  "cfg_clearml.files_server": ["https://files.clear.ml"],
  "cfg_account.name": ["aws"],
  "cfg_account.region": [
    "eu-west-1",
    "https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html",
  ],
  "cfg_account.profile": [
    "default",
    "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",
  ],
  "cfg_account.role_arn": [
    "arn:aws:iam::123456789012:role/drover",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html",
  ],
  "cfg_type.name": ["aws4gpu"],
  "cfg_type.instance_type": ["g5.xlarge", "https://aws.amazon.com/ec2/instance-types/"],
  "cfg_type.spot": ["", `${AWS}using-spot-instances.html`],
  "cfg_type.ami_id": ["ami-0abc… or resolve:ssm:/aws/service/…", `${AWS}finding-an-ami.html`],
  "cfg_type.availability_zones": ["us-east-1a", `${AWS}using-regions-availability-zones.html`],
  "cfg_type.subnet_ids": [
    "subnet-0abc",
    "https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html",
  ],
  "cfg_type.security_group_ids": ["sg-0abc", `${AWS}ec2-security-groups.html`],
  "cfg_type.key_name": ["my-key", `${AWS}ec2-key-pairs.html`],
  "cfg_type.iam_instance_profile": ["clearml-worker", `${AWS}iam-roles-for-amazon-ec2.html`],
  "cfg_type.ebs_volume_type": [
    "gp3",
    "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html",
  ],
  "cfg_type.docker_image": [
    "nvidia/cuda:12.4.1-runtime-ubuntu22.04",
    `${AGENT}clearml_agent_docker_exec/`,
  ],
  "cfg_type.docker_args": ["--ipc=host", `${AGENT}clearml_agent_docker_exec/`],
  "cfg_type.gpus": ["all"],
  "cfg_type.init_script": ["apt-get install -y ffmpeg"],
  "cfg_type.environment": ["HF_HOME=/var/cache/datasets"],
  "cfg_type.max_machines": ["4"],
  "cfg_queue.name": [
    "gpu",
    "https://clear.ml/docs/latest/docs/fundamentals/agents_and_queues/",
  ],
  "cfg_budget.per_hour_usd_micros": ["20"],
};

export function helpOf(section, field) {
  const known = HELP[`${section}.${field.key}`] || [];
  return { example: field.example || known[0] || "", link: field.link || known[1] || "" };
}

/* Texts of more than one line. */
export const LONG = new Set(["init_script", "extra_clearml_conf", "extra_configurations"]);
