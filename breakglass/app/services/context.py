"""The context of each function: its policy, stores and clients, in one value.

Non-goals: making the parts (see `entrypoints`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.ports import (
    AssignmentStore,
    AuditStore,
    Clock,
    Directory,
    GrantStore,
    IdentityCenter,
    LockStore,
    Log,
    OnceStore,
    RequestStore,
    SessionPolicy,
    Slack,
    Store,
    UsageStore,
    Workflow,
)

StepResult = dict[str, Any]
"""The result of a step of the workflow, JSON-ready."""


class RecorderStore(RequestStore, UsageStore, Protocol):
    """The stores of the function that records usages."""


class InteractionStore(RecorderStore, GrantStore, AuditStore, OnceStore, Protocol):
    """The stores of the functions that talk to people."""


class ProvisionerStore(RequestStore, GrantStore, AssignmentStore, LockStore, Protocol):
    """The stores of the functions that change assignments."""


@dataclass(frozen=True)
class AppContext:
    """The context that every function has."""

    policy: ApprovalPolicy
    clock: Clock
    log: Log


@dataclass(frozen=True)
class IdentityContext(AppContext):
    """The context that identifies a Slack user."""

    directory: Directory
    slack: Slack


@dataclass(frozen=True)
class RecorderContext(AppContext):
    """The context of the function that records usages."""

    store: RecorderStore


@dataclass(frozen=True)
class ProvisionerContext(AppContext):
    """The context of the functions that change assignments.

    Attributes:
        session_policy: None if the stack does not end live sessions.
    """

    store: ProvisionerStore
    identity_center: IdentityCenter
    session_policy: SessionPolicy | None


@dataclass(frozen=True)
class InteractionContext(RecorderContext, IdentityContext):
    """The context of the functions that talk to people.

    Attributes:
        count: adds one to a metric, by its name.
        pause: waits for so many seconds.
    """

    store: InteractionStore
    workflow: Workflow
    count: Callable[[str], None]
    pause: Callable[[float], None]


@dataclass(frozen=True)
class ReconcilerContext(InteractionContext, ProvisionerContext):
    """The context of the reconciler: all that the others have."""

    store: Store
