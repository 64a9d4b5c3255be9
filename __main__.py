"""The Pulumi program: the stack file in, break-glass access out.

Non-goals: everything but wiring; see `breakglass.stack_file.pulumi_config` and `breakglass.components`.
"""

import pulumi

from breakglass import BreakGlass, BreakglassError, load_stack_file

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
if stack.alert_path:
    # Settings that no resource shows, for `breakglass doctor`.
    if door := stack.alert_path.watch.independent_door:
        days = door.rehearse_every_days
        pulumi.export("independentDoor", {"roles": door.roles, "users": door.users, "rehearseSeconds": days * 86_400})
    if stack.alert_path.global_events_stack:
        pulumi.export("globalEventsStack", stack.alert_path.global_events_stack)
    if organization := stack.alert_path.organization:
        spokes = organization.spokes
        pulumi.export("hubBusArn", break_glass.hub_bus_arn)
        pulumi.export(
            "organization",
            {
                "id": organization.id,
                "regions": spokes.regions,
                "units": spokes.units,
                "exclude": spokes.exclude,
                "callAs": spokes.call_as.value,
                "rollCall": organization.has_roll_call,
            },
        )
if stack.spoke:
    pulumi.export("spoke", {"regions": stack.spoke.all_regions, "forwardTo": stack.spoke.forward_to})
if stack.approvals:
    pulumi.export("approvalRequestUrl", break_glass.approval_request_url)
    pulumi.export("approvalTable", break_glass.approval_table_name)
    pulumi.export("approvalPolicy", break_glass.approval_policy)
    pulumi.export("slackAppManifest", break_glass.slack_app_manifest)
    pulumi.export("sessionPolicyId", break_glass.session_policy_id)
