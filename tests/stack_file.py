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


def watch_own_sets(config: dict[str, Any]) -> None:
    """Leave out the alerts about all but the stack's own sets and the independent door."""
    alerts = config["breakglass:alerts"]
    alerts["watch"] = {"root": False, "independentDoor": alerts["watch"]["independentDoor"]}
    alerts["tamper"] = False


def configure_alerts(engine: Engine, cloud: RunningCloud) -> None:
    """Configures stack `local`, and leaves out the approvals."""
    configure(engine, cloud)
    with stack_file(engine) as config:
        for key in ("approvals", "slackSigningSecret"):
            config.pop(f"breakglass:{key}", None)
