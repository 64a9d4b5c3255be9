"""CloudTrail records written for this project, and the alerts that each must cause.

A record is a JSON file with one CloudTrail record; beside it, `NAME.expect` names the alerts that it must cause
(`EvidencePath` values between white space), and is empty for a record that must stay silent. A drill is no record of
CloudTrail: its file holds `{"drill": DETAIL}`, the detail of the event, and its message is called `drill`.

Persons, accounts and ids are made up; the credentials that AWS puts into some records are blanked but present, because
no message may forward them. The shapes are those of records that AWS or their owners have published. Some are public
nowhere: Federate, a GetRoleCredentials that was refused, and the whole of one that is an API call, which are derived
from one that is a service event; and those of L115 in docs/live-checks.md, which are made from AWS's models.

Non-goals: putting records on a bus (see `localcloud.cloud`), and judging what then happens (see `localcloud.verdicts`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from breakglass.vocabulary import EvidencePath
from localcloud.emulators.cloudtrail import RecordShapeError, as_event
from localcloud.verdicts import DRILL

RECORDS = Path(__file__).parent
"""The folder with this project's own records."""


class RecordError(Exception):
    """Not a CloudTrail record or a list of evidence paths; the message names the file and the fix."""


@dataclass(frozen=True)
class Record:
    """A CloudTrail record and what it must cause.

    Attributes:
        file: name of its file.
        content: the record itself.
        expected: the evidence paths of its alerts, in alphabetical order; None without an `.expect` file.
    """

    file: str
    content: dict[str, Any]
    expected: tuple[str, ...] | None


def load_records(folder: Path = RECORDS) -> Iterator[Record]:
    """Read all records of a folder, in the order of their file names.

    Args:
        folder: holds `NAME.json` files, each with one CloudTrail record, and, if wanted, a `NAME.expect` beside each.

    Raises:
        RecordError: a file holds something else.
    """
    for file in sorted(folder.glob("*.json")):
        yield load_record(file)


def load_record(file: Path) -> Record:
    """Read one record, and what is expected of it from the `.expect` beside it.

    Raises:
        RecordError: the file can't be read or holds something else.
    """
    return Record(file.name, _content(file), _expected(file.with_suffix(".expect")))


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(
            f"{file} can't be read ({error.strerror}). Name a file with one CloudTrail record."
        ) from error
    except (ValueError, RecursionError) as error:
        raise RecordError(
            f"{file} is no JSON ({error}). Save one CloudTrail record a file, as text in UTF-8."
        ) from error
    match content:
        case {"Records": [*_]}:
            raise RecordError(
                f"{file} is a whole log file of CloudTrail. Save each entry of its Records as its own file."
            )
        case {"eventSource": str(), "eventName": str()} | {"drill": _}:
            try:
                as_event(content, account="", region="")
            except RecordShapeError as error:
                raise RecordError(f"{file}: {error}") from error
            return content
        case _:
            raise RecordError(
                f"{file} is no CloudTrail record: it has no eventSource and eventName. Copy the JSON that the "
                "CloudTrail console shows under `Event record`."
            )


def _expected(file: Path) -> tuple[str, ...] | None:
    try:
        kinds = tuple(sorted(file.read_text(encoding="utf-8").split()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RecordError(
            f"{file} can't be read ({error}). Make it a text file that names the alerts the record must cause."
        ) from error
    known = [*(path.value for path in EvidencePath), DRILL]
    for kind in kinds:
        if kind not in known:
            raise RecordError(
                f"{file} expects {kind!r}, which is no kind of alert. Write any of {', '.join(known)}, or nothing."
            )
    return kinds
