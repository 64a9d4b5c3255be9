"""The messages of every rule of every subject: first lines, facts, severity, and limits for any legal values.

The messages of roles as exact texts are in `test_messages`.

It does not prove that CloudTrail's fields keep to their alphabets, nor how Slack renders a message.
"""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.alerts.delivery_machine import LONGEST_INPUT, LONGEST_TEXT
from breakglass.alerts.input_template import is_json
from breakglass.alerts.messages import (
    Transformer,
    email_text,
    is_recorded,
    is_usage,
    severity,
    slack_message,
    substitute,
)
from breakglass.alerts.messages.alert_text import NAME, AlertText, Runbook
from breakglass.alerts.messages.first_line import SHORTEST_NAME, first_block
from breakglass.alerts.patterns import AlertRule, alert_rules
from breakglass.alerts.subjects import (
    AccessArea,
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperArea,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.errors import MessageError
from breakglass.vocabulary import EvidencePath, Severity
from localcloud.emulators.block_kit import block_problems, is_metadata_accepted
from localcloud.stack import ROOT
from tests.unit.alerts.strategies import event_with, field_values, longest_value

CHANNEL = "C0123456789"
SET = PermissionSetSubject("devops-break-glass")
ROLE = RoleSubject("arn:aws:iam::222222222222:role/ops/emergency")
USER = UserSubject("arn:aws:iam::222222222222:user/ops/break-glass-admin")
ROOT_USER = RootSubject()
SET_ARN = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef"
ACCESS = AccessSubject(
    sets=(("devops-break-glass", SET_ARN),),
    groups=(("on-call", "93f4b812-8041-70a4-1a2b-0123456789ab"),),
    roles=(ROLE.arn,),
)
TAMPER = TamperSubject(
    prefixes=("breakglass-prod-",),
    secret_names=("slack-bot-token",),
    trail="management-events",
    buckets=("trail-bucket",),
    keys=("arn:aws:kms:eu-central-1:222222222222:key/0a1b2c3d-0123-4567-89ab-0123456789ab",),
    policy_ids=("p-0123456789",),
    deployers=("arn:aws:iam::222222222222:role/deploy",),
)
WATCHED: tuple[Watched, ...] = (SET, ROLE, USER, ROOT_USER, ACCESS, TAMPER)


def _rules(watched: Watched, *paths: EvidencePath) -> dict[str, tuple[Watched, AlertRule]]:
    """Return rules without an area by their names; the pattern plays no part in a message."""
    return {f"{watched.label} {path}": (watched, AlertRule(path, {})) for path in paths}


def _areas(
    watched: Watched, path: EvidencePath, areas: type[AccessArea] | type[TamperArea]
) -> dict[str, tuple[Watched, AlertRule]]:
    return {f"{watched.label} {path}-{area}": (watched, AlertRule(path, {}, area)) for area in areas}


RULES = {
    **_rules(SET, *SET.evidence_paths),
    **_rules(ROLE, *ROLE.evidence_paths),
    **_rules(USER, *USER.evidence_paths),
    **_rules(ROOT_USER, *ROOT_USER.evidence_paths),
    **_areas(ACCESS, EvidencePath.access, AccessArea),
    **_areas(TAMPER, EvidencePath.tamper, TamperArea),
    **_rules(TAMPER, EvidencePath.session_start, EvidencePath.denied),
}

CALLER = "<callerType> <callerName><callerRole> <callerId>"

FIRST_LINES = {
    # rule: the first line as text
    "devops-break-glass session_start": "<sessionName> used devops-break-glass in account <account>. Explain it.",
    "devops-break-glass portal": (
        "User <userId> used devops-break-glass in account <targetAccount><requestedAccount>. Explain it."
    ),
    "devops-break-glass console": (
        "devops-break-glass used in the console of account <account> by <session>. Explain it."
    ),
    "devops-break-glass login": (
        "devops-break-glass used for a command line (aws login) in account <account> by <session>. Explain it."
    ),
    "devops-break-glass denied": (
        "Refused: caller <userId> <callerAccount> tried devops-break-glass, recorded in account <account>. "
        "Say if it was you."
    ),
    "emergency session_start": "Session <sessionName> used emergency in account 222222222222. Explain it.",
    "emergency console": "emergency used in the console of account 222222222222 by <session>. Explain it.",
    "emergency login": (
        "emergency used for a command line (aws login) in account 222222222222 by <session>. Explain it."
    ),
    "emergency denied": (
        "Refused: caller <callerAccount> <callerType> tried emergency in account 222222222222. Say if it was you."
    ),
    "break-glass-admin sign_in": "IAM user break-glass-admin of account 222222222222: <eventName>. Explain it.",
    "break-glass-admin login": (
        "IAM user break-glass-admin of account 222222222222 used for a command line (aws login). Explain it."
    ),
    "break-glass-admin credentials": (
        f"Credentials of IAM user break-glass-admin of account 222222222222 changed: <eventName> by {CALLER}. "
        "Not planned? Undo it."
    ),
    "break-glass-admin key_use": ("Access key of IAM user break-glass-admin of account 222222222222 used. Explain it."),
    "break-glass-admin denied": (
        "Refused: IAM user break-glass-admin of account 222222222222, <eventName>. Say if it was you."
    ),
    "root sign_in": "Root user of account <account>: <eventName>. Explain it.",
    "root change": "Change as the root user of account <account>: <eventName> at <eventSource>. Explain it.",
    "root login": "Root user of account <account> used for a command line (aws login). Explain it.",
    "root assume_root": f"Root session of account <rootAccount> opened by {CALLER}, task <rootTask>. Explain it.",
    "root denied": (f"Refused: <eventName> as root by {CALLER}, recorded in account <account>. Say if it was you."),
    "access access-assignments": (
        "Break-glass set <setArn> given by hand in account <assignedAccount> to <principalType> <assignedTo> by "
        f"{CALLER}. Not planned? Delete the assignment."
    ),
    "access access-memberships": (
        f"Member <consoleMember><member> added to break-glass group <groupId> by {CALLER}. "
        "Not planned? Remove the member."
    ),
    "access access-entitlements": (
        f"Watched role <entitledRole> given to <entitledUser><entitledGroup> by {CALLER}. "
        "Not planned? Delete the entitlement."
    ),
    "breakglass-prod tamper-rules": (
        f"Tampering with breakglass-prod: <eventName> <rule><eventsName> by {CALLER}. "
        "Not planned? Treat it as an attack."
    ),
    "breakglass-prod tamper-stack": (
        "Tampering with breakglass-prod: <eventName> <function><table><topic><secret><machine><api> "
        f"by {CALLER}. Not planned? Treat it as an attack."
    ),
    "breakglass-prod tamper-trail": (
        f"Tampering with breakglass-prod: <eventName> <bucket> by {CALLER}. Not planned? Treat it as an attack."
    ),
    "breakglass-prod tamper-global": (
        "Tampering with breakglass-prod: <eventName> <roleName><policyId><policyType><service><disabledRegion> "
        f"<requestedAccount> by {CALLER}. Not planned? Treat it as an attack."
    ),
    "breakglass-prod session_start": (
        "Deployer session <startedSession> of breakglass-prod started by <callerType> <callerAccount>. "
        "No deployment planned? Find out who."
    ),
    "breakglass-prod denied": (
        f"Refused: tampering with breakglass-prod, <eventName> by {CALLER}. Not planned? Find out why."
    ),
}

MAILED_ONLY = {
    "devops-break-glass denied",
    "emergency denied",
    "break-glass-admin denied",
    "root denied",
    "breakglass-prod session_start",
    "breakglass-prod denied",
}
USES = {
    *(f"devops-break-glass {path}" for path in ("session_start", "portal", "console", "login")),
    *(f"emergency {path}" for path in ("session_start", "console", "login")),
    *(f"break-glass-admin {path}" for path in ("sign_in", "login")),
    *(f"root {path}" for path in ("sign_in", "login")),
}


def message(watched: Watched, rule: AlertRule, **more: Any) -> Transformer:
    return slack_message(watched, rule.path, rule.area, channel=CHANNEL, **more)


def mail(watched: Watched, rule: AlertRule, **more: Any) -> Transformer:
    return email_text(watched, rule.path, rule.area, **more)


@pytest.mark.parametrize("key", FIRST_LINES)
def test_first_line_of_every_rule_is_exactly_this(key: str) -> None:
    watched, rule = RULES[key]
    body = json.loads(message(watched, rule).template)
    sign, line = body["blocks"][0]["text"]["text"].split(" ", 1)
    assert re.fullmatch(":[a-z_]+:", sign)
    assert line.replace("`", "") == FIRST_LINES[key]
    assert body["text"].startswith(FIRST_LINES[key] + " ")
    assert json.loads(mail(watched, rule).template).startswith(FIRST_LINES[key] + " ")


def test_every_rule_has_a_first_line() -> None:
    keys = {f"{watched.label} {rule.key}" for watched in WATCHED for rule in alert_rules(watched)}
    assert {re.sub(r"-\d+$", "", key) for key in keys} == set(FIRST_LINES)


@pytest.mark.parametrize("key", FIRST_LINES)
def test_severity_is_mail_for_attempts_and_deployers_alone(key: str) -> None:
    watched, rule = RULES[key]
    assert severity(watched, rule.path) is (Severity.mail if key in MAILED_ONLY else Severity.page)


@pytest.mark.parametrize("key", FIRST_LINES)
def test_uses_are_counted_and_those_of_roles_recorded(key: str) -> None:
    watched, rule = RULES[key]
    assert is_usage(watched, rule.path) == (key in USES)
    is_role = isinstance(watched, PermissionSetSubject | RoleSubject)
    assert is_recorded(watched, rule.path) == (key in USES and is_role)
    explained = "explain_alert" in message(watched, rule, explain=True).template
    assert explained == is_recorded(watched, rule.path)


@pytest.mark.parametrize("key", FIRST_LINES)
def test_metadata_tells_the_kind_of_an_alert(key: str) -> None:
    watched, rule = RULES[key]
    kinds = {ACCESS.label: "breakglass_access", TAMPER.label: "breakglass_tamper"}
    metadata = json.loads(message(watched, rule).template)["metadata"]
    assert metadata["event_type"] == kinds.get(watched.label, "breakglass_use")
    assert metadata["event_payload"].keys() == {"event_id", "evidence", "role", "account", "time"}
    assert metadata["event_payload"]["evidence"] == rule.path
    assert metadata["event_payload"]["role"] == watched.label


@pytest.mark.parametrize("watched", WATCHED, ids=lambda watched: watched.label)
def test_rule_that_a_subject_lacks_has_no_message(watched: Watched) -> None:
    known = {(rule.path, rule.area) for rule in alert_rules(watched)}
    for path in EvidencePath:
        for area in (None, *AccessArea, *TamperArea):
            if (path, area) in known:
                continue
            lacking = f"{watched.label} has no rule of the evidence path `{path}` and the area `{area}`."
            with pytest.raises(ValueError, match=f"^{re.escape(lacking)}$"):
                slack_message(watched, path, area, channel=CHANNEL)


@pytest.mark.parametrize("runbook", Runbook)
def test_runbook_of_an_alert_has_the_section(runbook: Runbook) -> None:
    file, _, anchor = runbook.partition("#")
    titles = re.findall(r"^#+ (.+)$", (ROOT / file).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not anchor or anchor in {title.lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("key", FIRST_LINES)
def test_every_message_names_its_runbook(key: str) -> None:
    watched, rule = RULES[key]
    body = json.loads(message(watched, rule, explain=True).template)
    (runbook,) = re.findall(r"\n\*Runbook:\* `([^`]+)`$", body["blocks"][-2]["text"]["text"])
    assert runbook in tuple(Runbook)
    assert json.loads(mail(watched, rule).template).endswith(f" Runbook: {runbook}.")


# --- legends -------------------------------------------------------------------------------------------------------


def sections(transformer: Transformer) -> list[str]:
    blocks = json.loads(transformer.template)["blocks"]
    return [block["text"]["text"] for block in blocks if block["type"] == "section" and "text" in block]


def test_assume_root_explains_its_five_tasks() -> None:
    transformer = message(*RULES["root assume_root"])
    legend = next(text for text in sections(transformer) if "S3UnlockBucketPolicy" in text)
    assert legend.splitlines() == [
        "`IAMAuditRootUserCredentials`: looks up which credentials root has. Routine",
        "`IAMDeleteRootUserCredentials`: deletes root's credentials. Routine",
        "`IAMCreateRootUserPassword`: lets root have a password again",
        "`S3UnlockBucketPolicy`: deletes the policy of a bucket that locks everyone out",
        "`SQSUnlockQueuePolicy`: deletes the policy of a queue that locks everyone out",
    ]
    assert "S3UnlockBucketPolicy: deletes the policy of a bucket" in json.loads(
        mail(*RULES["root assume_root"]).template
    )


def test_access_names_the_sets_and_groups_behind_ids() -> None:
    assert "`ps-0123456789abcdef`: devops-break-glass" in sections(message(*RULES["access access-assignments"]))
    assert "ps-0123456789abcdef: devops-break-glass." in mail(*RULES["access access-assignments"]).template
    group = "93f4b812-8041-70a4-1a2b-0123456789ab"
    assert f"`{group}`: on-call" in sections(message(*RULES["access access-memberships"]))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Database Leads (EU)", "Database Leads (EU)"),
        ("Ärzte & <!channel>", "Ärzte ? ??channel?"),
        ('a`b"c\\d|<eventId>', "a?b?c?d??eventId?"),
        ("line\nbreak", "line?break"),
        ("x" * 1024, "x" * 64),
    ],
)
def test_legend_shows_any_name_of_a_group(name: str, shown: str) -> None:
    subject = AccessSubject(groups=((name, "93f4b812-8041-70a4-1a2b-0123456789ab"),))
    transformer = slack_message(subject, EvidencePath.access, AccessArea.memberships, channel=CHANNEL)
    assert f"`93f4b812-8041-70a4-1a2b-0123456789ab`: {shown}" in sections(transformer)
    assert f": {shown}." in email_text(subject, EvidencePath.access, AccessArea.memberships).template


def test_legend_of_many_sets_leaves_room_for_the_message() -> None:
    names = [f"{number:03}-" + "n" * 28 for number in range(100)]
    many = AccessSubject(sets=tuple((name, f"{SET_ARN[:-3]}{number:03}") for number, name in enumerate(names)))
    transformer = slack_message(many, EvidencePath.access, AccessArea.assignments, channel=CHANNEL)
    legend = next(text for text in sections(transformer) if "000-" in text).splitlines()
    assert legend[0] == f"`ps-0123456789abc000`: {names[0]}"
    assert 20 < len(legend) < 30
    filled = substitute(
        transformer, event_with({name: longest_value(name) for name in transformer.input_paths}, transformer)
    )
    assert len(json.loads(filled)["text"]) <= LONGEST_TEXT
    assert len(filled) <= LONGEST_INPUT


def test_trail_message_lists_what_is_watched() -> None:
    transformer = message(*RULES["breakglass-prod tamper-trail"])
    watched = f"`management-events trail-bucket {TAMPER.keys[0]}`"
    assert f"*Watched trail, buckets and keys*\\n{watched}" in transformer.template
    longer = TamperSubject(prefixes=TAMPER.prefixes, keys=TAMPER.keys * 20)
    shown = slack_message(longer, EvidencePath.tamper, TamperArea.trail, channel=CHANNEL).template
    assert re.search(r"\*Watched trail, buckets and keys\*\\n`[^`]{600}…`", shown)


# --- values --------------------------------------------------------------------------------------------------------


def test_alert_of_an_access_key_inserts_the_envelope_alone() -> None:
    """The alarm's event holds texts that its maker chose."""
    for transformer in (message(*RULES["break-glass-admin key_use"]), mail(*RULES["break-glass-admin key_use"])):
        assert set(transformer.input_paths.values()) <= {"$.id", "$.time", "$.account", "$.region"}


def test_alert_of_an_access_key_opens_the_events_of_the_user() -> None:
    user = UserSubject("arn:aws:iam::222222222222:user/odd+name,@x")
    template = slack_message(user, EvidencePath.key_use, channel=CHANNEL).template
    assert "?region=<envelopeRegion>#/events?Username=odd%2Bname%2C%40x" in template


# An identity provider writes the first two into the records of these rules.
_OF_A_PROVIDER = {
    "$.detail.userIdentity.userName",
    "$.detail.userIdentity.principalId",
    "$.detail.userIdentity.sessionContext.sessionIssuer.userName",
}


@pytest.mark.parametrize(
    "key",
    [key for key in FIRST_LINES if key.split()[0] in {SET.label, ROLE.label} or key == "breakglass-prod session_start"],
)
def test_name_from_an_identity_provider_is_not_inserted(key: str) -> None:
    watched, rule = RULES[key]
    for transformer in (message(watched, rule), mail(watched, rule)):
        assert not _OF_A_PROVIDER & set(transformer.input_paths.values())


@pytest.mark.parametrize("key", [key for key in FIRST_LINES if key.endswith(" denied")])
def test_refused_call_shows_none_of_its_parameters(key: str) -> None:
    """AWS has not checked them: a refused call can hold any text."""
    watched, rule = RULES[key]
    for transformer in (message(watched, rule), mail(watched, rule)):
        assert not [path for path in transformer.input_paths.values() if "requestParameters" in path]


def test_name_of_a_resource_is_shown_for_eventbridge_alone() -> None:
    """Other services take any text for a name, e.g. API Gateway."""
    naming = [
        rule
        for rule in alert_rules(TAMPER)
        if "$.detail.requestParameters.name" in message(TAMPER, rule).input_paths.values()
    ]
    assert [rule.pattern["source"] for rule in naming] == [["aws.events"]]


@pytest.mark.parametrize("key", FIRST_LINES)
def test_session_of_an_iam_user_is_not_named_by_its_arn(key: str) -> None:
    """The path of an IAM user may have quotes. Roles and their sessions have a closed alphabet."""
    watched, rule = RULES[key]
    paths = {*message(watched, rule).input_paths.values(), *mail(watched, rule).input_paths.values()}
    by_arn = key.split()[1] in {"console", "login"} and isinstance(watched, PermissionSetSubject | RoleSubject)
    assert ("$.detail.userIdentity.arn" in paths) == by_arn


rule_names = st.sampled_from(sorted(FIRST_LINES))


@given(st.data(), rule_names)
def test_message_of_any_rule_with_legal_values_is_within_limits(data: st.DataObject, key: str) -> None:
    transformer = message(*RULES[key], explain=True, post_mortem_url="https://wiki.example.com/new")
    present = data.draw(st.sets(st.sampled_from(sorted(transformer.input_paths))))
    values = {name: data.draw(field_values(name)) for name in sorted(present)}
    text = substitute(transformer, event_with(values, transformer))
    body = json.loads(text)
    assert not re.search("[<>]", text)
    assert block_problems(body["blocks"]) == []
    assert is_metadata_accepted(body["metadata"])
    assert 0 < len(body["text"]) <= 4000


@given(st.text(), rule_names)
def test_message_of_any_rule_with_any_text_stays_itself(text: str, key: str) -> None:
    transformer = message(*RULES[key], explain=True)
    crafted, plain = (
        json.loads(substitute(transformer, event_with(dict.fromkeys(transformer.input_paths, value), transformer)))
        for value in (text, "x")
    )
    assert (crafted["channel"], crafted.keys(), len(crafted["blocks"])) == (CHANNEL, plain.keys(), len(plain["blocks"]))


@pytest.mark.parametrize("key", FIRST_LINES)
def test_message_of_any_rule_with_a_list_is_never_sent(key: str) -> None:
    transformer = message(*RULES[key])
    for name in transformer.input_paths:
        assert not is_json(substitute(transformer, event_with({name: ["a"]}, transformer)))


@pytest.mark.parametrize("key", FIRST_LINES)
def test_message_of_any_rule_with_the_longest_values_fits(key: str) -> None:
    watched, rule = RULES[key]
    url = "https://x.example/" + "p" * 2000
    made = message(watched, rule, post_mortem_url=url, partition="aws-us-gov", explain=True)
    body = json.loads(substitute(made, event_with({name: longest_value(name) for name in made.input_paths}, made)))
    assert block_problems(body["blocks"]) == []
    assert len(body["text"]) <= LONGEST_TEXT
    sent = mail(watched, rule, post_mortem_url=url)
    text = substitute(sent, event_with({name: longest_value(name) for name in sent.input_paths}, sent))
    assert isinstance(json.loads(text), str)


@pytest.mark.parametrize(
    "watched",
    [
        UserSubject("arn:aws:iam::222222222222:user/<!channel>"),
        AccessSubject(sets=(("<!channel>", SET_ARN),)),
        TamperSubject(prefixes=("<!channel>-",)),
    ],
    ids=["user", "set", "stack"],
)
def test_configured_name_with_markup_is_refused(watched: Watched) -> None:
    for rule in alert_rules(watched):
        with pytest.raises(MessageError, match="Not a valid text for an alert message"):
            message(watched, rule)


# --- the first line ------------------------------------------------------------------------------------------------


def text_with(first_line: str) -> AlertText:
    return AlertText(
        first_line=first_line,
        action="Do it.",
        evidence="",
        account="",
        facts={},
        ask="",
        advice="",
        runbook=Runbook.use,
        sign=":x:",
    )


@pytest.mark.parametrize(("room", "kind"), [(SHORTEST_NAME, "header"), (SHORTEST_NAME - 1, "section")])
def test_first_line_with_too_little_room_is_a_section(room: int, kind: str) -> None:
    rest = "r" * (150 - room - len(":x: . Do it."))
    block = first_block(text_with(f"{NAME}{rest}"), "n" * 64)
    assert block["type"] == kind
    if kind == "header":
        assert block["text"]["text"] == f":x: {'n' * 15}…{rest}. Do it."
        assert len(block["text"]["text"]) == 150


@pytest.mark.parametrize(("length", "kind"), [(138, "header"), (139, "section")])
def test_first_line_without_a_name_needs_no_room_for_it(length: int, kind: str) -> None:
    assert first_block(text_with("r" * length), "name")["type"] == kind


def test_first_line_as_a_section_has_its_values_in_code_spans() -> None:
    line = f"{NAME} in 222222222222 by <callerType> <callerName><callerRole>: <eventName>" + "r" * 99
    assert first_block(text_with(line), "name")["text"]["text"] == (
        ":x: `name` in `222222222222` by `<callerType> <callerName><callerRole>`: `<eventName>`" + "r" * 99 + ". Do it."
    )
