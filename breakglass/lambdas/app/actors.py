"""Who is acting: the person of the identity store behind a click, and the people of Slack behind a group.

The identity that decides is the user of the identity store. They are found by the table `people` of the policy, or by
the address that Slack has verified, if exactly one user has exactly this address; never by a name, and never by
guessing a domain. Whoever can't be found so, may nothing here.

Source for the fields: https://docs.slack.dev/reference/objects/user-object

Non-goals: what somebody may (see `domain.decision`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from breakglass.lambdas.app.world import Desk
from breakglass.lambdas.domain.people import Person
from breakglass.lambdas.domain.policy import Principal
from breakglass.lambdas.domain.records import Actor
from breakglass.lambdas.ports import SlackError
from breakglass.lambdas.slack.payloads import SlackActor
from breakglass.lambdas.slack.text import named

MOST_MENTIONED = 20
"""How many people are mentioned at once; more would be noise, and each costs a look-up."""


class StrangerError(Exception):
    """Somebody who may nothing here; the text tells them why, and holds nothing of theirs."""


def person_of(desk: Desk, actor: SlackActor) -> Person:
    """Return who is acting, with the groups they are in now.

    Raises:
        StrangerError: for guests, people of other workspaces, deactivated and unknown ones, and bots.
        SlackError: if Slack can't tell who it is.
    """
    user = desk.slack.call("users.info", {"user": actor.user_id})["user"]
    refusal = _refusal(user, desk.slack.call("auth.test", {}))
    if refusal:
        raise StrangerError(refusal)
    listed = desk.policy.people.get(actor.user_id)
    if listed is not None:
        person = desk.directory.person(listed)
        unknown = "You are listed in the stack file, and Identity Center does not have that user, or has them disabled."
    else:
        address = user.get("profile", {}).get("email") or ""
        if not address or user.get("is_email_confirmed") is not True:
            raise StrangerError("Slack has no verified e-mail address of yours, so nobody can tell who you are in AWS.")
        person = desk.directory.person_by_email(address)
        unknown = (
            "No enabled user of Identity Center has exactly the e-mail address you have in Slack. If yours differ, "
            "ask for an entry under `approvals.people`."
        )
    if person is None:
        raise StrangerError(unknown)
    return replace(person, slack_id=actor.user_id)


def _refusal(user: Mapping[str, Any], own: Mapping[str, Any]) -> str | None:
    """Say why somebody of Slack is nobody here; None if they are a full member of this workspace."""
    if user.get("deleted"):
        return "This account of Slack is deactivated."
    if user.get("is_bot") or user.get("is_app_user"):
        return "Bots and apps get no access: a person has to ask."
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return "Guests of this workspace get no access to AWS here."
    if user.get("is_stranger") or not _of_this_organisation(user, own):
        return "People of another workspace get no access to AWS here."
    return None


def _of_this_organisation(user: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    if user.get("team_id") == own.get("team_id"):
        return True
    enterprise = own.get("enterprise_id")
    return bool(enterprise) and user.get("enterprise_user", {}).get("enterprise_id") == enterprise


def mentions(desk: Desk, principals: Sequence[Principal], besides: Sequence[str] = ()) -> tuple[str, ...]:
    """Return how to mention the people whom principals name, groups resolved: `<@U…>`, or the name of who isn't found.

    Args:
        desk: what the function has.
        principals: groups and users.
        besides: user ids of those who are not to be mentioned.
    """
    people = [person for person in desk.directory.members(principals) if person.user_id not in besides]
    found = [_mention(desk, person) for person in people[:MOST_MENTIONED]]
    if len(people) > MOST_MENTIONED:
        found.append(f"and {len(people) - MOST_MENTIONED} more")
    return tuple(found)


def _mention(desk: Desk, person: Person) -> str:
    slack_id = next((one for one, user_id in desk.policy.people.items() if user_id == person.user_id), None)
    if slack_id is None and person.email:
        try:
            slack_id = desk.slack.call("users.lookupByEmail", {"email": person.email})["user"]["id"]
        except SlackError as error:
            desk.log("not_found_in_slack", user=person.user_id, error=error.error)
    return named(Actor(person.user_id, person.display_name, slack_id))
