"""The expected alerts of a record against those that arrived."""

import pytest

from localcloud.verdicts import FOREIGN_ALERT, Verdict, first_of_each_kind, list_alert_kinds


@pytest.mark.parametrize(
    ("expected", "seen", "ok", "missing", "unexpected"),
    [
        ((), (), True, 0, 0),
        (("portal",), ("portal",), True, 0, 0),
        (("portal",), (), False, 1, 0),
        ((), ("portal",), False, 0, 1),
        (("console",), ("portal",), False, 1, 1),
        (("denied", "denied"), ("denied",), False, 1, 0),
        (("denied",), ("denied", "denied"), False, 0, 1),
        # Without an expectation nothing is wrong.
        (None, (), True, 0, 0),
        (None, ("portal", "portal"), True, 0, 0),
    ],
)
def test_a_verdict_counts_every_alert(
    expected: tuple[str, ...] | None, seen: tuple[str, ...], ok: bool, missing: int, unexpected: int
) -> None:
    verdict = Verdict("record.json", expected, seen, None)
    assert (verdict.ok, verdict.missing, verdict.unexpected) == (ok, missing, unexpected)


def message(evidence: object) -> dict[str, object]:
    return {"metadata": {"event_type": "breakglass_use", "event_payload": {"evidence": evidence}}}


def test_the_kind_of_an_alert_is_its_evidence_path() -> None:
    assert list_alert_kinds([message("portal"), message("console"), message("portal")]) == (
        "console",
        "portal",
        "portal",
    )
    assert list_alert_kinds([]) == ()


def test_the_kind_of_a_drill_is_drill_whatever_it_names() -> None:
    metadata = {"event_type": "breakglass_drill", "event_payload": {"evidence": "portal"}}
    assert list_alert_kinds([{"metadata": metadata}]) == ("drill",)


def test_first_of_each_kind_keeps_the_order_of_arrival() -> None:
    portal, console, again = message("portal"), message("console"), message("portal")

    found = first_of_each_kind([portal, console, again])

    assert [id(each) for each in found] == [id(portal), id(console)]


@pytest.mark.parametrize("body", [{}, {"metadata": None}, {"metadata": {}}, {"metadata": {"event_payload": None}}])
def test_a_message_that_is_no_alert_counts_as_unexpected(body: dict[str, object]) -> None:
    assert list_alert_kinds([body]) == (FOREIGN_ALERT,)
    assert not Verdict("record.json", (), list_alert_kinds([body]), 0.1).ok
