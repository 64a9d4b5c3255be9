"""The names other Pulumi programs may rely on."""

import subprocess
import sys

import breakglass


def test_the_public_surface_is_this_and_nothing_else() -> None:
    assert sorted(breakglass.__all__) == [
        "Approvals",
        "ApprovalsArgs",
        "BreakGlass",
        "BreakGlassArgs",
        "BreakglassError",
        "ConfigError",
        "EvidencePath",
        "MessageError",
        "PermissionSetPair",
        "PermissionSetPairArgs",
        "PolicyError",
        "SlackConnection",
        "SlackConnectionArgs",
        "SlackDestination",
        "SlackDestinationArgs",
        "UsageAlert",
        "UsageAlertArgs",
        "UsageMonitoring",
        "UsageMonitoringArgs",
        "load_stack_file",
    ]
    assert all(getattr(breakglass, name).__doc__ for name in breakglass.__all__)


def loaded_by(statement: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after a statement."""
    program = f"{statement}; import sys; print(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(finished.stdout.split())


def test_deploying_needs_nothing_that_only_the_local_cloud_and_the_tests_need() -> None:
    loaded = loaded_by("from breakglass import *")
    assert "pulumi_aws" in loaded
    assert {"localcloud", "boto3", "ministack", "moto", "rich", "jsonschema", "hypothesis"}.isdisjoint(loaded)


def test_a_stack_without_approvals_does_not_wait_for_the_modules_that_they_need() -> None:
    loaded = loaded_by("from breakglass import BreakGlass")
    assert "pulumi_aws" in loaded
    # Functions, tables and APIs are what only these are made of.
    assert {"breakglass.components.approvals.approvals", "pulumi_aws.lambda_.function"}.isdisjoint(loaded)


def test_the_commands_wait_for_no_sdk_of_pulumi() -> None:
    assert {"pulumi", "pulumi_aws", "botocore"}.isdisjoint(loaded_by("import breakglass.cli"))


def test_check_needs_no_sdk() -> None:
    loaded = loaded_by("import breakglass.cli.check")
    assert {"pulumi", "pulumi_aws", "botocore", "grpc"}.isdisjoint(loaded)
