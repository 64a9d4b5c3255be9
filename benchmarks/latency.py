"""The time from the event bus to Slack: the alert path against a minimal Lambda function.

The same record, but for the name of the role, goes to the same bus in turns; the rules' patterns come from the same
function. Slack stamps the message when it arrives. `cold` is the first event after the function's processes were
ended, as Lambda does after some time without events (it does not say how long); the alert path has no such state.

A stack has one delivery, so stack `local` is measured with `delivery: direct` and, after a second `pulumi up`, with
`delivery: confirmed`. The functions take turns with each of them.

The function's token is either in its environment, which is quickest and unsafe, or in Secrets Manager, where the alert
path has it, too.

Non-goals: the time before the bus (CloudTrail) and EventBridge's own at AWS, which both ways share.
"""

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3

from benchmarks.samples import Samples
from breakglass.alerts.patterns import RULE_STATE, event_pattern, pattern_json
from breakglass.alerts.subjects import PermissionSetSubject
from breakglass.vocabulary import Delivery, EvidencePath
from localcloud.cloud import MANAGEMENT_ACCOUNT, LocalCloudError, RunningCloud
from localcloud.records import RECORDS, load_record
from localcloud.stack import ROOT, deploy

_RECORD = RECORDS / "session-devops-break-glass.json"
_ROLE = "devops-break-glass"
_ALERT_PATHS = {
    Delivery.direct: "direct: rule, transformer, API destination",
    Delivery.confirmed: "confirmed: rule, transformer, state machine",
}
_SOURCE = ROOT / "benchmarks" / "programs" / "post_to_slack.py"
_SECRET_NAME = "benchmark-slack-token"  # noqa: S105  a name
_RUNTIME = "runtime"
_DELIVERY = "breakglass:alerts.delivery"
_PATIENCE = 30
"""Seconds until a message counts as lost."""


@dataclass(frozen=True)
class Way:
    """One way from bus to Slack, in milliseconds.

    Attributes:
        name: its row in the table.
        cold: first events after a start; None without a start.
        warm: later events.
    """

    name: str
    cold: Samples | None
    warm: Samples


def measure(cloud: RunningCloud, workdir: Path, cold: int, warm: int, progress: Callable[[str], None]) -> list[Way]:
    """Deploy stack `local` and the functions; send events to each in turns.

    Args:
        cloud: a fresh local cloud.
        workdir: for the deployment's state.
        cold: number of cold starts.
        warm: number of warm events each way after each of them.
        progress: called with each step.
    """
    progress("deploying stack local and the functions")
    engine = deploy(cloud, workdir, settings={_DELIVERY: Delivery.direct.value}).engine
    token_in = {
        "Lambda, token in its environment": {"SLACK_BOT_TOKEN": cloud.bot_token},
        "Lambda, token from Secrets Manager": {"SECRET_NAME": _SECRET_NAME},
    }
    cloud.client("secretsmanager").create_secret(Name=_SECRET_NAME, SecretString=cloud.bot_token)
    functions = {
        name: _Function(cloud, f"benchmark-{number}", settings)
        for number, (name, settings) in enumerate(token_in.items())
    }
    colds: dict[str, list[float]] = {name: [] for name in functions}
    warms: dict[str, list[float]] = {name: [] for name in (*_ALERT_PATHS.values(), *functions)}
    for delivery, name in _ALERT_PATHS.items():
        if delivery is not Delivery.direct:
            progress(f"switching to delivery: {delivery}")
            engine.config_set_all({_DELIVERY: delivery.value})
            engine.up()
        for number in range(cold):
            _measure_round(cloud, name, functions, warm, colds, warms)
            progress(f"delivery: {delivery}, {number + 1} of {cold} rounds of {warm} events each way")
    return [Way(name, Samples(colds[name]) if name in colds else None, Samples(warms[name])) for name in warms]


def _measure_round(
    cloud: RunningCloud,
    alert_path: str,
    functions: "Mapping[str, _Function]",
    warm: int,
    colds: Mapping[str, list[float]],
    warms: Mapping[str, list[float]],
) -> None:
    """Add one cold start of each function, and warm events of each way in turns."""
    for name, function in functions.items():
        function.restart()
        colds[name].append(_milliseconds(cloud, function.role))
    roles = {alert_path: _ROLE, **{name: function.role for name, function in functions.items()}}
    for role in roles.values():
        _milliseconds(cloud, role)  # not counted: it fills caches
    for _ in range(warm):
        for name, role in roles.items():
            warms[name].append(_milliseconds(cloud, role))


class _Function:
    """The Lambda function, its rule, and the role that the rule watches."""

    def __init__(self, cloud: RunningCloud, name: str, settings: Mapping[str, str]) -> None:
        self.role = name
        self._lambda = cloud.client("lambda")
        self._environment = {
            "CHANNEL": cloud.slack_channel,
            "POST_MESSAGE_URL": cloud.post_message_url,
            "AWS_ENDPOINT_URL": cloud.aws_url,
            **settings,
        }
        created = self._lambda.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler=f"{_RUNTIME}.handler",
            Role=f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/{name}",
            Code={"ZipFile": _zipped(_SOURCE)},
            Environment={"Variables": self._environment},
            Timeout=_PATIENCE,
        )
        events = cloud.client("events")
        pattern = pattern_json(event_pattern(PermissionSetSubject(name), EvidencePath.session_start))
        events.put_rule(Name=name, EventPattern=pattern, State=RULE_STATE)
        events.put_targets(Rule=name, Targets=[{"Id": "function", "Arn": created["FunctionArn"]}])

    def restart(self) -> None:
        """Ends the function's processes: changed settings need new ones."""
        self._environment["RESTARTED"] = str(time.time_ns())
        self._lambda.update_function_configuration(FunctionName=self.role, Environment={"Variables": self._environment})
        self._lambda.get_waiter("function_updated").wait(FunctionName=self.role, WaiterConfig={"Delay": 1})


def _milliseconds(cloud: RunningCloud, role: str) -> float:
    """Replay the record for a role; return the time until its message arrived.

    Raises:
        LocalCloudError: none arrived.
    """
    record = json.loads(json.dumps(load_record(_RECORD).content).replace(_ROLE, role))
    known = len(cloud.posts())
    began = time.time()
    cloud.replay(record)
    while len(posts := cloud.posts()) == known:
        if time.time() - began > _PATIENCE:
            raise LocalCloudError(f"No message about {role} arrived in Slack within {_PATIENCE} s.")
        # The message has its own time stamp.
        time.sleep(0.02)
    (post,) = posts[known:]
    if post.error is not None or role not in json.dumps(post.body):
        raise LocalCloudError(f"Not the message about {role} arrived in Slack: {post}")
    return (post.received - began) * 1000


def _zipped(source: Path) -> bytes:
    """The function's package, with boto3 on its path, as in Lambda."""
    packages = str(Path(boto3.__file__).parents[1])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.write(source, source.name)
        runtime = f"import sys\nsys.path.append({packages!r})\nfrom {source.stem} import handler\n"
        writer.writestr(f"{_RUNTIME}.py", runtime)
    return archive.getvalue()
