"""Tests that five type checkers find the marked errors, and no others, in two programs that are never executed.

- The programs are text files, checked as modules of another project, without the configuration of tocsin.
- ``consumer`` holds no error, and no Any where it asserts a type. A line marked ``# wrong for CHECKERS`` is an error for these only.
- ``misuse`` holds an error on each line marked ``# wrong: CODE, RULE``, with that code of mypy and that rule of pyright, and on no
  other line. ``; not CHECKERS`` after it names those that find nothing there.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile, which

import attrs
import pytest

HERE = Path(__file__).parent
MODULES = ("consumer", "misuse")
WRONG = re.compile(r"# wrong: (?P<mypy>\S+), (?P<pyright>\w+)(; not (?P<blind>.+))?$")
WRONG_FOR = re.compile(r"# wrong for (?P<seeing>.+)$")
PYRIGHT = {"strict": ["consumer.py"], "strictListInference": True, "strictDictionaryInference": True, "pythonVersion": "3.11"}
CONFIGURATION = {
    "mypy.ini": "[mypy]\nstrict = True\nwarn_unreachable = True\ndisallow_any_explicit = True\n",
    "pyrightconfig.json": json.dumps(PYRIGHT),
    "pyrefly.toml": 'preset = "strict"\n',
}

Errors = set[tuple[str, int, str]]
"""The errors of a checker: module, line, and the code where codes are compared."""


@attrs.frozen
class Checker:
    """A type checker: its arguments, and the pattern of an error in what it prints."""

    name: str
    arguments: tuple[str, ...]
    error: str

    def errors(self, folder: Path) -> Errors:
        """Return what it finds in both programs; any status but "errors found" (1) is a failure."""
        command = which(self.name, path=Path(sys.executable).parent) or self.name
        files = [f"{module}.py" for module in MODULES]
        ran = subprocess.run([command, *self.arguments, *files], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        assert ran.returncode == 1, ran.stdout + ran.stderr
        found = re.finditer(self.error, ran.stdout, re.MULTILINE)
        return {(it["module"], int(it["line"]), it.groupdict().get("code", "")) for it in found}

    def marked(self) -> Errors:
        """Return the errors that it should find."""
        return {
            (module, number, code)
            for module in MODULES
            for number, line in enumerate((HERE / f"{module}.py.txt").read_text(encoding="utf-8").splitlines(), 1)
            if (code := self._code(line)) is not None
        }

    def _code(self, line: str) -> str | None:
        if wrong := WRONG.search(line):
            return None if self.name in (wrong["blind"] or "").split(", ") else wrong.groupdict().get(self.name, "")
        seen = WRONG_FOR.search(line)
        return "" if seen and self.name in seen["seeing"].split(", ") else None


AT = r"(?P<module>\w+)\.py:(?P<line>\d+):"
CHECKERS = (
    Checker("mypy", ("--cache-dir=cache",), rf"^{AT} error: .*\[(?P<code>[a-z-]+)\]$"),
    Checker("pyright", ("--pythonpath", sys.executable), rf"{AT}\d+ - error: (?s:.*?)\((?P<code>report\w+)\)$"),
    Checker("zuban", ("mypy", "--python-executable", sys.executable), rf"^{AT} error: "),
    Checker("ty", ("check", "--output-format=concise", "--python", sys.executable), rf"^{AT}\d+: error"),
    Checker(
        "pyrefly",
        ("check", "--config=pyrefly.toml", "--output-format=min-text", f"--python-interpreter-path={sys.executable}"),
        rf"^ *ERROR {AT}",
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project outside tocsin."""
    made = tmp_path_factory.mktemp("project")
    for module in MODULES:
        copyfile(HERE / f"{module}.py.txt", made / f"{module}.py")
    for name, text in CONFIGURATION.items():
        (made / name).write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize("checker", CHECKERS, ids=lambda checker: checker.name)
def test_each_checker_finds_the_marked_errors_and_no_others(checker: Checker, folder: Path) -> None:
    errors, marked = checker.errors(folder), checker.marked()
    assert {error[:2] for error in errors} == {mark[:2] for mark in marked}
    assert marked <= errors, "other codes"


def test_the_page_names_each_checker_with_its_version() -> None:
    page = (HERE.parents[1] / "docs" / "handlers.md").read_text(encoding="utf-8")
    assert [f"| {checker.name} | {version(checker.name)} |" in page for checker in CHECKERS] == [True] * len(CHECKERS)
