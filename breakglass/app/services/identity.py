"""The identity of an acting Slack user in the identity store, and the Slack users of a group.

The identity that decides is the user of the identity store. It is found by the table `people` of the policy, or by the
address that Slack has verified, if exactly one user has exactly this address; never by a name, and never by guessing a
domain. A user of the table is found by the table alone: their address in Slack does not count. An unidentified Slack
user is not authorized.

In an Enterprise Grid one person has two IDs, `U…` and `W…`, and `users.info` answers with both. An entry of the table
for either works for both.

Sources: https://docs.slack.dev/reference/objects/user-object, https://docs.slack.dev/reference/methods/users.info,
https://docs.slack.dev/enterprise (the two IDs)

Non-goals: authorization (see `domain.decision`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import Principal
from breakglass.app.domain.records import Actor
from breakglass.app.error_codes import Remedy
from breakglass.app.ports import SlackError
from breakglass.app.services.context import IdentityContext
from breakglass.app.slack.payloads import SlackActor
from breakglass.app.slack.text import format_actor, mention_slack_group

MAX_MENTIONS = 20
"""People mentioned at once: more would be noise, and each costs a look-up."""


class UnknownUserError(Exception):
    """A Slack user is unidentified; the text tells them why, and repeats none of their input."""


class IneligibleUserError(UnknownUserError):
    """A Slack account is a guest's, a bot's, deactivated or of another workspace; no entry of `people` helps."""


class PinnedUserError(UnknownUserError):
    """A Slack user has the address of a person who is pinned to another Slack ID."""


class MissingScopeError(Exception):
    """The Slack app lacks an OAuth scope, so it can't identify any person.

    Attributes:
        scope: the missing scope.
    """

    def __init__(self, scope: str) -> None:
        super().__init__(f"the Slack app lacks the scope {scope}")
        self.scope = scope


def identify_user(context: IdentityContext, actor: SlackActor) -> Person:
    """Return the acting person, with their current groups.

    Raises:
        UnknownUserError: for guests, bots, and users who are deactivated, unknown or of another workspace.
        MissingScopeError: if the app lacks the scope to ask Slack.
        SlackError: if Slack can't answer.
    """
    user = _user(context, actor)
    refusal = _refusal(user, context.slack.call("auth.test", {}))
    if refusal:
        raise IneligibleUserError(refusal)
    person = _listed(context, _ids(user, actor)) or _person_by_address(context, user)
    return replace(person, slack_id=actor.user_id)


def _user(context: IdentityContext, actor: SlackActor) -> Mapping[str, Any]:
    try:
        user: Mapping[str, Any] = context.slack.call("users.info", {"user": actor.user_id})["user"]
    except SlackError as error:
        if error.error == "missing_scope":
            raise MissingScopeError("users:read") from error
        if error.remedy is Remedy.none:
            # Slack hides users that the app can't see, as in a channel that workspaces share.
            raise IneligibleUserError(_OF_ANOTHER_WORKSPACE) from error
        raise
    return user


def _ids(user: Mapping[str, Any], actor: SlackActor) -> list[str]:
    """Return every Slack ID of a user: the acting one, and both of an Enterprise Grid."""
    both = user.get("id"), (user.get("enterprise_user") or {}).get("id")
    return [actor.user_id, *(slack_id for slack_id in both if isinstance(slack_id, str) and slack_id != actor.user_id)]


def _listed(context: IdentityContext, slack_ids: Sequence[str]) -> Person | None:
    listed = {context.policy.people[slack_id] for slack_id in slack_ids if slack_id in context.policy.people}
    if not listed:
        return None
    if len(listed) > 1:
        raise UnknownUserError(
            "You have two Slack IDs, and `approvals.people` names a different user for each. Ask the maintainers of "
            "the stack file to correct one entry."
        )
    person = context.directory.person(listed.pop())
    if person is None:
        raise UnknownUserError(
            "The stack file lists you, but Identity Center does not have that user, or the user is disabled."
        )
    return person


def _person_by_address(context: IdentityContext, user: Mapping[str, Any]) -> Person:
    """Return the person with the address that Slack has verified, unless they are pinned to another Slack ID."""
    address = (user.get("profile") or {}).get("email") or ""
    if not address:
        _require_scope_for_addresses(context)
        raise UnknownUserError(
            f"Slack does not show this app your e-mail address: you have none there, or your workspace hides it. {_ASK}"
        )
    if user.get("is_email_confirmed") is not True:
        raise UnknownUserError(
            "Slack has not confirmed your e-mail address, as for many users of single sign-on, so the address does not "
            f"count here. {_ASK}"
        )
    person = context.directory.person_by_email(address)
    if person is None and context.directory.is_in_other_case(address):
        raise UnknownUserError(
            "Your e-mail addresses in Slack and in Identity Center differ in upper and lower case, and only exactly "
            f"the same address counts. Ask for a change of one of them. Or: {_ASK}"
        )
    if person is None:
        raise UnknownUserError(
            f"No enabled user of Identity Center has exactly the e-mail address that you have in Slack. {_ASK}"
        )
    if person.user_id in context.policy.people.values():
        raise PinnedUserError(
            f"The user {person.user_name} of Identity Center is pinned to another Slack account (`approvals.people`), "
            "so this account can't act for them. If you are that person, use the pinned account, or ask the "
            "maintainers of the stack file to change the entry."
        )
    return person


def _require_scope_for_addresses(context: IdentityContext) -> None:
    """Require the scope for addresses: without it Slack omits every address, without an error.

    Source: https://docs.slack.dev/reference/scopes/users.read.email
    """
    try:
        context.slack.call("users.lookupByEmail", {"email": "nobody@example.invalid"})
    except SlackError as error:
        if error.error == "missing_scope":
            raise MissingScopeError("users:read.email") from error
        if error.error != "users_not_found":
            raise


_ASK = (
    "Ask the maintainers of the stack file for an entry under `approvals.people`: your Slack ID (in your profile, "
    "*Copy member ID*) and your user name in Identity Center."
)
_OF_ANOTHER_WORKSPACE = "People of another workspace get no access to AWS here."


def _refusal(user: Mapping[str, Any], own: Mapping[str, Any]) -> str | None:
    if user.get("deleted"):
        return "This Slack account is deactivated."
    if user.get("is_bot") or user.get("is_app_user"):
        return "Bots and apps get no access: a person has to request it."
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return "Guests of this workspace get no access to AWS here."
    if user.get("is_stranger") or not _of_this_organization(user, own):
        return _OF_ANOTHER_WORKSPACE
    return None


def _of_this_organization(user: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    if user.get("team_id") == own.get("team_id"):
        return True
    enterprise = own.get("enterprise_id")
    return bool(enterprise) and (user.get("enterprise_user") or {}).get("enterprise_id") == enterprise


def find_mentions(
    context: IdentityContext,
    principals: Sequence[Principal],
    slack_groups: Sequence[str] = (),
    besides: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return the mentions of Slack user groups, and of each person in groups and users.

    A person is `<@U…>`, or the name without a Slack user. `besides` are user IDs of people who are left out.
    """
    people = [person for person in context.directory.members(principals) if person.user_id not in besides]
    found = [mention_slack_group(group_id) for group_id in dict.fromkeys(slack_groups)]
    found += [_mention(context, person) for person in people[:MAX_MENTIONS]]
    if len(people) > MAX_MENTIONS:
        found.append(f"and {len(people) - MAX_MENTIONS} more")
    return tuple(found)


def _mention(context: IdentityContext, person: Person) -> str:
    slack_id = next((key for key, user_id in context.policy.people.items() if user_id == person.user_id), None)
    if slack_id is None and person.email:
        try:
            slack_id = context.slack.call("users.lookupByEmail", {"email": person.email})["user"]["id"]
        except SlackError as error:
            context.log("not_found_in_slack", user=person.user_id, error=error.error)
    return format_actor(Actor(person.user_id, person.display_name, slack_id))
