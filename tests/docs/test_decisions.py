"""Each decision has a page with a date, a status and its reasons; the index lists all of them in order."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

_FOLDER = ROOT / "docs" / "design" / "decisions"
_DECISIONS = sorted(path for path in _FOLDER.glob("*.md") if path.name != "index.md")
_FORM = re.compile(
    r"# (\d+)\. [^\n]+\n\n- Date: \d{1,2} \w+ \d{4}\n- Status: (?:accepted|superseded by \[\d+\]\(\d{4}-[\w-]+\.md\))\n\n"
    r"## Decision\n\n\S.*?\n\n## Rejected\n\n\S.*?\n\n## Why\n\n\S.*",
    re.DOTALL,
)


@pytest.mark.parametrize("path", _DECISIONS, ids=lambda path: str(path.stem))
def test_a_decision_has_its_number_its_date_its_status_and_its_reasons(path: Path) -> None:
    found = _FORM.fullmatch(path.read_text(encoding="utf-8"))
    assert found is not None
    assert path.name.startswith(f"{int(found[1]):04}-")


def test_the_numbers_have_no_gap() -> None:
    assert [int(path.name[:4]) for path in _DECISIONS] == list(range(1, len(_DECISIONS) + 1))


def test_the_index_has_each_decision_with_its_title_and_its_date() -> None:
    rows = re.findall(r"^\| \[(\d+)\]\((\S+)\) \| (.+) \| (.+) \|$", (_FOLDER / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    for path, (number, name, title, date) in zip(_DECISIONS, rows, strict=True):
        assert name == path.name
        assert path.read_text(encoding="utf-8").startswith(f"# {number}. {title}\n\n- Date: {date}\n")
