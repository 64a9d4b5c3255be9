"""The commands with a Pulumi, an identity store and a table in memory."""

import io
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from breakglass.app.domain.policy import ApprovalPolicy, to_json
from breakglass.cli import CommandContext, run_command
from breakglass.cli.stack_outputs import POLICY_OUTPUT, TABLE_OUTPUT
from tests.app.doubles.clock import NOW
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.store import MemoryStore

TABLE = "breakglass-prod-records"


@dataclass
class Outcome:
    """The exit status and the output of a command."""

    status: int
    out: str
    err: str

    @property
    def flat(self) -> str:
        """Standard error on one line."""
        return " ".join(self.err.split())


@dataclass
class Typist:
    """Runs commands; `asked` lists the calls of Pulumi, the identity store and the table."""

    policy: ApprovalPolicy | None
    directory: MemoryDirectory
    store: MemoryStore = field(default_factory=MemoryStore)
    asked: list[str] = field(default_factory=list)

    def run(self, *arguments: str) -> Outcome:
        out, err = io.StringIO(), io.StringIO()

        def directory(policy: ApprovalPolicy) -> MemoryDirectory:
            self.asked.append(f"identity store {policy.settings.identity_store_id}")
            return self.directory

        def store(stack: Any) -> MemoryStore:
            self.asked.append(f"table {stack.table}")
            return self.store

        status = run_command(arguments, CommandContext(self._pulumi, directory, store, lambda: NOW, out, err))
        return Outcome(status, out.getvalue(), err.getvalue())

    def _pulumi(self, called: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.asked.append(" ".join(called))
        outputs = {POLICY_OUTPUT: to_json(self.policy), TABLE_OUTPUT: TABLE} if self.policy else {"topicArn": "arn"}
        return subprocess.CompletedProcess(called, 0, json.dumps(outputs), "")
