"""Stack `local` with approvals, deployed for tests of the whole workflow, and access to its records and functions.

Like `localcloud.driver`, it reads messages from Slack and access from Identity Center. A test can also read records,
executions and logs, and age a record (`age_request`), so that no test waits for the reconciler's five minutes.

The stack is the committed one except for `approvals`: here, everyone on call may request everything, so many tests run
beside each other (`ROLES`).
"""

import json
import re
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from breakglass.app.aws.dynamo_table import DynamoTable
from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.aws.table import EXPIRY, key
from breakglass.app.domain.grant_lifecycle import SETTLE_SECONDS
from breakglass.app.domain.records import Grant, Kind, Request, State, Usage
from breakglass.app.domain.request_lifecycle import FINAL
from breakglass.app.services.reconciler import GRACE_SECONDS
from breakglass.app.services.requests import MAX_PER_HOUR
from breakglass.app.slack import ids
from breakglass.app.slack.request_message import request_title
from breakglass.naming import AppFunction, Names
from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, LocalCloud, RunningCloud
from localcloud.driver import ScenarioDriver
from localcloud.emulators.identity import ACCOUNTS
from localcloud.engine import Engine
from localcloud.records import RECORDS, load_record
from localcloud.request_url import find_request_url
from localcloud.slack_page.user_view import read_user_view
from localcloud.slack_user import SlackUser, sign_request, wait_until
from localcloud.stack import ROOT, configure
from tests.app.aws.local_table import local_client
from tests.stack_file import stack_file

DEVOPS, NETWORK = "devops-break-glass", "network-break-glass"
PRODUCTION, STAGING = ACCOUNTS
ADA, GRACE, ALAN, BARBARA, EDSGER = (
    "ada.lovelace",
    "grace.hopper",
    "alan.turing",
    "barbara.liskov",
    "edsger.dijkstra",
)
ROLES = tuple((who, one, account) for who in (ADA, GRACE, ALAN) for one in (DEVOPS, NETWORK) for account in ACCOUNTS)
"""Everything that somebody may ask for, each apart from the others: who, set, account. Barbara approves all of it."""

FORM = "application/x-www-form-urlencoded"

_NAMES = Names("local-approvals")
_DURATION = re.compile(r"^REPORT .*\tDuration: ([0-9]+) ms")
_LONGER_THAN_GRACE = GRACE_SECONDS + SETTLE_SECONDS
_LONGER_THAN_ANY_ACCESS = 13 * 3600
_MOST_DENIED = 5
_MOST_RECENT = 20
_ON_CALL, _LEADS = [{"group": "network-oncall"}], [{"group": "database-leads"}]
_APPROVALS: Mapping[str, Any] = {
    "security": [{"group": "security"}],
    "endSessions": True,
    "rules": [
        {
            "name": "everything",
            "sets": [DEVOPS, NETWORK],
            "accounts": list(ACCOUNTS),
            "requesters": _ON_CALL,
            "approvers": _LEADS,
            "maximumDuration": "PT4H",
            "withoutApproval": {"after": "PT0S"},
        },
        # Of several rules the strictest terms hold.
        {
            "name": "nobody waits long for alan",
            "sets": [DEVOPS],
            "accounts": [PRODUCTION],
            "requesters": [{"user": ALAN}],
            "approvers": _LEADS,
            "requestExpiry": "PT5S",
            "escalate": {"after": "PT1S", "ping": [{"group": "security"}]},
            "withoutApproval": {"after": "PT0S"},
        },
    ],
}


def deploy_approvals(cloud: RunningCloud, workdir: Path) -> None:
    """Deploys stack `local` with `_APPROVALS`."""
    engine = Engine(ROOT, workdir, cloud.environment())
    configure(engine, cloud)
    with stack_file(engine) as config:
        for pair in config["breakglass:permissionSets"]["pairs"]:
            for assignment in pair["assignments"]:
                # Nobody has a break-glass set for good: whoever has, may not ask for it.
                assignment["sets"] = ["everyday"]
        config["breakglass:approvals"] = {
            **_APPROVALS,
            "channel": cloud.slack_channel,
            "secondChannel": cloud.second_channel,
        }
    engine.up()


@dataclass
class ApprovalsHarness(ScenarioDriver):
    """The stage, and what is behind it."""

    _people: dict[str, SlackUser] = field(default_factory=dict)
    _user_ids: dict[str, str] = field(default_factory=dict)

    def user(self, name: str) -> SlackUser:
        """Somebody, by their user name."""
        if name not in self._people:
            # Slack's three seconds are measured by `make bench`, on a machine that does nothing else.
            self._people[name] = SlackUser(self.cloud, self.request_url, name, patience=20)
        return self._people[name]

    def user_id(self, name: str) -> str:
        """Their id in the identity store."""
        if not self._user_ids:
            [instance] = self.cloud.client("sso-admin").list_instances()["Instances"]
            users = self.cloud.client("identitystore").list_users(IdentityStoreId=instance["IdentityStoreId"])["Users"]
            self._user_ids.update({user["UserName"]: user["UserId"] for user in users})
        return self._user_ids[name]

    # --- what people do ---------------------------------------------------------------------------------------------

    def submit_request(
        self,
        who: str,
        permission_set: str = DEVOPS,
        *accounts: str,
        seconds: int = 3600,
        reason: str = "The restore failed.",
    ) -> str:
        """Lets somebody send the request form without having opened it, which is quicker; returns the request's id."""
        wanted = accounts or (PRODUCTION,)
        choices = [{"value": account} for account in wanted]
        inputs = {
            ids.ROLE: {"type": "static_select", "selected_option": {"value": permission_set}},
            ids.ACCOUNTS: {"type": "multi_external_select", "selected_options": choices},
            ids.DURATION: {"type": "static_select", "selected_option": {"value": str(seconds)}},
            ids.REASON: {"type": "plain_text_input", "value": reason},
        }
        known = {one.id for one in self._requests_of(who)}
        self.user(who).send(self.build_submission(who, ids.REQUEST_FORM, inputs))

        def made() -> str | None:
            for one in self._requests_of(who):
                if one.id not in known and (one.permission_set, one.accounts) == (permission_set, wanted):
                    return one.id
            return None

        return wait_until(made, f"the request of {who}")

    def click(self, who: str, request: str, action_id: str, *stands: State) -> None:
        """Lets somebody click a button in the message of a request, as soon as that says how the request stands."""
        self.user(who).click(self.wait_for_state(request, *stands), action_id)

    def open_access(self, who: str, permission_set: str = DEVOPS, *accounts: str, seconds: int = 3600) -> str:
        """Lets somebody ask and Barbara approve, and returns the request's id when the access is open."""
        request = self.submit_request(who, permission_set, *accounts, seconds=seconds)
        self.click(BARBARA, request, ids.APPROVE, State.pending)
        self.wait_for_state(request, State.active)
        return request

    def return_access(self, request: str) -> None:
        """Lets whoever has the access give it back, and waits until it is gone."""
        self.click(self.read_request(request).requester_name, request, ids.DONE, State.active)
        self.wait_for_state(request, State.ended)

    # --- what Slack sends -------------------------------------------------------------------------------------------

    def build_submission(
        self, who: str, callback_id: str, inputs: Mapping[str, Mapping[str, Any]], about: str = ""
    ) -> bytes:
        """What Slack sends when somebody sends a form that nobody opened."""
        values = {block: {ids.VALUE: element} for block, element in inputs.items()}
        view = {
            "id": f"V{secrets.token_hex(6).upper()}",
            "callback_id": callback_id,
            "private_metadata": about,
            "state": {"values": values},
        }
        return self.user(who).build_interaction({"type": "view_submission", "view": view})

    def build_click(self, who: str, action_id: str, value: str) -> bytes:
        """What Slack sends when somebody clicks a button, which may be in no message at all."""
        place = {"type": "message", "channel_id": self.cloud.slack_channel, "message_ts": "1.000001"}
        action = {"type": "button", "action_id": action_id, "value": value}
        payload = {"type": "block_actions", "container": place, "trigger_id": "1.2.3", "actions": [action]}
        return self.user(who).build_interaction(payload)

    @property
    def path(self) -> str:
        """Path of the app's one route."""
        return urlsplit(self.request_url).path

    def send_http(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Sends a request to the app's API, as anybody may, and returns the status."""
        address = urlsplit(self.request_url)
        connection = HTTPConnection("127.0.0.1", address.port, timeout=20)
        try:
            connection.request(method, path, body, {"Host": address.netloc, "Content-Type": FORM, **headers})
            response = connection.getresponse()
            response.read()
            return response.status
        finally:
            connection.close()

    def sign(self, body: bytes, skew: int = 0, secret: str | None = None) -> dict[str, str]:
        """Slack's headers for a body; `skew` is by how many seconds Slack's clock is ahead."""
        return sign_request(secret or self.cloud.slack_signing_secret, body, int(time.time()) + skew)

    # --- what is there ----------------------------------------------------------------------------------------------

    def has_access(self, who: str, permission_set: str = DEVOPS, account: str = PRODUCTION) -> bool:
        """Whether Identity Center really has the assignment."""
        return who in self.cloud.assignments(permission_set, account)

    def wait_for_state(self, request: str, *states: State) -> dict[str, Any]:
        """The message of a request, as soon as record and message say that it stands so."""

        def shown() -> dict[str, Any] | None:
            record = self.read_request(request)
            if record.state not in states or record.message is None:
                return None
            message = self._thread(record)[0]
            return message if message["text"].startswith(f"{request_title(record)}:") else None

        return wait_until(shown, f"{' or '.join(states)} of {request}")

    def read_message(self, request: str) -> dict[str, Any]:
        """The message of a request, as it is now."""
        return self._thread(self.read_request(request))[0]

    def read_thread(self, request: str) -> list[str]:
        """What the thread of a request says."""
        return [str(one["text"]) for one in self._thread(self.read_request(request))[1:]]

    def list_messages(self, record: str) -> list[dict[str, Any]]:
        """Messages of the channel about a request or use, threads left out."""
        asked = {"channel": self.cloud.slack_channel, "include_all_metadata": True, "limit": 999}
        found = self.cloud.call_slack("conversations.history", asked)["messages"]
        return [one for one in found if one.get("metadata", {}).get("event_payload", {}).get("id") == record]

    def wait_for_ephemeral(self, who: str, before: int) -> str:
        """The first message that only somebody sees after so many, as soon as it is there."""

        def text() -> str | None:
            return next((str(one["text"]) for one in self.user(who).list_ephemerals()[before:]), None)

        return wait_until(text, f"a word to {who}")

    def read_direct_messages(self, who: str) -> str:
        """Everything that the app wrote to somebody in person."""
        channels = read_user_view(self.cloud, who)["channels"]
        return "\n".join(
            one["text"] for channel in channels if channel["name"] == "direct messages" for one in channel["messages"]
        )

    @property
    def store(self) -> DynamoStore:
        """The records. One for each call: its connection is for one thread."""
        return DynamoStore(local_client(self.cloud), _NAMES.table)

    def read_request(self, request: str) -> Request:
        """A request as it is kept."""
        found = self.store.request(request)
        assert found is not None
        return found

    def read_audit(self, request: str) -> list[str]:
        """What happened to a request and its grants, in order, as the audit trail has it."""
        now = int(time.time())
        entries = self.store.audit(now - 3600, now + 1)
        return [one.event for one in entries if one.subject == request]

    def wait_for_usage(self, event_id: str) -> Usage:
        """The use that an event belongs to, as soon as it is recorded."""
        return wait_until(lambda: self.store.usage_of_event(event_id), "the record of a use")

    def age_request(self, request: str, seconds: int) -> None:
        """Makes everything that is recorded of a request that much older."""

        def before(moment: int | None) -> int | None:
            return None if moment is None else moment - seconds

        def saved() -> bool | None:
            one = self.read_request(request)
            older = replace(
                one,
                created_at=one.created_at - seconds,
                expires_at=one.expires_at - seconds,
                decided_at=before(one.decided_at),
                closed_at=before(one.closed_at),
                revoke_at=before(one.revoke_at),
                reminded_at=before(one.reminded_at),
            )
            return (
                self.store.save_request(older, (), [older_grant(grant) for grant in self.store.grants(request)]) or None
            )

        def older_grant(grant: Grant) -> Grant:
            return replace(
                grant,
                revoke_at=grant.revoke_at - seconds,
                asked_at=before(grant.asked_at),
                deny_until=before(grant.deny_until),
                absent_at=before(grant.absent_at),
            )

        wait_until(saved, f"{request} to be older")

    # --- the parts --------------------------------------------------------------------------------------------------

    def function_name(self, app_function: AppFunction) -> str:
        """Name of a function."""
        return _NAMES.function(app_function)

    def reconcile(self) -> dict[str, int]:
        """Runs the reconciler, and returns what it counts."""
        answer = self.cloud.client("lambda").invoke(FunctionName=self.function_name(AppFunction.reconciler))
        assert "FunctionError" not in answer, answer["Payload"].read()
        counted = [json.loads(line) for line in self.read_log(AppFunction.reconciler) if '"_aws"' in line]
        return {name: value for name, value in counted[-1].items() if isinstance(value, int)}

    def reconcile_until(self, request: str, *states: State) -> None:
        """Runs the reconciler until a request stands so, each time long after: it ends in one run what another "
        "began."""

        def stands() -> bool | None:
            self.age_request(request, _LONGER_THAN_GRACE)
            self.reconcile()
            return True if self.read_request(request).state in states else None

        wait_until(stands, f"the reconciler to bring {request} to {' or '.join(states)}")

    def end_open_requests(self) -> None:
        """Ends what a test that failed has left open; from time to time, makes everything that was done long ago.

        One person may make so many requests an hour, and the policy that ends sessions has room for so many statements.
        """
        for one in list(self.store.open_requests()):
            self.age_request(one.id, _LONGER_THAN_ANY_ACCESS)
            self.reconcile_until(one.id, *FINAL)
        denied = {grant.request_id for grant in self.store.live_grants() if grant.deny_until is not None}
        recent = {one.id for name in (ADA, GRACE, ALAN) for one in self._requests_of(name) if _is_recent(one)}
        if len(denied) > _MOST_DENIED or len(recent) > _MOST_RECENT:
            for request in denied | recent:
                self.age_request(request, _LONGER_THAN_ANY_ACCESS)
            self.reconcile()
        for name in (ADA, GRACE, ALAN):
            self._free_places(self.user_id(name))

    def _free_places(self, user_id: str) -> None:
        """Lets somebody ask who has asked many times within the hour; no test asks ten times."""
        table = DynamoTable(local_client(self.cloud), _NAMES.table)
        taken = table.get(key("CLAIM", f"request/{user_id}/{MAX_PER_HOUR // 2}"), "CLAIM")
        if taken is not None and int(taken[EXPIRY]["N"]) > time.time():
            for place in range(MAX_PER_HOUR):
                self.store.extend_once(f"request/{user_id}/{place}", 0)

    def read_log(self, app_function: AppFunction) -> list[str]:
        """The log of a function, in order."""
        pages = (
            self.cloud.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=self.function_name(app_function))
        )
        return [event["message"] for page in pages for event in page["events"]]

    def has_run_for(self, app_function: AppFunction, seconds: float) -> bool:
        """Whether an invocation of a function has taken so long."""
        reports = (_DURATION.search(line) for line in self.read_log(app_function))
        return any(found is not None and int(found[1]) >= seconds * 1000 for found in reports)

    def read_execution_status(self, request: str) -> str:
        """Status of the execution of a request."""
        return str(
            self.cloud.client("stepfunctions").describe_execution(executionArn=self._execution(request))["status"]
        )

    def stop_execution(self, request: str) -> None:
        """Stops an execution, as somebody may in the console."""
        self.cloud.client("stepfunctions").stop_execution(executionArn=self._execution(request))

    def replace_machine(self, request: str) -> None:
        """Replaces the state machine by another one of the same name, as a deployment may: its executions are gone."""
        states = self.cloud.client("stepfunctions")
        arn = states.describe_execution(executionArn=self._execution(request))["stateMachineArn"]
        machine = states.describe_state_machine(stateMachineArn=arn)
        states.delete_state_machine(stateMachineArn=arn)
        states.create_state_machine(**{name: machine[name] for name in ("name", "definition", "roleArn")})

    def wait_for_hold(self, request: str, times: int = 1) -> None:
        """Waits until an execution holds access, for the so many-th time: its log says when it has kept its token."""

        def holds() -> bool | None:
            lines = [
                line for line in self.read_log(AppFunction.interactions) if '"step": "hold"' in line and request in line
            ]
            return True if len(lines) >= times else None

        wait_until(holds, f"the wait of {request}")

    def wake_execution(self, request: str) -> None:
        """Ends the wait of an execution that holds access, with a hint and nothing that is to be believed."""
        token = self.read_request(request).token
        self.cloud.client("stepfunctions").send_task_success(taskToken=token, output='{"outcome": "wait"}')

    def read_assignment(self, who: str, permission_set: str, account: str) -> dict[str, str]:
        """An assignment, as the operations of Identity Center name it."""
        center = self.cloud.client("sso-admin")
        [instance] = center.list_instances()["Instances"]
        instance_arn = instance["InstanceArn"]
        arns = center.list_permission_sets(InstanceArn=instance_arn)["PermissionSets"]
        names = {
            center.describe_permission_set(InstanceArn=instance_arn, PermissionSetArn=arn)["PermissionSet"]["Name"]: arn
            for arn in arns
        }
        return {
            "InstanceArn": instance_arn,
            "TargetId": account,
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": names[permission_set],
            "PrincipalType": "USER",
            "PrincipalId": self.user_id(who),
        }

    def read_session_policy(self) -> dict[str, Any]:
        """The service control policy that ends live sessions, by the statements' Sid."""
        organizations = self.cloud.client("organizations")
        [policy] = [
            one
            for one in organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
            if "ended-sessions" in one["Name"]
        ]
        content = organizations.describe_policy(PolicyId=policy["Id"])["Policy"]["Content"]
        return {one["Sid"]: one for one in json.loads(content)["Statement"]}

    def _requests_of(self, who: str) -> list[Request]:
        return [one for one in self.store.requests_of(self.user_id(who)).items if one.kind is Kind.access]

    def _thread(self, record: Request) -> list[dict[str, Any]]:
        """The message of a request, and the answers to it."""
        place = record.message
        assert place is not None
        asked = {"channel": place.channel, "ts": place.ts, "limit": 999}
        found = self.cloud.call_slack("conversations.replies", asked)["messages"]
        return [{**one, "channel": place.channel} for one in found]

    def _execution(self, request: str) -> str:
        return f"arn:aws:states:{REGION}:{MANAGEMENT_ACCOUNT}:execution:{_NAMES.machine}:{request}"


def _is_recent(request: Request) -> bool:
    return request.created_at > time.time() - 3600


def usage_record(
    who: str, name: str = "session-devops-break-glass", was: str = "jane.doe@example.com"
) -> dict[str, Any]:
    """The record of a session that somebody has started just now, made of a committed one."""
    record = json.loads(json.dumps(load_record(RECORDS / f"{name}.json").content).replace(was, who))
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {**record, "eventID": str(uuid.uuid4()), "eventTime": now}


@contextmanager
def deploy_harness(workdir: Path) -> Iterator[ApprovalsHarness]:
    """The stack in a cloud of its own, in which a second of the workflow's pauses lasts ten milliseconds."""
    with LocalCloud(workdir / "cloud", pause=0.01) as cloud:
        deploy_approvals(cloud, workdir / "pulumi")
        address = find_request_url(cloud)
        assert address is not None
        yield ApprovalsHarness(cloud, address)
