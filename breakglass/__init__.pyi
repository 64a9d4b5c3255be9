from .components.alerts.access_alert import AccessAlert
from .components.alerts.alarm_topics import AlarmTopics
from .components.alerts.drill_schedule import DrillSchedule
from .components.alerts.slack_connection import SlackConnection
from .components.alerts.slack_delivery import SlackDelivery
from .components.alerts.slack_destination import SlackDestination
from .components.alerts.slack_probe import SlackProbe
from .components.alerts.tamper_alert import TamperAlert
from .components.alerts.usage_alert import UsageAlert
from .components.alerts.usage_monitoring import UsageMonitoring
from .components.alerts.witness import Witness
from .components.approvals.approvals import Approvals
from .components.arguments import (
    AccessAlertArgs,
    AlarmTopicsArgs,
    AlertHubArgs,
    ApprovalsArgs,
    BreakGlassArgs,
    DrillScheduleArgs,
    PermissionSetPairArgs,
    RollCallArgs,
    SlackConnectionArgs,
    SlackDeliveryArgs,
    SlackDestinationArgs,
    SlackProbeArgs,
    SpokeArgs,
    SpokeSetArgs,
    TamperAlertArgs,
    UsageAlertArgs,
    UsageMonitoringArgs,
    WitnessArgs,
)
from .components.break_glass import BreakGlass
from .components.organization.alert_hub import AlertHub
from .components.organization.roll_call import RollCall
from .components.organization.spoke import Spoke
from .components.organization.spoke_set import SpokeSet
from .components.permission_sets.permission_set_pair import PermissionSetPair
from .errors import BreakglassError, ConfigError, MessageError, PolicyError
from .stack_file.pulumi_config import load_stack_file
from .vocabulary import EvidencePath

__all__ = [
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
