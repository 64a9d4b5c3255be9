"""The secrets in a stack file: two of Slack, and the addresses of pagers; their encryption and form.

Non-goals: validity of a secret; only Slack or the pager knows it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from breakglass.errors import has_secret
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.faults import Fault, fault, faults
from breakglass.stack_file.report import key_path

NAMESPACE = "breakglass:"
"""The prefix of this program's keys in a stack file."""


@dataclass(frozen=True)
class SlackSecret:
    """A secret of the Slack app, and what to say about it."""

    name: str
    key: str
    """Its key in a stack file."""
    purpose: str
    risk: str
    """The consequence of a leak."""
    rotation: str
    """The step in Slack that replaces it."""

    @property
    def command(self) -> str:
        """The command that sets it, and asks for the value."""
        return f"pulumi config set --secret {NAMESPACE}{self.key}"

    def check_encryption(self, value: object) -> object:
        """Return the value as the CLI encrypted it, or raise that it is in clear."""
        if RawValue(value).encrypted and not has_secret(str(RawValue(value)["secure"].text)):
            return value
        error = fault(
            f"The {self.name} is not encrypted: everyone who can read the repository could {self.risk}. If this file "
            "was ever committed or shared, it has leaked.",
            f"Delete the key, {self.rotation}, and run `{self.command}`, which asks for the new one.",
        )
        # The report redacts what has the form of a token; nothing about a signing secret has a form.
        raise faults(((), value if isinstance(value, str) and has_secret(value) else "(not shown)", error))

    def source_faults(
        self, secret: RawValue, existing: RawValue, command: str = "pulumi config set --secret"
    ) -> Iterator[Fault]:
        """Yield a fault unless exactly one source is given, without showing either value.

        Args:
            secret: The secret itself, from secret configuration.
            existing: The name of an existing secret in Secrets Manager.
            command: The command that sets the secret.
        """
        if secret and existing:
            error = fault(
                f"The {self.name} has two sources: one would be unused, and in time the wrong one would be rotated.",
                f"Delete either `{key_path(existing.loc)}` or `{key_path(secret.loc)}` "
                f"(`{command.replace(' set --secret', ' rm')}`).",
            )
            yield existing.loc, "(not shown)", error
        elif not secret and not existing:
            error = fault(
                f"The {self.name} is missing. {self.purpose}.",
                f"Set `{key_path(secret.loc)}` with `{command}`, or name an existing Secrets Manager secret in "
                f"`{key_path(existing.loc)}`.",
            )
            yield secret.loc, None, error


BOT_TOKEN = SlackSecret(
    name="bot token",
    key="slackBotToken",
    purpose="Alerts are posted with it",
    risk="read and write as the Slack app",
    rotation="revoke the token in Slack",
)
SIGNING_SECRET = SlackSecret(
    name="signing secret",
    key="slackSigningSecret",
    purpose="It proves that a request comes from Slack",
    risk="approve requests in any user's name",
    rotation="regenerate the secret in Slack (the app's page Basic Information)",
)
SECRET_KEYS = (BOT_TOKEN.key, SIGNING_SECRET.key)


PAGER_COMMAND = f"pulumi config set --secret --path '{NAMESPACE}alerts.monitoring.pagers.NAME'"
"""The command that sets the address of a pager, and asks for it."""


def pagers_of(alerts: RawValue) -> RawValue:
    """Return the pagers of the section `alerts`."""
    return alerts["monitoring"]["pagers"]


def replace_pagers(alerts: object, pagers: Mapping[str, object]) -> object:
    """Return the section `alerts` with other pagers; a section without pagers stays as it is."""
    if not isinstance(alerts, Mapping) or not isinstance(pagers_of(RawValue(alerts)).value, Mapping):
        return alerts
    return {**alerts, "monitoring": {**alerts["monitoring"], "pagers": pagers}}


def plain_pager_faults(alerts: RawValue) -> Iterator[Fault]:
    """Yield a fault for every address of a pager that is not encrypted, without showing it."""
    pagers = pagers_of(alerts)
    for name in pagers.value if isinstance(pagers.value, Mapping) else ():
        if not pagers[name].encrypted:
            error = fault(
                "The address of this pager is not encrypted: everyone who can read the repository could page on-call. "
                "If this file was ever committed or shared, it has leaked.",
                f"Delete the key, replace the address in the pager's service, and run `{PAGER_COMMAND}`, which asks "
                "for the new one.",
            )
            yield pagers[name].loc, "(not shown)", error


def plain_secret_faults(given: RawValue) -> Iterator[Fault]:
    """Yield a fault for every Slack token or webhook address below a value."""
    if isinstance(given.value, Mapping):
        for key, value in given.value.items():
            yield from plain_secret_faults(RawValue(str(key), (*given.loc, str(key))))
            yield from plain_secret_faults(RawValue(value, (*given.loc, str(key))))
    for item in given:
        yield from plain_secret_faults(item)
    if given.text and has_secret(given.text):
        yield given.fault(
            "This looks like a Slack token or webhook address in plain text: it would be readable in git, in the "
            "state and in every preview. If this file was ever committed or shared, it has leaked.",
            f"Delete it, revoke it in Slack, and run `{BOT_TOKEN.command}` (or name an existing Secrets Manager "
            "secret in `alerts.slack.botTokenSecretName`).",
        )


def pager_fault(address: object) -> str | None:
    """Return why Amazon SNS can't call an address, without showing it; None if it can."""
    if isinstance(address, str) and _PAGER.fullmatch(address):
        return None
    return (
        "Not the address of a pager: one https:// address and nothing else. Amazon SNS would refuse it, so no page "
        "would arrive."
    )


# Amazon SNS takes 2048 characters, and a user name and password before the host ("Fanout Amazon SNS notifications to
# HTTPS endpoints", Amazon SNS Developer Guide).
_PAGER = re.compile(r"(?=.{1,2048}$)https://[^\s/?#]+[/?]?[!-~]*")

# A connection takes 512 characters in all ("Connections for API destinations", Amazon EventBridge User Guide).
_BOT_TOKEN = re.compile(r"xoxb-[A-Za-z0-9-]{1,500}")


def bot_token_fault(token: str) -> str | None:
    """Return why alerts can't be posted with a token, without showing it; None if they can.

    Source: "Token types" (Slack developer documentation)
    """
    if _BOT_TOKEN.fullmatch(token):
        return None
    return (
        "Not a bot token. A user token would post as a person, and an app-level token can't post. With a space, a line "
        "break or JSON around it, Slack refuses every alert, in an answer that EventBridge takes for a delivery."
    )


# Slack documents no alphabet, only that each app has a secret of its own; its examples are 32 letters and digits:
# https://docs.slack.dev/authentication/verifying-requests-from-slack
_SIGNING_SECRET = re.compile(r"[A-Za-z0-9]{20,128}")


def signing_secret_fault(secret: str) -> str | None:
    """Return why a text can't be a signing secret, without showing it; None if it can."""
    if _SIGNING_SECRET.fullmatch(secret):
        return None
    return (
        "Not a signing secret: that is one word of letters and digits. With anything else (the bot token, a space, a "
        "line break, JSON around it) every click in Slack would be refused as forged."
    )
