"""The inbox of the local cloud: what e-mail and HTTPS subscriptions of SNS topics received.

MiniStack drops e-mails and really posts to HTTPS endpoints. Here both are kept, and nothing leaves the machine. An
HTTPS subscription is confirmed at once, as pagers do by themselves; at AWS a person confirms an e-mail subscription.

Subscribe with `ReturnSubscriptionArn` returns the ARN of a subscription that is not confirmed yet (API reference);
MiniStack returns "pending confirmation".

Non-goals: retries, signatures, the footer of SNS e-mails.
"""

import importlib
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from localcloud.emulators import clock
from localcloud.emulators.hooks import require_hooks
from localcloud.emulators.notification import Notification

# Any: MiniStack has no annotations.
_sns: Any = importlib.import_module("ministack.services.sns")

_PENDING = b"pending confirmation"


class Inbox:
    """The notifications so far, in order; thread-safe."""

    def __init__(self) -> None:
        self._notifications: list[Notification] = []
        self._lock = threading.Lock()

    def install(self) -> None:
        """Replaces MiniStack's delivery by e-mail and HTTPS.

        Raises:
            RuntimeError: if this MiniStack is not built as the one that this was written for.
        """
        require_hooks(
            _sns,
            *("_deliver_to_http", "_fanout", "_normalize_arn", "_p", "_refresh_subscription_counts"),
            *("_send_subscription_confirmation", "_subscribe", "_topic_by_arn_any_scope"),
        )
        fan_out, subscribe = _sns._fanout, _sns._subscribe

        def fanning_out(topic_arn: str, message_id: str, message: str, subject: str, *others: Any, **more: Any) -> None:
            self._receive(topic_arn, message, subject)
            fan_out(topic_arn, message_id, message, subject, *others, **more)

        def subscribing(parameters: Mapping[str, Any]) -> Any:
            status, headers, body = subscribe(parameters)
            if _PENDING in body and _sns._p(parameters, "ReturnSubscriptionArn").lower() == "true":
                body = body.replace(_PENDING, _subscription_arn(parameters).encode())
            return status, headers, body

        _sns._fanout, _sns._subscribe = fanning_out, subscribing
        _sns._deliver_to_http, _sns._send_subscription_confirmation = _deliver_nothing, _confirm

    def list(self) -> list[dict[str, Any]]:
        """Return all notifications, ready for JSON."""
        with self._lock:
            return [asdict(notification) for notification in self._notifications]

    def _receive(self, topic_arn: str, message: str, subject: str) -> None:
        topic = _sns._topic_by_arn_any_scope(topic_arn)
        for subscription in topic["subscriptions"] if topic else ():
            if subscription["protocol"] in ("email", "https") and subscription["confirmed"]:
                received = Notification(
                    subscription["protocol"], subscription["endpoint"], topic_arn, subject or "", message, clock.now()
                )
                with self._lock:
                    self._notifications.append(received)


def _subscription_arn(parameters: Mapping[str, Any]) -> str:
    wanted = {"protocol": _sns._p(parameters, "Protocol"), "endpoint": _sns._p(parameters, "Endpoint")}
    topic = _sns._topic_by_arn_any_scope(_sns._normalize_arn(_sns._p(parameters, "TopicArn")))
    (arn,) = (each["arn"] for each in topic["subscriptions"] if wanted.items() <= each.items())
    return str(arn)


async def _deliver_nothing(endpoint: str, payload: str) -> None:
    """Sends nothing: the inbox has it."""


async def _confirm(topic_arn: str, subscription: dict[str, Any]) -> None:
    """Confirms a subscription."""
    subscription.update(confirmed=True, token=None)
    subscription["attributes"]["PendingConfirmation"] = "false"
    _sns._refresh_subscription_counts(_sns._topic_by_arn_any_scope(topic_arn))
