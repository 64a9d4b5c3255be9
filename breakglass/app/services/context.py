"""Everything that the app asks of the context, in one value.

Non-goals: making the parts (see `entrypoints`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.ports import Clock, Directory, IdentityCenter, Log, SessionPolicy, Slack, Store, Workflow


@dataclass(frozen=True)
class AppContext:
    """What every function has.

    Attributes:
        policy: the compiled policy.
        store: the records.
        clock: the time.
        log: where to say what happened.
    """

    policy: ApprovalPolicy
    store: Store
    clock: Clock
    log: Log


@dataclass(frozen=True)
class ProvisionerContext(AppContext):
    """What the functions have that make and take back assignments.

    Attributes:
        center: Identity Center.
        sessions: the policy that ends live sessions; None if they are not ended.
    """

    center: IdentityCenter
    sessions: SessionPolicy | None


@dataclass(frozen=True)
class InteractionContext(AppContext):
    """What the functions have that talk to people.

    Attributes:
        directory: who people are, and in which groups.
        slack: where they are.
        workflow: what goes on with a decided request.
        pause: waits for so many seconds.
    """

    directory: Directory
    slack: Slack
    workflow: Workflow
    pause: Callable[[float], None]
