"""The text of a report, and its redaction of secrets."""

import pytest
from pydantic import BaseModel, Field

from breakglass.errors import ConfigError, Problem, format_value, has_secret, redact
from breakglass.stack_file.report import closest, key_path, nearest, validate
from tests.unit.stack_file.stack_files import TOKEN


def test_a_report_is_readable_in_a_terminal() -> None:
    report = ConfigError(
        [
            Problem("breakglass:alerts.slack.channel", '"#ops"', "Slack wants the channel's ID. " * 4, "Copy the ID."),
            Problem("breakglass:tags", "[]", "Expected a mapping.", "Write a mapping."),
        ]
    )
    assert str(report) == (
        "2 problems in the configuration:\n"
        "\n"
        "breakglass:alerts.slack.channel\n"
        '    value:   "#ops"\n'
        "    why:     Slack wants the channel's ID. Slack wants the channel's ID. Slack wants the channel's\n"
        "             ID. Slack wants the channel's ID.\n"
        "    instead: Copy the ID.\n"
        "\n"
        "breakglass:tags\n"
        "    value:   []\n"
        "    why:     Expected a mapping.\n"
        "    instead: Write a mapping."
    )


def test_report_of_one_problem_is_singular() -> None:
    assert str(ConfigError([Problem("a", "b", "c", "d")])).startswith("1 problem in")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (TOKEN, "xoxb-[redacted]"),
        (f"Bearer {TOKEN}", "Bearer xoxb-[redacted]"),
        (f'"{TOKEN}","{TOKEN}"', '"xoxb-[redacted]","xoxb-[redacted]"'),
        ("xoxp-1-2-3", "xoxp-[redacted]"),
        ("xapp-1-A0-2-3", "xapp-[redacted]"),
        ("xoxe.xoxb-1-AbC", "xoxe-[redacted]"),
        ("XOXB-1-2-3", "XOXB-[redacted]"),
        ("https://hooks.slack.com/services/T0/B0/XyZ", "https://[redacted]"),
    ],
)
def test_problem_with_secret_is_redacted(text: str, redacted: str) -> None:
    assert has_secret(text)
    assert redact(text) == redacted
    problem = Problem(text, text, text, text)
    assert {problem.path, problem.value, problem.why, problem.instead} == {redacted}


@pytest.mark.parametrize("text", ["The token begins with xoxb-.", "xoxb-...", "https://slack.com/api", "boxboy"])
def test_text_without_secret_is_unchanged(text: str) -> None:
    assert not has_secret(text)
    assert redact(text) == text


def test_long_value_is_cut_after_redaction() -> None:
    assert format_value(["x" * 110, TOKEN]).startswith('["xxx')
    assert "1111" not in format_value(["x" * 110, TOKEN])
    assert len(format_value("x" * 1000)) == 121


@pytest.mark.parametrize(
    ("loc", "path"),
    [
        ((), "breakglass:"),
        (("alerts", "slack", "channel"), "breakglass:alerts.slack.channel"),
        (("pairs", 0, "breakGlass"), "breakglass:pairs[0].breakGlass"),
        (("tags", "cost-center"), "breakglass:tags.cost-center"),
        (("tags", "a.b"), 'breakglass:tags["a.b"]'),
        (("tags", ""), 'breakglass:tags[""]'),
    ],
)
def test_key_path_is_written_as_pulumi_does(loc: tuple[str | int, ...], path: str) -> None:
    assert key_path(loc, "breakglass:") == path


def test_nearest_names_a_word_only_if_close() -> None:
    assert nearest("regoin", ["region", "pairs"]) == "Did you mean region? Expected one of: region, pairs."
    assert nearest("qqq", ["region", "pairs"]) == "Expected one of: region, pairs."


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("Region", ["regions", "region"], "region"),
        ("DATABASE-LEADS", ["database-lead", "Database-Leads"], "Database-Leads"),
        ("regoin", ["region"], "region"),
        ("straße", ["STRASSE"], "STRASSE"),
        ("qqq", ["region"], None),
        ("x", [], None),
    ],
)
def test_closest_word_differs_in_case_rather_than_letters(word: str, known: list[str], meant: str | None) -> None:
    assert closest(word, known) == meant


class Inner(BaseModel):
    count: int = Field(description="How many.\n\nMore of it.", examples=[3])


class Outer(BaseModel):
    inner: Inner | None = None
    many: dict[str, list[Inner]] = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (
            {"inner": {}},
            Problem("x.inner.count", "(missing)", "The key is required. How many.", "Add the line `count: 3`."),
        ),
        (
            {"inner": {"count": "many"}},
            Problem(
                "x.inner.count",
                '"many"',
                "Expected a whole number, got a string. How many.",
                "Write a whole number, e.g. 3.",
            ),
        ),
        (
            {"many": {"a": [{"count": None}]}},
            Problem(
                "x.many.a[0].count",
                "null",
                "Expected a whole number, got an empty value. How many.",
                "Write a whole number, e.g. 3.",
            ),
        ),
    ],
)
def test_pydantic_errors_have_the_same_shape(raw: dict[str, object], problem: Problem) -> None:
    with pytest.raises(ConfigError) as refused:
        validate(Outer, raw, at="x.")
    assert refused.value.problems == (problem,)
