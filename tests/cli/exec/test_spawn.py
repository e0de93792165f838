"""The command starts before anything heavy is imported, in the environment that tocsin was given."""

import ctypes
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.exec.commands import Watch
from tocsin.cli.exec.context import _open_routes, scrub_environment
from tocsin.cli.exec.options import parse_arguments
from tocsin.cli.exec.routes import Route, enlarge_pipe
from tocsin.cli.exec.signal_pipe import SignalPipe
from tocsin.cli.exec.spawn import forbid_reading, in_foreground, inherited_environment

HEAVY = {
    "attr", "attrs", "returns", "typing", "subprocess", "json", "requests", "typer", "rich", "ssl", "asyncio", "platformdirs",
    "pathlib", "sqlite3", "tomllib",
}  # fmt: skip
PRINTS_MODULES = """
import os, sys
def print_modules(event, arguments):
    if event == "os.posix_spawn":
        print(*sys.modules, flush=True)
sys.addaudithook(print_modules)
from tocsin.cli import main
main()
"""
LIBC = ctypes.CDLL(None)
PR_CAPBSET_DROP = 24
BARE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TOCSIN_NOTIFY": "none"}


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--tail", "20", "--timeout", "2h", "--retries", "3", "--only", "failed", "--label", "nightly load", "--ping", "https://x"),
    ],
)
def test_nothing_heavy_is_imported_before_the_command_starts(options: tuple[str, ...], tmp_path: Path) -> None:
    environment = {**BARE, "TOCSIN_STATE_DIR": str(tmp_path)}
    words = ["exec", *options, "--", "true"]
    done = subprocess.run(
        [sys.executable, "-c", PRINTS_MODULES, *words], capture_output=True, text=True, timeout=60, env=environment, check=True
    )
    loaded = set(done.stdout.split())
    assert "tocsin.cli.exec.context" in loaded  # the helper starts before that, and the command after it
    assert HEAVY.isdisjoint(loaded), HEAVY & loaded


def test_the_environment_is_what_we_were_given(tmp_path: Path) -> None:
    driver = "import sys; from tocsin.cli.exec.command import main; sys.exit(main(sys.argv[1:]))"
    environment = {"TOCSIN_STATE_DIR": str(tmp_path), "TOCSIN_NOTIFY": "none"}
    done = subprocess.run(
        [sys.executable, "-c", driver, "--", "/usr/bin/env"], capture_output=True, text=True, timeout=60, env=environment, check=True
    )
    assert done.stdout == f"TOCSIN_STATE_DIR={tmp_path}\nTOCSIN_NOTIFY=none\n"  # Python adds LC_CTYPE to its own


@pytest.mark.parametrize(("given", "kept"), [(b"A=B\0LC_CTYPE=C\0", True), (b"A=B\0XLC_CTYPE=C\0", False), (None, True)])
def test_what_python_added_is_taken_away(given: bytes | None, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_CTYPE", "C.UTF-8")
    path = tmp_path / "environ"
    if given is not None:
        path.write_bytes(given)
    assert ("LC_CTYPE" in inherited_environment(str(path))) is kept


def test_in_the_background_of_a_terminal_it_has_a_group_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)
    assert not in_foreground()


def test_a_terminal_that_is_gone_is_replaced_all_the_same() -> None:
    reader, writer = os.pipe()
    route = Route((writer,), terminal=True)
    assert os.isatty(route.inner)
    for file in (reader, writer, route.outer, route.inner):
        os.close(file)


def test_what_is_no_pipe_stays_as_it_is(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        enlarge_pipe(file.fileno())


def test_a_closed_pipe_may_be_woken() -> None:
    with SignalPipe() as signals:
        signals.wake()
        assert signals.wait(math.inf) == []
    signals.wake()


def test_what_is_set_for_python_is_set_for_the_command(watch: Watch) -> None:
    assert watch("--", "sh", "-c", "echo $LC_CTYPE", environment={"LC_CTYPE": "C.UTF-8"}).done() == (0, b"C.UTF-8\n", b"")


def test_secrets_are_scrubbed_where_that_is_asked(watch: Watch) -> None:
    show = 'echo "$SLACK_WEBHOOK_URL,$EMAIL_PASSWORD_FILE,$HEARTBEAT,$TOCSIN_SLACK_HOST,$TOCSIN_ENV,$OTHER"'

    def shown(*options: str) -> tuple[int, bytes, bytes]:
        names = {"SLACK_WEBHOOK_URL": "S", "EMAIL_PASSWORD_FILE": "E", "HEARTBEAT": "H", "TOCSIN_SLACK_HOST": "T", "TOCSIN_ENV": "V"}
        return watch(*options, "--", "sh", "-c", show, environment={**names, "OTHER": "O"}).done()

    assert shown() == (0, b"S,E,H,T,V,O\n", b"")
    assert shown("--scrub-env", "--ping", "HEARTBEAT") == (0, b",,,,V,O\n", b"")


def test_a_mistake_in_a_file_leaves_no_secret_to_the_command(watch: Watch, tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text('[slack]\ndedline = 3\n[secrets]\nnames = ["DB_PASSWORD"]\n')
    environment = {"DB_PASSWORD": "hidden", "TOCSIN_CONFIG": str(file)}
    status, out, err = watch("--scrub-env", "--", "sh", "-c", 'echo "<$DB_PASSWORD>"', environment=environment).done()
    assert (status, out) == (0, b"<>\n")
    assert b"slack.dedline: there is no such key; did you mean slack.deadline?" in err


def without_privileges() -> None:  # pragma: no cover - between fork and exec nothing is measured
    """Let the process become what a usual user's is, even if it is root's: without capabilities."""
    for capability in range(64):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems show no environment in /proc")
def test_the_command_cannot_read_scrubbed_secrets_from_tocsin(watch: Watch) -> None:
    shows = "grep -z ^SLACK_WEBHOOK_URL= /proc/$PPID/environ; grep -z ^OTHER= /proc/self/environ"

    def shown(*options: str) -> tuple[int, bytes, bytes]:
        environment = {"SLACK_WEBHOOK_URL": "S", "OTHER": "O"}
        return watch(*options, "--", "sh", "-c", shows, before=without_privileges, environment=environment).done()

    assert shown() == (0, b"SLACK_WEBHOOK_URL=S\0OTHER=O\0", b"")
    status, out, err = shown("--scrub-env")
    assert (status, out) == (0, b"OTHER=O\0")  # the command may read its own environment
    assert b"Permission denied" in err


def test_a_system_that_cannot_forbid_reading_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    forbid_reading()


def test_what_is_not_ours_stays() -> None:
    environment = {"PATH": "/bin", "SLACK": "x", "TOCSIN_NOTIFY": "none"}
    assert scrub_environment({**environment, "EMAIL_USERNAME": "x"}, None) == environment


def test_where_no_pipe_can_be_had_there_is_no_tail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> tuple[int, int]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pipe", refuse)
    monkeypatch.setattr(os, "openpty", refuse)
    options = parse_arguments(["--tail", "3", "--", "true"])
    assert options is not None
    assert _open_routes(options) == []
    assert capsys.readouterr().err == "tocsin: --tail cannot capture the output: Too many open files\n"
