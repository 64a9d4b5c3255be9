"""The state machine of the witness (JSONata): on which recorded use did no rule fire?

Non-goals: the resources (see `breakglass.components.alerts.witness`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.states import own_dimensions, put_metrics
from breakglass.alerts.subjects import Subject
from breakglass.naming import AlertMetric


@dataclass(frozen=True)
class WitnessSettings:
    """The settings of a witness.

    Attributes:
        stack: value of the dimension `Stack` of the metrics.
        subjects: the subjects whose uses it looks for.
        interval_seconds: the time between two runs.
        fired_log_group: name of the log group of the events on which rules fired.
        trail_log_group: name of the log group that a trail delivers to; None to look events up in CloudTrail itself.
        excluded_accounts: IDs of accounts in the trail that no rule is meant to see.
        channel: ID of the Slack channel.
        post_message_url: the address of `chat.postMessage`.
        connection_arn: ARN of the EventBridge connection.
        topic_arn: ARN of the topic that the mails go to.
        page_topic_arn: ARN of the topic that pages on-call, if there is one.
    """

    stack: str
    subjects: Sequence[Subject]
    interval_seconds: int
    fired_log_group: str
    trail_log_group: str | None
    excluded_accounts: Sequence[str]
    channel: str
    post_message_url: str
    connection_arn: str
    topic_arn: str
    page_topic_arn: str | None = None

    @property
    def partition(self) -> str:
        """The partition of the stack."""
        return self.connection_arn.split(":")[1]


def witness_definition(witness: WitnessSettings) -> dict[str, Any]:
    """Return the definition of the state machine, JSON-ready. The execution's input is not used."""
    return {
        "Comment": "On which recorded use did no rule fire?",
        "QueryLanguage": "JSONata",
        "StartAt": "Count",
        "States": {
            "Count": put_metrics(
                witness.partition, {AlertMetric.uses_without_alert: 0}, own_dimensions(witness.stack), End=True
            )
        },
    }
