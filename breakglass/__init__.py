"""Break-glass access for AWS as Pulumi components: emergency permission sets, an alert for every use, and approvals.

What is in `__all__` is the public surface; a change of it is a change of the version (see CHANGELOG.md).

Non-goals: nothing here runs in AWS but `breakglass.lambdas`. The alert path has no code of its own there, only
EventBridge.
"""

from breakglass.components.approvals import Approvals, ApprovalsArgs
from breakglass.components.break_glass import BreakGlass, BreakGlassArgs
from breakglass.components.permission_set_pair import PermissionSetPair, PermissionSetPairArgs
from breakglass.components.slack_connection import SlackConnection, SlackConnectionArgs
from breakglass.components.slack_destination import SlackDestination, SlackDestinationArgs
from breakglass.components.usage_alert import UsageAlert, UsageAlertArgs
from breakglass.components.usage_monitoring import UsageMonitoring, UsageMonitoringArgs
from breakglass.config import load_stack_file
from breakglass.errors import BreakglassError, ConfigError, MessageError, PolicyError
from breakglass.types import EvidencePath

__all__ = [
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
