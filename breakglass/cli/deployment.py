"""The resources of a stack as they were deployed, from Pulumi's state.

`pulumi stack export` prints the state. Secrets in it stay encrypted, and are `SECRET` here.

Non-goals: the stack file, which may have changed since the deployment; resources of AWS that Pulumi did not create.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from breakglass.cli.aws_client import AwsOperations, translate_aws_errors
from breakglass.cli.stack_outputs import TOPIC_OUTPUT, RunProgram, run_program, run_pulumi
from breakglass.errors import CommandError, Problem, format_value

SECRET = "[secret]"  # noqa: S105 - replaces a secret
"""Value of each secret in the inputs and outputs of a resource."""

# Pulumi's mark of a special value, and the mark of a secret among them
# (github.com/pulumi/pulumi, sdk/go/common/resource/sig/sig.go).
_SIGNATURE = "4dabf18193072939515e22adb298388d"

_STACK_TYPE = "pulumi:pulumi"


@dataclass(frozen=True)
class Resource:
    """A resource of the stack.

    Attributes:
        type: Pulumi's type without its class, e.g. `aws:sqs/queue`.
        id: the provider's ID.
        inputs: the values of the program, by Pulumi's name of the property.
        outputs: the values after the deployment.
        created_at: the time of its first deployment, in seconds since 1970; 0 if unknown.
    """

    type: str
    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    created_at: float = 0

    def get(self, key: str) -> Any:
        """Return the program's value of a property, else the deployed one; None without either."""
        given = self.inputs.get(key)
        return self.outputs.get(key) if given is None else given

    @property
    def region(self) -> str:
        """The region of the resource."""
        return str(self.get("region") or "")

    @property
    def arn(self) -> str:
        """Its ARN; empty without one."""
        return str(self.outputs.get("arn") or "")

    @property
    def physical_name(self) -> str:
        """Its name in AWS, else its ID."""
        return str(self.get("name") or self.id)


@dataclass(frozen=True)
class Deployment:
    """The deployed resources of a stack, and its outputs by name."""

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any]

    def of_type(self, kind: str) -> list[Resource]:
        """Return the resources of a type, in Pulumi's order."""
        return [resource for resource in self.resources if resource.type == kind]

    @property
    def account(self) -> str:
        """ID of the account of its regional resources; empty without any."""
        return next((parts[4] for parts in self._arns() if parts[4]), "")

    @property
    def region(self) -> str:
        """The region of its topic, else of its first regional resource; empty without any.

        A hub and a spoke stack have resources in further regions.
        """
        topic = str(self.outputs.get(TOPIC_OUTPUT) or "").split(":")
        return topic[3] if len(topic) > 3 else next((parts[3] for parts in self._arns() if parts[3]), "")

    def _arns(self) -> list[list[str]]:
        return [parts for resource in self.resources if len(parts := resource.arn.split(":")) >= 6]


def read_deployment(stack: str | None, run: RunProgram = run_program) -> Deployment:
    """Return the deployed resources of a stack; without a name, of the one selected in the current folder.

    Raises:
        CommandError: Pulumi is missing, has no such stack, or nothing of AWS is deployed.
    """
    state = run_pulumi(["stack", "export"], stack, run)
    deployment = parse_state(state)
    if not deployment.account:
        raise CommandError(
            Problem(
                "--stack",
                format_value(stack) if stack else "(the selected one)",
                "This stack has no resources in AWS, so there is nothing to examine.",
                "Deploy it with `pulumi up`, or name another stack; `pulumi stack ls` lists all stacks.",
            )
        )
    return deployment


def require_account(deployment: Deployment, aws: AwsOperations) -> None:
    """Check that the credentials are of the stack's account.

    Raises:
        CommandError: they are not, there are none, or AWS does not respond.
    """
    account = deployment.account
    with translate_aws_errors(account, deployment.region, "sts:GetCallerIdentity needs no permission."):
        found = str(aws.call("sts", "GetCallerIdentity").get("Account"))
    if found != account:
        raise CommandError(
            Problem(
                "AWS credentials",
                format_value(found),
                f"Your AWS credentials are of account {found}, and the stack is in account {account}.",
                "Sign in with a profile of the stack's account: `aws sso login --profile NAME`, and set "
                "AWS_PROFILE=NAME.",
            )
        )


def parse_state(state: Any) -> Deployment:
    """Return the resources and stack outputs in the output of `pulumi stack export`."""
    listed = (state.get("deployment") or {}).get("resources") or []
    # A resource that was replaced stays in the state until its deletion has succeeded.
    resources = [_resource(each) for each in listed if not each.get("delete")]
    outputs = next((resource.outputs for resource in resources if resource.type == _STACK_TYPE), {})
    return Deployment(tuple(resources), outputs)


def _resource(listed: Mapping[str, Any]) -> Resource:
    inputs, outputs = (_without_secrets(listed.get(key) or {}) for key in ("inputs", "outputs"))
    created = listed.get("created")
    created_at = datetime.fromisoformat(created).timestamp() if isinstance(created, str) else 0
    return Resource(
        str(listed.get("type")).rpartition(":")[0], str(listed.get("id") or ""), inputs, outputs, created_at
    )


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        # Other special values, e.g. the hash of an archive, are as unreadable here.
        return SECRET if _SIGNATURE in value else {key: _without_secrets(each) for key, each in value.items()}
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value
