"""The function that talks to people: what they click, handed over by the front, and steps of the workflow.

Non-goals: rules of any kind.
"""

from functools import cache
from typing import Any

from breakglass.lambdas.app import asking, clicks, steps
from breakglass.lambdas.app.world import Desk
from breakglass.lambdas.handlers import parts
from breakglass.lambdas.slack.payloads import Suggestion, parse


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do a step or what somebody did.

    Args:
        event: `{"step", "request", ...}`, or `{"interaction": {"body", "content_type", "view_id"}}`.
        context: Lambda's.
    """
    if "step" in event:
        return steps.step(_desk(), event)
    handed = event["interaction"]
    interaction = parse(handed["body"].encode(), handed["content_type"])
    if isinstance(interaction, Suggestion):
        return {"options": asking.suggest(_desk(), interaction)}
    clicks.do(_desk(), interaction, handed["view_id"])
    return {}


@cache
def _desk() -> Desk:
    aws = parts.client()
    return Desk(**parts.records(aws), **parts.people(aws))
