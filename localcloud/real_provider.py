"""Pulumi's real AWS provider on the local cloud: `LOCALCLOUD_PROVIDER=real`, where its plugin is installed.

By default the stand-in (`localcloud.provider`) takes its place, since the plugin is in no package registry. The real
provider is configured with one endpoint per service, all on this machine.

Non-goals: installing the plugin. It was never run with the local cloud (docs/live-checks.md, L84).
"""

import json
import os
import shutil
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path

from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.toolchain import ROOT

VARIABLE = "LOCALCLOUD_PROVIDER"

STAND_IN = ROOT / "localcloud" / "provider" / "bin"
"""Holds the stand-in under the plugin's name; first on PATH, the engine takes it for the plugin."""

_PLUGIN = "pulumi-resource-aws"
_AWS_SERVICES = (
    *("apigatewayv2", "cloudformation", "cloudwatch", "dynamodb", "events", "iam", "lambda", "logs"),
    *("secretsmanager", "sfn", "sns", "sqs", "sts"),
)
_IDENTITY_SERVICES = ("identitystore", "organizations", "ssoadmin")


def is_wanted(environment: Mapping[str, str]) -> bool:
    """True if the environment selects the real provider.

    Raises:
        LocalCloudError: the variable has an unknown value.
    """
    value = environment.get(VARIABLE, "") or "stand-in"
    if value not in ("real", "stand-in"):
        raise LocalCloudError(
            f"Not a provider: {VARIABLE}={value}. Without one, no stack can be deployed. Use `real` for Pulumi's AWS "
            "provider, or `stand-in` (the default)."
        )
    return value == "real"


def provider_config(cloud: RunningCloud) -> dict[str, str]:
    """Return the stack configuration that keeps the real provider on the local cloud: path -> value."""
    endpoints = {name: cloud.aws_url for name in _AWS_SERVICES}
    endpoints |= {name: cloud.identity_url for name in _IDENTITY_SERVICES}
    return {
        **{f"aws:endpoints[0].{service}": url for service, url in endpoints.items()},
        # The account of the emulators is known by STS alone; there is no instance metadata.
        "aws:skipCredentialsValidation": "true",
        "aws:skipMetadataApiCheck": "true",
    }


def provider_folder(environment: Mapping[str, str], home: Path) -> Path:
    """Return the folder to put first on PATH: the stand-in's, or the real provider's if wanted.

    Raises:
        LocalCloudError: the real provider is wanted and not installed.
    """
    if not is_wanted(environment):
        return STAND_IN
    path = [folder for folder in environment.get("PATH", os.defpath).split(os.pathsep) if Path(folder) != STAND_IN]
    on_path = shutil.which(_PLUGIN, path=os.pathsep.join(path))
    if on_path is not None:
        return Path(on_path).parent
    version = _plugin_version()
    folder = Path(environment.get("PULUMI_HOME") or home / ".pulumi") / "plugins" / f"resource-aws-v{version}"
    if (folder / _PLUGIN).is_file():
        return folder
    raise LocalCloudError(
        f"Expected Pulumi's AWS provider {version} on PATH or in {folder}, because of {VARIABLE}=real, and found none. "
        f"Nothing was deployed. Install it with `pulumi plugin install resource aws {version}`, or unset {VARIABLE}."
    )


def _plugin_version() -> str:
    """The version that the Python SDK asks for; the SDK itself would take a second to import."""
    file = distribution("pulumi-aws").locate_file("pulumi_aws/pulumi-plugin.json")
    version: str = json.loads(Path(str(file)).read_text())["version"]
    return version
