"""Reads the stack file of the running program through `pulumi.Config`; no other module does.

Non-goals: reading a file without Pulumi, as `breakglass check` does (see `stack_file.stack_yaml`).
"""

from pathlib import Path

import pulumi
from pulumi.runtime import is_config_secret
from pulumi.runtime.config import CONFIG

from breakglass.errors import ConfigError, Problem
from breakglass.stack_file.check import check_stack, decode_value
from breakglass.stack_file.secret_keys import (
    BOT_TOKEN,
    NAMESPACE,
    SIGNING_SECRET,
    bot_token_fault,
    signing_secret_fault,
)
from breakglass.stack_file.stack import StackFile


def load_stack_file(config: pulumi.Config | None = None, stacks_dir: Path = Path("stacks")) -> StackFile:
    """Return the validated configuration of the current stack, and log its warnings.

    The secrets in it are outputs, and secret.

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
    return StackFile.from_validated(
        report.stack_file,
        slack_bot_token=config.get_secret(BOT_TOKEN.key),
        slack_signing_secret=config.get_secret(SIGNING_SECRET.key),
    )


def _secret_problems(config: pulumi.Config) -> list[Problem]:
    """Check the form of the decrypted secrets, without showing one."""
    found: list[Problem] = []
    for secret, fault_of, value in (
        (BOT_TOKEN, bot_token_fault, "the app's Bot User OAuth Token, which begins with xoxb-"),
        (SIGNING_SECRET, signing_secret_fault, "the value from the app's page Basic Information"),
    ):
        text = config.get(secret.key) if is_config_secret(config.full_key(secret.key)) else None
        why = fault_of(text) if text is not None else None
        if why is not None:
            instead = f"Run `{secret.command}` with {value}."
            found.append(Problem(f"{NAMESPACE}{secret.key}", "(encrypted)", why, instead))
    return found


def _raw(config: pulumi.Config) -> dict[str, object]:
    """Return all keys of the namespace with their values as in the stack file.

    `pulumi.Config` answers only for known keys. CONFIG, from which it reads, is filled by the CLI, the Automation API
    and `set_all_config` in tests; PULUMI_CONFIG only by the CLI.
    """
    prefix = f"{config.name}:"
    keys = [key.removeprefix(prefix) for key in CONFIG.get() if key.startswith(prefix)]
    return {key: _value(config, key) for key in sorted(keys)}


def _value(config: pulumi.Config, key: str) -> object:
    """Return a value as in the stack file; Pulumi passes nested values as JSON text."""
    if is_config_secret(config.full_key(key)):
        return {"secure": "[secret]"}
    return decode_value(key, config.get(key) or "")
