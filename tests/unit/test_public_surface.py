"""The names other Pulumi programs may rely on."""

import subprocess
import sys

import breakglass


def test_public_surface_is_exactly_this() -> None:
    assert sorted(breakglass.__all__) == [
        "AccessAlert",
        "AccessAlertArgs",
        "AlarmTopics",
        "AlarmTopicsArgs",
        "AlertHub",
        "AlertHubArgs",
        "Approvals",
        "ApprovalsArgs",
        "BreakGlass",
        "BreakGlassArgs",
        "BreakglassError",
        "ConfigError",
        "DrillSchedule",
        "DrillScheduleArgs",
        "EvidencePath",
        "MessageError",
        "PermissionSetPair",
        "PermissionSetPairArgs",
        "PolicyError",
        "RollCall",
        "RollCallArgs",
        "SlackConnection",
        "SlackConnectionArgs",
        "SlackDelivery",
        "SlackDeliveryArgs",
        "SlackDestination",
        "SlackDestinationArgs",
        "SlackProbe",
        "SlackProbeArgs",
        "Spoke",
        "SpokeArgs",
        "SpokeSet",
        "SpokeSetArgs",
        "TamperAlert",
        "TamperAlertArgs",
        "UsageAlert",
        "UsageAlertArgs",
        "UsageMonitoring",
        "UsageMonitoringArgs",
        "Witness",
        "WitnessArgs",
        "load_stack_file",
    ]
    assert all(getattr(breakglass, name).__doc__ for name in breakglass.__all__)


def loaded_by(statement: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after a statement."""
    program = f"{statement}; import sys; print(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(finished.stdout.split())


def test_deployment_imports_no_development_dependency() -> None:
    loaded = loaded_by("from breakglass import *")
    assert "pulumi_aws" in loaded
    assert {"localcloud", "boto3", "ministack", "moto", "rich", "jsonschema", "hypothesis"}.isdisjoint(loaded)


def test_stack_without_approvals_does_not_import_them() -> None:
    loaded = loaded_by("from breakglass import BreakGlass")
    assert "pulumi_aws" in loaded
    # Functions, tables and APIs are what only these are made of.
    assert {"breakglass.components.approvals.approvals", "pulumi_aws.lambda_.function"}.isdisjoint(loaded)


def test_stack_without_spokes_does_not_import_them() -> None:
    loaded = loaded_by("from breakglass import BreakGlass")
    assert "pulumi_aws" in loaded
    modules = {"breakglass.components.organization_parts", "breakglass.components.alerts.witness"}
    # StackSets are what only these are made of.
    assert {*modules, "pulumi_aws.cloudformation.stack_set"}.isdisjoint(loaded)


def test_commands_import_no_pulumi_sdk() -> None:
    assert {"pulumi", "pulumi_aws", "botocore"}.isdisjoint(loaded_by("import breakglass.cli"))


def test_check_imports_no_sdk() -> None:
    loaded = loaded_by("import breakglass.cli.check")
    assert {"pulumi", "pulumi_aws", "botocore", "grpc"}.isdisjoint(loaded)
