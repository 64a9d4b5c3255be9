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
from localcloud.stack import ROOT, configure, create_trail
from tests.app.aws.local_table import local_client
from tests.stack_file import stack_file

DEVOPS, NETWORK = "devops-break-glass", "network-break-glass"
PRODUCTION, STAGING, *_ = ACCOUNTS
ADA, GRACE, ALAN, BARBARA, EDSGER = (
    "ada.lovelace",
    "grace.hopper",
    "alan.turing",
    "barbara.liskov",
    "edsger.dijkstra",
)
ROLES = tuple((user, name, place) for user in (ADA, GRACE, ALAN) for name in (DEVOPS, NETWORK) for place in ACCOUNTS)
"""Every possible access: requester, permission set, account. Barbara approves all of them."""

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
        # The strictest of several rules applies.
        {
            "name": "short waits for alan",
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


def deploy_approvals(cloud: RunningCloud, workdir: Path) -> Engine:
    create_trail(cloud)
    engine = Engine(ROOT, workdir, cloud.environment())
    configure(engine, cloud)
    with stack_file(engine) as config:
        for pair in config["breakglass:permissionSets"]["pairs"]:
            for assignment in pair["assignments"]:
                # A user with a permanent assignment may not request it.
                assignment["sets"] = ["everyday"]
        config["breakglass:approvals"] = {
            **_APPROVALS,
            "channel": cloud.slack_channel,
            "secondChannel": cloud.second_channel,
        }
    engine.up()
    return engine


@dataclass
class ApprovalsHarness(ScenarioDriver):
    """Acts as users, and reads records, executions and logs.

    Attributes:
        environment: variables with which Pulumi and the commands work on the stack.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    _people: dict[str, SlackUser] = field(default_factory=dict)
    _user_ids: dict[str, str] = field(default_factory=dict)

    def user(self, name: str) -> SlackUser:
        if name not in self._people:
            # Slack's three seconds are measured by `make bench`, on a machine that does nothing else.
            self._people[name] = SlackUser(self.cloud, self.request_url, name, patience=20)
        return self._people[name]

    def user_id(self, name: str) -> str:
        if not self._user_ids:
            [instance] = self.cloud.client("sso-admin").list_instances()["Instances"]
            users = self.cloud.client("identitystore").list_users(IdentityStoreId=instance["IdentityStoreId"])["Users"]
            self._user_ids.update({user["UserName"]: user["UserId"] for user in users})
        return self._user_ids[name]

    # --- users --------------------------------------------------------------------------------------------------------

    def submit_request(
        self,
        user: str,
        permission_set: str = DEVOPS,
        *accounts: str,
        seconds: int = 3600,
        reason: str = "The restore failed.",
    ) -> str:
        """Submit the request form without opening it, which is quicker; return the request's ID."""
        requested = accounts or (PRODUCTION,)
        choices = [{"value": account} for account in requested]
        inputs = {
            ids.ROLE: {"type": "static_select", "selected_option": {"value": permission_set}},
            ids.ACCOUNTS: {"type": "multi_external_select", "selected_options": choices},
            ids.DURATION: {"type": "static_select", "selected_option": {"value": str(seconds)}},
            ids.REASON: {"type": "plain_text_input", "value": reason},
        }
        known = {each.id for each in self._requests_of(user)}
        self.user(user).send(self.build_submission(user, ids.REQUEST_FORM, inputs))

        def made() -> str | None:
            for each in self._requests_of(user):
                if each.id not in known and (each.permission_set, each.accounts) == (permission_set, requested):
                    return each.id
            return None

        return wait_until(made, f"the request of {user}")

    def click(self, user: str, request: str, action_id: str, *stands: State) -> None:
        """Click a button in the message of a request, as soon as it shows one of these states."""
        self.user(user).click(self.wait_for_state(request, *stands), action_id)

    def open_access(self, user: str, permission_set: str = DEVOPS, *accounts: str, seconds: int = 3600) -> str:
        """Request access and approve it as Barbara; return the request's ID when the access is active."""
        request = self.submit_request(user, permission_set, *accounts, seconds=seconds)
        self.click(BARBARA, request, ids.APPROVE, State.pending)
        self.wait_for_state(request, State.active)
        return request

    def return_access(self, request: str) -> None:
        """End the access as its requester, and wait until it is revoked."""
        self.click(self.read_request(request).requester_name, request, ids.DONE, State.active)
        self.wait_for_state(request, State.ended)

    # --- Slack requests -----------------------------------------------------------------------------------------------

    def build_submission(
        self, user: str, callback_id: str, inputs: Mapping[str, Mapping[str, Any]], about: str = ""
    ) -> bytes:
        """Return Slack's request for the submission of a form that was never opened."""
        values = {block: {ids.VALUE: element} for block, element in inputs.items()}
        view = {
            "id": f"V{secrets.token_hex(6).upper()}",
            "callback_id": callback_id,
            "private_metadata": about,
            "state": {"values": values},
        }
        return self.user(user).build_interaction({"type": "view_submission", "view": view})

    def build_click(self, user: str, action_id: str, value: str) -> bytes:
        """Return Slack's request for a click of any button, even one that no message has."""
        place = {"type": "message", "channel_id": self.cloud.slack_channel, "message_ts": "1.000001"}
        action = {"type": "button", "action_id": action_id, "value": value}
        payload = {"type": "block_actions", "container": place, "trigger_id": "1.2.3", "actions": [action]}
        return self.user(user).build_interaction(payload)

    @property
    def path(self) -> str:
        return urlsplit(self.request_url).path

    def send_http(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send any HTTP request to the app's API; return the status."""
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
        """Return Slack's headers for a body, with Slack's clock `skew` seconds ahead."""
        return sign_request(secret or self.cloud.slack_signing_secret, body, int(time.time()) + skew)

    # --- state --------------------------------------------------------------------------------------------------------

    def has_access(self, user: str, permission_set: str = DEVOPS, account: str = PRODUCTION) -> bool:
        return user in self.cloud.assignments(permission_set, account)

    def wait_for_state(self, request: str, *states: State) -> dict[str, Any]:
        """Return the message of a request, as soon as record and message have one of these states."""

        def shown() -> dict[str, Any] | None:
            record = self.read_request(request)
            if record.state not in states or record.message is None:
                return None
            message = self._thread(record)[0]
            return message if message["text"].startswith(f"{request_title(record)}:") else None

        return wait_until(shown, f"{' or '.join(states)} of {request}")

    def read_message(self, request: str) -> dict[str, Any]:
        return self._thread(self.read_request(request))[0]

    def read_thread(self, request: str) -> list[str]:
        return [str(each["text"]) for each in self._thread(self.read_request(request))[1:]]

    def list_messages(self, record: str) -> list[dict[str, Any]]:
        query = {"channel": self.cloud.slack_channel, "include_all_metadata": True, "limit": 999}
        found = self.cloud.call_slack("conversations.history", query)["messages"]
        return [each for each in found if each.get("metadata", {}).get("event_payload", {}).get("id") == record]

    def wait_for_ephemeral(self, user: str, before: int) -> str:
        """Return a user's next ephemeral message after the first `before`, as soon as it is there."""

        def text() -> str | None:
            return next((str(each["text"]) for each in self.user(user).list_ephemerals()[before:]), None)

        return wait_until(text, f"a word to {user}")

    def read_direct_messages(self, user: str) -> str:
        """Return the app's direct messages to a user."""
        channels = read_user_view(self.cloud, user)["channels"]
        return "\n".join(
            each["text"] for channel in channels if channel["name"] == "direct messages" for each in channel["messages"]
        )

    @property
    def store(self) -> DynamoStore:
        """The store; a new each for each thread and call."""
        return DynamoStore(local_client(self.cloud), _NAMES.table)

    def read_request(self, request: str) -> Request:
        found = self.store.request(request)
        assert found is not None
        return found

    def read_audit(self, request: str) -> list[str]:
        """Return the events of a request and its grants in the audit trail."""
        now = int(time.time())
        entries = self.store.audit(now - 3600, now + 1)
        return [each.event for each in entries if each.subject == request]

    def wait_for_usage(self, event_id: str) -> Usage:
        """Return the usage of an event, as soon as it is recorded."""
        return wait_until(lambda: self.store.usage_of_event(event_id), "the record of a use")

    def age_request(self, request: str, seconds: int) -> None:
        """Move all times of a request and its grants into the past."""

        def before(moment: int | None) -> int | None:
            return None if moment is None else moment - seconds

        def save() -> bool | None:
            record = self.read_request(request)
            older = replace(
                record,
                created_at=record.created_at - seconds,
                expires_at=record.expires_at - seconds,
                decided_at=before(record.decided_at),
                closed_at=before(record.closed_at),
                revoke_at=before(record.revoke_at),
                reminded_at=before(record.reminded_at),
            )
            return (
                self.store.save_request(older, (), [age_grant(grant) for grant in self.store.grants(request)]) or None
            )

        def age_grant(grant: Grant) -> Grant:
            return replace(
                grant,
                revoke_at=grant.revoke_at - seconds,
                asked_at=before(grant.asked_at),
                deny_until=before(grant.deny_until),
                absent_at=before(grant.absent_at),
            )

        wait_until(save, f"{request} to be older")

    # --- functions ----------------------------------------------------------------------------------------------------

    def function_name(self, app_function: AppFunction) -> str:
        return _NAMES.function(app_function)

    def reconcile(self) -> dict[str, int]:
        """Run the reconciler; return its metrics."""
        answer = self.cloud.client("lambda").invoke(FunctionName=self.function_name(AppFunction.reconciler))
        assert "FunctionError" not in answer, answer["Payload"].read()
        counted = [json.loads(line) for line in self.read_log(AppFunction.reconciler) if '"_aws"' in line]
        return {name: value for name, value in counted[-1].items() if isinstance(value, int)}

    def reconcile_until(self, request: str, *states: State) -> None:
        """Age a request and run the reconciler, until the request has one of these states."""

        def stands() -> bool | None:
            self.age_request(request, _LONGER_THAN_GRACE)
            self.reconcile()
            return True if self.read_request(request).state in states else None

        wait_until(stands, f"the reconciler to bring {request} to {' or '.join(states)}")

    def end_open_requests(self) -> None:
        """End the requests that a failed test left open, and age finished ones now and then.

        Requests per user and hour are limited, and so are the statements of the policy that ends sessions.
        """
        for each in list(self.store.open_requests()):
            self.age_request(each.id, _LONGER_THAN_ANY_ACCESS)
            self.reconcile_until(each.id, *FINAL)
        denied = {grant.request_id for grant in self.store.live_grants() if grant.deny_until is not None}
        recent = {each.id for name in (ADA, GRACE, ALAN) for each in self._requests_of(name) if _is_recent(each)}
        if len(denied) > _MOST_DENIED or len(recent) > _MOST_RECENT:
            for request in denied | recent:
                self.age_request(request, _LONGER_THAN_ANY_ACCESS)
            self.reconcile()
        for name in (ADA, GRACE, ALAN):
            self._free_places(self.user_id(name))

    def _free_places(self, user_id: str) -> None:
        """Reset a user's requests of this hour before the limit is reached."""
        table = DynamoTable(local_client(self.cloud), _NAMES.table)
        taken = table.get(key("CLAIM", f"request/{user_id}/{MAX_PER_HOUR // 2}"), "CLAIM")
        if taken is not None and int(taken[EXPIRY]["N"]) > time.time():
            for place in range(MAX_PER_HOUR):
                self.store.extend_once(f"request/{user_id}/{place}", 0)

    def read_log(self, app_function: AppFunction) -> list[str]:
        pages = (
            self.cloud.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=self.function_name(app_function))
        )
        return [event["message"] for page in pages for event in page["events"]]

    def has_run_for(self, app_function: AppFunction, seconds: float) -> bool:
        """True if an invocation of a function took at least so long."""
        reports = (_DURATION.search(line) for line in self.read_log(app_function))
        return any(found is not None and int(found[1]) >= seconds * 1000 for found in reports)

    def read_execution_status(self, request: str) -> str:
        return str(
            self.cloud.client("stepfunctions").describe_execution(executionArn=self._execution(request))["status"]
        )

    def stop_execution(self, request: str) -> None:
        """Stop an execution, as an operator may in the console."""
        self.cloud.client("stepfunctions").stop_execution(executionArn=self._execution(request))

    def replace_machine(self, request: str) -> None:
        """Replace the state machine by one of the same name, as a deployment may; its executions end."""
        states = self.cloud.client("stepfunctions")
        arn = states.describe_execution(executionArn=self._execution(request))["stateMachineArn"]
        machine = states.describe_state_machine(stateMachineArn=arn)
        states.delete_state_machine(stateMachineArn=arn)
        states.create_state_machine(**{name: machine[name] for name in ("name", "definition", "roleArn")})

    def wait_for_hold(self, request: str, times: int = 1) -> None:
        """Wait until an execution has stored its token for the n-th time, by its log."""

        def holds() -> bool | None:
            lines = [
                line for line in self.read_log(AppFunction.interactions) if '"step": "hold"' in line and request in line
            ]
            return True if len(lines) >= times else None

        wait_until(holds, f"the wait of {request}")

    def wake_execution(self, request: str) -> None:
        """End the wait of an execution that holds access, without any result."""
        token = self.read_request(request).token
        self.cloud.client("stepfunctions").send_task_success(taskToken=token, output='{"outcome": "wait"}')

    def read_assignment(self, user: str, permission_set: str, account: str) -> dict[str, str]:
        """Return the parameters of an assignment for Identity Center's operations."""
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
            "PrincipalId": self.user_id(user),
        }

    def read_session_policy(self) -> dict[str, Any]:
        """Return the statements of the service control policy that ends sessions, by Sid."""
        organizations = self.cloud.client("organizations")
        [policy] = [
            each
            for each in organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
            if "ended-sessions" in each["Name"]
        ]
        content = organizations.describe_policy(PolicyId=policy["Id"])["Policy"]["Content"]
        return {each["Sid"]: each for each in json.loads(content)["Statement"]}

    def _requests_of(self, user: str) -> list[Request]:
        return [each for each in self.store.requests_of(self.user_id(user)).items if each.kind is Kind.access]

    def _thread(self, record: Request) -> list[dict[str, Any]]:
        """Return the message of a request and its replies."""
        place = record.message
        assert place is not None
        query = {"channel": place.channel, "ts": place.ts, "limit": 999}
        found = self.cloud.call_slack("conversations.replies", query)["messages"]
        return [{**each, "channel": place.channel} for each in found]

    def _execution(self, request: str) -> str:
        return f"arn:aws:states:{REGION}:{MANAGEMENT_ACCOUNT}:execution:{_NAMES.machine}:{request}"


def _is_recent(request: Request) -> bool:
    return request.created_at > time.time() - 3600


def usage_record(
    user: str, name: str = "session-devops-break-glass", was: str = "jane.doe@example.com"
) -> dict[str, Any]:
    """Return the CloudTrail record of a session that a user has started just now."""
    record = json.loads(json.dumps(load_record(RECORDS / f"{name}.json").content).replace(was, user))
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {**record, "eventID": str(uuid.uuid4()), "eventTime": now}


@contextmanager
def deploy_harness(workdir: Path) -> Iterator[ApprovalsHarness]:
    """Deploy the stack to its own cloud, where a second of the workflow's pauses takes ten milliseconds."""
    with LocalCloud(workdir / "cloud", pause=0.01) as cloud:
        engine = deploy_approvals(cloud, workdir / "pulumi")
        address = find_request_url(cloud)
        assert address is not None
        yield ApprovalsHarness(cloud, address, environment={**cloud.environment(), **engine.environment()})
