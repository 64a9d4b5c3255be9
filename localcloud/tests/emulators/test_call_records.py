"""The record of a call, held to published records of CloudTrail. It proves nothing about AWS."""

from typing import Any

import pytest

from localcloud.emulators.call_records import Caller, make_call_record, refuse
from localcloud.emulators.cloudtrail import as_event

ADMINISTRATOR = Caller(
    "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Administrator_0123456789abcdef",
    "mallory@example.com",
)
AT = 1_800_000_000.0


def record(service: str, operation: str, **parameters: object) -> dict[str, Any]:
    return make_call_record(service, operation, parameters, ADMINISTRATOR, region="eu-central-1", at=AT)


def test_record_has_the_fields_of_a_published_one() -> None:
    made = record("events", "DeleteRule", Name="breakglass-local-rule", Force=False)
    role_id = made["userIdentity"]["principalId"].partition(":")[0]
    role = "AWSReservedSSO_Administrator_0123456789abcdef"
    assert made.pop("eventID")
    assert made == {
        "eventVersion": "1.10",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": f"{role_id}:mallory@example.com",
            "arn": f"arn:aws:sts::111111111111:assumed-role/{role}/mallory@example.com",
            "accountId": "111111111111",
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": role_id,
                    "arn": ADMINISTRATOR.role_arn,
                    "accountId": "111111111111",
                    "userName": role,
                },
                "attributes": {"mfaAuthenticated": "false"},
            },
        },
        "eventTime": "2027-01-15T08:00:00Z",
        "eventSource": "events.amazonaws.com",
        "eventName": "DeleteRule",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "203.0.113.50",
        "userAgent": "aws-cli/2.31.3",
        "requestParameters": {"name": "breakglass-local-rule", "force": False},
        "responseElements": None,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111111111111",
        "eventCategory": "Management",
    }


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("cloudwatch", "DeleteAlarms", {"AlarmNames": ["a"]}, ("aws.monitoring", "DeleteAlarms", "eu-central-1")),
        ("stepfunctions", "DeleteStateMachine", {}, ("aws.states", "DeleteStateMachine", "eu-central-1")),
        ("sso-admin", "CreateAccountAssignment", {}, ("aws.sso", "CreateAccountAssignment", "eu-central-1")),
        ("lambda", "UpdateFunctionCode", {}, ("aws.lambda", "UpdateFunctionCode20150331v2", "eu-central-1")),
        ("iam", "DeleteRole", {"RoleName": "a"}, ("aws.iam", "DeleteRole", "us-east-1")),
        ("organizations", "DetachPolicy", {}, ("aws.organizations", "DetachPolicy", "us-east-1")),
    ],
)
def test_call_is_recorded_by_the_names_of_its_service(
    service: str, operation: str, parameters: dict[str, object], expected: tuple[str, str, str]
) -> None:
    event = as_event(record(service, operation, **parameters), account="", region="")
    assert (event["source"], event["detail"]["eventName"], event["region"]) == expected
    assert (event["account"], event["detail-type"]) == ("111111111111", "AWS API Call via CloudTrail")


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("s3", "PutBucketPolicy", {"Bucket": "trail"}, {"bucketName": "trail"}),
        ("account", "DisableRegion", {"RegionName": "eu-west-1"}, {"RegionName": "eu-west-1"}),
        ("secretsmanager", "PutSecretValue", {"SecretId": "a", "SecretString": "x"}, {"secretId": "a"}),
        ("events", "UpdateConnection", {"Name": "a", "AuthParameters": {"B": 1}}, {"name": "a"}),
        ("iam", "TagRole", {"Tags": [{"Key": "a"}]}, {"tags": [{"key": "a"}]}),
    ],
)
def test_parameters_are_recorded_without_secrets(
    service: str, operation: str, parameters: dict[str, object], expected: dict[str, object]
) -> None:
    assert record(service, operation, **parameters)["requestParameters"] == expected


def test_key_is_among_the_resources_by_its_arn() -> None:
    key = "arn:aws:kms:eu-central-1:111111111111:key/27d7cd14-7557-4509-a438-15fbf1e8db11"
    made = record("kms", "DisableKey", KeyId=key)
    assert made["resources"] == [{"ARN": key, "accountId": "111111111111", "type": "AWS::KMS::Key"}]


def test_refused_call_names_the_resource_in_its_error_alone() -> None:
    rule = "arn:aws:events:eu-central-1:111111111111:rule/breakglass-local-rule"
    made = make_call_record(
        "events",
        "DisableRule",
        {"Name": "breakglass-local-rule"},
        ADMINISTRATOR,
        region="eu-central-1",
        at=AT,
        refusal=refuse("DisableRule", "events", rule, ADMINISTRATOR),
    )
    assert (made["requestParameters"], made["errorCode"]) == (None, "AccessDenied")
    assert made["errorMessage"] == (
        f"User: {ADMINISTRATOR.identity['arn']} is not authorized to perform: events:DisableRule on resource: {rule} "
        "because no identity-based policy allows the events:DisableRule action"
    )


def test_read_is_recorded_as_a_read_and_two_calls_have_two_ids() -> None:
    read, change = record("events", "DescribeRule", Name="a"), record("events", "DeleteRule", Name="a")
    assert (read["readOnly"], change["readOnly"]) == (True, False)
    assert (record("sts", "AssumeRole")["readOnly"], record("sts", "GetSessionToken")["readOnly"]) == (True, False)
    assert read["eventID"] != change["eventID"]
