"""Tests that strict type checkers find the marked errors, and no others, in two programs that are never executed.

- The programs are text files, checked as modules of another project, without the configuration of tocsin.
- ``consumer`` holds no error, and no Any where it asserts a type.
- ``misuse`` holds an error on each line marked ``# wrong: CODE, RULE``, with that code of mypy and that rule of pyright, and on no
  other line.
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

CheckerError = tuple[str, int, str]
"""A module, a line and a code."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project outside tocsin."""
    made = tmp_path_factory.mktemp("project")
    for name in ("consumer", "misuse"):
        copyfile(HERE / f"{name}.py.txt", made / f"{name}.py")
    (made / "mypy.ini").write_text(MYPY, encoding="utf-8")
    (made / "pyrightconfig.json").write_text(json.dumps(PYRIGHT), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def mypy_errors(folder: Path) -> set[CheckerError]:
    """Return the errors of mypy."""
    printed = _run([sys.executable, "-m", "mypy", "--cache-dir=cache", "consumer.py", "misuse.py"], folder)
    found = re.finditer(r"^(\w+\.py):(\d+): error: .*\[([a-z-]+)\]$", printed, re.MULTILINE)
    return {(it[1], int(it[2]), it[3]) for it in found}


@pytest.fixture(scope="module")
def pyright_errors(folder: Path) -> set[CheckerError]:
    """Return the errors of pyright."""
    command = which("pyright", path=Path(sys.executable).parent) or which("pyright")
    if command is None:  # pragma: no cover - it is installed for the gate
        pytest.skip("pyright is not installed")
    printed = _run([command, "--pythonpath", sys.executable, "consumer.py", "misuse.py"], folder)
    found = re.finditer(r"(\w+\.py):(\d+):\d+ - error: .*?\((report\w+)\)$", printed, re.MULTILINE | re.DOTALL)
    return {(it[1], int(it[2]), it[3]) for it in found}


def test_mypy_finds_no_error_and_no_any_in_the_consumer(mypy_errors: set[CheckerError]) -> None:
    assert _of("consumer.py", mypy_errors) == set()


def test_pyright_finds_no_error_and_nothing_unknown_in_the_consumer(pyright_errors: set[CheckerError]) -> None:
    assert _of("consumer.py", pyright_errors) == set()


def test_mypy_refuses_each_misuse_and_nothing_else(mypy_errors: set[CheckerError]) -> None:
    assert _of("misuse.py", mypy_errors) == _marked(1)


def test_pyright_refuses_each_misuse_and_nothing_else(pyright_errors: set[CheckerError]) -> None:
    assert _of("misuse.py", pyright_errors) == _marked(2)


def _marked(group: int) -> set[tuple[int, str]]:
    """Return the lines marked as wrong, with the code of mypy (1) or the rule of pyright (2)."""
    lines = (HERE / "misuse.py.txt").read_text(encoding="utf-8").splitlines()
    return {(number, mark[group]) for number, line in enumerate(lines, 1) if (mark := WRONG.search(line))}


def _of(module: str, errors: Iterable[CheckerError]) -> set[tuple[int, str]]:
    return {(line, code) for file, line, code in errors if file == module}


def _run(command: list[str], folder: Path) -> str:
    """Return the output of a checker; any status but "fine" (0) and "errors found" (1) is a failure."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode in {0, 1}, ran.stdout + ran.stderr
    return ran.stdout
