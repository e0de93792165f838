"""Which outbox a command uses, and the error line if there is none."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.outbox.filled_outbox import Kept
from tests.cli.terminal_session import PATIENCE, Typist
from tocsin.core.outbox.model import Status
from tocsin.shell.config.load import configuration

BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
sys.argv = ["tocsin", *sys.argv[1:]]
from tocsin.cli import main
main()
"""


@pytest.mark.parametrize("name", ["other.sqlite", "with space & 'quotes' #1.sqlite"])
def test_a_file_elsewhere(tocsin: Typist, tmp_path: Path, name: str) -> None:
    Kept(tmp_path / name).put(Status.DEAD)
    for path in (name, str(tmp_path / name)):
        seen = tocsin("outbox", "status", "--file", path)
        assert (seen.status, seen.err) == (1, "")
        assert seen.out.startswith(f"{tmp_path / name}\n")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("postgresql://me:hunter2@db/outbox", "--file takes the path of a file; the URL of a database is a secret"),
        ("what?.sqlite", "--file takes a path without the characters ? %"),
    ],
)
def test_a_path_that_is_none_is_one_line_and_not_repeated(tocsin: Typist, path: str, said: str) -> None:
    seen = tocsin("outbox", "status", "--file", path)
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith(f"tocsin: {said}")
    assert seen.err.count("\n") == 1
    assert "hunter2" not in seen.err


def test_a_secret_with_the_url_that_is_not_there(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DELIVERY_OUTBOX_SECRET", "OUTBOX_URL")
    configuration.cache_clear()
    seen = tocsin("outbox", "list")
    assert (seen.status, seen.out) == (2, "")
    assert "OUTBOX_URL" in seen.err
    assert seen.err.count("\n") == 1


@pytest.mark.parametrize("name", ["sqlalchemy", "cattrs"])
def test_without_its_libraries_it_says_what_to_install(tmp_path: Path, name: str) -> None:
    program = [sys.executable, "-c", BLOCKED.format(name=name), "outbox", "status"]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=PATIENCE, cwd=tmp_path)
    said = f"tocsin: the outbox needs the extra: pip install 'tocsin[outbox]' ({name} is not installed)\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_nothing_heavy_is_loaded_by_other_commands(tmp_path: Path) -> None:
    program = "import sys, tocsin.cli.app; print([name for name in ('sqlalchemy', 'cattrs', 'psycopg') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE, cwd=tmp_path)
    assert done.stdout == "[]\n"


def test_a_file_that_is_no_database_says_what_is_wrong_with_it(tocsin: Typist, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary, " * 100)
    seen = tocsin("outbox", "status", "--file", str(path))
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith(f"tocsin: the outbox at {path} cannot be used: ")
    assert path.read_text().startswith("dear diary")


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["list", "--json"]], ids=" ".join)
def test_the_host_and_the_name_of_a_database_are_shown_and_its_password_is_not(
    tocsin: Typist, database: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_DELIVERY_OUTBOX_SECRET", "OUTBOX_URL")
    monkeypatch.setenv("OUTBOX_URL", database)
    configuration.cache_clear()
    seen = tocsin("outbox", *command)
    login, _, place = database.removeprefix("postgresql://").rpartition("@")
    user, _, password = login.partition(":")
    assert (seen.status, seen.err) == (0, "")
    assert f"postgresql://{user}@{place}" in seen.out
    assert password not in seen.out


def test_a_database_that_cannot_be_reached_is_named_too(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_DELIVERY_OUTBOX_SECRET", "OUTBOX_URL")
    with socket.socket() as silent:  # bound and not listening: a connection is refused
        silent.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{silent.getsockname()[1]}/messages_of_2026"
        monkeypatch.setenv("OUTBOX_URL", f"postgresql://me:hunter2-and-more@{place}")
        configuration.cache_clear()
        seen = tocsin("outbox", "status")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith(f"tocsin: the outbox at postgresql://me@{place} cannot be used: ")
    assert "hunter2" not in seen.err
