"""``tocsin run``: its report and exit status."""

import json
import re
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.terminal_session import BAD, GOOD, HEAD, PATIENCE, Seen, Typist, started
from tocsin.core.outbox.model import Status
from tocsin.shell.outbox.store import Store

PAUSED = f"{HEAD}\nflow = Flow('waits', tasks=[Task('ask', trigger=triggers.manual_only)])"
EXITS = f"{HEAD}\nimport sys\n@task\ndef leave():\n    sys.exit('enough')\nwith Flow('short') as flow:\n    leave()"
RAISES = f"{HEAD}\ndef fn(*_):\n    raise OSError('full')\nflow = Flow('f', state_handlers=[callback_factory(fn, State.is_finished)])"
SPEAKS = f"{HEAD}\nprint('loading')\n@task\ndef speak():\n    print('speaking')\nwith Flow('loud') as flow:\n    speak()"
HOSTILE = f"{HEAD}\nflow = Flow('[red]a[/red]\\n\\x1b[31mb')"


def test_a_flow_that_succeeds(tocsin: Typist) -> None:
    seen = tocsin.run(GOOD)
    assert (seen.status, seen.err) == (0, "")
    task, flow, notifications = seen.out.splitlines()
    assert task.split()[:3] == ["add", "●", "Success"]
    assert task.endswith("ms  Task run succeeded.")
    assert flow.startswith("sums  ● Success")
    assert notifications == "notifications: 1 withheld"


def test_a_flow_that_fails(tocsin: Typist) -> None:
    seen = tocsin.run(BAD)
    assert (seen.status, seen.err) == (1, "")
    assert "divide  ● Failed" in seen.out
    assert "ms  Unexpected error: ZeroDivisionError('division by zero')\n" in seen.out


def test_a_flow_that_waits_for_a_person_is_not_done(tocsin: Typist) -> None:
    seen = tocsin.run(PAUSED)
    assert seen.status == 1
    assert 'ask    ● Paused     Trigger function is "manual_only"\n' in seen.out


def test_a_task_that_leaves_does_not_choose_the_status(tocsin: Typist) -> None:
    seen = tocsin.run(EXITS)
    assert (seen.status, seen.out) == (1, "")
    assert seen.err == "tocsin: the flow 'short' was ended by SystemExit: enough\n"
    assert tocsin.run(EXITS, "--traceback").err.endswith("SystemExit: enough\n")


@pytest.mark.tocsin_live
@pytest.mark.parametrize(("options", "status"), [((), 0), (("--fail-on-notify",), 3)])
def test_a_notification_that_failed(tocsin: Typist, options: tuple[str, ...], status: int) -> None:
    seen = tocsin.run(RAISES, "--notify=live", *options)
    assert (seen.status, seen.out.splitlines()[-1]) == (status, "notifications: 1 failed")


@pytest.mark.slow
def test_what_waits_in_the_outbox_is_said_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(GOOD)
    settings = {"TOCSIN_DELIVERY_OUTBOX": "true", "TOCSIN_STATE_DIR": str(tmp_path / "state")}
    process = started(tmp_path, "run", "flows.py", "--json", "--explain", **settings)
    out, err = process.communicate(timeout=PATIENCE)
    (delivery,) = json.loads(out)["deliveries"]
    assert {name: delivery[name] for name in ("kind", "about", "outcome", "reason")} == {
        "kind": "slack",
        "about": "add",
        "outcome": "queued",
        "reason": "the outbox",
    }
    assert "): queued in the outbox\n" in err
    assert process.returncode == 0
    with closing(Store(f"sqlite:///{tmp_path}/state/outbox.sqlite")) as store:
        (row,) = store.rows()
    assert row.status is Status.DELAYED
    assert row.reason is not None
    assert "the secret 'SLACK_WEBHOOK_URL' is not set" in row.reason


@pytest.mark.tocsin_live
def test_that_the_work_failed_comes_first(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "not an URL")
    seen = tocsin.run(BAD, "--notify=live", "--fail-on-notify")
    assert (seen.status, seen.out.splitlines()[-1]) == (1, "notifications: 1 failed")


def test_an_interruption_is_one_line(tocsin: Typist) -> None:
    seen = tocsin.run(EXITS.replace("sys.exit('enough')", "raise KeyboardInterrupt"))
    assert seen == Seen(130, "", "tocsin: interrupted\n")


def test_the_traceback_of_a_task(tocsin: Typist) -> None:
    lines = tocsin.run(f"{BAD}    Task('idle')()", "--traceback").err.splitlines()
    assert lines[0] == "tocsin: the task 'divide' raised:"
    assert lines[2] == f'  File "{tocsin.folder / "flows.py"}", line 5, in divide'
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_a_fault_is_counted(tocsin: Typist) -> None:
    source = f"{HEAD}\ndef broken(*_):\n    1 / 0\nflow = Flow('f', state_handlers=[broken])"
    assert "notifications: none; handlers and filters that raised: 2\n" in tocsin.run(source).out


def test_print_shows_exactly_what_would_be_sent(tocsin: Typist) -> None:
    seen = tocsin.run(GOOD, "--notify=print")
    message, *_ = map(json.loads, seen.out.splitlines()[:1])
    assert message["to"] == "Slack (SLACK_WEBHOOK_URL)"
    assert message["payload"]["attachments"][0]["title"] == "Success"
    assert seen.out.splitlines()[-2].startswith("would leave: 1 message")


def test_print_asked_for_by_the_environment(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_NOTIFY", "print")
    assert "notifications: 1 shown" in tocsin.run(GOOD, "--notify=live").out


def test_explain(tocsin: Typist) -> None:
    seen = tocsin.run(GOOD, "--explain")
    assert 'add: Running → Success("Task run succeeded.")\n' in seen.out
    assert "    slack_notifier(only_states=[Success]): withheld: --notify=none says so\n" in seen.out


def test_with_json_all_else_goes_to_standard_error(tocsin: Typist) -> None:
    seen = tocsin.run(SPEAKS, "--json", "--explain", "--notify=print")
    assert json.loads(seen.out)["name"] == "loud"
    assert seen.err.startswith("loading\nspeaking\nloud: Scheduled → Running")


def test_a_name_is_no_markup(tocsin: Typist) -> None:
    assert tocsin.run(HOSTILE).out.startswith("[red]a[/red] b  ● Success")


def test_colour_on_a_terminal(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm-256color", "COLUMNS": "40"}.items():
        monkeypatch.setenv(name, value)
    seen = tocsin.run(BAD)
    assert "\x1b[38;2;235;0;0m● Failed" in seen.out
    assert len(seen.out.splitlines()) > 3  # a long line is folded
    monkeypatch.setenv("NO_COLOR", "1")
    assert "38;2" not in tocsin.run(BAD).out


def test_where_there_is_no_standard_output(tocsin: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert tocsin.run(GOOD).status == 0


REFUSES = """
class Meta(type):
    __name__ = property(lambda _: 1 / 0)

    def __instancecheck__(cls, _):
        raise RuntimeError("who asks?")

class Proxy:
    __class__ = property(lambda _: 1 / 0)

proxy = Proxy()

class Hostile(BASE, metaclass=Meta):
    __class__ = __cause__ = __context__ = __notes__ = __traceback__ = args = property(lambda _: 1 / 0)

    def __str__(self):
        raise RuntimeError("no words")

    __repr__ = __str__
"""
LOADS = """
@task
def load():
    raise Hostile()

with Flow("f") as flow:
    load()
"""


@pytest.mark.parametrize("options", [(), ("--traceback",), ("--json", "--explain")])
def test_a_hostile_exception_of_a_task_is_named(tocsin: Typist, options: tuple[str, ...]) -> None:
    body = (
        f"{HEAD}{REFUSES.replace('BASE', 'Exception')}\n@task\ndef load():\n    raise Hostile()\nwith Flow('f') as flow:\n    load()\n"
    )
    seen = tocsin.run(body, *options)
    assert seen.status == 1
    assert "Hostile" in seen.out
    assert ("Hostile: <its str raised RuntimeError>\n" in seen.err) == ("--traceback" in options)


@pytest.mark.parametrize("base", ["Exception", "BaseException", "SyntaxError", "SystemExit"])
def test_a_file_that_raises_a_hostile_exception_is_one_line(tocsin: Typist, base: str) -> None:
    seen = tocsin.run(f"{HEAD}{REFUSES.replace('BASE', base)}\nraise Hostile()\n")
    assert (seen.status, seen.out) == (2, "")
    assert re.fullmatch(
        r"tocsin: flows\.py, line \d+: Hostile: <its str raised RuntimeError> \(--traceback shows the rest\)\n", seen.err
    )


def test_what_is_no_usual_exception_ends_the_flow_in_a_line(tocsin: Typist) -> None:
    seen = tocsin.run(f"{HEAD}{REFUSES.replace('BASE', 'BaseException')}{LOADS}")
    assert (seen.status, seen.err) == (1, "tocsin: the flow 'f' was ended by Hostile: <its str raised RuntimeError>\n")


def test_the_status_of_an_interrupted_file_is_that_of_an_interrupt(tocsin: Typist) -> None:
    assert tocsin.run(f"{HEAD}\nraise KeyboardInterrupt").status == 130
