"""Uncaught exceptions are notified and printed, and real programs exit with the same status as without tocsin."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.watching.watched_bodies import raised
from tocsin import Failed, Recording, State, install_excepthook, slack_notifier, watch
from tocsin.core.effects import PostToSlack
from tocsin.watching.emit import program_name

HEAD = """
import sys, threading
from tocsin import Failed, install_excepthook, slack_notifier, watch
restore = install_excepthook([slack_notifier])
"""


def run_script(program: str, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script that installs the hooks and then has these lines. It prints what it would send."""
    script = tmp_path / "nightly.py"
    script.write_text(HEAD + program, encoding="utf-8")
    environment = {**os.environ, "TOCSIN_NOTIFY": "print"}
    return subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False, env=environment)


INTERRUPTED = -2 if os.name == "posix" else 0xC000013A


@pytest.mark.parametrize(
    ("program", "status", "sent", "printed"),
    [
        ("raise ValueError('no rows')", 1, "nightly.py failed: ValueError: no rows", "ValueError: no rows"),
        ("raise TimeoutError('late')", 1, "nightly.py timed out: TimeoutError: late", "TimeoutError: late"),
        ("raise KeyboardInterrupt", INTERRUPTED, "nightly.py was aborted: KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", 1, "nightly.py was aborted: GeneratorExit", "GeneratorExit"),
        ("sys.exit(3)", 3, None, ""),
        ("sys.exit('disk full')", 1, None, "disk full"),
        ("with watch('x', state_handlers=[slack_notifier(only_states=[Failed])]): sys.exit('fatal')", 1, "x was aborted", "fatal"),
        ("pass", 0, None, ""),
        ("install_excepthook([slack_notifier], name='job'); raise ValueError('x')", 1, "job failed: ValueError: x", "ValueError: x"),
        ("restore(); raise ValueError('x')", 1, None, "ValueError: x"),
        ("with watch('load', state_handlers=[slack_notifier(only_states=[Failed])]): 1 / 0", 1, "load failed", "ZeroDivisionError: "),
    ],
)
def test_a_program_ends_as_before_and_notifies(program: str, status: int, sent: str | None, printed: str, tmp_path: Path) -> None:
    done = run_script(program, tmp_path)
    assert done.returncode == status
    assert done.stdout.count("fallback") == (0 if sent is None else 1)
    assert (sent or "") in done.stdout
    assert [*done.stderr.splitlines(), ""][-2 if printed else -1].startswith(printed)


def test_a_thread_is_reported_by_its_name_and_one_that_exits_is_not(tmp_path: Path) -> None:
    program = """
for target in (lambda: 1 / 0, lambda: sys.exit(3)):
    thread = threading.Thread(target=target, name="loader")
    thread.start()
    thread.join()
"""
    done = run_script(program, tmp_path)
    assert (done.returncode, done.stdout.count("fallback")) == (0, 1)
    assert '"loader failed: ZeroDivisionError: division by zero"' in done.stdout
    assert done.stderr.count("Exception in thread loader") == 1


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException | None]]:
    """Record the exceptions that the replaced hooks get; restore all hooks afterwards."""
    seen: list[BaseException | None] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, traceback: seen.append(error))
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_value))
    yield seen
    install_excepthook([])()


def uncaught(error: BaseException) -> BaseException:
    """Do what Python does with an uncaught exception."""
    sys.excepthook(type(error), error, error.__traceback__)
    return error


def names(recording: Recording) -> list[str]:
    return [effect.payload.text.split(" is now")[0] for effect in recording.effects if isinstance(effect, PostToSlack)]


def test_a_second_installation_replaces_the_first(printed: list[BaseException | None], notifications: Recording) -> None:
    first = install_excepthook([slack_notifier], name="first")
    second = install_excepthook([slack_notifier], name="second")
    errors = [uncaught(ValueError("one"))]
    first()  # these hooks are replaced already
    errors.append(uncaught(ValueError("two")))
    second()
    second()
    errors.append(uncaught(ValueError("three")))
    assert printed == errors
    assert names(notifications) == ["second", "second"]


def test_hooks_that_wrap_ours_stay(
    printed: list[BaseException | None], notifications: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore = install_excepthook([slack_notifier], name="job")
    monkeypatch.setattr(sys, "excepthook", partial(sys.excepthook))
    monkeypatch.setattr(threading, "excepthook", partial(threading.excepthook))
    again = install_excepthook([slack_notifier], name="again")
    error = uncaught(ValueError("one"))
    again()
    restore()
    uncaught(error)
    assert printed == [error, error]
    assert names(notifications) == ["again"]


def test_a_thread_without_a_name_and_a_hook_without_an_exception(printed: list[BaseException | None], notifications: Recording) -> None:
    install_excepthook([slack_notifier])
    error = ValueError("one")
    threading.excepthook(threading.ExceptHookArgs([ValueError, error, None, None]))
    threading.excepthook(threading.ExceptHookArgs([ValueError, None, None, None]))
    assert printed == [error, None]
    assert names(notifications) == ["a thread"]


def test_what_a_watch_reported_is_not_reported_again(printed: list[BaseException | None], notifications: Recording) -> None:
    def work() -> None:
        with watch("load", state_handlers=[slack_notifier(only_states=[Failed])]):
            raise ValueError("no rows")

    install_excepthook([slack_notifier], name="job")
    error = raised(work)
    assert error is not None
    uncaught(error)
    uncaught(ValueError("another"))
    assert names(notifications) == ["load", "job"]


@pytest.mark.parametrize("error", [LookupError("no such handler"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_the_traceback_is_printed_whatever_our_handlers_do(error: BaseException, printed: list[BaseException | None]) -> None:
    def broken(tracked_obj: object, old: State, new: State) -> None:
        raise error

    install_excepthook([broken])
    mine = uncaught(ValueError("no rows"))
    assert printed == [mine]


@pytest.mark.usefixtures("printed")
def test_the_handlers_of_the_configuration_are_the_default(
    notifications: Recording, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tocsin.watching.recipients._default", None)
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x")
    monkeypatch.setattr(sys, "argv", [""])
    install_excepthook()
    uncaught(ValueError("no rows"))
    assert names(notifications) == ["python"]
    monkeypatch.setattr("tocsin.watching.recipients._default", None)


@pytest.mark.parametrize(
    ("handlers", "name", "words"),
    [
        (slack_notifier, None, "state_handlers takes a list of handlers"),
        ([], "", "a name is a str that is not empty, not ''"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(handlers: object, name: str | None, words: str) -> None:
    before = sys.excepthook
    with pytest.raises(TypeError, match=words):
        install_excepthook(handlers, name=name)  # type: ignore[arg-type]  # as in code that has no types
    assert sys.excepthook == before


@pytest.mark.parametrize(
    ("script", "name"),
    [("", "python"), ("-", "python"), ("-c", "python"), ("/opt/shop/load.py", "load.py"), ("/opt/shop/__main__.py", "shop")],
)
def test_a_program_is_called_what_was_run(script: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [script])
    assert program_name() == name


def test_a_package_and_standard_input_have_these_arguments(tmp_path: Path) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    program = "from tocsin.watching.emit import program_name; print(program_name())"
    (package / "__main__.py").write_text(program)
    typed: list[list[str]] = [["-m", "shop"], ["-"], []]
    seen = [
        subprocess.run([sys.executable, *words], input=program, cwd=tmp_path, capture_output=True, text=True, check=True)
        for words in typed
    ]
    assert [each.stdout for each in seen] == ["shop\n", "python\n", "python\n"]
