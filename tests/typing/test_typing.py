"""Strict type checkers agree with what the two programs beside this file say of themselves; neither is ever executed.

They are kept as text, and checked as modules of a stranger who has nothing of our configuration. ``consumer`` holds no error, and
no Any where it asserts a type. ``misuse`` holds an error on each line that is marked ``# wrong: CODE, RULE``, of that code of mypy
and that rule of pyright, and on no other.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from shutil import copyfile, which

import pytest

HERE = Path(__file__).parent
WRONG = re.compile(r"# wrong: (\S+), (\S+)$")
MYPY = "[mypy]\nstrict = True\nwarn_unreachable = True\ndisallow_any_explicit = True\n"
PYRIGHT = {"strict": ["consumer.py"], "pythonVersion": "3.11"}

Complaint = tuple[str, int, str]
"""A module, a line and a code."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stranger's project."""
    made = tmp_path_factory.mktemp("stranger")
    for name in ("consumer", "misuse"):
        copyfile(HERE / f"{name}.py.txt", made / f"{name}.py")
    (made / "mypy.ini").write_text(MYPY, encoding="utf-8")
    (made / "pyrightconfig.json").write_text(json.dumps(PYRIGHT), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def mypys(folder: Path) -> set[Complaint]:
    """What mypy complains of."""
    printed = _run([sys.executable, "-m", "mypy", "--cache-dir=cache", "consumer.py", "misuse.py"], folder)
    found = re.finditer(r"^(\w+\.py):(\d+): error: .*\[([a-z-]+)\]$", printed, re.MULTILINE)
    return {(it[1], int(it[2]), it[3]) for it in found}


@pytest.fixture(scope="module")
def pyrights(folder: Path) -> set[Complaint]:
    """What pyright complains of."""
    command = which("pyright", path=Path(sys.executable).parent) or which("pyright")
    if command is None:  # pragma: no cover - not where it is installed
        pytest.skip("pyright is not installed")
    printed = _run([command, "--pythonpath", sys.executable, "consumer.py", "misuse.py"], folder)
    found = re.finditer(r"(\w+\.py):(\d+):\d+ - error: .*?\((report\w+)\)$", printed, re.MULTILINE | re.DOTALL)
    return {(it[1], int(it[2]), it[3]) for it in found}


def test_mypy_finds_no_error_and_no_any_in_the_consumer(mypys: set[Complaint]) -> None:
    assert _of("consumer.py", mypys) == set()


def test_pyright_finds_no_error_and_nothing_unknown_in_the_consumer(pyrights: set[Complaint]) -> None:
    assert _of("consumer.py", pyrights) == set()


def test_mypy_refuses_each_misuse_and_nothing_else(mypys: set[Complaint]) -> None:
    assert _of("misuse.py", mypys) == _marked(1)


def test_pyright_refuses_each_misuse_and_nothing_else(pyrights: set[Complaint]) -> None:
    assert _of("misuse.py", pyrights) == _marked(2)


def _marked(group: int) -> set[tuple[int, str]]:
    """The lines that are marked as wrong, with the code of mypy (1) or the rule of pyright (2)."""
    lines = (HERE / "misuse.py.txt").read_text(encoding="utf-8").splitlines()
    return {(number, mark[group]) for number, line in enumerate(lines, 1) if (mark := WRONG.search(line))}


def _of(module: str, complaints: Iterable[Complaint]) -> set[tuple[int, str]]:
    return {(line, code) for file, line, code in complaints if file == module}


def _run(command: list[str], folder: Path) -> str:
    """What a checker prints; anything but "fine" (0) and "errors found" (1) is a failure."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode in {0, 1}, ran.stdout + ran.stderr
    return ran.stdout
