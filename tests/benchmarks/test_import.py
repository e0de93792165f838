"""Cost of ``import tocsin`` for a program that sends nothing yet."""

import os
import subprocess
import sys
from pathlib import Path
from timeit import Timer

from tests.benchmarks.ratios import Rivals

PEERS = "import attrs, returns.result, returns.io"
HEAVY = {"asyncio", "email", "requests", "smtplib", "ssl", "urllib3"}
OUTBOX = {"cattrs", "psycopg", "sqlalchemy"}
COMMAND = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from tocsin.cli import main; main()"


class Python:
    """Starts processes without settings in the environment, with their own folder for bytecode."""

    def __init__(self, cache: Path) -> None:
        self._command = [sys.executable, "-I", "-X", f"pycache_prefix={cache}", "-c"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        self._environment = {**kept, "TOCSIN_STATE_DIR": str(cache / "state")}

    def __call__(self, code: str, *words: str) -> str:
        """Run the code with these arguments, and return what it prints."""
        command = [*self._command, code, *words]
        ran = subprocess.run(command, env=self._environment, check=True, capture_output=True, text=True, timeout=60)
        return ran.stdout

    def timer(self, code: str) -> Timer:
        """Return a timer of the whole process, whose code is compiled in advance."""
        self(code)
        return Timer("python(code)", globals={"python": self, "code": code})


def test_import(rivals: Rivals, tmp_path: Path) -> None:
    python = Python(tmp_path)
    ours, peers = python.timer("import tocsin"), python.timer(PEERS)
    rivals.measure("import tocsin, whole process, against attrs and returns", 1.5, ours, peers, calls=1, rounds=20, unit="ms")


def test_import_of_a_name(rivals: Rivals, tmp_path: Path) -> None:
    python = Python(tmp_path)
    ours, peers = python.timer("from tocsin import slack_notifier"), python.timer(PEERS)
    rivals.measure("from tocsin import slack_notifier, a process", 1.5, ours, peers, calls=1, rounds=20, unit="ms")


def test_import_of_what_it_stands_on(rivals: Rivals, tmp_path: Path) -> None:
    python = Python(tmp_path)
    peers, bare = python.timer(PEERS), python.timer("pass")
    rivals.measure("(attrs and returns, against nothing imported)", 4.3, peers, bare, calls=1, rounds=20, unit="ms")


def test_nothing_is_imported_that_only_a_delivery_needs(tmp_path: Path) -> None:
    loaded = Python(tmp_path)("import sys; from tocsin import slack_notifier; print(*sys.modules)").split()
    assert "tocsin" in loaded
    assert HEAVY.isdisjoint(loaded)
    assert OUTBOX.isdisjoint(loaded)


def test_nothing_is_imported_that_only_the_outbox_needs_also_by_a_command(tmp_path: Path) -> None:
    loaded = Python(tmp_path)(COMMAND, "exec", "--", "true").split()
    assert "tocsin.shell.reliable" in loaded
    assert OUTBOX.isdisjoint(loaded)
