"""How the process of a command ends: at once, with all that people rely on at an exit."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest

from tests.cli.terminal_session import PATIENCE

ENDS = """
import atexit, os, sys, threading, time
from tocsin.cli.process_exit import end
class Left:
    def __del__(self):
        os.write(1, b"torn down, ")
left = Left()
atexit.register(lambda: sys.stdout.write("at the exit, "))
sys.stdout.write("written, ")
{before}
end(3)
"""
FULL = "import sys; from tocsin.cli.process_exit import end; sys.stdout.write('written'); end(3)"
NOTED = "threading.Thread(target=lambda: (time.sleep(0.2), sys.stdout.write('waited for, ')), daemon={daemon}).start()"


def ended(program: str, stdout: "int | TextIO" = subprocess.PIPE, *, traced: bool = True) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, with streams that have buffers; not ``traced``: without coverage, which keeps objects alive."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    if not traced:
        environment = {name: value for name, value in environment.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False, env=environment)


@pytest.mark.parametrize(
    ("before", "out"),
    [
        ("", "written, at the exit, "),
        (NOTED.format(daemon=True), "written, at the exit, "),
        (NOTED.format(daemon=False), "torn down, written, waited for, at the exit, "),
        ("sys.stdout.flush(); sys.stdout = None", "written, "),
    ],
    ids=["bare", "daemon", "thread", "without"],
)
def test_what_people_rely_on_is_done(before: str, out: str) -> None:
    done = ended(ENDS.format(before=before))
    assert (done.returncode, sorted(done.stdout.split(", "))) == (3, sorted(out.split(", ")))


def test_a_stream_that_takes_nothing_is_told_as_the_interpreter_does() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("only Linux has a device that is always full")
    with full.open("w") as device:
        done = ended(FULL, device)
    assert done.returncode == 120
    assert "No space left" in done.stderr


@pytest.mark.parametrize(("code", "status", "err"), [("0", 0, ""), ("None", 0, ""), ("7", 7, ""), ("'why'", 1, "why\n")])
def test_the_script_ends_with_the_status_of_the_command(code: str, status: int, err: str) -> None:
    program = f"import tocsin.cli\ndef main(): raise SystemExit({code})\ntocsin.cli.main = main\ntocsin.cli.script()"
    done = ended(program)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", err)


@pytest.mark.parametrize(("command", "out"), [("run", "torn down"), ("preview", "torn down"), ("--help", "")])
def test_a_process_that_loads_a_file_of_the_users_is_torn_down_as_ever(tmp_path: Path, command: str, out: str) -> None:
    flow = tmp_path / "flow.py"
    flow.write_text("from tocsin import Flow\nflow = Flow('nightly', state_handlers=[])\n")
    program = (
        "import os, sys\nclass Left:\n    def __del__(self, write=os.write):\n        write(2, b'torn down')\nleft = Left()\n"
        f"sys.argv = ['tocsin', {command!r}, {str(flow)!r}]\nfrom tocsin.cli import script\nscript()"
    )
    done = ended(program, traced=False)
    assert (done.returncode, done.stderr) == (0, out)
