"""Targets of the documents exist: links, commands, the stack file of the README, the licence.

Not proven here: that what the documents say is true.
"""

import ast
import hashlib
import json
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from breakglass.cli.check import PROBLEM, LocatedProblem, to_text
from breakglass.errors import ConfigError, Problem
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.secret_keys import NAMESPACE

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = ROOT / "README.md"
CHECK = ROOT / "docs" / "runbooks" / "check-a-stack-file.md"
FIRST_DEPLOY = ROOT / "docs" / "runbooks" / "first-deploy.md"
THREATS = ROOT / "docs" / "threats.md"
ALARMS = ROOT / "docs" / "runbooks" / "alarms.md"
DECISIONS = ROOT / "docs" / "decisions"
SUPERSEDED = re.compile(r"· superseded by \[(\d{4})\]")


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def prose(document: Path) -> str:
    """The document without its code blocks."""
    return re.sub(r"^```.*?^```", "", text_of(document), flags=re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """The headings of a document as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", prose(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> Iterator[tuple[Path, str]]:
    """File and anchor of every link of a document into the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        path, _, anchor = target.partition("#")
        if not re.match(r"[a-z]+:", target):
            yield (document.parent / path).resolve() if path else document, anchor


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = [
        f"{target.relative_to(ROOT)}#{anchor}"
        for target, anchor in links(document)
        if not target.exists() or (anchor and anchor not in anchors(target))
    ]
    assert broken == []


def test_the_documents_are_found() -> None:
    assert README in DOCUMENTS
    assert len(list(links(README))) > 10


@pytest.mark.parametrize("folder", ["decisions", "runbooks"])
def test_index_of_a_folder_links_each_page(folder: str) -> None:
    index, *pages = sorted((ROOT / "docs" / folder).glob("*.md"), key=lambda page: page.name != "README.md")
    linked = {target for target, _ in links(index)}
    assert [page.name for page in pages if page not in linked] == []


def test_index_of_decisions_marks_superseded_ones() -> None:
    rows = dict(re.findall(r"\]\(([\w-]+\.md)\) \| (.+) \|$", text_of(DECISIONS / "README.md"), flags=re.MULTILINE))
    states = {page.name: text_of(page).splitlines()[2] for page in DECISIONS.glob("[0-9]*.md")}
    superseded = {name: found[1] for name, line in states.items() if (found := SUPERSEDED.search(line))}
    assert superseded
    assert [name for name, by in superseded.items() if f"(superseded by {by})" not in rows[name]] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_make_command_is_one(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), flags=re.MULTILINE))
    commands = set(re.findall(r"(?:^|`)make ([a-z-]+)", text_of(document), flags=re.MULTILINE))
    assert commands <= targets


def test_problem_matcher_for_editors_finds_the_line() -> None:
    (tasks,) = re.findall(r"^```json\n(.*?)^```", text_of(CHECK), flags=re.MULTILINE | re.DOTALL)
    matcher = json.loads(tasks)["tasks"][0]["problemMatcher"]["pattern"]
    finding = LocatedProblem(PROBLEM, 12, Problem("breakglass:alerts.slack.channel", '"#ops"', "why", "instead"))

    found = re.match(matcher["regexp"], to_text(Path("stacks/Pulumi.prod.yaml"), [finding]).splitlines()[0])

    assert found is not None
    assert [found[matcher[part]] for part in ("file", "line", "severity", "message")] == [
        "stacks/Pulumi.prod.yaml",
        "12",
        "problem",
        "breakglass:alerts.slack.channel",
    ]


def test_every_test_that_a_threat_names_is_there() -> None:
    named = re.findall(r"`((?:unit|components|engine|events|app|local|localcloud)/[^`]*)`", text_of(THREATS))
    assert len(named) > 5
    assert [path for path in named if not is_there(path)] == []


def is_there(named: str) -> bool:
    """Say whether there is a file, or a test in it: `path` or `path::test`."""
    path, _, test = named.partition("::")
    file = ROOT / path if path.startswith("localcloud/") else ROOT / "tests" / path
    return file.exists() and (not test or f"def {test}(" in file.read_text(encoding="utf-8"))


def test_every_test_function_that_a_threat_names_is_there() -> None:
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "localcloud" / "tests").rglob("*.py")]
    defined = {name for file in files for name in re.findall(r"def (test_\w+)\(", text_of(file))}
    named = set(re.findall(r"\b(test_\w+)\b(?!\.py)", text_of(THREATS)))
    assert len(named) > 10
    assert named - defined == set()


NAMED_DOCUMENT = re.compile(r"\b(docs/[\w/-]+\.md)(?:#([\w-]+))?")


@pytest.mark.parametrize("folder", ["breakglass", "stacks"])
def test_every_document_that_the_code_names_is_there(folder: str) -> None:
    files = [file for suffix in ("py", "yaml") for file in (ROOT / folder).rglob(f"*.{suffix}")]
    named = {(path, anchor) for file in files for path, anchor in NAMED_DOCUMENT.findall(text_of(file))}
    assert named
    missing = {
        f"{path}#{anchor}"
        for path, anchor in named
        if not (ROOT / path).exists() or (anchor and anchor not in anchors(ROOT / path))
    }
    assert missing == set()


def test_each_mail_of_a_state_machine_is_in_the_runbook() -> None:
    goldens = (ROOT / "tests" / "unit" / "alerts").glob("*_machine.golden.json")
    subjects = {subject for file in goldens for subject in re.findall(r'"Subject": "([^"]+)"', text_of(file))}
    assert len(subjects) > 2
    assert [subject for subject in subjects if f'"{subject}"' not in text_of(ALARMS)] == []


def examples(document: Path) -> list[dict[str, Any]]:
    """The keys of each stack file that a document shows, with secrets."""
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```", text_of(document), flags=re.MULTILINE | re.DOTALL)
    files = [yaml.safe_load(textwrap.dedent(block)) for block in blocks]
    return [stack_keys(file["config"]) for file in files if "config" in file]


def stack_keys(config: dict[str, Any]) -> dict[str, Any]:
    keys = {key.removeprefix(NAMESPACE): value for key, value in config.items() if key.startswith(NAMESPACE)}
    has_alert_path = "forwardTo" not in keys["alerts"]
    secrets = [
        *(["slackBotToken"] if has_alert_path else []),
        *(["slackSigningSecret"] if "approvals" in keys else []),
    ]
    return {**keys, **{key: {"secure": "v1:made:up"} for key in secrets}}


def readme_config() -> dict[str, Any]:
    return examples(README)[0]


@pytest.mark.parametrize(("document", "count"), [(README, 1), (FIRST_DEPLOY, 5)], ids=["readme", "first-deploy"])
def test_stack_files_of_a_document_are_valid(document: Path, count: int) -> None:
    shown = examples(document)
    assert len(shown) == count
    for keys in shown:
        validate_stack(keys, ROOT / "stacks")


def test_readme_shows_a_problem_as_it_is_reported() -> None:
    config = readme_config()
    config["alerts"]["slack"]["channel"] = "#incidents"
    with pytest.raises(ConfigError) as refused:
        validate_stack(config, ROOT / "stacks")
    assert f"```\n{refused.value.problems[0]}\n```" in text_of(README)


def test_refusals_in_the_guide_are_those_of_the_app() -> None:
    rows = re.findall(
        r'^\| [^|"]+ \| "([^"]+)"', text_of(ROOT / "docs" / "approvals" / "README.md"), flags=re.MULTILINE
    )
    code = text_of(ROOT / "breakglass" / "app" / "services" / "identity.py")
    texts = re.sub(r'"\s+f?"', "", re.sub(r"\{[\w.]+\}", "…", code))
    assert len(rows) > 8
    assert [row for row in rows if not all(part.strip() in texts for part in row.split("…"))] == []


def texts_of_screens() -> Iterator[str]:
    """Each string of the app and of the alerts; `…` for a value in it."""
    for file in (file for folder in ("app", "alerts") for file in (ROOT / "breakglass" / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(text_of(file))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_quotes_in_runbook_tables_are_texts_of_screens() -> None:
    runbooks = "".join(prose(file) for file in (ROOT / "docs" / "runbooks").glob("*.md"))
    cells = "".join(re.findall(r"^\|[^|]+\|", runbooks, flags=re.MULTILINE))
    # Longer quotes only: Slack's own error codes and states of one word are no sentences of the app.
    quotes = [quote for quote in re.findall(r"(?<!\*)\*([^*|]+)\*(?!\*)", cells) if quote.count(" ") > 1]
    texts = list(texts_of_screens())
    assert len(quotes) > 20
    assert [
        quote
        for quote in quotes
        if not any(all(part.strip(" .") in text for part in quote.split("…")) for text in texts)
    ] == []


def test_license_is_the_unmodified_apache_text() -> None:
    digest = hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()
    assert digest == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])


def test_readme_fits_its_length() -> None:
    assert len(text_of(README).splitlines()) <= 220
