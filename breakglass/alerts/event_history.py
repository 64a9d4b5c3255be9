"""States of the witness that look up uses in CloudTrail's event history of this account and region.

    ListTrails -> Trails -> FirstRoles -> ListRoles -> LookUp (each role, sign-ins: Events -> AskFired -> MoreEvents)

The event history holds management events of the last 90 days, without a trail, too. So it shows what EventBridge missed
for lack of one. CloudTrail takes two lookups a second, each by one attribute. The name of a role as a resource is its
ARN, and that of a permission set has a random suffix in each account, so the roles are listed first.

An event comes to the history some minutes after the call, and the history does not say when.

Sources: CloudTrail API Reference, "LookupEvents", "DescribeTrails", "GetTrailStatus"; IAM API Reference, "ListRoles".

Non-goals: uses in other accounts and regions, e.g. root's sign-ins, most of which are recorded in us-east-1.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from breakglass.alerts.patterns.roles import SESSION_CALLS
from breakglass.alerts.recorded_uses import MOST_USES, fired_query
from breakglass.alerts.states import State, ask_insights, call_aws, choice, first_items
from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject, RootSubject, Subject, UserSubject

PAGE = 10
"""The events of a lookup. Ten records with ordinary session tags are less than the 256 KiB of a state."""

PAUSE_SECONDS = 1
"""The pause before a lookup."""

CLEAN = (
    "$clean := function($text) { $type($text) = 'string' "
    r"? $replace($substring($text, 0, 300), /[^A-Za-z0-9_.:\/+=,@-]/, '?') : '' }"
)
"""A function for an expression: a fact of a record without the characters of markup, quotes, spaces and line ends."""


@dataclass(frozen=True)
class History:
    """The settings of the lookups.

    Attributes:
        partition: the partition, e.g. `aws`.
        subjects: the subjects whose uses count.
        fired_log_group: name of the log group of the events on which rules fired.
        question: arguments of a query of that log group but its text: its time range.
    """

    partition: str
    subjects: Sequence[Subject]
    fired_log_group: str
    question: dict[str, str]

    @property
    def sets(self) -> list[str]:
        """The names of the permission sets."""
        return [each.name for each in self.subjects if isinstance(each, PermissionSetSubject)]

    @property
    def users(self) -> list[str]:
        """The IAM users, as account and name in lower case: IAM does not distinguish names by case."""
        return [f"{each.account_id}:{each.label.lower()}" for each in self.subjects if isinstance(each, UserSubject)]


def history_states(history: History, following: str) -> dict[str, State]:
    """Return the states, which need the variables `start` and `end` in milliseconds since the epoch.

    They set `trails` to the number of trails that log in the region, and `missed` to the uses on which no rule fired.

    Args:
        history: the settings.
        following: the state after them.
    """
    return {**_trail_states(history), **_role_states(history), "LookUp": _look_up(history, following)}


def _trail_states(history: History) -> dict[str, State]:
    status = call_aws(
        history.partition,
        "aws-sdk:cloudtrail:getTrailStatus",
        {"Name": "{% $states.input %}"},
        Output="{% $states.result.IsLogging = true %}",
        # A trail of the organization is another account's, which may not tell.
        Catch=[{"ErrorEquals": ["States.ALL"], "Output": True, "Next": "TrailKnown"}],
        End=True,
    )
    return {
        "ListTrails": call_aws(
            history.partition,
            "aws-sdk:cloudtrail:describeTrails",
            {},
            Output={"trails": "{% [$states.result.TrailList.TrailARN] %}"},
            Next="Trails",
        ),
        "Trails": {
            "Type": "Map",
            "Items": "{% $states.input.trails %}",
            "MaxConcurrency": 1,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "TrailStatus",
                "States": {"TrailStatus": status, "TrailKnown": {"Type": "Pass", "End": True}},
            },
            "Assign": {"trails": "{% $count($states.result[$]) %}"},
            "Output": {},
            "Next": "FirstRoles",
        },
    }


def _role_states(history: History) -> dict[str, State]:
    """Return the states that set `roles`, the ARNs of all watched roles."""
    fixed = [each.arn for each in history.subjects if isinstance(each, RoleSubject)]
    first: State = {"Type": "Pass", "Assign": {"roles": fixed, "marker": ""}, "Output": {}}
    if not history.sets:
        return {"FirstRoles": {**first, "Next": "LookUp"}}
    prefixes = json.dumps([f"AWSReservedSSO_{name}_" for name in history.sets])
    page = (
        "$merge([{'PathPrefix': '/aws-reserved/sso.amazonaws.com/', 'MaxItems': 100}, "
        "$marker = '' ? {} : {'Marker': $marker}])"
    )
    found = (
        f"($prefixes := {prefixes}; $is_watched := function($name) {{ $count($filter($prefixes, function($prefix) {{ "
        "$substring($name, 0, $length($prefix)) = $prefix })) > 0 }; "
        "[$append($roles, [$states.result.Roles[$is_watched(RoleName)].Arn])])"
    )
    return {
        "FirstRoles": {**first, "Next": "ListRoles"},
        "ListRoles": call_aws(
            history.partition,
            "aws-sdk:iam:listRoles",
            f"{{% {page} %}}",
            Assign={
                "roles": f"{{% {found} %}}",
                "marker": "{% $exists($states.result.Marker) ? $states.result.Marker : '' %}",
            },
            Next="MoreRoles",
        ),
        "MoreRoles": choice("ListRoles", ("$marker = ''", "LookUp")),
    }


def _look_up(history: History, following: str) -> State:
    has_sign_ins = any(not isinstance(each, Role) for each in history.subjects)
    sign_ins = [{"key": "EventName", "value": "ConsoleLogin"}] if has_sign_ins else []
    by_role = "$map($roles, function($arn) { {'key': 'ResourceName', 'value': $arn} })"
    return {
        "Type": "Map",
        "Items": f"{{% [$append({by_role}, {json.dumps(sign_ins)})] %}}",
        "MaxConcurrency": 1,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": "First",
            "States": _look_up_states(history),
        },
        "Assign": {"missed": f"{{% {first_items('$states.result.uses', MOST_USES)} %}}"},
        "Output": {},
        "Next": following,
    }


def _look_up_states(history: History) -> dict[str, State]:
    """Return the states of a lookup, with the uses on which no rule fired as its output."""
    page = (
        "$merge([{"
        "'LookupAttributes': [{'AttributeKey': $states.input.key, 'AttributeValue': $states.input.value}], "
        "'StartTime': $fromMillis($floor($start / 1000) * 1000), 'EndTime': $fromMillis($end), 'MaxResults': $size"
        "}, $token = '' ? {} : {'NextToken': $token}])"
    )
    query = json.dumps(fired_query("<ids>")).replace("<ids>", '" & $string([$page.id]) & "')
    alerted = "[$states.result.Results.$[Field = 'useId'].Value]"
    return {
        "First": {"Type": "Pass", "Assign": {"size": PAGE, "token": "", "found": [], "page": []}, "Next": "Pause"},
        "Pause": {"Type": "Wait", "Seconds": PAUSE_SECONDS, "Next": "Events"},
        "Events": call_aws(
            history.partition,
            "aws-sdk:cloudtrail:lookupEvents",
            f"{{% {page} %}}",
            Output="{% $states.input %}",
            Assign={
                "page": f"{{% {_uses_of_page(history)} %}}",
                "token": "{% $exists($states.result.NextToken) ? $states.result.NextToken : '' %}",
            },
            Catch=[{"ErrorEquals": ["States.DataLimitExceeded"], "Output": "{% $states.input %}", "Next": "TooLarge"}],
            Next="AnyUses",
        ),
        # A token is for pages of one size, so the lookup begins again.
        "TooLarge": choice("Unreadable", ("$size > 1", "Smaller")),
        "Smaller": {"Type": "Pass", "Assign": {"size": 1, "token": "", "found": []}, "Next": "Pause"},
        "Unreadable": {
            "Type": "Fail",
            "Error": "EventTooLarge",
            "Cause": "CloudTrail's answer with one event is larger than a state of Step Functions.",
        },
        "AnyUses": choice("AskFired", ("$count($page) = 0", "MoreEvents")),
        **ask_insights(
            history.partition,
            "Fired",
            {"LogGroupNames": [history.fired_log_group], **history.question, "QueryString": f"{{% {query} %}}"},
            {"alerted": alerted},
            "AddUses",
        ),
        "AddUses": {
            "Type": "Pass",
            "Assign": {"found": f"{{% {first_items('$append($found, $page[$not(id in $alerted)])', MOST_USES)} %}}"},
            "Next": "MoreEvents",
        },
        "MoreEvents": choice("Pause", ("$token = ''", "Found")),
        "Found": {"Type": "Pass", "Output": {"uses": "{% $found %}"}, "End": True},
    }


def _uses_of_page(history: History) -> str:
    """Return the expression of the uses on a page of events, as `recorded_uses` defines a use."""
    root = "$event.userIdentity.type = 'Root'" if RootSubject() in history.subjects else "false"
    user = "$event.userIdentity.accountId & ':' & $lowercase($event.userIdentity.userName)"
    return f"""(
  {CLEAN};
  $is_session := function($event) {{
    $event.eventSource = 'sts.amazonaws.com' and $event.eventName in {json.dumps(SESSION_CALLS)}
    and $not($exists($event.errorCode)) and $event.requestParameters.roleArn = $states.input.value
  }};
  $is_sign_in := function($event) {{
    $event.eventSource = 'signin.amazonaws.com' and $event.eventName = 'ConsoleLogin'
    and $event.responseElements.ConsoleLogin = 'Success'
    and ({root} or ($event.userIdentity.type = 'IAMUser' and ({user}) in {json.dumps(history.users)}))
  }};
  $is_in_time := function($event) {{
    $toMillis($event.eventTime) >= $start and $toMillis($event.eventTime) < $end
  }};
  $events := $states.result.Events.$parse(CloudTrailEvent);
  [$events[($is_session($) or $is_sign_in($)) and $is_in_time($)].{{
    'id': $clean($exists(sharedEventID) ? sharedEventID : eventID),
    'event': $clean(eventID),
    'time': $clean(eventTime),
    'name': $clean(eventName),
    'account': $clean(recipientAccountId),
    'region': $clean(awsRegion),
    'role': $clean(requestParameters.roleArn),
    'user': $clean($exists(userIdentity.arn) ? userIdentity.arn : userIdentity.userName)
  }}]
)"""
