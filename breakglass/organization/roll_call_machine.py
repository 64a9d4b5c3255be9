"""The state machine of the roll call in the Amazon States Language (JSONata): which spokes were not heard?

It runs every day, an hour after the heartbeats of the spokes:

    CollectHeartbeats (each region: AskHeartbeats -> ReadHeartbeats) -> ListAccounts (each page)
        -> Missing -> Report                                                      a mail
                   -> Count                                                       metric: the spokes that are missing

It compares accounts with heartbeats, so it finds a spoke that never existed, and a bus that is gone: nothing is heard.
A spoke of an account is expected in each region if the account is active, not excluded, and below one of the units.
The management account and the hub's own are expected wherever they are, and an account that has just joined: below no
unit, it gets no spoke by itself.

A page of accounts is compared at once. So the state holds the IDs of the accounts that were heard, and texts about
those that were not, of which a mail has `MOST_LINES` at most.

`Count` writes the metric last: a run without a value did not report.

Non-goals: the rule by which heartbeats come to the log group (`roll_call_rules`), the resources
(`breakglass.components.organization.roll_call`), and a spoke of which only some rules work, which still is heard
(`breakglass coverage`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.states import RETRY, State, ask_insights, choice, integration, own_dimensions, put_metrics
from breakglass.naming import AlertMetric

SCHEDULE = "cron(0 5 * * ? *)"
"""The time of the runs: an hour after the heartbeats, so that a spoke which is gone is missing in the next run."""

RUN_WINDOW_HOURS = 24
"""The age at which a heartbeat is too old in a run. On time, the last one is an hour old, the one before 25 hours:
neither is near the limit, so a minute more or less decides nothing."""

WINDOW_HOURS = 25
"""The age at which a heartbeat is too old at any time of the day, e.g. when the next one is just due."""

TIMEOUT_SECONDS = 3600
"""The limit of an execution."""

MOST_LINES = 200
"""Accounts in one list of a mail. An e-mail of SNS has at most 256 KiB (Amazon SNS API Reference, "Publish")."""

_THROTTLED = {
    "ErrorEquals": ["Organizations.TooManyRequestsException"],
    "IntervalSeconds": 5,
    "BackoffRate": 2,
    "MaxAttempts": 6,
    "MaxDelaySeconds": 60,
    "JitterStrategy": "FULL",
}
"""Retries of `ListAccounts`, whose limit all callers of the organization share (AWS Organizations User Guide, "Quotas
and service limits")."""


@dataclass(frozen=True)
class RollCallSettings:
    """The settings of a roll call.

    Attributes:
        stack: the name of the hub's stack; value of the metric's dimension `Stack`.
        regions: the regions in which each account has a spoke.
        exclude: IDs of accounts without a spoke.
        units: IDs of the organizational units or roots whose accounts have spokes; empty for all accounts.
        log_group: name of the log group with the heartbeats.
        topic_arn: ARN of the topic that the mails go to.
    """

    stack: str
    regions: Sequence[str]
    exclude: Sequence[str]
    units: Sequence[str]
    log_group: str
    topic_arn: str

    @property
    def partition(self) -> str:
        """The partition of the stack."""
        return self.topic_arn.split(":")[1]

    @property
    def account(self) -> str:
        """The ID of the hub's account."""
        return self.topic_arn.split(":")[4]

    @property
    def expected_units(self) -> list[str]:
        """The units that limit the accounts; empty if a root is among them, which has all accounts."""
        return [] if any(unit.startswith("r-") for unit in self.units) else list(self.units)


def heartbeat_query(region: str) -> str:
    """Return the query of CloudWatch Logs Insights for the accounts that were heard in a region."""
    return f"filter region = '{region}' | stats count(*) as heartbeats by account"


def roll_call_definition(roll_call: RollCallSettings) -> dict[str, Any]:
    """Return the definition of the state machine, JSON-ready. The execution's input is not used."""
    dimensions = own_dimensions(roll_call.stack)
    return {
        "Comment": "Which accounts and regions of the organization did not send a heartbeat?",
        "QueryLanguage": "JSONata",
        "StartAt": "CollectHeartbeats",
        "TimeoutSeconds": TIMEOUT_SECONDS,
        "States": {
            "CollectHeartbeats": {
                "Type": "Map",
                "Items": [{"region": region, "query": heartbeat_query(region)} for region in roll_call.regions],
                # Queries of others in the account run at the same time, and their number is limited.
                "MaxConcurrency": 1,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "INLINE"},
                    "StartAt": "AskHeartbeats",
                    "States": _query_states(roll_call),
                },
                "Assign": {"heard": "{% $merge([$states.result.{region: [accounts]}]) %}"},
                "Output": {"token": "", "spokes": 0, "absent": 0, "missing": [], "others": []},
                "Next": "ListAccounts",
            },
            "ListAccounts": _list_accounts(roll_call),
            "Listed": choice("Missing", ("$states.input.token != ''", "ListAccounts")),
            "Missing": choice("Report", ("$states.input.spokes = 0", "Count")),
            "Report": {
                "Type": "Task",
                "Resource": integration(roll_call.partition, "sns:publish"),
                "Arguments": {
                    "TopicArn": roll_call.topic_arn,
                    "Subject": "{% 'Break-glass alerts do not see ' & $string($states.input.absent) & "
                    "($states.input.absent = 1 ? ' account' : ' accounts') %}",
                    "Message": f"{{% {_mail(roll_call)} %}}",
                },
                "Retry": RETRY,
                "Output": "{% $states.input %}",
                "Next": "Count",
            },
            "Count": put_metrics(
                roll_call.partition,
                {AlertMetric.missing_spokes: "{% $states.input.spokes %}"},
                dimensions,
                Output={"missing": "{% $states.input.spokes %}"},
                End=True,
            ),
        },
    }


def _query_states(roll_call: RollCallSettings) -> dict[str, State]:
    question = {
        "LogGroupName": roll_call.log_group,
        "QueryString": "{% $states.input.query %}",
        "StartTime": f"{{% $floor($millis() / 1000) - {RUN_WINDOW_HOURS * 3600} %}}",
        "EndTime": "{% $floor($millis() / 1000) %}",
    }
    # A row is a list of fields. The count of heartbeats, the other field, never has twelve digits.
    accounts = "[$states.result.Results.Value[$contains($, /^[0-9]{12}$/)]]"
    return {
        **ask_insights(roll_call.partition, "Heartbeats", question, {"accounts": accounts}, "Collected"),
        "Collected": {
            "Type": "Pass",
            "Output": {"region": "{% $states.input.region %}", "accounts": "{% $accounts %}"},
            "End": True,
        },
    }


def _list_accounts(roll_call: RollCallSettings) -> State:
    return {
        "Type": "Task",
        "Resource": integration(roll_call.partition, "aws-sdk:organizations:listAccounts"),
        "Arguments": "{% $states.input.token = '' ? {} : {'NextToken': $states.input.token} %}",
        "Retry": [_THROTTLED, *RETRY],
        "Output": f"{{% {_page(roll_call)} %}}",
        "Next": "Listed",
    }


def _page(roll_call: RollCallSettings) -> str:
    """Return the expression of the accounts so far: those of the state's input, and those of this page."""
    first = f"[0..{MOST_LINES - 1}]"
    # The state's name was `Status` before September 2026 (AWS Organizations API Reference, "Account"). A name has no
    # line breaks there, but nothing else is known of it.
    return f"""(
  $since := $substring($fromMillis($millis() - {RUN_WINDOW_HOURS * 3_600_000}), 0, 19);
  $state := function($account) {{ $exists($account.State) ? $account.State : $account.Status }};
  $name := function($account) {{
    $replace($substring($account.Name, 0, 50), /[^ -~]/, '?') & ' (' & $account.Id & ')'
  }};
  $manages := function($account) {{ $split($account.Arn, ':')[4] = $account.Id }};
  $is_new := function($account) {{
    $type($account.JoinedTimestamp) = 'string' and $substring($account.JoinedTimestamp, 0, 19) > $since
  }};
  $is_excluded := function($account) {{ $account.Id in {json.dumps(list(roll_call.exclude))} }};
  $reason := function($account) {{
    $manages($account) ? ' - the management account, which StackSets leave out: it needs a spoke stack'
    : $is_new($account) ? ' - new since ' & $account.JoinedTimestamp & ($account.Id in $inside.Id
      ? ': its spokes may not have sent yet' : ', below no unit with spokes: it gets none there')
    : ''
  }};
  $inside := [$states.result.Accounts][{_is_inside(roll_call)}];
  $outside := [$states.result.Accounts][$not(Id in $inside.Id) and $is_new($)];
  $expected := [$inside, $outside];
  $active := $expected[$state($) = 'ACTIVE'];
  $found := [$active[$not($is_excluded($))].(
    $account := $;
    $absent := {json.dumps(list(roll_call.regions))}[$not($account.Id in $lookup($heard, $))];
    $count($absent) = 0 ? [] : {{
      'spokes': $count($absent),
      'line': $name($account) & ': ' & $join($absent, ', ') & $reason($account)
    }}
  )];
  $others := [
    $active[$is_excluded($)].($name($) & ': excluded by the stack file'),
    $expected[$state($) != 'ACTIVE'].($name($) & ': ' & $lowercase($replace($state($), '_', ' ')))
  ];
  $missing := [$states.input.missing, $found.line];
  $not_missed := [$states.input.others, $others];
  {{
    'token': $type($states.result.NextToken) = 'string' ? $states.result.NextToken : '',
    'spokes': $sum([$states.input.spokes, $found.spokes]),
    'absent': $states.input.absent + $count($found),
    'missing': [$missing[{first}]],
    'others': [$not_missed[{first}]]
  }}
)"""


def _is_inside(roll_call: RollCallSettings) -> str:
    """Return the condition for an account, the context, that has spokes if it is active and not excluded."""
    units = roll_call.expected_units
    if not units:
        return "true"
    # A path is `o-…/r-…/ou-…/ou-…/ACCOUNT/`. Better a report too much than one too few if it is not known.
    below = f"/\\/({'|'.join(units)})\\//"
    return (
        f"$manages($) or Id = '{roll_call.account}' or $not($exists(Paths)) or $count(Paths[$contains($, {below})]) > 0"
    )


def _mail(roll_call: RollCallSettings) -> str:
    """Return the expression of the mail: each account with its regions, a common cause, and the remedy."""
    regions = json.dumps(list(roll_call.regions))
    stack = json.dumps(roll_call.stack)
    return f"""(
  $silent := {regions}[$count($lookup($heard, $)) = 0];
  $more := $states.input.absent - $count($states.input.missing);
  'The break-glass alerts of the stack ' & {stack} & ' see nothing in the accounts and regions below: no heartbeat of '
  & 'their spokes has come for {RUN_WINDOW_HOURS} hours. Uses of break-glass roles there raise no alert.\\n\\n'
  & $join($states.input.missing, '\\n')
  & ($more > 0 ? '\\nand ' & $string($more) & ' more accounts' : '')
  & ($count($silent) = {len(roll_call.regions)}
     ? '\\n\\nNo spoke at all was heard. Look at the hub first: its event bus, the policy of the bus, and the rule '
       & 'that keeps the heartbeats. `breakglass doctor` does.'
     : $count($silent) > 0 ? '\\n\\nNo account was heard in ' & $join($silent, ', ') & '.' : '')
  & ($count($states.input.others) > 0 ? '\\n\\nNot missed:\\n' & $join($states.input.others, '\\n') : '')
  & ($count($states.input.others) = {MOST_LINES} ? '\\nand perhaps others' : '')
  & '\\n\\nThis mail comes every day until all are heard. The reason for each account: uv run breakglass coverage '
  & '--stack ' & {stack} & '. Runbook: docs/runbooks/coverage.md. Execution: ' & $states.context.Execution.Id
)"""
