from .components.approvals import Approvals, ApprovalsArgs
from .components.break_glass import BreakGlass, BreakGlassArgs
from .components.permission_set_pair import PermissionSetPair, PermissionSetPairArgs
from .components.slack_connection import SlackConnection, SlackConnectionArgs
from .components.slack_destination import SlackDestination, SlackDestinationArgs
from .components.usage_alert import UsageAlert, UsageAlertArgs
from .components.usage_monitoring import UsageMonitoring, UsageMonitoringArgs
from .errors import BreakglassError, ConfigError, MessageError, PolicyError
from .pulumi_config import load_stack_file
from .types import EvidencePath

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
