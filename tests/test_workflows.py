"""Tests of GitHub's workflows: they may only read, and pin each action to a commit; the hooks use the gate's ruff."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def _text(*names: str) -> str:
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in names if (ROOT / name).exists())


def test_there_are_workflows() -> None:
    assert WORKFLOWS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.name))
def test_a_workflow_may_only_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert text.count("permissions:") == 1
    assert text.count("persist-credentials: false") == text.count("actions/checkout@")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.name))
def test_an_action_is_pinned_to_a_commit_with_its_release(path: Path) -> None:
    used = re.findall(r"^\s*- uses: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_a_commit_is_linted_by_the_ruff_of_the_gate() -> None:
    pin = r"ruff==[\d.]+"
    assert set(re.findall(pin, _text(".pre-commit-config.yaml"))) == set(re.findall(pin, _text("tox.ini", "tests/constraints.txt")))
