"""moto's Identity Center, Identity Store and Organizations: `python -m localcloud.emulators.identity --port N ...`.

moto has an Identity Center instance from the start; here it gets an organization with units, accounts, groups and
users. Added to moto: permissions boundaries of permission sets, and their tags after creation; disabled users; slow
assignments (`assignments`); further regions of Identity Center (`center_regions`); paths of accounts; StackSets that
deploy to MiniStack (`stack_sets`). Everything is in memory.

For the local cloud only:

- `POST /_localcloud/accounts`: adds an account with a given `id` and `name` to the root;
- `POST /_localcloud/faults`: makes calls fail (`faults`);
- `POST /_localcloud/behaviors`: sets how assignments proceed (`assignments`);
- `POST /_localcloud/users`: enables or disables a user by `user_name` and `status`;
- `GET /_localcloud/assignments?account=A&permission_set=NAME`: lists who is assigned;
- `GET /_localcloud/organization`: tells the organization's `id` and its `accounts`.

Non-goals: permissions.
"""

import argparse
import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qsl

from localcloud.emulators.assignments import Assignments
from localcloud.emulators.center_regions import CenterRegions
from localcloud.emulators.directory import EmulatedDirectory
from localcloud.emulators.faults import Faults, error_answer, operation_of
from localcloud.emulators.loopback import request_json
from localcloud.emulators.permission_sets import install_permission_sets
from localcloud.emulators.process import collect_rarely, exit_with_parent
from localcloud.emulators.stack_sets import StackSets

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ORGANIZATION_ID = "o-localcloud"
ROOT_ID = "r-corp"
"""ID of the organization's root."""

UNITS = {"ou-corp-workload": "workloads", "ou-corp-sandbox1": "sandbox"}
"""Organizational units below the root: id to name."""

ACCOUNTS = {
    "222222222222": "production",
    "333333333333": "staging",
    "444444444444": "analytics",
    "555555555555": "sandbox",
}
"""Member accounts of the organization: id to name. The last is in unit `sandbox`, the others in `workloads`."""

_FOUNDED = datetime(2020, 1, 31, 2, tzinfo=UTC).replace(tzinfo=None)
"""The time since when these accounts are in the organization; moto's times have no zone."""

USERS = {
    "ada.lovelace": "Ada Lovelace",
    "grace.hopper": "Grace Hopper",
    "alan.turing": "Alan Turing",
    "barbara.liskov": "Barbara Liskov",
    "edsger.dijkstra": "Edsger Dijkstra",
}
"""Users of the identity store: user name to display name."""

GROUPS = {
    "database-oncall": ("ada.lovelace", "grace.hopper"),
    "network-oncall": ("ada.lovelace", "grace.hopper", "alan.turing"),
    "database-leads": ("grace.hopper", "barbara.liskov"),
    "security": ("edsger.dijkstra",),
}
"""Groups of the identity store, and who is in them."""


def main() -> None:
    exit_with_parent()
    collect_rarely()
    parser = argparse.ArgumentParser(description="moto as the local cloud needs it; started by localcloud.cloud.")
    parser.add_argument("--port", type=int, required=True, help="TCP port of 127.0.0.1")
    parser.add_argument("--account", required=True, help="account id of the organization's management account")
    parser.add_argument("--region", required=True, help="home region of Identity Center")
    parser.add_argument("--aws", required=True, help="URL of the server that makes the stacks of StackSets")
    arguments = parser.parse_args()

    # Imported here, after the parent is watched: this takes the longest.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import run_simple

    directory, assignments = EmulatedDirectory(arguments.account, arguments.region), Assignments()
    install_permission_sets()
    directory.install()
    assignments.install()
    CenterRegions(arguments.region).install()
    seed(directory, arguments.account, arguments.region)
    install_paths()
    stack_sets = StackSets(arguments.account, arguments.aws)
    stack_sets.install()
    moto = DomainDispatcherApplication(create_backend_app)
    application = IdentityMiddleware(moto, arguments.account, directory, assignments, stack_sets)
    run_simple("127.0.0.1", arguments.port, application, threaded=True, request_handler=MotoRequestHandler)


def seed(directory: EmulatedDirectory, account: str, region: str) -> None:
    """Fills moto of this process with `UNITS`, `ACCOUNTS`, `GROUPS` and `USERS`.

    Args:
        directory: where the users and groups go.
        account: id of the management account, which owns the Identity Center instance.
        region: home region of Identity Center.
    """
    from moto.organizations import utils
    from moto.organizations.models import organizations_backends

    organization = organizations_backends[account]["aws"]
    # moto's IDs are random, and a stack file has to name them.
    with patch.multiple(utils, make_random_org_id=lambda: ORGANIZATION_ID, make_random_root_id=lambda: ROOT_ID):
        organization.create_organization(region)
    organization.enable_policy_type(RootId=ROOT_ID, PolicyType="SERVICE_CONTROL_POLICY")
    for unit_id, name in UNITS.items():
        with patch.object(utils, "make_random_ou_id", return_value=unit_id):
            organization.create_organizational_unit(ParentId=ROOT_ID, Name=name)
    workloads, sandbox = UNITS
    for account_id, name in ACCOUNTS.items():
        add_account(account, account_id, name)
        unit = sandbox if name == UNITS[sandbox] else workloads
        organization.move_account(AccountId=account_id, SourceParentId=ROOT_ID, DestinationParentId=unit)

    for each in organization.accounts:
        each.create_time = _FOUNDED

    users = {name: directory.add_user(name, whole, email_address(name)) for name, whole in USERS.items()}
    for name, members in GROUPS.items():
        directory.add_group(name, [users[member] for member in members])


def add_account(management_account: str, account: str, name: str) -> None:
    """Adds an account to the root of the organization, with an ID that moto would choose at random."""
    from moto.organizations import utils
    from moto.organizations.models import organizations_backends

    with patch.object(utils, "make_random_account_id", return_value=account):
        organizations_backends[management_account]["aws"].create_account(AccountName=name, Email=email_address(name))


def install_paths() -> None:
    """Adds to moto's accounts their path in the organization ("Account", AWS Organizations API Reference)."""
    from moto.organizations.models import FakeAccount, organizations_backends

    describe = FakeAccount.describe

    def described(account: FakeAccount) -> dict[str, Any]:
        organization = organizations_backends[account.master_account_id]["aws"]
        parents = {unit.id: unit.parent_id for unit in organization.ou if unit.id != ROOT_ID}
        names, unit = [account.id], account.parent_id
        while unit in parents:
            names.append(unit)
            unit = parents[unit]
        return {**describe(account), "Paths": ["/".join((ORGANIZATION_ID, ROOT_ID, *reversed(names), ""))]}

    FakeAccount.describe = described  # type: ignore[method-assign]


def email_address(user_name: str) -> str:
    """A user's e-mail address, in the identity store as in Slack."""
    return f"{user_name}@example.com"


class IdentityMiddleware:
    """A WSGI application before moto: faults, and the paths of the local cloud."""

    def __init__(
        self,
        moto: "WSGIApplication",
        account: str,
        directory: EmulatedDirectory,
        assignments: Assignments,
        stack_sets: StackSets,
    ) -> None:
        self._moto = moto
        self._stack_sets = stack_sets
        self._account = account
        self._directory = directory
        self._assignments = assignments
        self._faults = Faults()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path.startswith("/_localcloud/"):
            status, answer = self._for_local_cloud(method, path.removeprefix("/_localcloud/"), environ)
            return _respond(start_response, status, {"Content-Type": "application/json"}, json.dumps(answer).encode())
        signed, target = environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_X_AMZ_TARGET", "")
        if "/cloudformation/" in signed:
            return _respond(start_response, *self._stack_sets.answer(environ))
        operation = operation_of(method, path, signed, target)
        fault = self._faults.of(operation, environ.get("HTTP_USER_AGENT", ""))
        if fault is None:
            return self._moto(environ, start_response)
        time.sleep(fault.seconds)
        if fault.answer_error is None:
            return self._moto(environ, start_response)
        if fault.is_carried_out:
            b"".join(self._moto(environ, lambda *_: lambda _: None))
        else:
            # A connection that is closed before everything was read takes the answer with it.
            _body(environ)
        if fault.kills is not None:
            request_json("POST", str(fault.kill_url), {"function": fault.kills})
        return _respond(start_response, *error_answer(operation, fault.answer_error, fault.text))

    def _for_local_cloud(self, method: str, what: str, environ: "WSGIEnvironment") -> tuple[int, Any]:
        command = json.loads(_body(environ) or b"{}")
        match method, what:
            case "POST", "faults":
                self._faults.add(command)
            case "POST", "behaviors":
                self._assignments.add(command)
            case "POST", "accounts":
                add_account(self._account, command["id"], command["name"])
            case "POST", "users":
                self._directory.set_status(command["user_name"], command["status"])
            case "GET", "assignments":
                self._assignments.end_due()
                asked = dict(parse_qsl(environ["QUERY_STRING"]))
                return 200, self._directory.list_assigned(asked["permission_set"], asked["account"])
            case "GET", "organization":
                return 200, _describe_organization(self._account)
            case _:
                return 404, {}
        return 200, {}


def _describe_organization(account: str) -> dict[str, Any]:
    from moto.organizations.models import organizations_backends

    organization = organizations_backends[account]["aws"]
    described = organization.describe_organization()["Organization"]
    return {"id": described["Id"], "accounts": [each.id for each in organization.accounts]}


def _body(environ: "WSGIEnvironment") -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return body


def _respond(start_response: "StartResponse", status: int, headers: Mapping[str, str], body: bytes) -> Iterable[bytes]:
    start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
    return [body]


if __name__ == "__main__":
    main()
