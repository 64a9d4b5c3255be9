"""moto's Identity Center, Identity Store and Organizations: `python -m localcloud.emulators.identity --port N ...`.

moto has an Identity Center instance from the start; here it gets an organization with accounts, groups and users. Added
to moto: permissions boundaries of permission sets, and their tags after creation; disabled users; slow assignments
(`assignments`). Everything is in memory.

For the local cloud only: `POST /_localcloud/faults` sets which calls fail (`faults`), `POST /_localcloud/behaviors` how
assignments proceed (`assignments`), `POST /_localcloud/users` with `user_name` and `status` enables or disables a user.
`GET /_localcloud/assignments?account=A&permission_set=NAME` lists who is assigned. `GET /_localcloud/organization`
tells the organization's `id` and its `accounts`.

Non-goals: permissions.
"""

import argparse
import json
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from localcloud.emulators.assignments import Assignments
from localcloud.emulators.directory import EmulatedDirectory
from localcloud.emulators.faults import Faults, error_answer, operation_of
from localcloud.emulators.loopback import request_json
from localcloud.emulators.permission_sets import install_permission_sets
from localcloud.emulators.process import exit_with_parent

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ACCOUNTS = {"222222222222": "production", "333333333333": "staging"}
"""Member accounts of the organization: id to name."""

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
    parser = argparse.ArgumentParser(description="moto as the local cloud needs it; started by localcloud.cloud.")
    parser.add_argument("--port", type=int, required=True, help="TCP port of 127.0.0.1")
    parser.add_argument("--account", required=True, help="account id of the organization's management account")
    parser.add_argument("--region", required=True, help="home region of Identity Center")
    arguments = parser.parse_args()

    # Imported here, after the parent is watched: this takes the longest.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import run_simple

    directory, assignments = EmulatedDirectory(arguments.account, arguments.region), Assignments()
    install_permission_sets()
    directory.install()
    assignments.install()
    seed(directory, arguments.account, arguments.region)
    moto = DomainDispatcherApplication(create_backend_app)
    application = IdentityMiddleware(moto, arguments.account, directory, assignments)
    run_simple("127.0.0.1", arguments.port, application, threaded=True, request_handler=MotoRequestHandler)


def seed(directory: EmulatedDirectory, account: str, region: str) -> None:
    """Fills moto of this process with `ACCOUNTS`, `GROUPS` and `USERS`.

    Args:
        directory: where the users and groups go.
        account: id of the management account, which owns the Identity Center instance.
        region: home region of Identity Center.
    """
    from moto.organizations.models import organizations_backends

    organization = organizations_backends[account]["aws"]
    organization.create_organization(region)
    root = organization.list_roots()["Roots"][0]["Id"]
    organization.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    for account_id, name in ACCOUNTS.items():
        organization.create_account(AccountName=name, Email=f"{name}@example.com")
        organization.accounts[-1].id = account_id

    users = {name: directory.add_user(name, whole, email_address(name)) for name, whole in USERS.items()}
    for name, members in GROUPS.items():
        directory.add_group(name, [users[member] for member in members])


def email_address(user_name: str) -> str:
    """A user's e-mail address, in the identity store as in Slack."""
    return f"{user_name}@example.com"


class IdentityMiddleware:
    """A WSGI application before moto: faults, and the paths of the local cloud."""

    def __init__(
        self, moto: "WSGIApplication", account: str, directory: EmulatedDirectory, assignments: Assignments
    ) -> None:
        self._moto = moto
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
