"""The executions of the state machine, by the API of AWS Step Functions.

Source: https://docs.aws.amazon.com/step-functions/latest/apireference/

Non-goals: the definition (see `breakglass.components.approvals.workflow_definition`).
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.services import STEP_FUNCTIONS
from breakglass.app.domain.records import Request

_OVER = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


class StepFunctions:
    """Implements `ports.Workflow`.

    Args:
        client: to call Step Functions with.
        state_machine_arn: ARN of the state machine.
    """

    def __init__(self, client: AwsClient, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, request: Request, wait: int) -> bool:
        """StartExecution, with the request's ID as name, so that each request has one execution.

        Step Functions accepts a second start of a running execution with the same input. So the input has a random
        value: only a retry of this start has the same.
        """
        given = {"request": request.id, "kind": request.kind, "wait": wait, "start": os.urandom(8).hex()}
        try:
            self._call("StartExecution", stateMachineArn=self._arn, name=request.id, input=json.dumps(given))
        except AwsError as error:
            if error.code == "ExecutionAlreadyExists":
                return False
            raise
        return True

    def wake(self, token: str, outcome: Mapping[str, Any]) -> bool:
        """SendTaskSuccess."""
        try:
            self._call("SendTaskSuccess", taskToken=token, output=json.dumps(outcome))
        except AwsError as error:
            if error.code in _OVER:
                return False
            raise
        return True

    def is_running(self, request_id: str) -> bool:
        """DescribeExecution, which may not show a new execution yet."""
        try:
            described = self._call("DescribeExecution", executionArn=self._execution_arn(request_id))
        except AwsError as error:
            if error.code == "ExecutionDoesNotExist":
                return False
            raise
        return described["status"] in ("RUNNING", "PENDING_REDRIVE")

    def _execution_arn(self, request_id: str) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:', 1)}:{request_id}"

    def _call(self, operation: str, **arguments: str) -> dict[str, Any]:
        return self._client.call(STEP_FUNCTIONS, operation, arguments)
