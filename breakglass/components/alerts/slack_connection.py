"""The EventBridge connection to Slack, and the secret with its bot token.

Non-goals: the Slack app and its token are made in Slack. The token is not read here, so a wrong one shows only when the
first message is sent.
"""

from collections.abc import Iterator

import pulumi
import pulumi_aws as aws

from breakglass.components.arguments import SlackConnectionArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.naming import physical_name
from breakglass.stack_file.alerts import AlertPath, BotTokenSecret
from breakglass.stack_file.base import RawValue, StringInput
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.secret_keys import BOT_TOKEN, bot_token_fault
from breakglass.stack_file.tags import Tagged


class SlackConnectionSpec(Tagged, BotTokenSecret, AlertPath):
    """Arguments of `SlackConnection`: exactly one of `botToken` and `botTokenSecretName`."""

    bot_token: StringInput = None
    """The bot token, `xoxb-...`, from secret configuration. A secret is created from it."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield a fault unless the token has exactly one source."""
        return BOT_TOKEN.source_faults(given["botToken"], given["botTokenSecretName"])


class SlackConnection(pulumi.ComponentResource):
    """The EventBridge connection that signs in to Slack, and the secret with its token.

    EventBridge keeps a copy of its own, the secret `events!connection/NAME/...`. A new token reaches it with the next
    `pulumi up`. The token is encrypted in Pulumi's state, as every secret is.

    Permissions:
        - On `arn:PARTITION:events:REGION:ACCOUNT:connection/breakglass-*`: `events:CreateConnection`,
          `events:DescribeConnection`, `events:UpdateConnection`, `events:DeleteConnection`.
        - On `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:events!connection/breakglass-*`, for the connection's
          copy: `secretsmanager:CreateSecret`, `secretsmanager:DescribeSecret`, `secretsmanager:GetSecretValue`,
          `secretsmanager:PutSecretValue`, `secretsmanager:UpdateSecret`, `secretsmanager:DeleteSecret`.
        - Once an account: `iam:CreateServiceLinkedRole` on
          `role/aws-service-role/apidestinations.events.amazonaws.com/*`.
        - With `bot_token`, on `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:breakglass-*`:
          `secretsmanager:CreateSecret`, `secretsmanager:DescribeSecret`, `secretsmanager:GetResourcePolicy`,
          `secretsmanager:UpdateSecret`, `secretsmanager:PutSecretValue`, `secretsmanager:GetSecretValue`,
          `secretsmanager:UpdateSecretVersionStage`, `secretsmanager:DeleteSecret`, `secretsmanager:TagResource`,
          `secretsmanager:UntagResource`.
        - With `bot_token_secret_name`, on that secret: `secretsmanager:DescribeSecret`,
          `secretsmanager:GetResourcePolicy`, `secretsmanager:GetSecretValue`.
        - With `kms_key_arn`, on that key: `kms:DescribeKey`, `kms:GenerateDataKey`, `kms:Decrypt`.

    Raises:
        ConfigError: The arguments are wrong.
        RunError: The token, once it is known, is no bot token.
    """

    connection_arn: pulumi.Output[str]
    """ARN of the connection."""
    secret_arn: pulumi.Output[str]
    """ARN of the secret with the bot token."""

    @show_analyzer(SlackConnectionArgs)
    def __init__(
        self, name: str, args: SlackConnectionArgs | SlackConnectionSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(SlackConnectionSpec, args, name)
        super().__init__("breakglass:index:SlackConnection", name, None, opts)

        if spec.bot_token_secret_name is None:
            self.secret_arn, token = self._created_secret(name, spec)
        else:
            self.secret_arn, token = self._existing_secret(spec, spec.bot_token_secret_name)
        connection = aws.cloudwatch.EventConnection(
            f"{name}-connection",
            name=physical_name(f"{name}-connection"),
            description="How break-glass alerts sign in to Slack.",
            authorization_type="API_KEY",
            auth_parameters={
                "api_key": {"key": "Authorization", "value": pulumi.Output.concat("Bearer ", token)},
            },
            kms_key_identifier=spec.kms_key_arn,
            region=spec.region,
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.connection_arn = connection.arn
        self.register_outputs({"connection_arn": self.connection_arn, "secret_arn": self.secret_arn})

    def _created_secret(self, name: str, spec: SlackConnectionSpec) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        token = pulumi.Output.secret(spec.bot_token).apply(_from_the_arguments)
        child = pulumi.ResourceOptions(parent=self)
        secret = aws.secretsmanager.Secret(
            f"{name}-token",
            name=physical_name(f"{name}-token"),
            description="Bot token with which break-glass alerts are posted to Slack.",
            kms_key_id=spec.kms_key_arn,
            # The token's home is Slack, so nothing is lost; a secret pending deletion would block its name for days.
            recovery_window_in_days=0,
            region=spec.region,
            tags=spec.tags,
            opts=child,
        )
        aws.secretsmanager.SecretVersion(
            f"{name}-token", secret_id=secret.arn, secret_string=token, region=spec.region, opts=child
        )
        return secret.arn, token

    def _existing_secret(
        self, spec: SlackConnectionSpec, secret_name: str
    ) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        opts = pulumi.InvokeOptions(parent=self)
        secret = aws.secretsmanager.get_secret_output(name=secret_name, region=spec.region, opts=opts)
        version = aws.secretsmanager.get_secret_version_output(secret_id=secret.arn, region=spec.region, opts=opts)
        return secret.arn, pulumi.Output.secret(version.secret_string).apply(_from_the_existing_secret)


def _from_the_arguments(token: str) -> str:
    return _require_bot_token(token, "bot_token", "Give it the app's Bot User OAuth Token, which begins with xoxb-.")


def _from_the_existing_secret(token: str) -> str:
    instead = "Let the secret hold the app's Bot User OAuth Token, which begins with xoxb-, and nothing else."
    return _require_bot_token(token, "The secret in bot_token_secret_name", instead)


def _require_bot_token(token: str, place: str, instead: str) -> str:
    fault = bot_token_fault(token)
    if fault is not None:
        # Not a ConfigError: no program can catch what is raised in an apply, and Pulumi prints this one as it is.
        raise pulumi.RunError(f"{place}: {fault} {instead}")
    return token
