"""Input templates as AWS has filled them in.

The cases are those of AWS's recorded answers (radkawar/stackd at 9dc356f5, testdata/aws/eventbridge/inputs.json,
recorded 2026-09-13 on SQS targets), by their names there. They are no answers of an API destination.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.alerts.input_template import is_json, render

QUOTED = 'say "hello"'
ESCAPED = "line\nslash\\tab\tend"
OBJECT = {"first": "one", "second": 2}
ARRAY = ["one", "two", {"x": 3}]


@pytest.mark.parametrize(
    ("template", "value", "filled"),
    [
        pytest.param('{"value":<v>}', "", '{"value":""}', id="map-missing"),
        pytest.param('{"value":<v>}', "hello", '{"value":"hello"}', id="typed-values: text"),
        pytest.param('{"value":<v>}', 42, '{"value":42}', id="typed-values: number"),
        pytest.param('{"value":<v>}', True, '{"value":true}', id="typed-values: flag"),
        pytest.param('{"value":<v>}', None, '{"value":null}', id="typed-values: nothing"),
        pytest.param('{"value":<v>}', OBJECT, '{"value":{"first":"one","second":2}}', id="typed-values: object"),
        pytest.param('{"value":<v>}', ARRAY, '{"value":["one","two",{"x":3}]}', id="typed-values: array"),
        pytest.param('{"value":"<v>"}', 42, '{"value":"42"}', id="quoted-values: number"),
        pytest.param('{"value":<v>}', QUOTED, '{"value":"say \\"hello\\""}', id="quoted-string"),
        pytest.param('{"value":<v>}', ESCAPED, '{"value":"line\\nslash\\\\tab\\tend"}', id="escaped-string"),
        pytest.param('{"value":"a <v> b"}', QUOTED, '{"value":"a say \\"hello\\" b"}', id="structured-embedded-quoted"),
        pytest.param(
            '{"value":"a <v> b"}',
            ESCAPED,
            '{"value":"a line\\nslash\\\\tab\\tend b"}',
            id="structured-embedded-escaped",
        ),
        pytest.param('{"value":[<v>]}', "", '{"value":[""]}', id="structured-missing-array"),
        pytest.param('"before <v> after"', "", '"before  after"', id="missing-string"),
        pytest.param('"a \\"<v>\\" b"', "hello", '"a \\"hello\\" b"', id="escaped-template"),
        pytest.param('"a=<v>"', OBJECT, '"a={first:one,second:2}"', id="embedded-values: object"),
        pytest.param('"a=<v>"', ARRAY, '"a=[one,two,{x:3}]"', id="embedded-values: array"),
        pytest.param('"first <v>"\n"second <v>"', "x", '"first x"\n"second x"', id="template-multiline"),
        pytest.param('"before <other> after"', "x", '"before <other> after"', id="undefined-string"),
        pytest.param("[<v>]", None, "[null]", id="root-array-typed-nothing"),
        pytest.param("<v>", 42, "42", id="root-bare-typed-number"),
        pytest.param("null", "x", "null", id="template-null"),
    ],
)
def test_render_gives_what_aws_delivered(template: str, value: Any, filled: str) -> None:
    assert render(template, {"v": value}) == filled
    assert is_json(filled)


@pytest.mark.parametrize(
    ("template", "value", "body"),
    [
        pytest.param('{"value":"<v>"}', OBJECT, '{"value":"{"first":"one","second":2}"}', id="quoted-values: object"),
        pytest.param('{"value":"<v>"}', ARRAY, '{"value":"["one","two",{"x":3}]"}', id="quoted-values: array"),
        pytest.param(
            '{"value":"a <v> b"}', OBJECT, '{"value":"a {"first":"one","second":2} b"}', id="structured-embedded-object"
        ),
        pytest.param('{"value":<other>}', "x", '{"value":<other>}', id="undefined-object"),
        pytest.param('"a <v> b"', QUOTED, '"a say "hello" b"', id="embedded-quoted-string"),
        pytest.param('"a <v> b"', ESCAPED, '"a line\nslash\\tab\tend b"', id="root-embedded-escaped"),
        pytest.param("[1,<v>,2]", "", "[1,,2]", id="missing-array"),
        pytest.param('[{"value":<v>}]', "", '[{"value":}]', id="root-array-missing-object"),
        pytest.param("[<v>]", "hello", "[hello]", id="root-array-typed-text"),
        pytest.param("[<v>]", OBJECT, "[{first:one,second:2}]", id="root-array-typed-object"),
        pytest.param("<v>", OBJECT, "{first:one,second:2}", id="standalone-object"),
        pytest.param("<v>", "hello", "hello", id="standalone-string"),
    ],
)
def test_render_gives_the_body_of_the_dead_letter(template: str, value: Any, body: str) -> None:
    assert render(template, {"v": value}) == body
    assert not is_json(body)


@given(st.text(), st.text())
def test_render_does_not_search_a_value_for_placeholders(first: str, second: str) -> None:
    assert render('"<a>|<b>"', {"a": f"<b>{first}", "b": second}) == f'"<b>{first}|{second}"'


@pytest.mark.parametrize("text", ["", "  ", "x", '"a" b', "{}]"])
def test_is_json_refuses_other_text(text: str) -> None:
    assert not is_json(text)
