"""Reads the stack file of the running program through `pulumi.Config`; no other module does.

Non-goals: reading a file without Pulumi, as `breakglass check` does (see `stack_file.stack_yaml`).
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pulumi
from pulumi.runtime import is_config_secret
from pulumi.runtime.config import CONFIG

from breakglass.errors import ConfigError, Problem, UnreadableError
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.check import check_stack, decode_value
from breakglass.stack_file.report import key_path
from breakglass.stack_file.secret_keys import (
    BOT_TOKEN,
    NAMESPACE,
    PAGER_COMMAND,
    SIGNING_SECRET,
    bot_token_fault,
    pager_fault,
    pagers_of,
    replace_pagers,
    signing_secret_fault,
)
from breakglass.stack_file.spoke import SpokeAlerts
from breakglass.stack_file.stack import StackFile
from breakglass.stack_file.stack_yaml import read_stack_yaml


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
    report = check_stack(_raw(config, stacks_dir), stacks_dir)
    for warning in report.warnings:
        pulumi.log.warn(str(warning))
    problems = (*report.problems, *_secret_problems(config))
    if problems or report.stack_file is None:
        raise ConfigError(problems)
    return StackFile.from_validated(
        report.stack_file,
        alerts=_with_pagers(report.stack_file.alerts, config),
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
    for name, address in _pagers(config).items() if is_config_secret(config.full_key("alerts")) else ():
        why = pager_fault(address)
        if why is not None:
            instead = f"Run `{PAGER_COMMAND}` with the HTTPS address from the pager's service."
            found.append(
                Problem(key_path(("alerts", "monitoring", "pagers", name), NAMESPACE), "(encrypted)", why, instead)
            )
    return found


def _pagers(config: pulumi.Config) -> Mapping[str, object]:
    """Return the addresses of the pagers, decrypted, by their names."""
    pagers = pagers_of(RawValue(decode_value("alerts", config.get("alerts") or ""))).value
    return pagers if isinstance(pagers, Mapping) else {}


def _with_pagers(alerts: Alerts | SpokeAlerts | None, config: pulumi.Config) -> Alerts | SpokeAlerts | None:
    """Return the section with the addresses of its pagers as secret outputs."""
    if not isinstance(alerts, Alerts):
        return alerts
    pagers = {name: pulumi.Output.secret(address) for name, address in _pagers(config).items()}
    return alerts.model_copy(update={"monitoring": alerts.monitoring.model_copy(update={"pagers": pagers})})


def _raw(config: pulumi.Config, stacks_dir: Path) -> dict[str, object]:
    """Return all keys of the namespace with their values as in the stack file.

    `pulumi.Config` answers only for known keys. CONFIG, from which it reads, is filled by the CLI, the Automation API
    and `set_all_config` in tests; PULUMI_CONFIG only by the CLI.
    """
    prefix = f"{config.name}:"
    keys = [key.removeprefix(prefix) for key in CONFIG.get() if key.startswith(prefix)]
    return {key: _value(config, key, stacks_dir) for key in sorted(keys)}


def _value(config: pulumi.Config, key: str, stacks_dir: Path) -> object:
    """Return a value as in the stack file; Pulumi passes nested values as JSON text."""
    if not is_config_secret(config.full_key(key)):
        return decode_value(key, config.get(key) or "")
    pagers = _pagers(config) if key == "alerts" else {}
    if not pagers:
        return _ENCRYPTED
    # The CLI says that the section has an encrypted part, not which; the stack file does, unless ESC holds the section.
    written = RawValue(_written(key, stacks_dir))
    if written.encrypted:
        return _ENCRYPTED
    clear = [name for name in pagers if pagers_of(written)[name].text is not None]
    masked = {name: address if name in clear else _ENCRYPTED for name, address in pagers.items()}
    return replace_pagers(decode_value(key, config.get(key) or ""), masked)


def _written(key: str, stacks_dir: Path) -> object:
    """Return a value of the stack file itself, or None if the file does not have it."""
    with suppress(UnreadableError):
        return read_stack_yaml(stacks_dir / f"Pulumi.{pulumi.get_stack()}.yaml").keys.get(key)
    return None


_ENCRYPTED = {"secure": "[secret]"}
