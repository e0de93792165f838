"""Whether anybody heard of an event; and the exit status that Ctrl-C asks for."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.scripts import script
from tocsin import Failed, Running, Task
from tocsin.core.changes import Key
from tocsin.core.effects import CallBack, PostToSlack, SlackMessage
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Outcome, Queued, Receipt, Rejected, Retryable, Shown, Withheld
from tocsin.shell.announce import DeliveryTracker
from tocsin.shell.queues import exit_as_interrupted

KEY = Key("run", "load", None, 0, 0)
POST = PostToSlack("SLACK_WEBHOOK_URL", SlackMessage("load failed", "#eb0000", "Failed", ""), KEY)
CALL = CallBack(print, Task("load"), Failed(), KEY)
HEARD: tuple[Outcome, ...] = (Delivered(), Queued("a drawer"), Withheld("no"), Shown())
UNHEARD: tuple[Outcome, ...] = (Retryable("full"), Rejected("too long"), DestinationDead("gone"), Ambiguous("silence"))


def unheard_after(ends: Sequence[Outcome], late: int) -> list[int]:
    """After how many ends it is said that nobody heard of it, where the last ``late`` of them come once all were sent."""
    said, ended = list[int](), list[Outcome]()
    hearing = DeliveryTracker(lambda: said.append(len(ended)))
    tell = [hearing.of(POST) for _ in ends]
    for number, (end, told) in enumerate(zip(ends, tell, strict=True)):
        if number == len(ends) - late:
            hearing.complete()
        ended.append(end)
        told(end)
    if not late:
        hearing.complete()
    return said


@given(st.lists(st.sampled_from(HEARD + UNHEARD), min_size=1, max_size=6), st.integers(0, 6))
def test_it_is_said_once_and_at_the_end_and_only_if_nobody_heard(ends: list[Outcome], late: int) -> None:
    heard = any(isinstance(end, Receipt) for end in ends)
    assert unheard_after(ends, min(late, len(ends))) == ([] if heard else [len(ends)])


def test_where_nobody_was_to_be_told_nobody_complains() -> None:
    assert unheard_after([], 0) == []


def test_that_a_function_was_called_tells_nobody_anything() -> None:
    said = list[str]()
    hearing = DeliveryTracker(lambda: said.append("unheard"))
    hearing.of(CALL)(Delivered())
    told, called = hearing.of(POST), hearing.of(CALL)
    hearing.complete()
    told(Rejected("too long"))
    assert said == ["unheard"]
    called(Rejected("it raised"))
    assert said == ["unheard"]


def test_a_function_that_raised_is_no_message_that_failed() -> None:
    said = list[str]()
    hearing = DeliveryTracker(lambda: said.append("unheard"))
    hearing.of(CALL)(Rejected("it raised"))
    hearing.complete()
    assert said == []


def test_any_thread_may_bring_the_end() -> None:
    said = list[str]()
    hearing = DeliveryTracker(lambda: said.append("unheard"))
    tell = [hearing.of(POST) for _ in range(400)]
    hearing.complete()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda told: told(Retryable("full")), tell))
    assert said == ["unheard"]


ENDING = """
import atexit, sys
from tocsin.shell.queues import restore

def end():
    exec("ready = True")  # as the import of a module may well do
    if sys.argv[1] == "restore":
        restore(sys.last_type)

atexit.register(end)
raise KeyboardInterrupt if sys.argv[2] == "interrupted" else OSError
"""


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a signal is no exit status")
@pytest.mark.parametrize(
    ("what", "how", "status"), [("restore", "interrupted", -signal.SIGINT), ("leave", "interrupted", 1), ("restore", "failed", 1)]
)
def test_a_program_ends_as_ctrl_c_asks(what: str, how: str, status: int, tmp_path: Path) -> None:
    words = [sys.executable, str(script(tmp_path, ENDING)), what, how]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    assert done.stderr.splitlines()[-1] == ("KeyboardInterrupt" if how == "interrupted" else "OSError")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError, None, Running])
def test_nothing_is_raised(kind: object) -> None:
    assert exit_as_interrupted(kind) is None  # type: ignore[func-returns-value] # that is what is asked
