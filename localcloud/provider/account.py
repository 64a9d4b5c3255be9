"""The account of the provider's credentials.

API: https://docs.aws.amazon.com/STS/latest/APIReference/
"""

from localcloud.provider.aws import LocalAws
from localcloud.provider.resource import ProviderFunction, declare
from localcloud.provider.values import Properties


class GetCallerIdentity(ProviderFunction):
    """The account and identity that the provider's credentials belong to."""

    tok = "aws:index/getCallerIdentity:getCallerIdentity"
    arguments = declare()

    def call(self, aws: LocalAws, arguments: Properties) -> Properties:
        answer = aws.call("sts", "GetCallerIdentity")
        account = answer["Account"]
        return {"id": account, "accountId": account, "arn": answer["Arn"], "userId": answer["UserId"]}


FUNCTIONS = (GetCallerIdentity(),)
