"""The Pulumi program: the stack file in, break-glass access out.

Non-goals: everything but wiring; see `breakglass.stack_file.pulumi_config` and `breakglass.components`.
"""

import gc

import pulumi

from breakglass import BreakGlass, BreakglassError, load_stack_file
from breakglass.stack_file.outputs import settings_outputs

# A deployment takes seconds and keeps what it creates: the collector of cycles would take a fifth of its time.
gc.disable()

try:
    stack = load_stack_file()
    break_glass = BreakGlass(pulumi.get_stack(), stack)
except BreakglassError as error:
    # A RunError is printed as it is; any other one under a Python traceback, which at 2 a.m. is noise.
    raise pulumi.RunError(str(error)) from None

pulumi.export("permissionSetArns", break_glass.permission_set_arns)
pulumi.export("ruleNames", break_glass.rule_names)
pulumi.export("deadLetterQueueUrls", break_glass.dead_letter_queue_urls)
pulumi.export("topicArn", break_glass.topic_arn)
pulumi.export("pageTopicArn", break_glass.page_topic_arn)
pulumi.export("dashboardUrl", break_glass.dashboard_url)
if stack.alert_path and stack.alert_path.organization:
    pulumi.export("hubBusArn", break_glass.hub_bus_arn)
for name, value in settings_outputs(stack).items():
    pulumi.export(name, value)
if stack.approvals:
    pulumi.export("approvalRequestUrl", break_glass.approval_request_url)
    pulumi.export("approvalTable", break_glass.approval_table_name)
    pulumi.export("approvalPolicy", break_glass.approval_policy)
    pulumi.export("slackAppManifest", break_glass.slack_app_manifest)
    pulumi.export("sessionPolicyId", break_glass.session_policy_id)
