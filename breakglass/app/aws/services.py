"""The AWS services: endpoints, signing names and protocols.

Sources: botocore's service models and endpoint rules; a test compares them.

Non-goals: partitions other than aws, aws-cn and aws-us-gov; FIPS and dual-stack endpoints.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from breakglass.app.aws.sigv4 import Scope


@dataclass(frozen=True)
class Service:
    """One service.

    Attributes:
        variable: suffix of `AWS_ENDPOINT_URL_`, which overrides the endpoint, as for boto3.
        prefix: first part of the host name.
        signing_name: service name in signatures.
        target: prefix of an operation in X-Amz-Target; empty for a REST API.
        json_version: version of the JSON protocol.
        home: partition -> region, for a global service.
    """

    variable: str
    prefix: str
    signing_name: str
    target: str = ""
    json_version: str = "1.1"
    home: Mapping[str, str] | None = None


DYNAMODB = Service("DYNAMODB", "dynamodb", "dynamodb", "DynamoDB_20120810", "1.0")
SECRETS_MANAGER = Service("SECRETS_MANAGER", "secretsmanager", "secretsmanager", "secretsmanager")
SSO_ADMIN = Service("SSO_ADMIN", "sso", "sso", "SWBExternalService")
IDENTITY_STORE = Service("IDENTITYSTORE", "identitystore", "identitystore", "AWSIdentityStore")
ORGANIZATIONS = Service(
    "ORGANIZATIONS",
    "organizations",
    "organizations",
    "AWSOrganizationsV20161128",
    home={"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"},
)
STEP_FUNCTIONS = Service("SFN", "states", "states", "AWSStepFunctions", "1.0")
LAMBDA = Service("LAMBDA", "lambda", "lambda")


def partition(region: str) -> str:
    """Return the partition that a region is in."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def scope(service: Service, region: str) -> Scope:
    """Return what a request to a service from a region is signed for."""
    return Scope(service.home[partition(region)] if service.home else region, service.signing_name)


def endpoint(service: Service, region: str, environment: Mapping[str, str]) -> str:
    """Return the URL of a service: what the environment says, else AWS's own."""
    given = environment.get(f"AWS_ENDPOINT_URL_{service.variable}") or environment.get("AWS_ENDPOINT_URL")
    suffix = "amazonaws.com.cn" if partition(region) == "aws-cn" else "amazonaws.com"
    return given or f"https://{service.prefix}.{scope(service, region).region}.{suffix}"
