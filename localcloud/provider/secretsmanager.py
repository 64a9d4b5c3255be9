"""Secrets Manager: secrets and their versions.

API: https://docs.aws.amazon.com/secretsmanager/latest/apireference/
"""

from localcloud.provider import tags
from localcloud.provider.aws import Answer, LocalAws
from localcloud.provider.resource import TAGS, Property, ProviderFunction, ResourceType, declare
from localcloud.provider.values import Properties, from_aws, to_aws

_CURRENT = "AWSCURRENT"


class Secret(ResourceType):
    tok = "aws:secretsmanager/secret:Secret"
    properties = declare(
        name=Property(replaces=True, autoname=512),
        description=Property(),
        kmsKeyId=Property(),
        recoveryWindowInDays=Property(default=30),
        tags=TAGS,
    )
    computed = ("arn", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        answer = aws.call(
            "secretsmanager",
            "CreateSecret",
            Tags=tags.as_list(inputs),
            **to_aws(inputs, "name", "description", "kmsKeyId"),
        )
        return answer["ARN"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """DescribeSecret; a secret that waits for its deletion is gone."""
        answer = aws.call("secretsmanager", "DescribeSecret", SecretId=resource_id)
        if answer.get("DeletedDate") is not None:
            return None
        return {
            **from_aws(answer, "name", "description", "kmsKeyId"),
            "arn": answer["ARN"],
            **tags.as_properties(answer.get("Tags", [])),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateSecret keeps what isn't sent, so a removed description is sent empty; tags have their own calls."""
        if any(old.get(name) != new.get(name) for name in ("description", "kmsKeyId")):
            parameters = {"Description": new.get("description", ""), "KmsKeyId": new.get("kmsKeyId")}
            aws.call("secretsmanager", "UpdateSecret", SecretId=resource_id, **parameters)
        tags.write(aws, "secretsmanager", old, new, SecretId=resource_id)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """DeleteSecret, at once if the recovery window is 0 days; a scheduled deletion is left alone."""
        if self.read(aws, resource_id, state) is None:
            return
        days = state["recoveryWindowInDays"]
        window = {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        aws.call("secretsmanager", "DeleteSecret", SecretId=resource_id, **window)


class SecretVersion(ResourceType):
    """A value of a secret; a new value is a new version."""

    tok = "aws:secretsmanager/secretVersion:SecretVersion"
    properties = declare(
        secretId=Property(required=True, replaces=True),
        secretString=Property(required=True, replaces=True, secret=True),
    )
    computed = ("arn", "secretArn", "versionId", "versionStages")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """PutSecretValue; the id is secret and version, as in pulumi-aws."""
        answer = aws.call("secretsmanager", "PutSecretValue", **to_aws(inputs, "secretId", "secretString"))
        return f"{inputs['secretId']}|{answer['VersionId']}"

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        secret_id, version_id = resource_id.split("|")
        answer = aws.call("secretsmanager", "GetSecretValue", SecretId=secret_id, VersionId=version_id)
        return {
            "secretString": answer["SecretString"],
            "versionStages": answer["VersionStages"],
            "versionId": version_id,
            "arn": answer["ARN"],
            "secretArn": answer["ARN"],
        }

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """Nothing to call: AWS deletes old versions itself, and the current one with its secret."""


class GetSecret(ProviderFunction):
    """A secret, by name or ARN, without its value."""

    tok = "aws:secretsmanager/getSecret:getSecret"
    arguments = declare(name=Property(), arn=Property())

    def call(self, aws: LocalAws, arguments: Properties) -> Properties:
        answer = aws.call("secretsmanager", "DescribeSecret", SecretId=arguments.get("arn") or arguments.get("name"))
        return {
            "id": answer["ARN"],
            "arn": answer["ARN"],
            "name": answer["Name"],
            "description": answer.get("Description", ""),
            "kmsKeyId": answer.get("KmsKeyId", ""),
            "createdDate": answer["CreatedDate"].isoformat(),
            "lastChangedDate": answer.get("LastChangedDate", answer["CreatedDate"]).isoformat(),
            "policy": self._policy(aws, answer),
            "tags": tags.as_properties(answer.get("Tags", []))["tags"],
        }

    @staticmethod
    def _policy(aws: LocalAws, secret: Answer) -> str:
        answer = aws.call("secretsmanager", "GetResourcePolicy", SecretId=secret["ARN"])
        return answer.get("ResourcePolicy", "")


class GetSecretVersion(ProviderFunction):
    tok = "aws:secretsmanager/getSecretVersion:getSecretVersion"
    arguments = declare(secretId=Property(required=True), versionId=Property(), versionStage=Property())
    secret_results = frozenset({"secretString"})

    def call(self, aws: LocalAws, arguments: Properties) -> Properties:
        """GetSecretValue, of the current version unless another is asked for."""
        version_id = arguments.get("versionId")
        stage = None if version_id else arguments.get("versionStage", _CURRENT)
        answer = aws.call(
            "secretsmanager",
            "GetSecretValue",
            SecretId=arguments["secretId"],
            VersionId=version_id,
            VersionStage=stage,
        )
        return {
            "id": f"{arguments['secretId']}|{answer['VersionId']}",
            "arn": answer["ARN"],
            "secretArn": answer["ARN"],
            "secretId": arguments["secretId"],
            "secretString": answer.get("SecretString"),
            "secretBinary": "",
            "createdDate": answer["CreatedDate"].isoformat(),
            "versionId": answer["VersionId"],
            "versionStage": stage,
            "versionStages": answer["VersionStages"],
        }


RESOURCE_TYPES = (Secret(), SecretVersion())
FUNCTIONS = (GetSecret(), GetSecretVersion())
