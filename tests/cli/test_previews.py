"""What tocsin's own commands show instead of sending: drawings on a terminal, JSON elsewhere."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from select import select

import pytest

from tests.cli.examples import KEY, effects
from tests.cli.terminal_session import HEAD, PATIENCE, Seen, Typist
from tocsin import Failed, Task
from tocsin.cli.previews import WHOLE, Previews
from tocsin.core.effect_json import effect_json
from tocsin.core.outcomes import Outcome, Shown, Withheld
from tocsin.effects import CallBack, Effect, PostToSlack, SlackMessage
from tocsin.shell.adapters.secrets import Secret

POST, MAIL = effects()
MANY = f"""{HEAD}
slack = slack_notifier(only_states=[Failed])
with Flow("storm") as flow:
    for number in range({WHOLE + 3}):
        @task(name=f"load {{number}}", state_handlers=[slack])
        def load():
            raise OSError("disk full")
        load()
"""


class Terminal:
    """A terminal, as a file for this process."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self.file = os.fdopen(theirs, "w", encoding="utf-8")

    def show(self, previews: Previews, effect: Effect) -> Outcome:
        """Show an effect while this is standard output and standard error."""
        with redirect_stdout(self.file), redirect_stderr(self.file):
            return previews.perform(effect)

    def read(self) -> list[str]:
        """The lines that it shows."""
        self.file.close()
        return _all_of(self._ours).replace("\r\n", "\n").split("\n")


def _all_of(terminal: int) -> str:
    seen = b""
    while select([terminal], [], [], PATIENCE)[0]:
        try:
            more = os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        seen += more
    return seen.decode()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal."""
    monkeypatch.setenv("TERM", "dumb")  # it has 80 columns, and no colours
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    made = Terminal()
    yield made
    made.file.close()


def on_a_terminal(folder: Path, *arguments: str) -> Seen:
    """Run a command in a process of its own whose streams are a terminal."""
    ours, theirs = pty.openpty()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb"}
    words = [sys.executable, "-m", "tocsin", *arguments]
    with subprocess.Popen(words, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        out = _all_of(ours)
    os.close(ours)
    return Seen(process.returncode, out.replace("\r\n", "\n"), "")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_few_are_drawn_whole_and_further_ones_on_a_line(terminal: Terminal, stream: str) -> None:
    previews = Previews(stream="stdout" if stream == "stdout" else "stderr")
    for _ in range(WHOLE + 2):
        assert terminal.show(previews, POST) == Shown()
    seen = terminal.read()
    assert seen.count("▌ Failed") == WHOLE
    assert seen[-4] == "Further ones take a line each; -v draws them whole."
    line = "● Slack (SLACK_WEBHOOK_URL)  load failed after 4 m 12 s: OSError: disk `full`, …"
    assert seen[-3:] == [line, line, ""]
    assert not any(line.endswith(" ") for line in seen)


def test_all_are_drawn_whole_if_asked_for(terminal: Terminal) -> None:
    previews = Previews(whole=True)
    for _ in range(WHOLE + 2):
        terminal.show(previews, MAIL)
    assert terminal.read().count("Mail, from the account in EMAIL_USERNAME") == WHOLE + 2


def test_a_call_takes_a_line(terminal: Terminal) -> None:
    def page(_: object, __: object) -> None:
        """Nothing."""

    call = CallBack(page, Task("load"), Failed("disk full"), KEY)
    previews = Previews()
    for _ in range(WHOLE + 1):
        terminal.show(previews, call)
    lines = [line for line in terminal.read() if line.startswith("Call of ")]
    assert len(lines) == WHOLE + 1


def test_json_is_shown_on_a_terminal_if_asked_for(terminal: Terminal) -> None:
    terminal.show(Previews(as_json=True), POST)
    (line, _) = terminal.read()
    assert json.loads(line) == effect_json(POST)


def test_in_a_pipe_each_is_the_exact_effect_as_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    previews = Previews(stream="stderr")
    for effect in (POST, MAIL):
        previews.perform(effect)
    out, err = capsys.readouterr()
    assert out == ""
    assert [json.loads(line) for line in err.splitlines()] == [effect_json(POST), effect_json(MAIL)]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_secret_is_not_shown_also_of_a_message_made_by_hand(terminal: Terminal, as_json: bool) -> None:
    Secret("PREVIEW_CANARY", "canary-in-preview-4711")
    post = PostToSlack("S", SlackMessage("at canary-in-preview-4711", "#eb0000", "Failed", "load"), KEY)
    terminal.show(Previews(as_json=as_json), post)
    seen = "".join(terminal.read())
    assert "canary-in-preview" not in seen
    assert "at [PREVIEW_CANARY]" in seen


def test_all_are_kept_with_their_times() -> None:
    previews = Previews()
    previews.perform(POST)
    before = previews.clock.now()
    ((effect, at),) = previews.kept
    assert (effect, at <= before) == (POST, True)


@pytest.mark.parametrize(("stream", "word"), [("stdout", "output"), ("stderr", "error")])
def test_a_stream_that_is_missing_is_a_reason(monkeypatch: pytest.MonkeyPatch, stream: str, word: str) -> None:
    monkeypatch.setattr(sys, stream, None)
    previews = Previews(stream="stdout" if stream == "stdout" else "stderr")
    assert previews.perform(POST) == Withheld(f"there is no standard {word} to show it on")


def test_a_stream_that_is_closed_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "closed").open("w") as file:
        pass
    monkeypatch.setattr(sys, "stderr", file)
    with pytest.raises(ValueError, match="closed"):  # as of any write there
        Previews(stream="stderr").perform(POST)


def test_without_the_extra_a_drawing_is_what_a_dry_run_prints(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tocsin.cli.drawn", None)
    terminal.show(Previews(), POST)
    assert terminal.read()[0] == "Slack, to the webhook in SLACK_WEBHOOK_URL:"


def test_exec_draws_on_a_terminal_and_loads_what_draws_only_then(tmp_path: Path) -> None:
    seen = on_a_terminal(tmp_path, "exec", "--notify=print", "--label", "load", "--", "false")
    assert seen.status == 1
    lines = seen.out.splitlines()
    assert lines[0] == "Slack, to the webhook in SLACK_WEBHOOK_URL"
    assert "▌ load is now in a Failed state" in lines
    assert json.loads(on_a_terminal(tmp_path, "exec", "--notify=print", "--json", "--", "false").out)["kind"] == "slack"


def test_run_draws_on_a_terminal_and_says_what_would_leave(tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(MANY)
    seen = on_a_terminal(tmp_path, "run", "flows.py", "--notify=print")
    assert seen.out.count("▌ Failed") == WHOLE
    assert seen.out.count("● Slack (SLACK_WEBHOOK_URL)  load") == 3
    assert f"would leave: {WHOLE + 3} messages" in seen.out
    assert on_a_terminal(tmp_path, "run", "flows.py", "--notify=print", "-v").out.count("▌ Failed") == WHOLE + 3


def test_run_prints_json_in_a_pipe(tocsin: Typist) -> None:
    seen = tocsin.run(MANY, "--notify=print")
    found: list[Effect] = [json.loads(line) for line in seen.out.splitlines() if line.startswith("{")]
    assert len(found) == WHOLE + 3


def test_run_with_json_has_all_in_one_object(tocsin: Typist) -> None:
    seen = tocsin.run(MANY, "--notify=print", "--json")
    report = json.loads(seen.out)
    assert len(report["deliveries"]) == WHOLE + 3
    first = report["deliveries"][0]
    assert first["payload"]["text"] == first["sentence"]
    assert first["sentence"].startswith("load 0 failed")
    assert first["outcome"] == "shown"
    assert report["leaving"]["messages"] == WHOLE + 3
    assert seen.err == ""
    assert "leaving" not in json.loads(tocsin.run(MANY, "--json").out)
