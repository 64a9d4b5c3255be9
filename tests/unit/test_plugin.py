"""The plugin serves every public component, keeps lists of enums, and reports wrong arguments.

Not shown here: the plugin under the engine (tests/engine/test_yaml_program.py).
"""

import pulumi
import pytest
from pulumi.errors import InputPropertiesError

import breakglass
from plugin.__main__ import COMPONENTS, Provider


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider(COMPONENTS, "breakglass", version="0.0.0")


def test_plugin_serves_every_public_component() -> None:
    public = [getattr(breakglass, name) for name in breakglass.__all__]

    assert [
        each for each in public if isinstance(each, type) and issubclass(each, pulumi.ComponentResource)
    ] == COMPONENTS


def test_map_inputs_keeps_members_of_a_list_of_enums(provider: Provider) -> None:
    arguments = provider.analyzer.analyze(COMPONENTS)["component_definitions"]["UsageAlert"]
    inputs = {
        "region": "eu-central-1",
        "targetArn": "d",
        "targetRoleArn": "r",
        "channel": "c",
        "evidencePaths": ["denied"],
        "retry": {"maximumEventAgeSeconds": 120.0},
    }

    mapped = provider.map_inputs(inputs, arguments)

    assert mapped["evidence_paths"] == ["denied"]
    assert mapped["retry"] == {"maximum_event_age_seconds": 120}


def test_construct_reports_wrong_arguments(provider: Provider) -> None:
    inputs = {"region": "nowhere", "connectionArn": "arn:aws:events:eu-central-1:111111111111:connection/c/1"}

    with pytest.raises(InputPropertiesError, match="1 problem in the configuration"):
        provider.construct("x", "breakglass:index:SlackDestination", inputs)
