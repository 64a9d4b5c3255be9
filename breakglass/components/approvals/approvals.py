"""The approval workflow: access is requested and approved in Slack, time-boxed, revoked and explained.

Non-goals: the steps of a request (see `workflow_definition` and `breakglass.app`), and the alert of each usage (see
`breakglass.components.alerts.usage_alert`).
"""

import atexit
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pulumi
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from breakglass.alerts.messages import is_recorded, usage_recorder_input
from breakglass.alerts.subjects import Role
from breakglass.app.domain.policy import ApprovalPolicy, to_json
from breakglass.components.alerts.alarm import TopicArns
from breakglass.components.alerts.usage_monitoring import ApprovalMetricsSpec, WatchedSubjectSpec
from breakglass.components.approvals.api import ApprovalApi, ApprovalApiArgs
from breakglass.components.approvals.function import ApprovalFunction, ApprovalFunctionArgs
from breakglass.components.approvals.lambda_package import build
from breakglass.components.approvals.organization import Organization, organization_of
from breakglass.components.approvals.reconciler_schedule import ReconcilerSchedule, ReconcilerScheduleArgs
from breakglass.components.approvals.resolve import ApprovalNameResolver
from breakglass.components.approvals.session_policy import SessionPolicy, SessionPolicyArgs
from breakglass.components.approvals.signing_secret import SlackSigningSecret, SlackSigningSecretArgs
from breakglass.components.approvals.slack_manifest import app_manifest
from breakglass.components.approvals.state_machine import ApprovalWorkflow, ApprovalWorkflowArgs
from breakglass.components.approvals.table import ApprovalTable, ApprovalTableArgs
from breakglass.components.approvals.usage_targets import RecordedRule, UseRecording, UseRecordingArgs
from breakglass.components.approvals.workflow_definition import definition
from breakglass.components.arguments import ApprovalsArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.components.permission_sets.identity_store import IdentityStore
from breakglass.errors import PolicyError
from breakglass.iam.app_roles import AppScope, function_permissions, workflow_permissions, workflow_trust
from breakglass.iam.documents import policy_json
from breakglass.naming import AppFunction, Names, ResourceArns
from breakglass.stack_file.alerts import AlertPath, SecretEncryption, SlackEndpoint
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.base import RawValue, StringInput, StringMapInput
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.permission_sets import IdentityCenterKey, PairSpec
from breakglass.stack_file.secret_keys import SIGNING_SECRET
from breakglass.stack_file.tags import Tagged
from breakglass.vocabulary import partition_of_region


class ApprovalsSpec(Tagged, SecretEncryption, SlackEndpoint, IdentityCenterKey, AlertPath):
    """Arguments of `Approvals`: exactly one of `slackSigningSecret` and `settings.signingSecretName`."""

    instance_arn: StringInput
    """The ARN of the Identity Center instance."""
    identity_store_id: StringInput
    """The ID of the instance's identity store."""
    settings: ApprovalSettings
    """The requesters, approvers and terms of access."""
    pairs: list[PairSpec] = Field(min_length=1)
    """The permission sets, each with its break-glass set, as in `PermissionSetPair`."""
    permission_set_arns: StringMapInput
    """ARN of every break-glass set, by its name."""
    watched: list[WatchedSubjectSpec] = Field(min_length=1)
    """The alerts, as in `UsageMonitoring`. Uses of permission sets and roles are recorded, and have to be explained."""
    bot_token_secret_arn: StringInput
    """ARN of the secret with the bot token."""
    slack_signing_secret: StringInput = None
    """The app's signing secret, from secret configuration. A secret is created from it."""
    topic_arn: StringInput
    """ARN of the SNS topic that alarms go to."""
    page_topic_arn: StringInput = None
    """ARN of the SNS topic that pages on-call, if there are pagers."""
    api: SkipJsonSchema[Any] = Field(default=None, repr=False)
    """The `ApprovalApi`, if a Python program has created it; by default the component creates one."""

    @property
    def topics(self) -> TopicArns:
        """The SNS topics of the alarms."""
        return TopicArns(self.topic_arn, self.page_topic_arn)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield a fault unless the signing secret has exactly one source."""
        return SIGNING_SECRET.source_faults(given["slackSigningSecret"], given["settings"]["signingSecretName"])


class Approvals(pulumi.ComponentResource):
    """Requests, decisions, temporary access and explanations in Slack, for break-glass sets of the same program.

    Deploy it to the organization's management account, or to that of a delegated administrator of Identity Center
    (which can't give access to the management account). Everything that the arguments name is looked up at preview,
    and one report lists all missing names.

    The table is protected from deletion: to destroy a stack, deploy it with `protect_records: False` first.

    Permissions:
        - To look things up: `organizations:DescribeOrganization`, `organizations:ListAccounts`,
          `organizations:ListRoots`, `organizations:ListAWSServiceAccessForOrganization`,
          `organizations:ListDelegatedAdministrators`.
        - On `arn:PARTITION:identitystore::ACCOUNT:identitystore/STORE`, `arn:PARTITION:identitystore:::group/*`,
          `arn:PARTITION:identitystore:::user/*` and `arn:PARTITION:identitystore:::membership/*`:
          `identitystore:GetGroupId`, `identitystore:DescribeGroup`, `identitystore:GetUserId`,
          `identitystore:DescribeUser`, `identitystore:ListGroupMemberships`.
        - With `identity_center_kms_key_arn`: as for `PermissionSetPair`.
        - On `arn:PARTITION:dynamodb:REGION:ACCOUNT:table/breakglass-*`: `dynamodb:CreateTable`,
          `dynamodb:DescribeTable`, `dynamodb:UpdateTable`, `dynamodb:DeleteTable`, `dynamodb:UpdateTimeToLive`,
          `dynamodb:DescribeTimeToLive`, `dynamodb:UpdateContinuousBackups`, `dynamodb:DescribeContinuousBackups`,
          `dynamodb:TagResource`, `dynamodb:UntagResource`, `dynamodb:ListTagsOfResource`.
        - On `arn:PARTITION:lambda:REGION:ACCOUNT:function:breakglass-*`: `lambda:CreateFunction`, `lambda:GetFunction`,
          `lambda:GetFunctionCodeSigningConfig`, `lambda:ListVersionsByFunction`, `lambda:UpdateFunctionCode`,
          `lambda:UpdateFunctionConfiguration`, `lambda:DeleteFunction`, `lambda:AddPermission`, `lambda:GetPolicy`,
          `lambda:RemovePermission`, `lambda:PutFunctionEventInvokeConfig`, `lambda:GetFunctionEventInvokeConfig`,
          `lambda:DeleteFunctionEventInvokeConfig`, `lambda:TagResource`, `lambda:UntagResource`, `lambda:ListTags`.
        - On `arn:PARTITION:iam::ACCOUNT:role/breakglass-*`: `iam:CreateRole`, `iam:GetRole`, `iam:UpdateRole`,
          `iam:UpdateAssumeRolePolicy`, `iam:DeleteRole`, `iam:TagRole`, `iam:UntagRole`, `iam:PutRolePolicy`,
          `iam:GetRolePolicy`, `iam:DeleteRolePolicy`, `iam:ListRolePolicies`, `iam:ListAttachedRolePolicies`,
          `iam:ListInstanceProfilesForRole`, `iam:PassRole`.
        - On `arn:PARTITION:states:REGION:ACCOUNT:stateMachine:breakglass-*`: `states:CreateStateMachine`,
          `states:DescribeStateMachine`, `states:UpdateStateMachine`, `states:DeleteStateMachine`,
          `states:ListStateMachineVersions`, `states:TagResource`, `states:UntagResource`,
          `states:ListTagsForResource`. On `*`: `states:ValidateStateMachineDefinition`.
        - On `arn:PARTITION:apigateway:REGION::/apis`, `arn:PARTITION:apigateway:REGION::/apis/*` and
          `arn:PARTITION:apigateway:REGION::/tags/*`: `apigateway:GET`, `apigateway:POST`, `apigateway:PATCH`,
          `apigateway:PUT`, `apigateway:DELETE`, `apigateway:TagResource`, `apigateway:UntagResource`.
        - On `arn:PARTITION:logs:REGION:ACCOUNT:log-group:breakglass-*` and
          `arn:PARTITION:logs:REGION:ACCOUNT:log-group:/aws/vendedlogs/breakglass-*`: `logs:CreateLogGroup`,
          `logs:DeleteLogGroup`, `logs:PutRetentionPolicy`, `logs:TagResource`, `logs:UntagResource`,
          `logs:ListTagsForResource`. On `*`: `logs:DescribeLogGroups`, and for the access log of the API
          `logs:CreateLogDelivery`, `logs:GetLogDelivery`, `logs:UpdateLogDelivery`, `logs:DeleteLogDelivery`,
          `logs:ListLogDeliveries`, `logs:PutResourcePolicy`, `logs:DescribeResourcePolicies`.
        - On `arn:PARTITION:events:REGION:ACCOUNT:rule/breakglass-*`, `arn:PARTITION:sqs:REGION:ACCOUNT:breakglass-*`
          and `arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:breakglass-*`: as for `UsageAlert` and `UsageMonitoring`.
        - With `slack_signing_secret`, on `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:breakglass-*`: as for
          `SlackConnection`. With `signing_secret_name`, on that secret: `secretsmanager:DescribeSecret`,
          `secretsmanager:GetResourcePolicy`.
        - With `end_sessions`: `organizations:CreatePolicy`, and on the policy and the accounts
          `organizations:DescribePolicy`, `organizations:UpdatePolicy`, `organizations:DeletePolicy`,
          `organizations:AttachPolicy`, `organizations:DetachPolicy`, `organizations:ListTargetsForPolicy`,
          `organizations:TagResource`, `organizations:UntagResource`, `organizations:ListTagsForResource`.

    Raises:
        ConfigError: The arguments are wrong, or the organization can't be read.
        MessageError: A use could not be recorded.
        RunError: A name of the arguments does not exist, the signing secret is not valid, or the IAM policy of a
            function exceeds the limit of a role.
    """

    api_id: pulumi.Output[str]
    """ID of the HTTP API, by which break-glass sets are denied to change it."""
    request_url: pulumi.Output[str]
    """URL for all of Slack's requests: commands, clicks, options of lists, events."""
    app_manifest: pulumi.Output[str]
    """The manifest of the Slack app, JSON, to paste into Slack's page App Manifest."""
    policy_json: pulumi.Output[str]
    """The compiled approval policy of the functions, JSON, for people to read."""
    table_name: pulumi.Output[str]
    """Name of the DynamoDB table with the records and the audit trail."""
    machine_arn: pulumi.Output[str]
    """ARN of the state machine."""
    function_names: pulumi.Output[dict[str, str]]
    """Name of each function: `receiver`, `interactions`, `provisioner`, `reconciler`, `usage-recorder`."""
    usage_recorder_arn: pulumi.Output[str]
    """ARN of the function that records usages."""
    session_policy_id: pulumi.Output[str | None]
    """ID of the service control policy that ends live sessions; None without `end_sessions`."""
    alarm_arns: pulumi.Output[list[str]]
    """ARNs of all alarms."""

    @show_analyzer(ApprovalsArgs)
    def __init__(
        self, name: str, args: ApprovalsArgs | ApprovalsSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(ApprovalsSpec, args, name)
        recorded = _recorded_rules(spec)
        super().__init__("breakglass:index:Approvals", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        organization = organization_of(self, at=f"{name}.settings")
        names = Names(name)
        arns = ResourceArns(names, partition_of_region(spec.region), spec.region, organization.deployed_in)

        signing = SlackSigningSecret(
            f"{name}-signing",
            SlackSigningSecretArgs(
                region=spec.region,
                signing_secret=spec.slack_signing_secret,
                existing=spec.settings.signing_secret_name,
                kms_key_arn=spec.kms_key_arn,
                tags=spec.tags,
            ),
            child,
        )
        sessions = self._session_policy(name, spec, organization) if spec.settings.end_sessions else None
        policy = self._policy(spec, organization, sessions)
        self.policy_json = policy.apply(to_json)
        table = ApprovalTable(
            f"{name}-records",
            ApprovalTableArgs(names.table, spec.region, spec.settings.protect_records, spec.tags),
            child,
        )
        functions = self._functions(name, spec, arns, policy, table, signing, sessions)
        workflow = self._workflow(name, spec, arns, functions)
        api = spec.api or ApprovalApi(f"{name}-api", ApprovalApiArgs(spec.region, spec.tags), child)
        receiver = functions[AppFunction.receiver]
        api_alarm_arns = api.forward(receiver.function_name, receiver.invoke_arn, spec.topics)
        schedule = ReconcilerSchedule(
            f"{name}-reconciler",
            ReconcilerScheduleArgs(
                stack=name,
                region=spec.region,
                function_name=functions[AppFunction.reconciler].function_name,
                function_arn=functions[AppFunction.reconciler].function_arn,
                topics=spec.topics,
                tags=spec.tags,
            ),
            child,
        )
        UseRecording(
            f"{name}-uses",
            UseRecordingArgs(
                region=spec.region,
                rules=recorded,
                rules_arn=arns.alert_rules_arn,
                function_name=functions[AppFunction.usage_recorder].function_name,
                function_arn=functions[AppFunction.usage_recorder].function_arn,
            ),
            child,
        )

        self.api_id = api.api_id
        self.request_url = api.request_url
        self.app_manifest = api.request_url.apply(_manifest_json)
        self.table_name = table.table_name
        self.machine_arn = workflow.machine_arn
        self.function_names = pulumi.Output.all(
            **{app_function.value: function.function_name for app_function, function in functions.items()}
        )
        self.usage_recorder_arn = functions[AppFunction.usage_recorder].function_arn
        self.session_policy_id = sessions.policy_id if sessions else pulumi.Output.from_input(None)
        raising = [*(each.alarm_arns for each in (*functions.values(), workflow)), api_alarm_arns, schedule.alarm_arns]
        self.alarm_arns = pulumi.Output.all(*raising).apply(_join_lists)
        self.metrics = ApprovalMetricsSpec.from_validated(
            stack=name,
            function_names=[names.function(app_function) for app_function in AppFunction],
            machine_arn=self.machine_arn,
            alarm_arns=self.alarm_arns,
        )
        self.register_outputs(
            {
                "api_id": self.api_id,
                "request_url": self.request_url,
                "app_manifest": self.app_manifest,
                "policy_json": self.policy_json,
                "table_name": self.table_name,
                "machine_arn": self.machine_arn,
                "function_names": self.function_names,
                "usage_recorder_arn": self.usage_recorder_arn,
                "session_policy_id": self.session_policy_id,
                "alarm_arns": self.alarm_arns,
            }
        )

    def _session_policy(self, name: str, spec: ApprovalsSpec, organization: Organization) -> SessionPolicy:
        accounts = {account for rule in spec.settings.rules for account in rule.accounts}
        # Unknown accounts are reported with all other missing names.
        bound = accounts & organization.accounts.keys() - {organization.management_account}
        args = SessionPolicyArgs(accounts=sorted(bound), tags=spec.tags)
        return SessionPolicy(f"{name}-ended-sessions", args, pulumi.ResourceOptions(parent=self))

    def _policy(
        self, spec: ApprovalsSpec, organization: Organization, sessions: SessionPolicy | None
    ) -> pulumi.Output[ApprovalPolicy]:
        """Return the compiled approval policy; the look-ups run at the first preview already."""
        store = IdentityStore(spec.identity_store_id, spec.region, self)
        names = ApprovalNameResolver(spec.settings, spec.pairs, organization, store, spec.post_message_url)
        return pulumi.Output.all(
            found=names.look_up(),
            instance_arn=spec.instance_arn,
            identity_store_id=spec.identity_store_id,
            set_arns=spec.permission_set_arns,
            session_policy_id=sessions.policy_id if sessions else None,
        ).apply(partial(_compile_policy, names))

    def _functions(
        self,
        name: str,
        spec: ApprovalsSpec,
        arns: ResourceArns,
        policy: pulumi.Output[ApprovalPolicy],
        table: ApprovalTable,
        signing: SlackSigningSecret,
        sessions: SessionPolicy | None,
    ) -> dict[AppFunction, ApprovalFunction]:
        code = self.policy_json.apply(_pack_functions)
        scope = pulumi.Output.all(
            policy=policy,
            bot_token_secret_arn=spec.bot_token_secret_arn,
            signing_secret_arn=signing.secret_arn,
            session_policy_arn=sessions.policy_arn if sessions else None,
        ).apply(partial(_scope, arns, spec.kms_key_arn, spec.identity_center_kms_key_arn))
        of_table: dict[str, pulumi.Input[str]] = {"BREAKGLASS_TABLE": table.table_name}
        of_slack: dict[str, pulumi.Input[str]] = {"BREAKGLASS_BOT_TOKEN_SECRET": spec.bot_token_secret_arn}
        of_people: dict[str, pulumi.Input[str]] = {**of_table, **of_slack, "BREAKGLASS_WORKFLOW": arns.machine_arn}
        of_signed: dict[str, pulumi.Input[str]] = {"BREAKGLASS_SIGNING_SECRET": signing.secret_arn}
        variables: dict[AppFunction, Mapping[str, pulumi.Input[str]]] = {
            AppFunction.receiver: {
                **of_slack,
                **of_signed,
                "BREAKGLASS_INTERACTIONS": arns.names.function(AppFunction.interactions),
            },
            AppFunction.interactions: {**of_people, **of_signed, "BREAKGLASS_STACK": name},
            AppFunction.provisioner: of_table,
            AppFunction.reconciler: {**of_people, "BREAKGLASS_STACK": name},
            AppFunction.usage_recorder: of_table,
        }
        return {
            app_function: ApprovalFunction(
                f"{name}-{app_function}",
                ApprovalFunctionArgs(
                    app_function=app_function,
                    names=arns.names,
                    region=spec.region,
                    code=code,
                    permissions=scope.apply(partial(_permissions_json, app_function)),
                    variables=variables[app_function],
                    topics=spec.topics,
                    tags=spec.tags,
                ),
                pulumi.ResourceOptions(parent=self),
            )
            for app_function in AppFunction
        }

    def _workflow(
        self, name: str, spec: ApprovalsSpec, arns: ResourceArns, functions: Mapping[AppFunction, ApprovalFunction]
    ) -> ApprovalWorkflow:
        function_arns = [
            functions[app_function].function_arn for app_function in (AppFunction.interactions, AppFunction.provisioner)
        ]
        args = ApprovalWorkflowArgs(
            machine_name=arns.names.machine,
            log_name=arns.names.machine_log,
            region=spec.region,
            definition=pulumi.Output.all(*function_arns).apply(_definition_json),
            trust=policy_json(workflow_trust(arns)),
            permissions=policy_json(workflow_permissions(arns)),
            topics=spec.topics,
            tags=spec.tags,
        )
        return ApprovalWorkflow(f"{name}-workflow", args, pulumi.ResourceOptions(parent=self))


def _recorded_rules(spec: ApprovalsSpec) -> list[RecordedRule]:
    """Return the rules whose events are usages of permission sets and roles."""
    return [
        RecordedRule(
            key=role.key,
            path=rule.path,
            rule_name=pulumi.Output.from_input(watched.rule_names)[rule.key],
            queue_arn=watched.queue_arn,
            record=usage_recorder_input(role, rule.path),
            event_bus_name=watched.event_bus_name,
        )
        for watched in spec.watched
        if isinstance(role := watched.subject, Role)
        for rule in watched.rules
        if is_recorded(role, rule.path)
    ]


def _compile_policy(names: ApprovalNameResolver, known: Mapping[str, Any]) -> ApprovalPolicy:
    return names.policy(**known)


def _scope(
    arns: ResourceArns, kms_key_arn: str | None, identity_center_key_arn: str | None, known: Mapping[str, Any]
) -> AppScope:
    return AppScope(arns=arns, kms_key_arn=kms_key_arn, identity_center_key_arn=identity_center_key_arn, **known)


def _permissions_json(app_function: AppFunction, scope: AppScope) -> str:
    try:
        return policy_json(function_permissions(app_function, scope))
    except PolicyError as error:
        # No program can catch what is raised in an apply, and Pulumi prints this one as it is.
        raise pulumi.RunError(str(error)) from None


def _definition_json(function_arns: Sequence[str]) -> str:
    interactions_arn, provisioner_arn = function_arns
    return json.dumps(definition(interactions_arn, provisioner_arn), separators=(",", ":"))


def _manifest_json(request_url: str) -> str:
    return json.dumps(app_manifest(request_url), indent=2)


def _join_lists(lists: Sequence[Sequence[str]]) -> list[str]:
    return [arn for arns in lists for arn in arns]


def _pack_functions(policy: str) -> pulumi.FileArchive:
    """Return a zip file with the functions; pulumi-aws compares the hash of its content, not its path."""
    package = build(policy)
    file = _folder() / f"{hashlib.sha256(package).hexdigest()}.zip"
    file.write_bytes(package)
    return pulumi.FileArchive(str(file))


@cache
def _folder() -> Path:
    """Return a folder that only this user can read; it is deleted when the program ends."""
    folder = Path(tempfile.mkdtemp(prefix="breakglass-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
