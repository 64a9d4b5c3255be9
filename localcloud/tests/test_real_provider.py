"""The configuration of the real AWS provider; that it runs on the local cloud is not shown (L84)."""

import inspect
import json
from pathlib import Path

import pulumi_aws
import pytest

from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.provider.registry import FUNCTIONS, RESOURCE_TYPES
from localcloud.real_provider import STAND_IN, is_wanted, provider_config, provider_folder

CLOUD = RunningCloud("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3", "C1", "C2", "xoxb", "s", {})
# Services of pulumi_aws whose endpoint has another name.
ENDPOINTS = {"index": "sts"}
# EventBridge and CloudWatch Logs are parts of pulumi_aws.cloudwatch.
EVENTS = ("eventRule", "eventTarget", "eventConnection", "eventApiDestination")
MODULES = {**dict.fromkeys(EVENTS, "events"), "logGroup": "logs"}


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The plugin of the version that pulumi_aws asks for, installed by Pulumi."""
    description = json.loads(Path(pulumi_aws.__file__).with_name("pulumi-plugin.json").read_text())
    folder = tmp_path / ".pulumi" / "plugins" / f"resource-aws-v{description['version']}"
    folder.mkdir(parents=True)
    executable(folder)
    return folder


def executable(folder: Path) -> None:
    program = folder / "pulumi-resource-aws"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)


def test_config_names_only_loopback_endpoints() -> None:
    endpoints = {path.partition("[0].")[2]: url for path, url in provider_config(CLOUD).items() if "[0]" in path}
    assert set(endpoints.values()) == {CLOUD.aws_url, CLOUD.identity_url}
    assert [name for name, url in endpoints.items() if url == CLOUD.identity_url] == [
        "identitystore",
        "organizations",
        "ssoadmin",
    ]
    known = inspect.signature(pulumi_aws.ProviderEndpointArgs.__init__).parameters
    assert {"lambda_" if name == "lambda" else name for name in endpoints} <= known.keys()


def test_config_has_an_endpoint_for_every_service_used() -> None:
    used = set[str]()
    for token in (*RESOURCE_TYPES, *FUNCTIONS):
        module, name = token.split(":")[1].split("/")
        used.add(MODULES.get(name) or ENDPOINTS.get(module) or module)
    assert {f"aws:endpoints[0].{service}" for service in used} <= provider_config(CLOUD).keys()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, False), ({"LOCALCLOUD_PROVIDER": "stand-in"}, False), ({"LOCALCLOUD_PROVIDER": "real"}, True)],
)
def test_is_wanted_reads_the_variable(environment: dict[str, str], expected: bool) -> None:
    assert is_wanted(environment) is expected


def test_is_wanted_with_an_unknown_value_is_an_error() -> None:
    with pytest.raises(LocalCloudError, match=r"Not a provider: LOCALCLOUD_PROVIDER=aws\. .* Use `real`"):
        is_wanted({"LOCALCLOUD_PROVIDER": "aws"})


def test_provider_folder_by_default_is_the_stand_in(tmp_path: Path, plugin: Path) -> None:
    assert provider_folder({"PATH": str(plugin)}, tmp_path) == STAND_IN
    assert (STAND_IN / "pulumi-resource-aws").stat().st_mode & 0o111


def test_provider_folder_takes_the_version_of_pulumi_aws(tmp_path: Path, plugin: Path) -> None:
    # The stand-in is on the PATH of a shell that has read build/local.env.
    real = {"LOCALCLOUD_PROVIDER": "real", "PATH": str(STAND_IN)}
    assert provider_folder(real, tmp_path) == plugin
    assert provider_folder({**real, "PULUMI_HOME": str(tmp_path / ".pulumi")}, Path("/nowhere")) == plugin


def test_provider_folder_prefers_the_plugin_on_path(tmp_path: Path, plugin: Path) -> None:
    installed = tmp_path / "bin"
    installed.mkdir()
    executable(installed)
    environment = {"LOCALCLOUD_PROVIDER": "real", "PATH": f"{STAND_IN}:{installed}"}
    assert provider_folder(environment, tmp_path) == installed != plugin


def test_provider_folder_without_the_plugin_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"found none\. .* `pulumi plugin install resource aws 7\."):
        provider_folder({"LOCALCLOUD_PROVIDER": "real", "PATH": ""}, tmp_path)
