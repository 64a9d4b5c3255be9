"""Queries for recorded uses in the log group of a trail, for Logs Insights and metric filters.

A use is one record: a session of a role, or a console sign-in of an IAM user or root. A query finds no record on which
the subject's rule would not fire, else each such record would be reported as a use without an alert. It finds fewer
than the rules of users and root, which also fire on what is no sign-in.

A cross-account AssumeRole has a record in both accounts, with one `sharedEventID`. They are one use here.

Sources: "CloudWatch Logs Insights language query syntax" and "Filter pattern syntax for metric filters" (CloudWatch
Logs User Guide); "CloudTrail record contents" (AWS CloudTrail User Guide).

Non-goals: a use that CloudTrail did not record; the state machine that asks (see `witness_machine`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from breakglass.alerts.patterns.roles import RESERVED_PATH, SESSION_CALLS
from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject, RootSubject, Subject, UserSubject
from breakglass.errors import BreakglassError
from breakglass.vocabulary import EvidencePath

FILTER_LIMIT = 1024
"""Characters of the pattern of a metric filter (CloudWatch Logs API Reference, "PutMetricFilter")."""

QUERY_LIMIT = 10_000
"""Characters of a query of Logs Insights (CloudWatch Logs API Reference, "StartQuery")."""

TIME_DIGITS = 13
"""Digits of a time in milliseconds since the epoch, until the year 2286."""

MOST_USES = 100
"""The most uses that a query returns. Each is less than 2 KB, and a state of Step Functions has at most 256 KiB."""


def use_path(subject: Subject) -> EvidencePath:
    """Return the evidence path whose rule fires on each use of a subject."""
    return EvidencePath.session_start if isinstance(subject, Role) else EvidencePath.sign_in


# --- Logs Insights -------------------------------------------------------------------------------------------------


def missed_uses_query(
    subjects: Sequence[Subject], partition: str, excluded: Sequence[str], start: str, end: str
) -> str:
    """Return a query over the logs of a trail and of fired events: the missed uses.

    The role is read in the text of the record, and so are the IDs: Insights finds no more than 200 fields of a
    record, and a session with many tags may have more. Inside a string of JSON a quote is escaped, so no value can look
    like a key. The name of a tag in a SAML assertion can: the administrator of the identity provider sets it.

    Args:
        subjects: those whose uses count.
        partition: the partition, e.g. `aws`.
        excluded: IDs of accounts whose uses don't count.
        start: the time from which on a record has arrived, in milliseconds since the epoch, as text.
        end: the time before which it has arrived.

    Raises:
        BreakglassError: the query has more characters than Insights takes.
    """
    arrived = f"toMillis(@ingestionTime) >= {start} and toMillis(@ingestionTime) < {end}"
    accounts = f" and not (recipientAccountId in {_list(excluded)})" if excluded else ""
    uses = " or ".join(_use_conditions(subjects, partition))
    query = " | ".join(
        [
            # Only an event that a rule sent has an account of its own.
            f"filter ispresent(account) or ({arrived}{accounts} and ({uses}))",
            *_ids(),
            r'parse @message /"roleArn"\s*:\s*"(?<sessionRole>[^"]+)"/',
            "fields coalesce(sharedId, ownId) as useId, coalesce(userIdentity.arn, userIdentity.userName) as identity",
            "stats count(account) as fired, latest(ownId) as useEvent, latest(eventTime) as useTime, "
            "latest(eventName) as useName, latest(recipientAccountId) as useAccount, latest(awsRegion) as useRegion, "
            "latest(sessionRole) as useRole, latest(identity) as useUser by useId",
            "filter fired = 0",
            "sort useTime asc",
            f"limit {MOST_USES}",
        ]
    )
    # In a definition the times are names of values, which a run replaces.
    length = len(query) - len(start) - len(end) + 2 * TIME_DIGITS
    if length > QUERY_LIMIT:
        raise BreakglassError(
            f"Expected at most {QUERY_LIMIT:,} characters of the witness's query, got {length:,}: too many watched "
            "roles and users. Give the roles of one team a path or a stack of their own."
        )
    return query


def fired_query(ids: str) -> str:
    """Return a query over the log of fired events: these IDs in it, as `useId`.

    Args:
        ids: the IDs as a list of Insights, e.g. `["a", "b"]`.
    """
    return " | ".join(
        [
            *_ids(),
            "fields coalesce(sharedId, ownId) as useId",
            f"filter useId in {ids}",
            "stats count(*) as fired by useId",
        ]
    )


def _ids() -> Iterator[str]:
    for name, key in (("ownId", "eventID"), ("sharedId", "sharedEventID")):
        yield rf'parse @message /"{key}"\s*:\s*"(?<{name}>[0-9a-fA-F-]+)"/'


def _use_conditions(subjects: Iterable[Subject], partition: str) -> Iterator[str]:
    roles = [_role_regex(subject, partition) for subject in subjects if isinstance(subject, Role)]
    if roles:
        yield (
            f'(eventSource = "sts.amazonaws.com" and eventName in {_list(SESSION_CALLS)} and not ispresent(errorCode) '
            rf'and @message like /"roleArn"\s*:\s*"({"|".join(roles)})"/)'
        )
    identities = [_identity(subject) for subject in subjects if not isinstance(subject, Role)]
    if identities:
        yield (
            '(eventSource = "signin.amazonaws.com" and eventName = "ConsoleLogin" and '
            f'responseElements.ConsoleLogin = "Success" and ({" or ".join(identities)}))'
        )


def _role_regex(subject: Role, partition: str) -> str:
    match subject:
        case PermissionSetSubject(name):
            arn = _regex(f"arn:{partition}:iam::") + '[^"]*' + _regex(f":{RESERVED_PATH}")
            return rf'{arn}([^"]*\/)?AWSReservedSSO_{_regex(name)}_[^"]*'
        case RoleSubject(arn):
            return _regex(arn)


def _identity(subject: UserSubject | RootSubject) -> str:
    match subject:
        case UserSubject():
            return (
                f'(userIdentity.type = "IAMUser" and userIdentity.accountId = {json.dumps(subject.account_id)} and '
                f"userIdentity.userName like /(?i)^{_regex(subject.label)}$/)"
            )
        case RootSubject():
            return 'userIdentity.type = "Root"'


def _regex(text: str) -> str:
    """Return a regular expression for a text of `[A-Za-z0-9_+=,.@:/-]`."""
    return re.sub(r"[.+]", r"[\g<0>]", text).replace("/", r"\/")


def _list(values: Sequence[str]) -> str:
    return json.dumps(list(values))


# --- metric filters ------------------------------------------------------------------------------------------------


def use_filters(subjects: Sequence[Subject]) -> list[str]:
    """Return the patterns of metric filters that together match each use, in as few as possible.

    They match uses in excluded accounts, too, and the name of an IAM user only as it is written: the `*` of a string is
    their only operator. Of a set's role they know the name only, since AWS documents the `*` at the start and the end
    of a string. So another role of that name is mailed, too.
    """
    session = ['($.eventSource = "sts.amazonaws.com")', '($.eventName = "AssumeRole*")', "($.errorCode NOT EXISTS)"]
    sign_in = [
        '($.eventSource = "signin.amazonaws.com")',
        '($.eventName = "ConsoleLogin")',
        '($.responseElements.ConsoleLogin = "Success")',
    ]
    roles = [_role_term(each) for each in subjects if isinstance(each, Role)]
    identities = [_identity_term(each) for each in subjects if not isinstance(each, Role)]
    return [*_batches(session, roles), *_batches(sign_in, identities)]


def _role_term(subject: Role) -> str:
    match subject:
        case PermissionSetSubject(name):
            return f'($.requestParameters.roleArn = "*/AWSReservedSSO_{name}_*")'
        case RoleSubject(arn):
            return f'($.requestParameters.roleArn = "{arn}")'


def _identity_term(subject: UserSubject | RootSubject) -> str:
    match subject:
        case UserSubject():
            return (
                f'(($.userIdentity.type = "IAMUser") && ($.userIdentity.accountId = "{subject.account_id}") && '
                f'($.userIdentity.userName = "{subject.label}"))'
            )
        case RootSubject():
            return '($.userIdentity.type = "Root")'


def _batches(common: Sequence[str], terms: Sequence[str]) -> Iterator[str]:
    """Yield patterns of all `common` terms and one of `terms`, as many of the latter as fit."""
    batch: list[str] = []
    for term in terms:
        if batch and len(_pattern(common, [*batch, term])) > FILTER_LIMIT:
            yield _pattern(common, batch)
            batch = []
        batch.append(term)
    if batch:
        yield _pattern(common, batch)


def _pattern(common: Sequence[str], terms: Sequence[str]) -> str:
    return f"{{ {' && '.join([*common, '(' + ' || '.join(terms) + ')'])} }}"
