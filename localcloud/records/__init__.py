"""CloudTrail records written for this project, and how any record reaches an event bus.

A record is a JSON file with one CloudTrail record; beside it, `NAME.expect` names the alerts that it must cause
(`EvidencePath` values between white space), and is empty for a record that must stay silent. The record of a drill has
a top-level field `drill`, which no record of CloudTrail has.

Persons, accounts and ids are made up; the credentials that AWS puts into some records are blanked but present, because
no message may forward them. The shapes are those of records that AWS or their owners have published, but for two that
nobody has: Federate, and a GetRoleCredentials that was refused. They are taken from a GetRoleCredentials that was not.

Non-goals: deciding whether what happened is what was expected (see `localcloud.verdicts`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from breakglass.detection.patterns import DRILL_DETAIL_TYPE, DRILL_SOURCE
from breakglass.types import EvidencePath

RECORDS = Path(__file__).parent
"""The folder with this project's own records."""

_DETAIL_TYPES = {
    "AwsApiCall": "AWS API Call via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
    "AwsConsoleSignIn": "AWS Console Sign In via CloudTrail",
}


@dataclass(frozen=True)
class Record:
    """A CloudTrail record and what it must cause.

    Attributes:
        file: name of its file.
        content: the record itself.
        expected: the evidence paths of the alerts that it must cause, in alphabetical order; None where nobody said.
    """

    file: str
    content: dict[str, Any]
    expected: tuple[str, ...] | None


def load_records(folder: Path = RECORDS) -> Iterator[Record]:
    """Read all records of a folder, in the order of their file names.

    Args:
        folder: holds `NAME.json` files, each with one CloudTrail record, and, if wanted, a `NAME.expect` beside each.

    Raises:
        ValueError: a file holds something else; the text names the file and says what belongs there.
    """
    for file in sorted(folder.glob("*.json")):
        yield Record(file.name, _content(file), _expected(file.with_suffix(".expect")))


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{file} is no JSON ({error}). Save one CloudTrail record a file, as text in UTF-8."
        ) from error
    match content:
        case {"eventSource": str(), "eventName": str()}:
            return content
        case {"Records": [*_]}:
            raise ValueError(
                f"{file} is a whole log file of CloudTrail. Save each entry of its Records as its own file."
            )
        case _:
            raise ValueError(
                f"{file} is no CloudTrail record: it has no eventSource and eventName. Copy the JSON that the "
                "CloudTrail console shows under `Event record`."
            )


def _expected(file: Path) -> tuple[str, ...] | None:
    if not file.exists():
        return None
    kinds = tuple(sorted(file.read_text(encoding="utf-8").split()))
    known = [path.value for path in EvidencePath]
    for kind in kinds:
        if kind not in known:
            raise ValueError(
                f"{file} expects {kind!r}, which is no kind of alert. Write any of {', '.join(known)}, or nothing."
            )
    return kinds


def to_event(record: dict[str, Any]) -> dict[str, Any]:
    """Put a CloudTrail record into the envelope in which EventBridge delivers it to rules.

    Args:
        record: the record; one with a field `drill` becomes a drill event.

    Returns:
        The event, with its true `source`: `sts.amazonaws.com` is `aws.sts` on the bus.
    """
    if "drill" in record:
        source, detail_type = DRILL_SOURCE, DRILL_DETAIL_TYPE
    else:
        source = "aws." + record["eventSource"].removesuffix(".amazonaws.com")
        detail_type = _DETAIL_TYPES.get(str(record.get("eventType")), _DETAIL_TYPES["AwsApiCall"])
    return {
        "version": "0",
        "id": record.get("eventID", ""),
        "detail-type": detail_type,
        "source": source,
        "account": record.get("recipientAccountId", ""),
        "time": record.get("eventTime", ""),
        "region": record.get("awsRegion", ""),
        "resources": [],
        "detail": record,
    }
