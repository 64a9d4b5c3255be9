"""Names and endpoints of the services, against botocore's models, endpoint rules and environment variables."""

from functools import cache
from typing import Any

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.session import Session

from breakglass.app.aws import services
from breakglass.app.aws.services import Service, endpoint, partition, scope

SERVICES = {
    "dynamodb": services.DYNAMODB,
    "secretsmanager": services.SECRETS_MANAGER,
    "sso-admin": services.SSO_ADMIN,
    "identitystore": services.IDENTITY_STORE,
    "organizations": services.ORGANIZATIONS,
    "stepfunctions": services.STEP_FUNCTIONS,
    "lambda": services.LAMBDA,
}


@cache
def session() -> Any:
    return Session()


def regions() -> list[str]:
    return [
        region
        for name in ("aws", "aws-cn", "aws-us-gov")
        for region in session().get_available_regions("dynamodb", name)
    ]


@pytest.mark.parametrize("name", SERVICES)
def test_each_endpoint_is_where_the_rules_say_in_every_region(name: str) -> None:
    loader = session().get_component("data_loader")
    rules = EndpointProvider(loader.load_service_model(name, "endpoint-rule-set-1"), loader.load_data("partitions"))
    for region in regions():
        resolved = rules.resolve_endpoint(Region=region, UseDualStack=False, UseFIPS=False)
        [scheme, *_] = resolved.properties.get("authSchemes", [{}])
        expected = scope(SERVICES[name], region)
        assert endpoint(SERVICES[name], region, {}) == resolved.url
        assert scheme.get("signingRegion", region) == expected.region


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_spoken_to_as_its_model_says(name: str) -> None:
    model = session().get_service_model(name)
    ours: Service = SERVICES[name]
    assert ours.signing_name == model.signing_name
    assert ours.target == model.metadata.get("targetPrefix", "")
    if ours.target:
        assert ours.json_version == model.metadata["jsonVersion"]


@pytest.mark.parametrize("name", SERVICES)
def test_the_environment_moves_an_endpoint_as_it_does_for_boto3(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    single, every = "http://127.0.0.1:1", "http://127.0.0.1:2"
    variable = f"AWS_ENDPOINT_URL_{SERVICES[name].variable}"
    for environment in (
        {variable: single},
        {variable: single, "AWS_ENDPOINT_URL": every},
        {"AWS_ENDPOINT_URL": single},
    ):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        for key, value in environment.items():
            monkeypatch.setenv(key, value)
        # A session of its own: it reads the environment once.
        theirs = Session().create_client(
            name, region_name="eu-central-1", aws_access_key_id="any", aws_secret_access_key="any"
        )
        assert endpoint(SERVICES[name], "eu-central-1", environment) == theirs.meta.endpoint_url == single


def test_every_region_is_in_its_partition() -> None:
    for region in regions():
        assert partition(region) == session().get_partition_for_region(region)
