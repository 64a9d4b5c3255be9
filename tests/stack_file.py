"""A copy of a stack file for an engine, changed as in an editor."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from localcloud.cloud import RunningCloud
from localcloud.engine import Engine
from localcloud.stack import configure


@contextmanager
def stack_file(engine: Engine) -> Iterator[dict[str, Any]]:
    """The configuration, to be changed in place."""
    file = Path(engine.environment()["PULUMI_OPTION_CONFIG_FILE"])
    content = yaml.safe_load(file.read_text())
    yield content["config"]
    file.write_text(yaml.safe_dump(content))


def watch_roles_alone(config: dict[str, Any]) -> None:
    """Leave out the alerts about users, root and tampering: a third of the resources."""
    alerts = config["breakglass:alerts"]
    alerts["watch"]["root"] = alerts["tamper"] = False
    alerts["watch"].pop("users", None)


def configure_alerts(engine: Engine, cloud: RunningCloud) -> None:
    """Configures stack `local`, and leaves out the approvals."""
    configure(engine, cloud)
    with stack_file(engine) as config:
        for key in ("approvals", "slackSigningSecret"):
            config.pop(f"breakglass:{key}", None)
