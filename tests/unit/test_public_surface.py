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


def test_deploying_needs_nothing_that_only_the_local_cloud_and_the_tests_need() -> None:
    program = "import sys, breakglass; print(*(name.partition('.')[0] for name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "pulumi_aws" in loaded
    assert {"localcloud", "boto3", "ministack", "moto", "rich", "jsonschema", "hypothesis"}.isdisjoint(loaded)
