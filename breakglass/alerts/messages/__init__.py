"""The alert messages: the input transformers that turn a matched event into Slack messages and e-mails.

alert_message  the message of a rule for Slack, as a line of text, and as input of the usage recorder
alert_text     the parts of the texts; role_texts, user_texts, root_texts, access_texts, tamper_texts the texts
first_line     the first line, as a block and as text
kinds          which alerts are uses, which are recorded, and how urgent each is
fields         the event fields that may be inserted
transformer    templates with placeholders, and their limits
blocks         blocks of Slack messages
"""

from breakglass.alerts.messages.alert_message import email_text, slack_message, usage_recorder_input
from breakglass.alerts.messages.blocks import button, facts_section, header, text_section
from breakglass.alerts.messages.fields import FIELDS
from breakglass.alerts.messages.kinds import is_recorded, is_usage, severity
from breakglass.alerts.messages.transformer import (
    Transformer,
    build_transformer,
    check_transformer,
    require_plain_text,
    substitute,
)

__all__ = [
    "FIELDS",
    "Transformer",
    "build_transformer",
    "button",
    "check_transformer",
    "email_text",
    "facts_section",
    "header",
    "is_recorded",
    "is_usage",
    "require_plain_text",
    "severity",
    "slack_message",
    "substitute",
    "text_section",
    "usage_recorder_input",
]
