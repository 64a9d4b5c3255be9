"""The local cloud: emulated AWS, Identity Center and Slack, each a process on a free loopback port.

    with LocalCloud(Path("build/cloud")) as cloud:
        ...                       # deploy with cloud.environment()
        cloud.replay(record)        # CloudTrail hands a record to EventBridge
        cloud.wait_idle()
        cloud.messages()          # what Slack accepted

`localcloud.emulators` says what each emulator adds to the program that it runs. State is in memory. Logs go to the
working directory, nothing goes to the home directory. The servers inherit PATH and the locale only, so they never see
real AWS credentials.

Non-goals: deploying anything, surviving a restart, being AWS: docs/live-checks.md lists what only AWS can show.
"""

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from localcloud.emulators.cloudtrail import as_event
from localcloud.emulators.faults import OBSERVER
from localcloud.emulators.identity import USERS, email_address
from localcloud.emulators.loopback import LoopbackError, request_json
from localcloud.emulators.notification import Notification
from localcloud.emulators.process import NODE_EXIT_WITH_PARENT, ServerError, ServerProcess, reserve_port
from localcloud.emulators.slack import UPSTREAM_TOKENS, Post
from localcloud.toolchain import ROOT, TOOLS

MANAGEMENT_ACCOUNT = "111111111111"
"""Owns the organization and Identity Center, and everything that is deployed to the local cloud."""

REGION = "eu-central-1"
"""Home region of Identity Center, and the region of everything that is deployed to the local cloud."""

SLACK_CHANNEL_NAME = "break-glass"

SECOND_SLACK_CHANNEL_NAME = "security"

_IDENTITY_SERVICES = ("sso-admin", "identitystore", "organizations")
_IDENTITY_OPERATIONS = ("sso:", "identitystore:", "organizations:")
_INHERITED = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


class LocalCloudError(Exception):
    """The local cloud failed to start or to act; the message says why and what to do."""


class SlackBreak(StrEnum):
    """Ways in which Slack answers HTTP 200 and `ok: false` to every message from then on."""

    ARCHIVED = "slack-archived"
    TOKEN_REVOKED = "slack-token-revoked"  # noqa: S105 - the name of a fault


@dataclass(frozen=True)
class RunningCloud:
    """A local cloud that runs, here or in another process.

    Attributes:
        aws_url: MiniStack: EventBridge, Secrets Manager, SQS, SNS, IAM, CloudWatch.
        identity_url: moto: Identity Center, Identity Store, Organizations.
        slack_url: Slack; in a browser, the emulator's page.
        slack_channel: ID of the channel for alerts.
        second_channel: ID of the channel that is told as well when the glass is broken.
        bot_token: a token that this Slack, and no other, knows.
        slack_signing_secret: what this Slack signs its requests to the app with.
        pids: server's name to its process id.
        page_url: page to act as a Slack user by hand; only of a cloud that `make local-up` started.
    """

    aws_url: str
    identity_url: str
    slack_url: str
    slack_channel: str
    second_channel: str
    bot_token: str
    slack_signing_secret: str
    pids: Mapping[str, int]
    page_url: str | None = None

    @property
    def post_message_url(self) -> str:
        return f"{self.slack_url}/api/chat.postMessage"

    def environment(self) -> dict[str, str]:
        """Variables that point AWS SDKs and the AWS CLI at this cloud and at no other."""
        identity = {_endpoint_variable(service): self.identity_url for service in _IDENTITY_SERVICES}
        return {
            "AWS_ENDPOINT_URL": self.aws_url,
            **identity,
            # MiniStack takes an access key of twelve digits for the account.
            "AWS_ACCESS_KEY_ID": MANAGEMENT_ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def client(self, service: str, account: str = MANAGEMENT_ACCOUNT, region: str = REGION) -> Any:
        """A botocore client for an account and region of this cloud.

        It is shared by all threads and meets no faults. Identity Center, its identity store and Organizations are those
        of the management account for every account.

        Args:
            service: boto3's name of the service.
            account: any account ID; accounts exist without being created.
            region: any region.
        """
        endpoint_url = self.identity_url if service in _IDENTITY_SERVICES else self.aws_url
        return _client(service, endpoint_url, account, region)

    def replay(self, record: Mapping[str, Any], account: str = MANAGEMENT_ACCOUNT, region: str = REGION) -> None:
        """Lets CloudTrail record an event (`record`) and hand it to EventBridge, with AWS's source and detail-type.

        Afterwards every matching rule has begun its deliveries; `wait_idle` waits for their end.

        Args:
            record: one CloudTrail record; `{"drill": DETAIL}` is put as an operator's drill, which is no record.
            account: the account on whose default bus the event arrives. The event itself keeps the account and the
                region of the record; `localcloud.emulators.cloudtrail.relocate` makes a record of another account.
            region: the region of this bus.

        Raises:
            RecordShapeError: if the record lacks what every CloudTrail record has.
        """
        event = as_event(record, account=account, region=region)
        if "drill" not in record:
            self.record(record, account, region)
        self.put_event(event, account, region)

    def record(self, record: Mapping[str, Any], account: str = MANAGEMENT_ACCOUNT, region: str = REGION) -> None:
        """Lets CloudTrail record an event that EventBridge loses.

        The record is in the event history of the account and region (`cloudtrail:LookupEvents`), and in the log group
        of the trail, if one is set (`set_trail`).

        Args:
            record: one CloudTrail record.
            account: account of the event history.
            region: region of the event history.
        """
        command = {"record": record, "account": account, "region": region}
        request_json("POST", f"{self.aws_url}/_localcloud/records", command)

    def set_trail(self, log_group: str | None, account: str = MANAGEMENT_ACCOUNT, region: str = REGION) -> None:
        """Lets a trail deliver all records from now on, of all accounts and regions, into a log group.

        Args:
            log_group: its name; it has to exist. None ends the delivery, as a trail does that is stopped.
            account: account of the log group.
            region: region of the log group.
        """
        command = {"log_group": log_group, "account": account, "region": region}
        request_json("POST", f"{self.aws_url}/_localcloud/trails", command)

    def put_event(self, event: Mapping[str, Any], account: str = MANAGEMENT_ACCOUNT, region: str = REGION) -> None:
        """Puts an event on the default bus of an account and region, as an AWS service does.

        Args:
            event: the event envelope, with any source.
            account: the account.
            region: the region.
        """
        command = {"event": event, "account": account, "region": region}
        request_json("POST", f"{self.aws_url}/_localcloud/events", command)

    def tick(self, rule_name: str, after: float = 0, account: str = MANAGEMENT_ACCOUNT, region: str = REGION) -> None:
        """Makes a scheduled rule invoke its targets, as its schedule does; a disabled rule invokes none.

        Args:
            rule_name: name of the rule.
            after: seconds until then, which are left out (`localcloud.emulators.clock`).
            account: account of the rule.
            region: region of the rule.

        Raises:
            LocalCloudError: if there is no scheduled rule of this name.
        """
        command = {"rule": rule_name, "after": after, "account": account, "region": region}
        try:
            request_json("POST", f"{self.aws_url}/_localcloud/ticks", command)
        except LoopbackError as error:
            raise LocalCloudError(
                f"No scheduled rule is named {rule_name}. `aws events list-rules` shows the names."
            ) from error

    def wait_idle(self, timeout: float = 60) -> dict[str, int]:
        """Waits until no delivery is pending: each was delivered, dead-lettered or lost.

        Returns:
            How many deliveries were `delivered`, `dead_lettered` and `lost` since the start.

        Raises:
            LocalCloudError: if some are still under way.
        """
        url = f"{self.aws_url}/_localcloud/deliveries?timeout={timeout}"
        counts: dict[str, int] = request_json("GET", url, timeout=timeout + 10)
        under_way = counts.pop("under_way")
        if under_way:
            raise LocalCloudError(
                f"{under_way} deliveries are still under way after {timeout:g} s. EventBridge goes on trying until the "
                "target's retry policy ends; wait longer, or lower maximumEventAgeSeconds in the stack file."
            )
        return counts

    def posts(self, known: int = 0) -> tuple[Post, ...]:
        """Every chat.postMessage call that reached Slack, accepted or refused, in the order of Slack's answers.

        Args:
            known: number of the first posts that are left out.
        """
        return tuple(Post(**post) for post in request_json("GET", f"{self.slack_url}/_localcloud/posts?known={known}"))

    def messages(self) -> list[dict[str, Any]]:
        """Bodies of the messages that Slack accepted, as it received them."""
        return [post.body for post in self.posts() if post.error is None]

    def mails(self) -> tuple[Notification, ...]:
        """Every e-mail that a subscription of a topic received, in order. Nothing leaves this machine."""
        return tuple(each for each in self._notifications() if each.protocol == "email")

    def pages(self) -> tuple[Notification, ...]:
        """Every call of a pager (an HTTPS subscription of a topic), in order. Nothing leaves this machine."""
        return tuple(each for each in self._notifications() if each.protocol == "https")

    def _notifications(self) -> Iterator[Notification]:
        for each in request_json("GET", f"{self.aws_url}/_localcloud/notifications"):
            yield Notification(**each)

    def evaluate_alarms(
        self,
        begin: float,
        end: float,
        names: Sequence[str] | None = None,
        account: str = MANAGEMENT_ACCOUNT,
        region: str = REGION,
    ) -> None:
        """Evaluates alarms of an account and region for each minute between two times, and then empties their metrics.

        An alarm that changes its state puts an event on the bus; one that goes into ALARM notifies its topics. Both
        happen at the time of the evaluation (`localcloud.emulators.clock`).

        Args:
            begin: before the first evaluation, in seconds since the epoch.
            end: of the last one; it may be in the future.
            names: names of the alarms; None for all.
            account: account of the alarms.
            region: region of the alarms.
        """
        command = {"begin": begin, "end": end, "names": names, "account": account, "region": region}
        request_json("POST", f"{self.aws_url}/_localcloud/alarms", command)

    def break_slack(self, slack_break: SlackBreak) -> None:
        """Archives the channel or revokes the token."""
        match slack_break:
            case SlackBreak.ARCHIVED:
                self.call_slack("conversations.archive", {"channel": self.slack_channel})
            case SlackBreak.TOKEN_REVOKED:
                self.call_slack("auth.revoke", {})

    def call_slack(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Calls a method of Slack's Web API as the bot.

        Raises:
            LocalCloudError: if Slack answers `ok: false`.
        """
        headers = {"Authorization": f"Bearer {self.bot_token}"}
        answer: dict[str, Any] = request_json("POST", f"{self.slack_url}/api/{method}", arguments, headers=headers)
        if not answer["ok"]:
            details = "; ".join(answer.get("response_metadata", {}).get("messages", ()))
            raise LocalCloudError(f"Slack refused {method}: {answer['error']}.{f' {details}' if details else ''}")
        return answer

    def fail(self, *operations: str, **fields: Any) -> None:
        """Makes calls of AWS operations fail from now on, except those of `client`.

        Args:
            operations: as in "dynamodb:PutItem", "secretsmanager:*", "sso:CreateAccountAssignment": services by the
                name that requests are signed for.
            fields: the other fields of `localcloud.emulators.faults.AwsFault`, such as `error="ThrottlingException"`.
        """
        identity = [name for name in operations if name.startswith(_IDENTITY_OPERATIONS)]
        others = [name for name in operations if name not in identity]
        if others:
            request_json("POST", f"{self.aws_url}/_localcloud/faults", {"operations": others, **fields})
        if identity:
            command = {"operations": identity, "kill_url": f"{self.aws_url}/_localcloud/kill", **fields}
            request_json("POST", f"{self.identity_url}/_localcloud/faults", command)

    def lose_invocations(self, function: str, **fields: Any) -> None:
        """Makes invocations of a function end without a result, before or after they run.

        Args:
            function: its name.
            fields: the other fields of `localcloud.emulators.functions.LostInvocation`, such as
                `event={"step": "grant"}, after=True, times=1`.
        """
        request_json("POST", f"{self.aws_url}/_localcloud/lost-invocations", {"function": function, **fields})

    def kill_function(self, function: str) -> None:
        request_json("POST", f"{self.aws_url}/_localcloud/kill", {"function": function})

    def set_assignment_behavior(self, **behavior: Any) -> None:
        """Makes creations and deletions of account assignments slow, or fail."""
        request_json("POST", f"{self.identity_url}/_localcloud/behaviors", behavior)

    def fail_slack(self, **fault: Any) -> None:
        """Makes Slack fail calls of its app; replaces the previous fault."""
        request_json("POST", f"{self.slack_url}/_localcloud/faults", fault)

    def end_faults(self) -> None:
        for url in (
            *(f"{self.aws_url}/_localcloud/faults", f"{self.aws_url}/_localcloud/lost-invocations"),
            *(f"{self.identity_url}/_localcloud/faults", f"{self.identity_url}/_localcloud/behaviors"),
            f"{self.slack_url}/_localcloud/faults",
        ):
            request_json("POST", url, {})

    def assignments(self, permission_set: str, account: str) -> list[str]:
        """The users and groups assigned to a permission set in an account, in alphabetical order."""
        query = urlencode({"permission_set": permission_set, "account": account})
        assigned = request_json("GET", f"{self.identity_url}/_localcloud/assignments?{query}")
        return sorted(each["name"] for each in assigned)

    def add_account(self, account: str, name: str) -> None:
        """Adds an account to the root of the organization; `organizations:MoveAccount` moves it into a unit.

        Stacks of StackSets are there when this returns, as after every change of the organization.

        Args:
            account: its ID, which AWS would choose.
            name: its name.
        """
        request_json("POST", f"{self.identity_url}/_localcloud/accounts", {"id": account, "name": name}, timeout=300)

    def set_user_status(self, user_name: str, status: str) -> None:
        """Makes a user of the identity store ENABLED or DISABLED."""
        command = {"user_name": user_name, "status": status}
        request_json("POST", f"{self.identity_url}/_localcloud/users", command)

    def test_event_pattern(self, pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
        """True if an event matches a pattern, by EventBridge's TestEventPattern."""
        answer = self.client("events").test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
        return bool(answer["Result"])

    def describe(self) -> dict[str, Any]:
        """A description for another process, ready for JSON: the attributes and `environment`."""
        return {**asdict(self), "environment": self.environment()}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        return cls(**{name: value for name, value in description.items() if name != "environment"})


class LocalCloud:
    """Starts a local cloud on entry and stops it on exit. The servers end with this process.

    Args:
        workdir: made if it isn't there; for logs and temporary files of the servers.
        progress: told what is going on.
        second: how long a second of EventBridge's retry waits and rate limits lasts, and of the waits of a state
            machine that waits for no people, in seconds. By default a tenth of a millisecond: an hour of late posts
            ends in 0.4 seconds, and the rate limit of one message a second, which would stretch a demo to minutes, is
            not felt. 1.0 is what AWS does.
        pause: how long a second of the approval workflow's pauses lasts, before a retry and between two looks at an
            assignment, and a second of a task's time limit. By default a twentieth; 1.0 is what AWS does. Waits for
            people take as long as they say.
    """

    def __init__(
        self,
        workdir: Path,
        progress: Callable[[str], None] = lambda _: None,
        second: float = 0.0001,
        pause: float = 0.05,
    ) -> None:
        self._workdir = workdir.absolute()
        self._progress = progress
        self._second = second
        self._pause = pause
        self._servers = ExitStack()

    def __enter__(self) -> RunningCloud:
        """Starts the servers, all at once, and returns when each is ready.

        Raises:
            LocalCloudError: if a server does not start, or the Slack emulator is not installed.
        """
        with _explained(), ExitStack() as started:
            cloud = self._start(started)
            self._servers = started.pop_all()
        return cloud

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops the servers, and returns when they are gone."""
        self._servers.close()

    def _start(self, started: ExitStack) -> RunningCloud:
        for directory in (self._workdir, self._workdir / "tmp"):
            directory.mkdir(parents=True, exist_ok=True)
        seed = self._workdir / "slack-seed.json"
        seed.write_text(json.dumps(_SLACK_SEED))
        ports = {name: reserve_port() for name in ("aws", "identity", "slack emulator", "slack")}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}

        def python(module: str, *arguments: object) -> list[str]:
            return [sys.executable, "-m", f"localcloud.emulators.{module}", *map(str, arguments)]

        emulate = ("start", "--service", "slack", "--port", ports["slack emulator"], "--seed", seed)
        commands: dict[str, Sequence[str]] = {
            "aws": python(
                *("aws", "--port", ports["aws"], "--identity", urls["identity"]),
                *("--second", self._second, "--pause", self._pause),
            ),
            "identity": python(
                *("identity", "--port", ports["identity"], "--aws", urls["aws"]),
                *("--account", MANAGEMENT_ACCOUNT, "--region", REGION),
            ),
            "slack emulator": [_tool("node"), NODE_EXIT_WITH_PARENT, _tool("emulate"), *map(str, emulate)],
            "slack": python("slack", "--port", ports["slack"], "--upstream", urls["slack emulator"]),
        }
        self._progress(f"starting {', '.join(commands)}")
        servers = []
        for name, command in commands.items():
            server = ServerProcess(
                name,
                command,
                url=urls[name],
                log=self._workdir / f"{name.replace(' ', '-')}.log",
                environment=self._environment(ports),
                directory=self._workdir,
            )
            started.callback(server.stop)
            servers.append(server)
        for server in servers:
            server.wait_ready()
            self._progress(f"{server.name} is ready")

        # In the form of a bot token, so that a search for leaked tokens finds it.
        bot_token = f"xoxb-{secrets.randbelow(10**12):012}-{secrets.token_hex(12)}"
        request_json("POST", f"{urls['slack']}/_localcloud/tokens", {"token": bot_token})
        cloud = RunningCloud(
            aws_url=urls["aws"],
            identity_url=urls["identity"],
            slack_url=urls["slack"],
            slack_channel="",
            second_channel="",
            bot_token=bot_token,
            slack_signing_secret=secrets.token_hex(16),
            pids={server.name: server.pid for server in servers},
        )
        listed = cloud.call_slack("conversations.list", {})["channels"]
        channels = {channel["name"]: channel["id"] for channel in listed}
        return replace(
            cloud, slack_channel=channels[SLACK_CHANNEL_NAME], second_channel=channels[SECOND_SLACK_CHANNEL_NAME]
        )

    def _environment(self, ports: Mapping[str, int]) -> dict[str, str]:
        identity = f"http://127.0.0.1:{ports['identity']}"
        return {
            # Lambda functions inherit this, so their calls reach the right emulator.
            **{_endpoint_variable(service): identity for service in _IDENTITY_SERVICES},
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "HOME": str(self._workdir),
            "TMPDIR": str(self._workdir / "tmp"),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "AWS_ACCESS_KEY_ID": MANAGEMENT_ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
            "MOTO_ACCOUNT_ID": MANAGEMENT_ACCOUNT,
            "GATEWAY_PORT": str(ports["aws"]),
            "MINISTACK_ACCOUNT_ID": MANAGEMENT_ACCOUNT,
            "MINISTACK_REGION": REGION,
            "S3_DATA_DIR": str(self._workdir / "s3"),
            # At AWS an asynchronous invocation that failed is tried again after a minute, and then after two.
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": str(10 * self._pause),
            # MiniStack clears away containers of other MiniStacks when it finds Docker, and opens more ports for SFTP
            # and IoT.
            "DOCKER_HOST": f"unix://{self._workdir}/no-docker.sock",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
        }


_SLACK_SEED = {
    "slack": {
        "team": {"name": "Local cloud", "domain": "local-cloud"},
        "users": [
            {"name": "breakglass", "real_name": "Break-glass"},
            *({"name": name, "real_name": whole, "email": email_address(name)} for name, whole in USERS.items()),
        ],
        "channels": [
            {"name": SLACK_CHANNEL_NAME, "topic": "Every use of emergency access, and who asks for it"},
            {"name": SECOND_SLACK_CHANNEL_NAME, "topic": "Also notified when the glass is broken"},
        ],
        "tokens": [{"token": token, "user": "breakglass"} for token in UPSTREAM_TOKENS],
    }
}


def _endpoint_variable(service: str) -> str:
    return f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"


@cache
def _client(service: str, endpoint_url: str, account: str, region: str) -> Any:
    # Imported here: a demo or a test that calls no AWS operation itself need not wait for it.
    from botocore.config import Config

    return _botocore_session().create_client(
        service,
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="local",  # noqa: S106 - the emulators check none
        config=Config(proxies={}, retries={"total_max_attempts": 1}, user_agent_extra=OBSERVER),
    )


@cache
def _botocore_session() -> Any:
    from botocore.session import Session

    # Neither AWS_PROFILE nor the person's configuration file counts. One session, since reading the models takes long.
    return Session({"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)})


def _tool(name: str) -> str:
    path = shutil.which(name, path=os.pathsep.join((str(TOOLS / "bin"), os.environ.get("PATH", ""))))
    if path is None:
        raise LocalCloudError(
            f"{name} is not installed, neither in .tools/bin nor on PATH, and the Slack emulator needs it: run the "
            "local cloud through make (make demo, make local-up, make test), which installs it."
        )
    return path


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except ServerError as error:
        raise LocalCloudError(f"The local cloud did not start. {error}") from error
