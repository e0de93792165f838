"""The command as a process: how it starts, and how it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import TextIO

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from tests.cli.terminal_session import BAD, GOOD, HEAD, PATIENCE, started, typed
from tocsin.cli import COMMANDS, main, script
from tocsin.cli.app import app

BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in {"typer", "rich"}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Blocker())
from tocsin.cli import main
main()
"""
CHATTY = f"""{HEAD}
@task(state_handlers=[slack_notifier])
def add(x):
    return x

with Flow("sums", tasks=[]) as flow:
    for x in range(200):
        add(x)
"""
WAITING = f"""{HEAD}
import sys, time

@task
def wait():
    print("waiting", flush=True)
    time.sleep({PATIENCE})

with Flow("patience") as flow:
    wait()
"""


def test_the_script_is_the_command() -> None:
    (found,) = entry_points(group="console_scripts", name="tocsin")
    assert found.load() is script


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "tocsin", "--version"], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout == f"tocsin {version('tocsin')}\n"


HELP = ("-h", "--help")
NEEDED = "(tocsin exec, tocsin send, --help and --version need none)"


def ends(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Run the command in this process and return its exit status."""
    monkeypatch.setattr(sys, "argv", ["tocsin", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


@contextmanager
def unread() -> Iterator[TextIO]:
    """A stream whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield stream
        with Path(os.devnull).open("wb") as nowhere:  # for what is still buffered
            os.dup2(nowhere.fileno(), writer)


@pytest.mark.parametrize("missing", ["rich", "typer"])
def test_without_its_libraries_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert ends(monkeypatch, "runs", "--failed") == 2
    assert capsys.readouterr() == ("", f"tocsin: runs needs the extra: pip install 'tocsin[cli]' {NEEDED}\n")
    assert ends(monkeypatch, "outbox", "status") == 2
    assert capsys.readouterr() == ("", f"tocsin: outbox needs the extra: pip install 'tocsin[cli,outbox]' {NEEDED}\n")
    assert ends(monkeypatch, "--install-completion") == 2
    assert capsys.readouterr() == ("", f"tocsin: --install-completion needs the extra: pip install 'tocsin[cli]' {NEEDED}\n")
    monkeypatch.setenv("_TOCSIN_COMPLETE", "complete_bash")
    assert ends(monkeypatch) == 1
    assert capsys.readouterr() == ("", "")  # a line would appear inside of the one that is completed


@pytest.mark.parametrize("missing", ["", "typer"])
@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("chek", "command 'chek': did you mean check?"),
        ("exce", "command 'exce': did you mean exec?"),
        ("xyzzy", "command 'xyzzy'"),
        ("--versio", "option --versio: did you mean --version?"),
        ("--instal-completion=zsh", "option --instal-completion: did you mean --install-completion?"),
        ("-x", "option -x"),
    ],
)
def test_what_is_misspelt_has_one_answer_with_and_without_its_libraries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missing: str, word: str, said: str
) -> None:
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    assert ends(monkeypatch, word) == 2
    assert capsys.readouterr() == ("", f"tocsin: there is no {said} (tocsin --help shows all)\n")


@pytest.mark.parametrize(
    ("line", "status"), [("", 2), ("-h", 0), ("--version", 0), ("exec -h", 0), ("runs -h", 0), ("outbox list -h", 0), ("runs", 0)]
)
def test_a_reader_that_has_left_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str, status: int
) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path))
    with unread() as stdout, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        assert ends(patch, *line.split()) == status
        stdout.flush()  # as the interpreter does at exit
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("line", ["chek", "runs --jsn", "runs --since x", "outbox"])
def test_a_reader_of_errors_that_has_left_changes_nothing(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    with unread() as stderr, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        assert ends(patch, *line.split()) == 2
        assert sys.stderr is None  # so the interpreter does not fail over it at exit


@pytest.mark.parametrize(
    ("line", "suggested"),
    [
        ("tocsin silence --be", "--because\n"),
        ("tocsin preview flow.py --state s", "success\nskipped\n"),
        ("tocsin preview flow.py --state x", "\n"),
    ],
)
def test_typer_completes_in_this_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, suggested: str
) -> None:
    asked = (("_TOCSIN_COMPLETE", "complete_bash"), ("COMP_WORDS", line), ("COMP_CWORD", str(len(line.split()) - 1)))
    for name, value in asked:
        monkeypatch.setenv(name, value)
    assert ends(monkeypatch) == 0
    assert capsys.readouterr() == (suggested, "")


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("words", [[], ["exec"], ["send"], ["run"]], ids=str)
def test_a_help_fits_the_terminal_and_cuts_no_word_in_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], columns: int
) -> None:
    if words == ["run"]:
        monkeypatch.setitem(sys.modules, "typer", None)  # Typer folds its help by itself
    monkeypatch.setenv("COLUMNS", "10000")
    assert ends(monkeypatch, *words, "--help") == 0
    whole = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", str(columns))
    assert ends(monkeypatch, *words, "--help") == 0
    out = capsys.readouterr().out
    assert out.split() == whole.split()
    assert [line for line in out.splitlines() if len(line) >= columns and not line.startswith("Example: ")] == []
    assert max(map(len, out.splitlines())) > min(columns, 100) * 0.7  # the width is used


@pytest.mark.parametrize("word", HELP)
def test_the_help_needs_no_extra_and_says_which_commands_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert ends(monkeypatch, word) == 0
    with_extra = capsys.readouterr()
    monkeypatch.setitem(sys.modules, "typer", None)
    assert ends(monkeypatch, word) == 0
    assert capsys.readouterr() == with_extra
    lines = {line.split()[0]: line for line in with_extra.out.splitlines() if line.startswith("  ")}
    assert set(COMMANDS) < set(lines)
    assert [name for name in COMMANDS if "[cli" not in lines[name]] == ["exec", "send"]
    assert ends(monkeypatch, "runs", word) == 0
    assert capsys.readouterr().out == (
        "tocsin runs: Show how the runs of each label ended, whether anybody was told, and what is overdue.\n\n"
        "It needs an extra: pip install 'tocsin[cli]'. Then this shows its options.\n"
    )
    assert ends(monkeypatch, "exec", word) == 0
    assert "--label NAME" in capsys.readouterr().out


def test_a_bare_command_shows_the_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(monkeypatch) == 2
    assert capsys.readouterr().out.startswith("Usage: tocsin COMMAND")


def test_the_version_needs_no_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    assert ends(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"tocsin {version('tocsin')}\n"


def test_the_help_has_each_command_with_the_sentence_of_its_own_help() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    assert set(group.commands) == set(COMMANDS)
    for name, (_, text) in COMMANDS.items():
        whole = " ".join((group.commands[name].help or "").split())
        assert whole.startswith((text, text.removesuffix("."))), name


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "exec"])
@pytest.mark.parametrize("word", HELP)
def test_each_command_has_its_help_under_both_names(monkeypatch: pytest.MonkeyPatch, name: str, word: str) -> None:
    assert ends(monkeypatch, name, word) == 0


def test_without_its_libraries_nothing_breaks_before_that(tmp_path: Path) -> None:
    for arguments, status, said in ((["runs"], 2, ""), (["--help"], 0, "Usage: tocsin COMMAND"), (["--version"], 0, "tocsin ")):
        command = [sys.executable, "-c", BLOCKED, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stdout[: len(said)]) == (status, said)
        assert done.stderr == ("" if said else f"tocsin: runs needs the extra: pip install 'tocsin[cli]' {NEEDED}\n")


@pytest.mark.tocsin_live
@pytest.mark.parametrize(("source", "options", "status"), [(GOOD, (), 0), (BAD, (), 1), (GOOD, ("--fail-on-notify",), 3)])
def test_the_exit_status_is_that_of_the_process(tmp_path: Path, source: str, options: tuple[str, ...], status: int) -> None:
    (tmp_path / "flows.py").write_text(source)
    seen = typed(tmp_path, "run", "flows.py", *options)
    assert seen.status == status
    assert "notifications: 1 failed" in seen.out
    (line,) = seen.err.splitlines()
    assert line.startswith("tocsin: could not tell Slack of ")
    assert "SLACK_WEBHOOK_URL" in line


@pytest.mark.tocsin_live
def test_a_webhook_that_leads_elsewhere_is_refused_without_a_connection(tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(GOOD)
    url = "https://hooks.example.com/services/T0/B0/canary"
    seen = typed(tmp_path, "run", "flows.py", "--fail-on-notify", "--json", "--explain", SLACK_WEBHOOK_URL=url)
    assert seen.status == 3
    assert '"outcome": "failed"' in seen.out
    assert "it does not lead to hooks.slack.com" in seen.err
    assert "canary" not in seen.out + seen.err


@pytest.mark.parametrize(("options", "status"), [(("demo",), 0), (("run", "flows.py", "--notify=print"), 0)])
def test_a_reader_that_leaves_is_no_error(tmp_path: Path, options: tuple[str, ...], status: int) -> None:
    (tmp_path / "flows.py").write_text(CHATTY)
    with started(tmp_path, *options) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE) == status


def test_an_interruption_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(WAITING)
    with started(tmp_path, "run", "flows.py") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "waiting\n"
        os.kill(process.pid, signal.SIGINT)
        assert process.stderr.read() == "tocsin: interrupted\n"
        assert process.wait(PATIENCE) == 130
