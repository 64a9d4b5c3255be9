"""The signing secret of the Slack app in Secrets Manager, where the function that answers Slack reads it.

A part of `Approvals`, not usable alone.

Non-goals: the Slack app, which is made in Slack; and whether the secret is this app's: only Slack can say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from breakglass.naming import physical_name
from breakglass.stack_file.base import StringInput
from breakglass.stack_file.secret_keys import signing_secret_fault


@dataclass(frozen=True)
class SlackSigningSecretArgs:
    """Arguments of `SlackSigningSecret`: exactly one of `signing_secret` and `existing`.

    Attributes:
        region: Where it is.
        signing_secret: The signing secret, from secret configuration; a secret is made of it.
        existing: The name of an existing secret whose value is the signing secret and nothing else.
        kms_key_arn: A customer-managed KMS key for the secret that is made; AWS's own key by default.
        tags: On the secret that is made.
    """

    region: str
    signing_secret: StringInput = field(repr=False)
    existing: str | None
    kms_key_arn: str | None
    tags: Mapping[str, str]


class SlackSigningSecret(pulumi.ComponentResource):
    """The secret that verifies Slack's requests: created, or an existing one.

    An existing one is not read here: the function reads it, and a rotated one counts without a deployment.

    Raises:
        RunError: The value, once it is known, is no signing secret.
    """

    secret_arn: pulumi.Output[str]
    """ARN of the secret."""

    def __init__(self, name: str, args: SlackSigningSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("breakglass:index:SlackSigningSecret", name, None, opts)
        self.secret_arn = self._found(args, args.existing) if args.existing is not None else self._made(name, args)
        self.register_outputs({"secret_arn": self.secret_arn})

    def _found(self, args: SlackSigningSecretArgs, existing: str) -> pulumi.Output[str]:
        opts = pulumi.InvokeOptions(parent=self)
        return aws.secretsmanager.get_secret_output(name=existing, region=args.region, opts=opts).arn

    def _made(self, name: str, args: SlackSigningSecretArgs) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        secret = aws.secretsmanager.Secret(
            f"{name}-secret",
            name=physical_name(name),
            description="Signing secret of the Slack app by which break-glass access is approved.",
            kms_key_id=args.kms_key_arn,
            # Its home is Slack, so nothing is lost; a secret pending deletion would block its name for days.
            recovery_window_in_days=0,
            region=args.region,
            tags=args.tags,
            opts=child,
        )
        aws.secretsmanager.SecretVersion(
            f"{name}-secret",
            secret_id=secret.arn,
            secret_string=pulumi.Output.secret(args.signing_secret).apply(_require_signing_secret),
            region=args.region,
            opts=child,
        )
        return secret.arn


def _require_signing_secret(secret: str) -> str:
    fault = signing_secret_fault(secret)
    if fault is not None:
        # Not a ConfigError: no program can catch what is raised in an apply, and Pulumi prints this one as it is.
        raise pulumi.RunError(f"slack_signing_secret: {fault} Give it the value from the app's page Basic Information.")
    return secret
