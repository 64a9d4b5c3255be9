"""The service control policy that ends live sessions, by the API of AWS Organizations.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdatePolicy.html

Non-goals: its content (see `domain.session_denials`); creating and attaching it, which the deployment does.
"""

from typing import Any

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.services import ORGANIZATIONS
from breakglass.app.domain.session_denials import SessionPolicyRefusedError
from breakglass.app.error_codes import Remedy
from breakglass.app.ports import BusyError


class ServiceControlPolicy:
    """Implements `ports.SessionPolicy`.

    Each method raises `BusyError` if a retry may help, and `SessionPolicyRefusedError` if not.

    Args:
        client: to call Organizations with.
        policy_id: ID of the policy, `p-...`.
    """

    def __init__(self, client: AwsClient, policy_id: str) -> None:
        self._client = client
        self._policy_id = policy_id

    def read(self) -> str:
        """DescribePolicy."""
        return str(self._call("DescribePolicy")["Policy"]["Content"])

    def write(self, content: str) -> None:
        """UpdatePolicy; a second time with the same content changes nothing."""
        self._call("UpdatePolicy", Content=content)

    def _call(self, operation: str, **arguments: str) -> dict[str, Any]:
        try:
            return self._client.call(ORGANIZATIONS, operation, {"PolicyId": self._policy_id, **arguments})
        except AwsError as error:
            # Among others, another change of the organization's policies is under way.
            if error.remedy is Remedy.retry:
                raise BusyError(f"{operation}: {error.code}", error.code) from error
            raise SessionPolicyRefusedError(f"{operation}: {error.code}") from error
