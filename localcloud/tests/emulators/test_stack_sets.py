"""Service-managed StackSets of the local cloud, through AWS's own API.

Proves nothing about AWS: it holds the emulator to AWS's documentation, named in `localcloud.emulators.stack_sets`.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.emulators.identity import ACCOUNTS, ORGANIZATION_ID, ROOT_ID, UNITS

pytestmark = pytest.mark.local

FAR = "us-east-1"
TOLERANT = {"FailureTolerancePercentage": 100, "MaxConcurrentPercentage": 100, "RegionConcurrencyType": "PARALLEL"}

_numbers = itertools.count(600_000_000_000)


def template(message: str = "{}") -> str:
    """A rule that writes a message into a queue, by a parameter of the set."""
    rule = {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Name": {"Fn::Sub": "${Name}-rule"},
            "ScheduleExpression": "rate(1 day)",
            "State": "ENABLED",
            "Targets": [{"Id": "queue", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}, "Input": message}],
        },
    }
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${Name}-queue"}}}
    resources = {"Queue": queue, "Rule": rule}
    return json.dumps({"Parameters": {"Name": {"Type": "String"}}, "Resources": resources})


@dataclass
class Organization:
    """A unit with a unit below it, and a StackSet, under names of their own."""

    cloud: RunningCloud
    name: str = field(default_factory=lambda: f"set-{next(_numbers)}")

    def __post_init__(self) -> None:
        self.cloudformation = self.cloud.client("cloudformation")
        self.organizations = self.cloud.client("organizations")
        self.unit = self.make_unit(ROOT_ID)
        self.subunit = self.make_unit(self.unit)

    def make_unit(self, parent: str) -> str:
        made = self.organizations.create_organizational_unit(ParentId=parent, Name=f"unit-{next(_numbers)}")
        return str(made["OrganizationalUnit"]["Id"])

    def add_account(self, unit: str) -> str:
        """Return the ID of an account that joins a unit."""
        account = str(next(_numbers))
        self.cloud.add_account(account, f"account-{account}")
        self.move(account, ROOT_ID, unit)
        return account

    def move(self, account: str, source: str, destination: str) -> None:
        self.organizations.move_account(AccountId=account, SourceParentId=source, DestinationParentId=destination)

    def make_set(self, retain: bool = False, **fields: Any) -> str:
        settings = {
            "TemplateBody": template(),
            "Parameters": [{"ParameterKey": "Name", "ParameterValue": self.name}],
            "PermissionModel": "SERVICE_MANAGED",
            "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": retain},
            **fields,
        }
        return str(self.cloudformation.create_stack_set(StackSetName=self.name, **settings)["StackSetId"])

    def deploy(self, *regions: str, targets: dict[str, Any] | None = None, **fields: Any) -> str:
        """Deploy to the unit in some regions, by default this one; return the status of the operation."""
        operation = self.cloudformation.create_stack_instances(
            StackSetName=self.name,
            Regions=regions or [REGION],
            DeploymentTargets={"OrganizationalUnitIds": [self.unit], **(targets or {})},
            **fields,
        )["OperationId"]
        return self.status(operation)

    def status(self, operation: str) -> str:
        named = {"StackSetName": self.name, "OperationId": operation}
        return str(self.cloudformation.describe_stack_set_operation(**named)["StackSetOperation"]["Status"])

    def instances(self) -> dict[tuple[str, str], str]:
        """Return the status of each instance by account and region."""
        listed = self.cloudformation.list_stack_instances(StackSetName=self.name)["Summaries"]
        return {(each["Account"], each["Region"]): each["Status"] for each in listed}

    def has_rule(self, account: str, region: str = REGION) -> bool:
        """True if the rule of the template is in an account and region."""
        events = self.cloud.client("events", account, region)
        return bool(events.list_rules(NamePrefix=f"{self.name}-rule")["Rules"])


@pytest.fixture
def organization(cloud: RunningCloud) -> Iterator[Organization]:
    made = Organization(cloud)
    yield made
    # Of all sets, since each change of the organization deploys them.
    for summary in made.cloudformation.list_stack_sets()["Summaries"]:
        made.name = summary["StackSetName"]
        described = made.cloudformation.describe_stack_set(StackSetName=made.name)["StackSet"]
        if described["Regions"]:
            made.cloudformation.delete_stack_instances(
                StackSetName=made.name,
                Regions=described["Regions"],
                DeploymentTargets={"OrganizationalUnitIds": described["OrganizationalUnitIds"]},
                RetainStacks=True,
            )
        made.cloudformation.delete_stack_set(StackSetName=made.name)


def test_organization_has_known_ids_units_and_accounts(cloud: RunningCloud) -> None:
    organizations = cloud.client("organizations")
    assert organizations.describe_organization()["Organization"]["Id"] == ORGANIZATION_ID
    workloads, sandbox = UNITS
    listed = organizations.list_accounts_for_parent(ParentId=workloads)["Accounts"]
    assert {each["Id"]: each["Name"] for each in listed} | {"555555555555": "sandbox"} == ACCOUNTS
    assert [each["Id"] for each in organizations.list_accounts_for_parent(ParentId=sandbox)["Accounts"]] == [
        "555555555555"
    ]


def test_stack_set_deploys_to_units_and_the_units_below(organization: Organization) -> None:
    upper, lower = organization.add_account(organization.unit), organization.add_account(organization.subunit)
    organization.make_set()
    assert organization.deploy(REGION, FAR) == "SUCCEEDED"
    places = [(account, region) for account in (upper, lower) for region in (REGION, FAR)]
    assert organization.instances() == dict.fromkeys(places, "CURRENT")
    assert all(organization.has_rule(*place) for place in places)
    assert not organization.has_rule(upper, "eu-west-1")


def test_stack_set_passes_over_the_management_account(organization: Organization) -> None:
    organization.make_set(AutoDeployment={"Enabled": False})
    organization.unit = ROOT_ID
    organization.deploy()
    accounts = {account for account, _ in organization.instances()}
    assert accounts >= ACCOUNTS.keys()
    assert MANAGEMENT_ACCOUNT not in accounts
    assert not organization.has_rule(MANAGEMENT_ACCOUNT)


def test_account_that_joins_a_unit_gets_its_stacks(organization: Organization) -> None:
    organization.make_set()
    organization.deploy(REGION, FAR)
    assert organization.instances() == {}
    account = organization.add_account(organization.subunit)
    assert organization.instances() == {(account, REGION): "CURRENT", (account, FAR): "CURRENT"}
    assert organization.has_rule(account, FAR)
    summary = organization.cloudformation.list_stack_instances(StackSetName=organization.name)["Summaries"][0]
    assert summary["OrganizationalUnitId"] == organization.unit
    assert summary["StackInstanceStatus"] == {"DetailedStatus": "SUCCEEDED"}


@pytest.mark.parametrize("retain", [False, True])
def test_account_that_leaves_a_unit_loses_its_stacks(organization: Organization, retain: bool) -> None:
    account = organization.add_account(organization.unit)
    organization.make_set(retain)
    organization.deploy()
    organization.move(account, organization.unit, ROOT_ID)
    assert organization.instances() == {}
    assert organization.has_rule(account) is retain


def test_without_auto_deployment_nothing_follows(organization: Organization) -> None:
    organization.make_set(AutoDeployment={"Enabled": False})
    organization.deploy()
    account = organization.add_account(organization.unit)
    assert organization.instances() == {}
    assert not organization.has_rule(account)


@pytest.mark.parametrize(("chosen", "expected"), [("DIFFERENCE", {"other"}), ("INTERSECTION", {"named"})])
def test_account_filter_chooses_accounts_of_the_unit(
    organization: Organization, chosen: str, expected: set[str]
) -> None:
    accounts = {name: organization.add_account(organization.unit) for name in ("named", "other")}
    organization.make_set()
    organization.deploy(targets={"Accounts": [accounts["named"]], "AccountFilterType": chosen})
    deployed = {account for account, _ in organization.instances()}
    assert {name for name, account in accounts.items() if account in deployed} == expected


def test_stack_set_is_described_as_it_was_made(organization: Organization) -> None:
    organization.make_set(
        Description="d",
        Capabilities=["CAPABILITY_NAMED_IAM"],
        ManagedExecution={"Active": True},
        Tags=[{"Key": "a", "Value": "1"}],
    )
    organization.deploy(REGION, FAR)
    described = organization.cloudformation.describe_stack_set(StackSetName=organization.name)["StackSet"]
    stack_set_id = described.pop("StackSetId")
    assert described == {
        "StackSetName": organization.name,
        "StackSetARN": f"arn:aws:cloudformation:{REGION}:{MANAGEMENT_ACCOUNT}:stackset/{stack_set_id}",
        "Description": "d",
        "Status": "ACTIVE",
        "TemplateBody": template(),
        "Parameters": [{"ParameterKey": "Name", "ParameterValue": organization.name}],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Tags": [{"Key": "a", "Value": "1"}],
        "PermissionModel": "SERVICE_MANAGED",
        "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": False},
        "ManagedExecution": {"Active": True},
        "Regions": [REGION, FAR],
        "OrganizationalUnitIds": [organization.unit],
        "StackSetDriftDetectionDetails": {"DriftStatus": "NOT_CHECKED"},
    }


def test_update_of_the_set_updates_its_stacks(organization: Organization) -> None:
    account = organization.add_account(organization.unit)
    organization.make_set()
    organization.deploy()
    operation = organization.cloudformation.update_stack_set(
        StackSetName=organization.name, TemplateBody=template('{"new": 1}')
    )["OperationId"]
    assert organization.status(operation) == "SUCCEEDED"
    assert organization.instances() == {(account, REGION): "CURRENT"}
    events = organization.cloud.client("events", account)
    [target] = events.list_targets_by_rule(Rule=f"{organization.name}-rule")["Targets"]
    assert target["Input"] == '{"new": 1}'


def test_deleted_instances_are_gone_for_later_accounts_too(organization: Organization) -> None:
    account = organization.add_account(organization.unit)
    organization.make_set()
    organization.deploy(REGION, FAR)
    with pytest.raises(ClientError, match="StackSetNotEmptyException"):
        organization.cloudformation.delete_stack_set(StackSetName=organization.name)
    targets = {"OrganizationalUnitIds": [organization.unit]}
    organization.cloudformation.delete_stack_instances(
        StackSetName=organization.name, Regions=[FAR], DeploymentTargets=targets, RetainStacks=False
    )
    later = organization.add_account(organization.unit)
    assert organization.instances().keys() == {(account, REGION), (later, REGION)}
    assert not organization.has_rule(account, FAR)


def test_deletion_in_one_unit_and_region_leaves_the_others(organization: Organization) -> None:
    other_unit = organization.make_unit(ROOT_ID)
    account, other = organization.add_account(organization.unit), organization.add_account(other_unit)
    organization.make_set()
    units = {"OrganizationalUnitIds": [organization.unit, other_unit]}
    organization.deploy(REGION, FAR, targets=units)
    organization.cloudformation.delete_stack_instances(
        StackSetName=organization.name,
        Regions=[FAR],
        DeploymentTargets={"OrganizationalUnitIds": [organization.unit]},
        RetainStacks=False,
    )
    left = {(account, REGION), (other, REGION), (other, FAR)}
    assert organization.instances().keys() == left
    later = organization.add_account(organization.unit)
    assert organization.instances().keys() == left | {(later, REGION)}


def test_instances_of_one_account_can_be_deleted(organization: Organization) -> None:
    account, other = (organization.add_account(organization.unit) for _ in range(2))
    organization.make_set()
    organization.deploy()
    organization.cloudformation.delete_stack_instances(
        StackSetName=organization.name,
        Regions=[REGION],
        DeploymentTargets={
            "OrganizationalUnitIds": [organization.unit],
            "Accounts": [account],
            "AccountFilterType": "INTERSECTION",
        },
        RetainStacks=False,
    )
    later = organization.add_account(organization.unit)
    assert organization.instances().keys() == {(other, REGION), (later, REGION)}
    assert not organization.has_rule(account)
    assert organization.has_rule(other)


@pytest.mark.parametrize(("preferences", "status"), [({}, "FAILED"), (TOLERANT, "SUCCEEDED")])
def test_failed_account_is_outdated(organization: Organization, preferences: dict[str, Any], status: str) -> None:
    good, bad = (organization.add_account(organization.unit) for _ in range(2))
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    organization.cloud.client("iam", bad).create_role(RoleName=organization.name, AssumeRolePolicyDocument=trust)
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Ref": "Name"}, "AssumeRolePolicyDocument": trust}}
    body = json.loads(template())
    body["Resources"]["Role"] = role
    organization.make_set(TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_NAMED_IAM"])
    assert organization.deploy(OperationPreferences=preferences) == status
    assert organization.instances() == {(good, REGION): "CURRENT", (bad, REGION): "OUTDATED"}
    named = {"StackSetName": organization.name, "StackInstanceAccount": bad, "StackInstanceRegion": REGION}
    instance = organization.cloudformation.describe_stack_instance(**named)["StackInstance"]
    assert instance["StackInstanceStatus"] == {"DetailedStatus": "FAILED"}
    assert instance["StatusReason"]


def test_suspended_account_is_skipped(organization: Organization) -> None:
    account = organization.add_account(organization.unit)
    organization.organizations.close_account(AccountId=account)
    organization.make_set()
    assert organization.deploy() == "SUCCEEDED"
    [summary] = organization.cloudformation.list_stack_instances(StackSetName=organization.name)["Summaries"]
    assert summary["StackInstanceStatus"] == {"DetailedStatus": "SKIPPED_SUSPENDED_ACCOUNT"}
    assert not organization.has_rule(account)


@pytest.mark.parametrize("change", ["delete_rule", "disable_rule"])
def test_drift_of_a_stack_is_detected(organization: Organization, change: str) -> None:
    same, drifted = (organization.add_account(organization.unit) for _ in range(2))
    organization.make_set()
    organization.deploy()
    events, rule = organization.cloud.client("events", drifted), f"{organization.name}-rule"
    if change == "delete_rule":
        events.remove_targets(Rule=rule, Ids=["queue"])
    getattr(events, change)(Name=rule)
    organization.cloudformation.detect_stack_set_drift(StackSetName=organization.name)
    summaries = organization.cloudformation.list_stack_instances(StackSetName=organization.name)["Summaries"]
    assert {each["Account"]: each["DriftStatus"] for each in summaries} == {same: "IN_SYNC", drifted: "DRIFTED"}


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"OrganizationalUnitIds": []}, "can only have OrganizationalUnit as target"),
        ({"OrganizationalUnitIds": ["ou-corp-nowhere0"]}, "do not exist"),
        ({"Accounts": ["222222222222"]}, "must be specified together"),
    ],
)
def test_wrong_targets_are_refused(organization: Organization, targets: dict[str, Any], message: str) -> None:
    organization.make_set()
    with pytest.raises(ClientError, match=message):
        organization.deploy(targets=targets)


def test_stack_set_of_an_unknown_name_is_not_found(cloud: RunningCloud) -> None:
    with pytest.raises(ClientError, match="StackSetNotFoundException"):
        cloud.client("cloudformation").describe_stack_set(StackSetName="unknown")
    assert cloud.client("cloudformation").list_stacks()["StackSummaries"] == []
