"""Loading a flow from a file, and the error line if there is none."""

import sys
from pathlib import Path

import pytest

from tests.cli.terminal_session import GOOD, HEAD, Typist
from tocsin import Flow
from tocsin.cli.run import FlowFileError, load_flow

NAMELESS = "give one a name at the top level, `with Flow(...) as flow:` (one made in a function is not seen)"
TWO = f"{HEAD}\na = Flow('a')\nb = Flow('b')\nn = 3\n"


def test_the_name_chooses_a_flow(tocsin: Typist) -> None:
    (tocsin.folder / "flows.py").write_text(TWO)
    seen = tocsin("run", "flows.py:b")
    assert (seen.status, seen.out.split()[0]) == (0, "b")


def test_one_flow_under_two_names_is_one(tocsin: Typist) -> None:
    assert tocsin.run(f"{HEAD}\na = b = Flow('only')").status == 0


def test_a_file_whose_name_holds_a_colon(tocsin: Typist) -> None:
    assert tocsin.run(GOOD, file="my:flows").status == 0


@pytest.mark.parametrize(
    ("source", "target", "line"),
    [
        (TWO, "flows.py", "flows.py holds 2 flows (a, b): write `tocsin run flows.py:a`"),
        (TWO, "flows.py:c", "flows.py holds no flow called 'c': the flows in it are a, b"),
        (TWO, "flows.py:n", "flows.py holds no flow called 'n', but an object of type int: the flows in it are a, b"),
        (
            "",
            "flows.py",
            f"flows.py holds no flow: {NAMELESS}",
        ),
        (
            "",
            "flows.py:a",
            f"flows.py holds no flow called 'a': {NAMELESS}",
        ),
        ("", "none.py", "none.py: No such file or directory"),
        ("", "none.py:a", "none.py: No such file or directory"),
        ("", ".", ".: Is a directory"),
    ],
)
def test_where_there_is_no_one_flow_a_line_says_so(tocsin: Typist, source: str, target: str, line: str) -> None:
    (tocsin.folder / "flows.py").write_text(source)
    seen = tocsin("run", target)
    assert (seen.status, seen.out, seen.err) == (2, "", f"tocsin: {line}\n")


BROKEN = {
    "1\n1 / 0": "line 2: ZeroDivisionError: division by zero",
    "def f():\n  raise KeyError('x')\n\nf()": "line 2: KeyError: 'x'",
    "1\ndef (": "line 2: SyntaxError: invalid syntax",
    "import nowhere_at_all": "line 1: ModuleNotFoundError: No module named 'nowhere_at_all'",
    "import sys\nsys.exit(5)": "line 2: SystemExit: 5",
    "from tocsin import *\nFlow('')": "line 2: TypeError: a name is a str that is not empty, not ''",
    "raise ValueError('two\\nlines \\x1b[31m')": "line 1: ValueError: two lines",
    "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})": "line 1: Odd: <its str raised ZeroDivisionError>",
}


@pytest.mark.parametrize("source", BROKEN)
def test_a_file_that_does_not_import_is_one_line(tocsin: Typist, source: str) -> None:
    seen = tocsin.run(source)
    assert (seen.status, seen.out) == (2, "")
    assert seen.err == f"tocsin: flows.py, {BROKEN[source]} (--traceback shows the rest)\n"


def test_an_error_without_a_line(tocsin: Typist) -> None:
    seen = tocsin.run("x = 1\0")
    assert seen.status == 2
    assert seen.err.startswith("tocsin: flows.py")
    assert seen.err.endswith("source code string cannot contain null bytes (--traceback shows the rest)\n")


def test_a_hostile_file_name_stays_on_its_line(tocsin: Typist) -> None:
    seen = tocsin.run("1 / 0", file="two\nlines\x1b[31m.py")
    assert seen.err == "tocsin: two lines.py, line 1: ZeroDivisionError: division by zero (--traceback shows the rest)\n"


def test_the_rest_begins_in_the_file(tocsin: Typist) -> None:
    seen = tocsin.run("def f():\n    secret = 1\n    return 1 / 0\n\nf()", "--traceback")
    lines = seen.err.splitlines()
    assert lines[:2] == ["tocsin: flows.py, line 3: ZeroDivisionError: division by zero", "Traceback (most recent call last):"]
    assert lines[2] == f'  File "{tocsin.folder / "flows.py"}", line 5, in <module>'
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_the_file_is_a_module_beside_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("NAME = 'borrowed'")
    file = tmp_path / "its_own_module.py"
    file.write_text(
        f"{HEAD}\nimport neighbour, sys\nassert sys.modules[__name__].__file__ == __file__\nflow = Flow(neighbour.NAME)\n"
        "if __name__ == '__main__':\n    1 / 0\n"
    )
    before = list(sys.path)
    with load_flow(str(file)) as flow:
        assert isinstance(flow, Flow)
        assert flow.name == "borrowed"
        assert sys.modules["its_own_module"].flow is flow
        with load_flow(str(file)) as again:  # the name is taken now
            assert isinstance(again, Flow)
            assert sys.modules["its_own_module_2"].flow is again
    assert (sys.path, "its_own_module" in sys.modules) == (before, False)
    del sys.modules["neighbour"]


def test_a_file_may_change_the_path_itself(tocsin: Typist) -> None:
    assert tocsin.run(f"{GOOD}\nimport sys\nsys.path.pop(0)").status == 0


def test_a_file_does_not_take_the_place_of_a_module(tmp_path: Path) -> None:
    file = tmp_path / "sys.py"
    file.write_text("")
    with load_flow(str(file)) as flow:
        assert isinstance(flow, FlowFileError)
    assert sys.modules["sys"] is sys
