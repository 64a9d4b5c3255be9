"""The two secrets of Slack in a stack file: where they come from, that they are encrypted, and what form they have.

Non-goals: whether Slack knows them; only Slack can say.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from pydantic import WithJsonSchema

from breakglass.errors import has_secret
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.faults import Fault, fault, faults

NAMESPACE = "breakglass:"
"""What comes before the keys of this program in a stack file."""
TOKEN_KEY = "slackBotToken"  # noqa: S105 the name of the key, not a token
SIGNING_KEY = "slackSigningSecret"
SECRET_KEYS = (TOKEN_KEY, SIGNING_KEY)
SET_TOKEN = f"pulumi config set --secret {NAMESPACE}{TOKEN_KEY}"
SET_SIGNING = f"pulumi config set --secret {NAMESPACE}{SIGNING_KEY}"


def _is_encrypted(value: object) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and RawValue(value).encrypted and not has_secret(value["secure"])


def encrypted_token(value: object) -> dict[str, str]:
    """Return the encrypted bot token, or raise that it is in clear."""
    if _is_encrypted(value):
        return value
    raise fault(
        "The bot token is not encrypted: it would be readable in git for ever, and whoever has it reads and writes "
        "as the app. If this file was ever committed or shared, the token has leaked.",
        f"Delete the key, revoke the token in Slack, and run `{SET_TOKEN}`, which asks for the new one.",
    )


def encrypted_signing_secret(value: object) -> dict[str, str]:
    """Return the encrypted signing secret, or raise that it is in clear."""
    if _is_encrypted(value):
        return value
    error = fault(
        "The signing secret is not encrypted: it would be readable in git for ever, and whoever has it can approve "
        "requests in anybody's name. If this file was ever committed or shared, it has leaked.",
        f"Delete the key, regenerate the secret in Slack (the app's page Basic Information), and run `{SET_SIGNING}`, "
        "which asks for the new one.",
    )
    # Nothing about a signing secret looks like one, so the report could not leave it out by itself.
    raise faults(((), "(not shown)", error))


ENCRYPTED_SCHEMA = WithJsonSchema(
    {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]}
)


def token_source_faults(given: RawValue) -> Iterator[Fault]:
    """Complain if the bot token comes from two places or, with alerts, from none."""
    slack, token = given["alerts"]["slack"], given[TOKEN_KEY]
    if slack["botTokenSecretName"] and token:
        yield slack["botTokenSecretName"].fault(
            "The bot token comes from an existing secret and from the stack as well; one of them would be unused, "
            "and sooner or later it would be the one that is rotated.",
            f"Delete this key, or run `pulumi config rm {NAMESPACE}{TOKEN_KEY}`.",
        )
    if given["alerts"] and not given["alerts"].encrypted and not slack["botTokenSecretName"] and not token:
        yield token.fault(
            "Alerts go to Slack, and there is no bot token to post them with.",
            f"Run `{SET_TOKEN}`, or name an existing Secrets Manager secret in `alerts.slack.botTokenSecretName`.",
        )


def signing_source_faults(given: RawValue) -> Iterator[Fault]:
    """Complain if the signing secret comes from two places or, with approvals, from none."""
    name, secret = given["approvals"]["signingSecretName"], given[SIGNING_KEY]
    if name and secret:
        yield name.fault(
            "The signing secret comes from an existing secret and from the stack as well; one of them would be unused, "
            "and sooner or later it would be the one that is rotated.",
            f"Delete this key, or run `pulumi config rm {NAMESPACE}{SIGNING_KEY}`.",
        )
    if given["approvals"] and not given["approvals"].encrypted and not name and not secret:
        yield secret.fault(
            "Requests are decided in Slack, and without the app's signing secret nobody could tell Slack's clicks from "
            "forged ones.",
            f"Run `{SET_SIGNING}` with the value from the app's page Basic Information, or name an existing Secrets "
            "Manager secret in `approvals.signingSecretName`.",
        )


def plain_secret_faults(given: RawValue) -> Iterator[Fault]:
    """Complain about everything below a value that looks like a Slack token or a webhook address."""
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
            f"Delete it, revoke it in Slack, and run `{SET_TOKEN}` (or name an existing Secrets Manager secret in "
            "`alerts.slack.botTokenSecretName`).",
        )


# A connection takes 512 characters in all ("Connections for API destinations", Amazon EventBridge User Guide).
_BOT_TOKEN = re.compile(r"xoxb-[A-Za-z0-9-]{1,500}")


def bot_token_fault(token: str) -> str | None:
    """Say why alerts can't be posted with a token, without ever showing it; None if they can.

    Source: "Token types" (Slack developer documentation)
    """
    if _BOT_TOKEN.fullmatch(token):
        return None
    return (
        "The value is no bot token. A user token would post as a person, an app-level token can't post, and with a "
        "space, a line break or JSON around it Slack refuses every alert, in an answer that EventBridge takes for a "
        "delivery."
    )


# Slack documents no alphabet, only that each app has a secret of its own; its examples are 32 letters and digits:
# https://docs.slack.dev/authentication/verifying-requests-from-slack
_SIGNING_SECRET = re.compile(r"[A-Za-z0-9]{20,128}")


def signing_secret_fault(secret: str) -> str | None:
    """Say why a text can't be a signing secret, without ever showing it; None if it can."""
    if _SIGNING_SECRET.fullmatch(secret):
        return None
    return (
        "The value is no signing secret: that is one word of letters and digits. With anything else (the bot token, a "
        "space, a line break, JSON around it) every click in Slack would be refused as forged."
    )
