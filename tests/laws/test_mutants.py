"""Mutation tests: each of ten broken copies of tocsin fails its law, and an unchanged copy passes these laws."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from tests.laws.mutants import MUTANTS, Edit, Mutant

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "tocsin"


@attrs.frozen
class Trial:
    """The exit status and the output of a run of laws."""

    status: int
    output: str


def tried(copy: Path, laws: list[str], profile: str, edits: tuple[Edit, ...] = ()) -> Trial:
    """Run the laws against an edited copy of tocsin, with the number of examples of a profile."""
    shutil.copytree(SOURCE, copy / "tocsin", ignore=shutil.ignore_patterns("__pycache__"))
    for edit in edits:
        path = copy / "tocsin" / edit.module
        text = path.read_text(encoding="utf-8")
        assert text.count(edit.old) == 1, f"{edit.module} holds {text.count(edit.old)} times: {edit.old}"
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    unmeasured = {
        name: value for name, value in os.environ.items() if not name.startswith("COV")
    }  # the lines of a mutant are not measured
    environment = {**unmeasured, "PYTHONPATH": str(copy), "TOCSIN_PROFILE": profile, "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-x", "-q", "-p", "no:cacheprovider", "--no-header"]
    command = [sys.executable, "-m", "pytest", *options, *(f"tests/laws/{law}" for law in laws)]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)
    return Trial(ended.returncode, ended.stdout + ended.stderr)


@pytest.mark.slow
def test_a_copy_that_is_not_broken_passes(tmp_path: Path) -> None:
    trial = tried(tmp_path, sorted({mutant.law for mutant in MUTANTS}), "gate")
    assert trial.status == pytest.ExitCode.OK, trial.output


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_mutant_fails_its_law(mutant: Mutant, tmp_path: Path) -> None:
    trial = tried(tmp_path, [mutant.law], "mutant", mutant.edits)
    assert trial.status == pytest.ExitCode.TESTS_FAILED, trial.output
    assert f"FAILED tests/laws/{mutant.law}" in trial.output


def test_there_are_ten_different_mutants() -> None:
    assert len(MUTANTS) == len({mutant.name for mutant in MUTANTS}) == len({mutant.edits for mutant in MUTANTS}) == 10
