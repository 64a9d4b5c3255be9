"""A folder of a user's own records: every file is a record, or an error that names it.

The loader's ordinary cases are in tests/events/test_records.py.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.emulators.cloudtrail import as_event
from localcloud.records import RecordError, load_record

CALL = {"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
records = st.fixed_dictionaries(
    {"eventSource": st.just("sts.amazonaws.com") | json_values, "eventName": st.just("AssumeRole") | json_values},
    optional={
        "eventType": st.sampled_from(["AwsApiCall", "AwsConsoleSignIn"]) | json_values,
        "eventTime": json_values,
        "recipientAccountId": json_values,
        "drill": json_values,
        "detail": json_values,
    },
)


def refusal(file: Path) -> str | None:
    """Return the reason why a record is refused; None if it is accepted."""
    try:
        record = load_record(file)
    except RecordError as error:
        return str(error)
    assert as_event(record.content, account="", region="")["detail"] == record.content.get("drill", record.content)
    return None


@given(content=json_values | records)
def test_any_json_is_a_record_or_is_refused_by_file_name(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_text(json.dumps(content))
    assert (refusal(file) or str(file)).startswith(str(file))


@given(content=st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_by_name(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    record, expectation = (tmp_path_factory.getbasetemp() / f"bytes.{kind}" for kind in ("json", "expect"))
    record.write_text(json.dumps(CALL))
    expectation.write_bytes(content)
    assert (refusal(record) or str(expectation)).startswith(str(expectation))
    record.write_bytes(content)
    assert (refusal(record) or str(record)).startswith(str(record))


@pytest.mark.parametrize("kind", ["json", "expect"])
def test_a_folder_in_place_of_a_file_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(CALL))
    odd = tmp_path / f"a.{kind}"
    odd.unlink(missing_ok=True)
    odd.mkdir()
    with pytest.raises(RecordError, match=rf"a\.{kind} can't be read"):
        load_record(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({**CALL, "eventSource": "evil.example.com"}, "CloudTrail writes a service's name as in sts.amazonaws.com"),
        ({**CALL, "eventType": "AwsCloudTrailInsight"}, "use a record of type AwsApiCall"),
        ({**CALL, "eventType": ["AwsApiCall"]}, "use a record of type AwsApiCall"),
        ({"drill": "DRILL: "}, "a drill's detail is an object"),
    ],
)
def test_record_of_a_wrong_shape_is_refused_with_the_fix(tmp_path: Path, content: dict[str, object], said: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(RecordError, match=said):
        load_record(tmp_path / "a.json")
