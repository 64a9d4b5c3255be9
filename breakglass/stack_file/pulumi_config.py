"""Reads the stack file of the running program by way of `pulumi.Config`: the one place that does.

Non-goals: what a stack file may say is in `stack_file.stack`; `breakglass check` reads a file without Pulumi.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import is_config_secret
from pulumi.runtime.config import CONFIG

from breakglass.errors import ConfigError, Problem
from breakglass.stack_file.check import check_stack, decode_value
from breakglass.stack_file.secret_keys import (
    NAMESPACE,
    SET_SIGNING,
    SET_TOKEN,
    SIGNING_KEY,
    TOKEN_KEY,
    bot_token_fault,
    signing_secret_fault,
)
from breakglass.stack_file.stack import StackFile


@dataclass(frozen=True)
class LoadedStack:
    """A valid stack."""

    stack_file: StackFile
    slack_bot_token: pulumi.Output[str] | None
    """The bot token, a Pulumi secret; None if an existing Secrets Manager secret is used."""
    slack_signing_secret: pulumi.Output[str] | None = None
    """The signing secret, a Pulumi secret; None without approvals or if an existing Secrets Manager secret is used."""

    def to_args(self) -> Any:
        """Return the `BreakGlassArgs`; the type is not named, since their module builds on this one."""
        args = self.stack_file.model_dump(exclude_none=True)
        if self.slack_bot_token is not None:
            args["slack_bot_token"] = self.slack_bot_token
        if self.slack_signing_secret is not None:
            args["slack_signing_secret"] = self.slack_signing_secret
        return args


def load_stack_file(config: pulumi.Config | None = None, stacks_dir: Path = Path("stacks")) -> LoadedStack:
    """Read and validate the configuration of the current stack, and log what it is warned of.

    Args:
        config: The configuration of the project `breakglass`; by default that of the running program.
        stacks_dir: The folder of the stack files.

    Raises:
        ConfigError: With every problem of the stack file.
    """
    config = config or pulumi.Config("breakglass")
    report = check_stack(_raw(config), stacks_dir)
    for warning in report.warnings:
        pulumi.log.warn(str(warning))
    problems = (*report.problems, *_secret_problems(config))
    if problems or report.stack_file is None:
        raise ConfigError(problems)
    return LoadedStack(report.stack_file, config.get_secret(TOKEN_KEY), config.get_secret(SIGNING_KEY))


def _secret_problems(config: pulumi.Config) -> list[Problem]:
    """Check the decrypted secrets, without ever showing one."""
    checks = (
        (
            TOKEN_KEY,
            bot_token_fault,
            f"Run `{SET_TOKEN}` with the app's Bot User OAuth Token, which begins with xoxb-.",
        ),
        (
            SIGNING_KEY,
            signing_secret_fault,
            f"Run `{SET_SIGNING}` with the value from the app's page Basic Information.",
        ),
    )
    found: list[Problem] = []
    for key, fault_of, instead in checks:
        secret = config.get(key) if is_config_secret(config.full_key(key)) else None
        why = fault_of(secret) if secret is not None else None
        if why is not None:
            found.append(Problem(f"{NAMESPACE}{key}", "(encrypted)", why, instead))
    return found


def _raw(config: pulumi.Config) -> dict[str, object]:
    """Return every key of the configuration's namespace with its value as in the stack file.

    Unknown keys have to be found, and pulumi.Config only answers for known ones. CONFIG is what it looks them up in; it
    is filled by the CLI, the Automation API and `set_all_config` in tests alike (PULUMI_CONFIG only by the CLI).
    """
    prefix = f"{config.name}:"
    keys = [key.removeprefix(prefix) for key in CONFIG.get() if key.startswith(prefix)]
    return {key: _value(config, key) for key in sorted(keys)}


def _value(config: pulumi.Config, key: str) -> object:
    """Return a value as in the stack file: a nested one arrives as JSON text, a secret one decrypted."""
    if is_config_secret(config.full_key(key)):
        return {"secure": "[secret]"}
    return decode_value(key, config.get(key) or "")
