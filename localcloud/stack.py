"""Stack `local`, and stack `watcher` beside it, deployed to a local cloud by a real `pulumi up`.

Non-goals: the cloud itself (`localcloud.cloud`) and the engine (`localcloud.engine`).
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.engine import Engine, UpdateResult
from localcloud.real_provider import is_wanted, provider_config

ROOT = Path(__file__).resolve().parent.parent
"""The Pulumi program's folder."""

BUILD = ROOT / "build"
"""Output of the commands; git-ignored."""

STACK, WATCHER = "local", "watcher"
"""Names of the two stacks."""

TRAIL = "management-events"
"""Name of the trail."""

TRAIL_LOG_GROUP = "organization-trail"
"""Name of the log group to which the trail delivers the records of all accounts and regions."""

_STACK_FILE = ROOT / "stacks" / f"Pulumi.{STACK}.yaml"

DESCRIPTION = BUILD / "local.json"
"""Describes the local cloud that `make local-up` started."""


@dataclass(frozen=True)
class StackDeployment:
    """A deployed stack.

    Attributes:
        engine: for more operations on the same stack.
        up: the result of `pulumi up`.
    """

    engine: Engine
    up: UpdateResult


def read_section(name: str) -> Mapping[str, Any] | None:
    """A section of the stack file, e.g. `approvals`; None if it has none."""
    section: Mapping[str, Any] | None = yaml.safe_load(_STACK_FILE.read_text())["config"].get(f"breakglass:{name}")
    return section


def deploy(
    cloud: RunningCloud,
    workdir: Path,
    progress: Callable[[str], None] = lambda _: None,
    settings: Mapping[str, str] | None = None,
    *,
    organization: bool = False,
) -> StackDeployment:
    """Deploys stack `local` to a cloud, with its Slack.

    Args:
        cloud: where to.
        workdir: for the state and the run's copy of the stack file.
        progress: called with each step of Pulumi.
        settings: more values for the copy of the stack file: path -> value.
        organization: watch the whole organization, as the stack file says; else one account in one region.

    Raises:
        EngineError: Pulumi refused or failed.
    """
    create_trail(cloud)
    engine = Engine(ROOT, workdir, cloud.environment(), progress=progress)
    configure(engine, cloud, settings, organization=organization)
    return StackDeployment(engine, engine.up())


def deploy_watcher(
    cloud: RunningCloud, workdir: Path, progress: Callable[[str], None] = lambda _: None
) -> StackDeployment:
    """Deploys stack `watcher`, which reports tampering with stack `local` in the second channel.

    At AWS it is in the same account and region, where the events are recorded; so it is here.

    Args:
        cloud: where to; stack `local` need not be deployed.
        workdir: for the state and the stack file; not that of stack `local`.
        progress: called with each step of Pulumi.

    Raises:
        EngineError: Pulumi refused or failed.
    """
    tamper = (read_section("alerts") or {})["tamper"]
    engine = Engine(ROOT, workdir, cloud.environment(), stack=WATCHER, progress=progress)
    engine.config_set("breakglass:slackBotToken", cloud.bot_token, secret=True)
    engine.config_set_all(
        {
            "aws:region": REGION,
            "breakglass:alerts.region": REGION,
            "breakglass:alerts.slack.channel": cloud.second_channel,
            "breakglass:alerts.slack.postMessageUrl": cloud.post_message_url,
            "breakglass:alerts.probe": "off",
            "breakglass:alerts.tamper.stacks[0]": STACK,
            "breakglass:alerts.tamper.trail": tamper["trail"],
            "breakglass:alerts.tamper.deployers[0]": tamper["deployers"][0],
            **(provider_config(cloud) if is_wanted(os.environ) else {}),
        }
    )
    return StackDeployment(engine, engine.up())


def create_trail(cloud: RunningCloud) -> None:
    """Creates the trail that a stack expects: of all management events, in all accounts and regions."""
    cloud.client("logs").create_log_group(logGroupName=TRAIL_LOG_GROUP)
    trails = cloud.client("cloudtrail")
    trails.create_trail(
        Name=TRAIL,
        S3BucketName="trail",
        IsMultiRegionTrail=True,
        IsOrganizationTrail=True,
        CloudWatchLogsLogGroupArn=f"arn:aws:logs:{REGION}:{MANAGEMENT_ACCOUNT}:log-group:{TRAIL_LOG_GROUP}:*",
        CloudWatchLogsRoleArn=f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/trail",
    )
    trails.start_logging(Name=TRAIL)
    cloud.set_trail(TRAIL_LOG_GROUP)


def configure(
    engine: Engine, cloud: RunningCloud, settings: Mapping[str, str] | None = None, *, organization: bool = False
) -> None:
    """Sets the values of one local cloud: Slack's secrets, channels and address.

    Args:
        engine: of stack `local`.
        cloud: the local cloud.
        settings: more values: path -> value.
        organization: keep the organization of the stack file. Most tests leave it out: it takes time.
    """
    if not organization:
        _leave_out_organization(engine)
    values = {
        "breakglass:alerts.slack.channel": cloud.slack_channel,
        "breakglass:alerts.slack.postMessageUrl": cloud.post_message_url,
        **(provider_config(cloud) if is_wanted(os.environ) else {}),
        **(settings or {}),
    }
    engine.config_set("breakglass:slackBotToken", cloud.bot_token, secret=True)
    if read_section("approvals") is not None:
        engine.config_set("breakglass:slackSigningSecret", cloud.slack_signing_secret, secret=True)
        values["breakglass:approvals.channel"] = cloud.slack_channel
        values["breakglass:approvals.secondChannel"] = cloud.second_channel
    engine.config_set_all(values)


def add_organization(engine: Engine) -> None:
    """Makes stack `local` the hub of the organization of the stack file, at its next deployment."""
    organization = (read_section("alerts") or {})["organization"]
    _change_alerts(engine, lambda alerts: {**alerts, "organization": organization})


def _leave_out_organization(engine: Engine) -> None:
    _change_alerts(engine, lambda alerts: {key: value for key, value in alerts.items() if key != "organization"})


def _change_alerts(engine: Engine, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Changes the section in the copy of the stack file."""
    file = Path(engine.environment()["PULUMI_OPTION_CONFIG_FILE"])
    content = yaml.safe_load(file.read_text())
    content["config"]["breakglass:alerts"] = change(content["config"]["breakglass:alerts"])
    file.write_text(yaml.safe_dump(content))
