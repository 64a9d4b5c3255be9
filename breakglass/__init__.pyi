from .components.alerts.slack_connection import SlackConnection, SlackConnectionArgs
from .components.alerts.slack_destination import SlackDestination, SlackDestinationArgs
from .components.alerts.usage_alert import UsageAlert, UsageAlertArgs
from .components.alerts.usage_monitoring import UsageMonitoring, UsageMonitoringArgs
from .components.approvals.approvals import Approvals, ApprovalsArgs
from .components.break_glass import BreakGlass, BreakGlassArgs
from .components.permission_sets.permission_set_pair import PermissionSetPair, PermissionSetPairArgs
from .errors import BreakglassError, ConfigError, MessageError, PolicyError
from .stack_file.pulumi_config import load_stack_file
from .vocabulary import EvidencePath

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
