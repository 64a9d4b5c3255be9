"""Service-managed StackSets, with stacks in the accounts and regions of MiniStack.

moto's own StackSets make resources in moto, also in the management account, and know neither auto-deployment nor the
units below a unit. Of moto, these use the organization, the reading of requests and the writing of answers.

From "AWS CloudFormation StackSets" in the CloudFormation User Guide and from the API Reference:

- an operation takes in the accounts of units and of the units below them, never the management account; a filter may
  choose some of them;
- an account that joins a unit gets its stacks if the set deploys automatically, and one that leaves loses them, unless
  they are retained;
- a suspended account is skipped;
- an operation fails if more accounts of a region failed than it tolerates; by default it tolerates none;
- an update of the set updates its stacks.

Operations end before the answer to the call that begins them.

Non-goals: self-managed StackSets; one account after the other; delegated administrators, who are the management account
here; trusted access, which is taken as given. A filter also holds for accounts that join, which AWS does not document.
"""

import functools
import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from moto.core.responses import BaseResponse

Answer = Callable[["BaseResponse"], dict[str, Any]]
"""Returns the answer to a request that moto has read."""

_Place = tuple[str, str]
"""An account and a region."""

_MOST_AT_ONCE = 8
_LOOK_SECONDS = 0.02
_TEMPLATE_LIMIT = 51_200
_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_OPERATIONS = (
    *("create_stack_set", "describe_stack_set", "update_stack_set", "delete_stack_set", "list_stack_sets"),
    *("create_stack_instances", "update_stack_instances", "delete_stack_instances", "list_stack_instances"),
    *("describe_stack_instance", "describe_stack_set_operation", "list_stack_set_operations"),
    *("list_stack_set_operation_results", "detect_stack_set_drift"),
)


@dataclass(frozen=True)
class _Targets:
    """The accounts and regions that an operation takes in, as the request names them."""

    units: tuple[str, ...]
    accounts: frozenset[str]
    filter: str
    regions: tuple[str, ...]


@dataclass
class _Instance:
    account: str
    region: str
    unit: str
    stack_id: str = ""
    status: str = "OUTDATED"
    detailed: str = "PENDING"
    reason: str = ""
    drift: str = "NOT_CHECKED"
    operation: str = ""

    def to_api(self, stack_set_id: str) -> dict[str, Any]:
        return {
            "StackSetId": stack_set_id,
            "Account": self.account,
            "Region": self.region,
            "OrganizationalUnitId": self.unit,
            "StackId": self.stack_id,
            "Status": self.status,
            "StatusReason": self.reason or None,
            "StackInstanceStatus": {"DetailedStatus": self.detailed},
            "DriftStatus": self.drift,
            "LastOperationId": self.operation,
        }


@dataclass
class _StackSet:
    name: str
    region: str
    settings: dict[str, Any]
    """Fields of the StackSet as it is described."""
    id: str = ""
    targets: list[_Targets] = field(default_factory=list)
    instances: dict[_Place, _Instance] = field(default_factory=dict)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    drift: dict[str, Any] = field(default_factory=lambda: {"DriftStatus": "NOT_CHECKED"})

    def __post_init__(self) -> None:
        self.id = f"{self.name}:{uuid.uuid4()}"

    @property
    def deploys_automatically(self) -> bool:
        return bool((self.settings.get("AutoDeployment") or {}).get("Enabled"))

    @property
    def retains_stacks(self) -> bool:
        """True if the stacks of an account that leaves stay there."""
        return bool((self.settings.get("AutoDeployment") or {}).get("RetainStacksOnAccountRemoval"))

    @property
    def stack(self) -> dict[str, Any]:
        """The parameters of CreateStack and UpdateStack."""
        return {
            "TemplateBody": self.settings["TemplateBody"],
            "Parameters": self.settings.get("Parameters") or [],
            "Capabilities": self.settings.get("Capabilities") or [],
            "Tags": self.settings.get("Tags") or [],
        }


class StackSets:
    """The StackSets of the management account; thread-safe.

    Args:
        management_account: ID of the management account.
        aws_url: URL of MiniStack.
    """

    def __init__(self, management_account: str, aws_url: str) -> None:
        self._management_account = management_account
        self._aws_url = aws_url
        self._lock = threading.RLock()
        self._sets: dict[tuple[str, str], _StackSet] = {}

    def install(self) -> None:
        """Follows accounts into units and out of them."""
        from moto.organizations.models import OrganizationsBackend

        for name in ("create_account", "move_account", "close_account"):
            setattr(OrganizationsBackend, name, self._followed(getattr(OrganizationsBackend, name)))

    def answer(self, environ: "WSGIEnvironment") -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body of the answer to a request for CloudFormation."""
        from moto.core.request import Request

        try:
            status, headers, body = self._responder.dispatch(Request(environ))
        except _RefusedError as error:
            return 400, {"Content-Type": "text/xml"}, error.to_xml()
        # moto keeps the status among the headers, too.
        return status, {name: value for name, value in headers.items() if name != "status"}, body.encode()

    @functools.cached_property
    def _responder(self) -> "type[BaseResponse]":
        """A class of moto that reads requests and writes answers; moto's own loads all of its services."""
        from moto.core.responses import ActionResult, BaseResponse

        def respond(answer: Answer) -> "Callable[[BaseResponse], ActionResult]":
            def responding(request: "BaseResponse") -> ActionResult:
                with self._lock:
                    return ActionResult(answer(request))

            return responding

        class StackSetResponse(BaseResponse):
            def __init__(self) -> None:
                super().__init__(service_name="cloudformation")
                self.automated_parameter_parsing = True

        for name in _OPERATIONS:
            setattr(StackSetResponse, name, respond(getattr(self, f"_{name}")))
        return StackSetResponse

    def _followed(self, change: Callable[..., Any]) -> Callable[..., Any]:
        """A change of the organization, and the automatic deployments after it."""

        def changed(*arguments: Any, **named: Any) -> Any:
            answer = change(*arguments, **named)
            self.deploy_automatically()
            return answer

        return changed

    def deploy_automatically(self) -> None:
        """Gives stacks to the accounts that joined a unit, and takes them from those that left."""
        with self._lock:
            for stack_set in self._sets.values():
                if not stack_set.deploys_automatically:
                    continue
                wanted = self._places(stack_set.targets)
                missing = {place: unit for place, unit in wanted.items() if place not in stack_set.instances}
                if missing:
                    self._run(stack_set, "CREATE", missing, self._create, _tolerate_all)
                surplus = {
                    place: instance.unit for place, instance in stack_set.instances.items() if place not in wanted
                }
                if surplus:
                    delete = functools.partial(self._delete, retain=stack_set.retains_stacks)
                    self._run(stack_set, "DELETE", surplus, delete, _tolerate_all)

    # --- operations ---------------------------------------------------------------------------------------------------

    def _create_stack_set(self, request: "BaseResponse") -> dict[str, Any]:
        name = request._get_param("StackSetName")
        if not _NAME.fullmatch(name):
            raise _validation_error(f"{name!r} at 'stackSetName' is not the name of a stack set")
        if (request.region, name) in self._sets:
            raise _RefusedError("NameAlreadyExistsException", f"A stack set with the name {name} already exists.")
        settings = _settings(request)
        if settings["PermissionModel"] != "SERVICE_MANAGED":
            raise _validation_error("The local cloud has stack sets of the permission model SERVICE_MANAGED only")
        stack_set = self._sets[request.region, name] = _StackSet(name, request.region, settings)
        return {"StackSetId": stack_set.id}

    def _update_stack_set(self, request: "BaseResponse") -> dict[str, Any]:
        stack_set = self._find(request)
        given = {name: value for name, value in _settings(request).items() if value is not None}
        if "TemplateBody" not in given and not request._get_param("UsePreviousTemplate"):
            raise _validation_error(
                "Exactly one of TemplateBody, TemplateUrl, or UsePreviousTemplate must be specified"
            )
        stack_set.settings |= given
        places = {place: instance.unit for place, instance in stack_set.instances.items()}
        return {"OperationId": self._run(stack_set, "UPDATE", places, self._update, _tolerance(request))}

    def _describe_stack_set(self, request: "BaseResponse") -> dict[str, Any]:
        stack_set, account = self._find(request), self._management_account
        described = {
            **stack_set.settings,
            "StackSetName": stack_set.name,
            "StackSetId": stack_set.id,
            "StackSetARN": f"arn:aws:cloudformation:{stack_set.region}:{account}:stackset/{stack_set.id}",
            "Status": "ACTIVE",
            "Regions": sorted({region for targets in stack_set.targets for region in targets.regions}),
            "OrganizationalUnitIds": sorted({unit for targets in stack_set.targets for unit in targets.units}),
            "StackSetDriftDetectionDetails": stack_set.drift,
        }
        return {"StackSet": described}

    def _delete_stack_set(self, request: "BaseResponse") -> dict[str, Any]:
        name = request._get_param("StackSetName")
        stack_set = self._sets.get((request.region, name))
        if stack_set and stack_set.instances:
            raise _RefusedError("StackSetNotEmptyException", "StackSet is not empty")
        self._sets.pop((request.region, name), None)
        return {}

    def _list_stack_sets(self, request: "BaseResponse") -> dict[str, Any]:
        fields = ("Description", "PermissionModel", "AutoDeployment", "ManagedExecution")
        return {
            "Summaries": [
                {
                    **{name: stack_set.settings.get(name) for name in fields},
                    "StackSetName": stack_set.name,
                    "StackSetId": stack_set.id,
                    "Status": "ACTIVE",
                    "DriftStatus": stack_set.drift["DriftStatus"],
                }
                for stack_set in self._sets.values()
                if stack_set.region == request.region
            ]
        }

    def _create_stack_instances(self, request: "BaseResponse") -> dict[str, Any]:
        stack_set, targets = self._find(request), self._targets(request)
        stack_set.targets.append(targets)
        places = {place: unit for place, unit in self._places([targets]).items() if place not in stack_set.instances}
        return {"OperationId": self._run(stack_set, "CREATE", places, self._create, _tolerance(request))}

    def _update_stack_instances(self, request: "BaseResponse") -> dict[str, Any]:
        stack_set, wanted = self._find(request), self._places([self._targets(request)])
        places = {place: unit for place, unit in wanted.items() if place in stack_set.instances}
        return {"OperationId": self._run(stack_set, "UPDATE", places, self._update, _tolerance(request))}

    def _delete_stack_instances(self, request: "BaseResponse") -> dict[str, Any]:
        stack_set, targets = self._find(request), self._targets(request)
        wanted = self._places([targets])
        places = {place: unit for place, unit in wanted.items() if place in stack_set.instances}
        stack_set.targets = [rest for old in stack_set.targets for rest in _without(old, targets)]
        delete = functools.partial(self._delete, retain=bool(request._get_param("RetainStacks")))
        return {"OperationId": self._run(stack_set, "DELETE", places, delete, _tolerance(request))}

    def _list_stack_instances(self, request: "BaseResponse") -> dict[str, Any]:
        stack_set = self._find(request)
        account, region = request._get_param("StackInstanceAccount"), request._get_param("StackInstanceRegion")
        listed = [
            instance.to_api(stack_set.id)
            for instance in stack_set.instances.values()
            if account in (None, instance.account) and region in (None, instance.region)
        ]
        return {"Summaries": sorted(listed, key=lambda each: (each["Account"], each["Region"]))}

    def _describe_stack_instance(self, request: "BaseResponse") -> dict[str, Any]:
        stack_set = self._find(request)
        place = request._get_param("StackInstanceAccount"), request._get_param("StackInstanceRegion")
        if place not in stack_set.instances:
            raise _RefusedError("StackInstanceNotFoundException", "The specified stack instance doesn't exist.")
        return {"StackInstance": stack_set.instances[place].to_api(stack_set.id)}

    def _describe_stack_set_operation(self, request: "BaseResponse") -> dict[str, Any]:
        return {"StackSetOperation": self._find_operation(request)}

    def _list_stack_set_operations(self, request: "BaseResponse") -> dict[str, Any]:
        return {"Summaries": list(reversed(self._find(request).operations.values()))}

    def _list_stack_set_operation_results(self, request: "BaseResponse") -> dict[str, Any]:
        return {"Summaries": self._find_operation(request)["Results"]}

    def _detect_stack_set_drift(self, request: "BaseResponse") -> dict[str, Any]:
        stack_set = self._find(request)
        places = {place: instance.unit for place, instance in stack_set.instances.items()}
        operation = self._run(stack_set, "DETECT_DRIFT", places, self._detect_drift, _tolerance(request))
        drifts = [instance.drift for instance in stack_set.instances.values()]
        stack_set.drift = {
            "DriftStatus": "DRIFTED" if "DRIFTED" in drifts else "IN_SYNC",
            "DriftDetectionStatus": "COMPLETED",
            "LastDriftCheckTimestamp": datetime.now(UTC),
            "TotalStackInstancesCount": len(drifts),
            "DriftedStackInstancesCount": drifts.count("DRIFTED"),
            "InSyncStackInstancesCount": drifts.count("IN_SYNC"),
            "FailedStackInstancesCount": drifts.count("UNKNOWN"),
            "InProgressStackInstancesCount": 0,
        }
        return {"OperationId": operation}

    # --- accounts -----------------------------------------------------------------------------------------------------

    @property
    def _organization(self) -> Any:
        from moto.organizations.models import organizations_backends

        return organizations_backends[self._management_account]["aws"]

    def _targets(self, request: "BaseResponse") -> _Targets:
        """Read which accounts and regions a request names."""
        named = request._get_param("DeploymentTargets") or {}
        units, accounts = named.get("OrganizationalUnitIds") or [], named.get("Accounts") or []
        chosen = named.get("AccountFilterType") or "NONE"
        if not units:
            raise _validation_error(
                "StackSets with SERVICE_MANAGED permission model can only have OrganizationalUnit as target"
            )
        known = {unit.id for unit in self._organization.ou}
        if unknown := sorted(set(units) - known):
            raise _validation_error(f"Organizational units {unknown} do not exist")
        if bool(accounts) != (chosen != "NONE"):
            raise _validation_error("AccountFilterType and Accounts in DeploymentTargets must be specified together")
        regions = request._get_param("Regions") or []
        if not regions:
            raise _validation_error("Regions must be specified")
        return _Targets(tuple(units), frozenset(accounts), chosen, tuple(regions))

    def _places(self, all_targets: Iterable[_Targets]) -> dict[_Place, str]:
        """Return the accounts and regions of targets, and the unit by which each was named."""
        places: dict[_Place, str] = {}
        for targets in all_targets:
            for unit in targets.units:
                found = self._accounts_below(unit)
                match targets.filter:
                    case "INTERSECTION":
                        found &= targets.accounts
                    case "DIFFERENCE":
                        found -= targets.accounts
                    case "UNION":
                        found |= targets.accounts - {self._management_account}
                for account in found:
                    for region in targets.regions:
                        places.setdefault((account, region), unit)
        return places

    def _accounts_below(self, unit: str) -> set[str]:
        organization = self._organization
        found = {each.id for each in organization.accounts if each.parent_id == unit} - {self._management_account}
        for child in organization.ou:
            if child.parent_id == unit:
                found |= self._accounts_below(child.id)
        return found

    def _is_suspended(self, account: str) -> bool:
        return any(each.id == account and each.status == "SUSPENDED" for each in self._organization.accounts)

    # --- stacks -------------------------------------------------------------------------------------------------------

    def _run(
        self,
        stack_set: _StackSet,
        action: str,
        places: Mapping[_Place, str],
        work: Callable[[_StackSet, _Instance], None],
        tolerates: Callable[[int, int], bool],
    ) -> str:
        """Work on each instance; return the ID of the operation."""
        operation_id, begun = str(uuid.uuid4()), datetime.now(UTC)
        instances = [
            stack_set.instances.setdefault((account, region), _Instance(account, region, unit))
            for (account, region), unit in places.items()
        ]

        def attempt(instance: _Instance) -> None:
            instance.operation, instance.reason = operation_id, ""
            if self._is_suspended(instance.account):
                instance.detailed = "SKIPPED_SUSPENDED_ACCOUNT"
                return
            try:
                work(stack_set, instance)
                instance.detailed = "SUCCEEDED"
            except _StackError as error:
                instance.detailed, instance.reason = "FAILED", str(error)
                instance.status = "INOPERABLE" if action == "DELETE" else "OUTDATED"

        with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
            list(pool.map(attempt, instances))
        if action == "DELETE":
            for instance in instances:
                if instance.detailed != "FAILED":
                    stack_set.instances.pop((instance.account, instance.region))
        stack_set.operations[operation_id] = {
            "StackSetId": stack_set.id,
            "OperationId": operation_id,
            "Action": action,
            "Status": "SUCCEEDED" if _succeeded(instances, tolerates) else "FAILED",
            "CreationTimestamp": begun,
            "EndTimestamp": datetime.now(UTC),
            "Results": [_result(instance) for instance in instances],
        }
        return operation_id

    def _create(self, stack_set: _StackSet, instance: _Instance) -> None:
        client = self._cloudformation(instance)
        name = f"StackSet-{stack_set.name}-{uuid.uuid4()}"
        instance.stack_id = _call(client.create_stack, StackName=name, **stack_set.stack)["StackId"]
        self._await(instance, "CREATE_COMPLETE")
        instance.status = "CURRENT"

    def _update(self, stack_set: _StackSet, instance: _Instance) -> None:
        if not instance.stack_id:
            self._create(stack_set, instance)
            return
        try:
            _call(self._cloudformation(instance).update_stack, StackName=instance.stack_id, **stack_set.stack)
            self._await(instance, "UPDATE_COMPLETE")
        except _StackError as error:
            if "No updates are to be performed" not in str(error):
                raise
        instance.status = "CURRENT"

    def _delete(self, _: _StackSet, instance: _Instance, retain: bool) -> None:
        if instance.stack_id and not retain:
            _call(self._cloudformation(instance).delete_stack, StackName=instance.stack_id)
            self._await(instance, "DELETE_COMPLETE")

    def _detect_drift(self, _: _StackSet, instance: _Instance) -> None:
        client = self._cloudformation(instance)
        instance.drift = "UNKNOWN"
        detection = _call(client.detect_stack_drift, StackName=instance.stack_id)["StackDriftDetectionId"]
        while True:
            status = _call(client.describe_stack_drift_detection_status, StackDriftDetectionId=detection)
            if status["DetectionStatus"] != "DETECTION_IN_PROGRESS":
                break
            time.sleep(_LOOK_SECONDS)
        if status["DetectionStatus"] == "DETECTION_FAILED":
            raise _StackError(status.get("DetectionStatusReason", "Drift detection failed"))
        instance.drift = status["StackDriftStatus"]

    def _await(self, instance: _Instance, wanted: str) -> None:
        client = self._cloudformation(instance)
        while True:
            stack = _call(client.describe_stacks, StackName=instance.stack_id)["Stacks"][0]
            status = stack["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                break
            time.sleep(_LOOK_SECONDS)
        if status != wanted:
            events = _call(client.describe_stack_events, StackName=instance.stack_id)["StackEvents"]
            reasons = [each.get("ResourceStatusReason") for each in events if each["ResourceStatus"].endswith("FAILED")]
            # The oldest failure, which is the last, caused the others.
            raise _StackError(reasons[-1] if reasons else f"The stack is {status}")

    def _cloudformation(self, instance: _Instance) -> Any:
        return _client(self._aws_url, instance.account, instance.region)

    # --- parts of a request ------------------------------------------------------------------------------------------

    def _find(self, request: "BaseResponse") -> _StackSet:
        name = request._get_param("StackSetName")
        for stack_set in self._sets.values():
            if stack_set.region == request.region and name in (stack_set.name, stack_set.id):
                return stack_set
        raise _RefusedError("StackSetNotFoundException", f"StackSet {name} not found")

    def _find_operation(self, request: "BaseResponse") -> dict[str, Any]:
        operation = self._find(request).operations.get(request._get_param("OperationId"))
        if operation is None:
            raise _RefusedError(
                "OperationNotFoundException", "The specified ID refers to an operation that doesn't exist."
            )
        return operation


class _StackError(Exception):
    """A stack was not made, changed or deleted; the message says why."""


def _settings(request: "BaseResponse") -> dict[str, Any]:
    """Read the fields that are described as they were given; None for a missing one."""
    template = request._get_param("TemplateBody")
    if template is not None and len(template.encode()) > _TEMPLATE_LIMIT:
        raise _validation_error(
            f"Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to "
            f"{_TEMPLATE_LIMIT}"
        )
    fields = ("Description", "Parameters", "Capabilities", "Tags", "PermissionModel", "AutoDeployment")
    managed = request._get_param("ManagedExecution")
    # The request is moto's, so what is kept is a copy.
    return json.loads(
        json.dumps(
            {
                **{name: request._get_param(name) for name in fields},
                "TemplateBody": template,
                "ManagedExecution": None if managed is None else {"Active": bool(managed.get("Active"))},
            }
        )
    )


def _without(old: _Targets, deleted: _Targets) -> Iterator[_Targets]:
    """Yield the targets that are left when stacks were deleted, for the accounts that join later."""
    units = [unit for unit in old.units if unit in deleted.units]
    regions = [region for region in old.regions if region in deleted.regions]
    other_units = [unit for unit in old.units if unit not in units]
    other_regions = [region for region in old.regions if region not in regions]
    if other_units:
        yield replace(old, units=tuple(other_units))
    if units and other_regions:
        yield replace(old, units=tuple(units), regions=tuple(other_regions))
    if units and regions and deleted.filter != "NONE":
        # Accounts are deleted from a unit by INTERSECTION, and then the rest of the unit stays.
        rest = "DIFFERENCE" if deleted.filter == "INTERSECTION" else "INTERSECTION"
        accounts = deleted.accounts | (old.accounts if old.filter == rest == "DIFFERENCE" else frozenset())
        yield _Targets(tuple(units), accounts, rest, tuple(regions))


def _tolerate_all(_failed: int, _accounts: int) -> bool:
    """Automatic deployments go on after failures."""
    return True


def _tolerance(request: "BaseResponse") -> Callable[[int, int], bool]:
    """Return whether an operation tolerates a number of failures among a number of accounts."""
    preferences = request._get_param("OperationPreferences") or {}
    count, percentage = preferences.get("FailureToleranceCount"), preferences.get("FailureTolerancePercentage")

    def tolerates(failed: int, accounts: int) -> bool:
        if count is not None:
            return failed <= int(count)
        return failed <= accounts * int(percentage or 0) // 100

    return tolerates


def _succeeded(instances: Sequence[_Instance], tolerates: Callable[[int, int], bool]) -> bool:
    regions: dict[str, list[bool]] = {}
    for instance in instances:
        regions.setdefault(instance.region, []).append(instance.detailed == "FAILED")
    return all(tolerates(sum(failures), len(failures)) for failures in regions.values())


def _result(instance: _Instance) -> dict[str, Any]:
    return {
        "Account": instance.account,
        "Region": instance.region,
        "OrganizationalUnitId": instance.unit,
        "Status": "SUCCEEDED" if instance.detailed == "SUCCEEDED" else "FAILED",
        "StatusReason": instance.reason or None,
    }


def _call(operation: Callable[..., Any], **parameters: Any) -> Any:
    from botocore.exceptions import ClientError

    try:
        return operation(**parameters)
    except ClientError as error:
        raise _StackError(error.response["Error"]["Message"]) from error


_clients_lock = threading.Lock()


def _client(aws_url: str, account: str, region: str) -> Any:
    with _clients_lock:  # clients are thread-safe, creating them is not
        return _make_client(aws_url, account, region)


@functools.cache
def _make_client(aws_url: str, account: str, region: str) -> Any:
    from botocore.config import Config

    return _session().create_client(
        "cloudformation",
        endpoint_url=aws_url,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="local",  # noqa: S106 - the emulators check none
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


@functools.cache
def _session() -> Any:
    from botocore.session import Session

    return Session({"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)})


class _RefusedError(Exception):
    """A request is refused, with an error code and a message of AWS."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self._code = code

    def to_xml(self) -> bytes:
        error = f"<Type>Sender</Type><Code>{self._code}</Code><Message>{escape(str(self))}</Message>"
        return f"<ErrorResponse><Error>{error}</Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>".encode()


def _validation_error(message: str) -> _RefusedError:
    return _RefusedError("ValidationError", message)
