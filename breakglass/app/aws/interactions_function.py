"""The interactions function, by Lambda's Invoke.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html

Non-goals: repeated invocations, which the function itself expects.
"""

import json
from collections.abc import Mapping
from typing import Any

from breakglass.app.aws.aws import AwsClient


class InteractionsFailedError(Exception):
    """The function failed; its log has the details.

    Attributes:
        error_type: name of the exception.
    """

    def __init__(self, error_type: str) -> None:
        super().__init__(f"`interactions` function failed with {error_type}")
        self.error_type = error_type


class LambdaInteractions:
    """Implements `ports.InteractionsFunction`.

    Each method raises `AwsError` if Lambda refuses or does not answer, and `ask` also `InteractionsFailedError` if the
    function fails or its answer is not an object.

    Args:
        client: to call Lambda with.
        function: name or ARN of the function.
    """

    def __init__(self, client: AwsClient, function: str) -> None:
        self._client = client
        self._function = function

    def hand_over(self, interaction: Mapping[str, Any]) -> None:
        """Invoke it asynchronously."""
        self._client.invoke(self._function, "Event", _payload(interaction))

    def ask(self, interaction: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke it and wait."""
        answer = self._client.invoke(self._function, "RequestResponse", _payload(interaction))
        said = _object(answer.body)
        if "x-amz-function-error" in answer.headers or said is None:
            raise InteractionsFailedError(str((said or {}).get("errorType", "no answer")))
        return said


def _payload(interaction: Mapping[str, Any]) -> bytes:
    return json.dumps({"interaction": dict(interaction)}).encode()


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
