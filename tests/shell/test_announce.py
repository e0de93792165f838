"""``DeliveryTracker``; callbacks that notify by themselves; and the exit status of an interrupted program."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Literal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.scripts import script
from tocsin import (
    Change,
    Failed,
    NotificationFailed,
    Recording,
    Retrying,
    Running,
    State,
    Success,
    Task,
    Tracked,
    callback_factory,
    filters,
    interpreting,
    slack_notifier,
    watch,
)
from tocsin.core.changes import Streak
from tocsin.core.effects import CallBack, Effect, PostToSlack
from tocsin.core.outcomes import (
    Ambiguous,
    Delivered,
    DestinationDead,
    Outcome,
    Queued,
    Receipt,
    Rejected,
    Retryable,
    Shown,
    Told,
    Withheld,
)
from tocsin.core.validation import invoke
from tocsin.shell.announce import DeliveryTracker
from tocsin.shell.history.store import HistoryStore
from tocsin.shell.history.streaks import Fate
from tocsin.shell.queues import exit_as_interrupted

RECEIPTS: tuple[Outcome, ...] = (Delivered(), Queued("a drawer"), Withheld("no"), Shown())
FAILED: tuple[Outcome, ...] = (Retryable("full"), Rejected("too long"), DestinationDead("gone"), Ambiguous("silence"))


def fates_after(outcomes: Sequence[Outcome], stored: int, late: int) -> list[tuple[Fate, int]]:
    """Return each fate, with how many outcomes were known.

    The first ``stored`` messages are in the outbox, and the last ``late`` outcomes follow ``complete``.
    """
    fates, settled = list[tuple[Fate, int]](), list[Outcome]()
    tracker = DeliveryTracker(lambda fate: fates.append((fate, len(settled))))
    callbacks = [tracker.track() for _ in outcomes]
    for callback in callbacks[:stored]:
        callback.mark_stored()
    for number, (outcome, on_settled) in enumerate(zip(outcomes, callbacks, strict=True)):
        if number == len(outcomes) - late:
            tracker.complete()
        settled.append(outcome)
        on_settled(outcome)
    if not late:
        tracker.complete()
    return fates


def expected(outcomes: Sequence[Outcome], stored: int, late: int) -> list[tuple[Fate, int]]:
    """Return the fates: an event is safe once all its messages are, and given up after the last one if all have failed."""
    count = len(outcomes)
    safe_at = count - late if stored == count else count
    if not outcomes or any(isinstance(outcome, Receipt) for outcome in outcomes):
        return [("safe", safe_at)]
    return [("safe", safe_at), ("given up", count)] if safe_at < count else [("given up", count)]


@given(st.lists(st.sampled_from(RECEIPTS + FAILED), max_size=6), st.integers(0, 6), st.integers(0, 6))
def test_an_event_is_safe_once_all_its_messages_are_and_given_up_if_all_failed(outcomes: list[Outcome], stored: int, late: int) -> None:
    stored, late = min(stored, len(outcomes)), min(late, len(outcomes))
    assert fates_after(outcomes, stored, late) == expected(outcomes, stored, late)


def test_any_thread_may_bring_an_outcome() -> None:
    fates = list[Fate]()
    tracker = DeliveryTracker(fates.append)
    callbacks = [tracker.track() for _ in range(400)]
    tracker.complete()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda on_settled: on_settled(Retryable("full")), callbacks))
    assert fates == ["given up"]


def test_whether_anybody_was_told_is_noted_when_it_changes() -> None:
    noted = list[Told]()
    tracker = DeliveryTracker(lambda _: None, noted.append)
    first, second = tracker.track(), tracker.track()
    first.mark_stored()
    second.mark_stored()
    tracker.complete()
    assert noted == ["queued"]
    first(Rejected("too long"))
    assert noted == ["queued"]
    second(Delivered())
    assert noted == ["queued", "told"]


ENDING = """
import atexit, sys
from tocsin.shell.queues import exit_as_interrupted

def end():
    exec("ready = True")  # as the import of a module may do
    if sys.argv[1] == "restore":
        exit_as_interrupted(sys.last_type)

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
    assert exit_as_interrupted(kind) is None  # type: ignore[func-returns-value] # the test is about that


# --- a callback that notifies by itself -------------------------------------------------------------------------------------------


@attrs.frozen
class Refusing:
    """Calls functions, as ``Live`` does, and refuses messages."""

    notify: ClassVar[str] = "none"  # it sends nothing, so it is asked whatever the environment says

    def __call__(self, effect: Effect, /) -> Outcome:
        if not isinstance(effect, CallBack):
            return Rejected("no_service")
        try:
            invoke(effect.fn, effect.tracked_obj, effect.state)
        except NotificationFailed as error:
            return Rejected(f"it raised {type(error).__name__}", cause=error)
        return Delivered()


def tell(job: Tracked, state: State) -> None:
    slack_notifier(job, Running(), state)


def test_what_a_callback_sends_by_itself_is_in_the_report() -> None:
    block = watch("load", state_handlers=[callback_factory(tell, State.is_failed)])
    with interpreting(Refusing()), pytest.raises(OSError, match="disk full"), block as run:
        raise OSError("disk full")
    assert run.report is not None
    assert [type(delivery.effect) for delivery in run.report.deliveries] == [PostToSlack, CallBack]


def test_a_callback_that_is_called_by_hand_fails_as_a_whole() -> None:
    handler = callback_factory(tell, State.is_failed)
    with (
        interpreting(Refusing()),
        pytest.raises(NotificationFailed, match="could not call tell for 'load': it raised"),
    ):
        handler(Task("load"), Running(), Failed("disk full"))


def test_what_a_formatter_sends_by_itself_is_in_the_report() -> None:
    def worded(change: Change) -> str:
        tell(Task("nested"), change.new)
        return "too late"

    block = watch("load", state_handlers=[slack_notifier(message=worded, only_states=[Failed])])
    with interpreting(Recording()), pytest.raises(OSError, match="disk full"), block as run:
        raise OSError("disk full")
    assert run.report is not None
    assert [delivery.effect.key.slug for delivery in run.report.deliveries] == ["nested", "load"]


# --- a handler that is called by hand, and the history ----------------------------------------------------------------------------


@attrs.frozen
class Accepting:
    """Claims to send for real."""

    sent: list[Effect] = attrs.field(factory=list[Effect])

    notify: ClassVar[Literal["live"]] = "live"

    def __call__(self, effect: Effect, /) -> Outcome:
        self.sent.append(effect)
        return Delivered()


@pytest.mark.tocsin_live
def test_earlier_runs_count_whatever_the_old_state_of_a_call_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path))
    handler, job = slack_notifier(when=filters.on_change()), Task("load")
    with interpreting(Accepting()) as accepting:
        for old, new in ((Running(), Failed()), (Failed(), Failed()), (Failed(), Success()), (Success(), Success())):
            handler(job, old, new)
    assert len(accepting.sent) == 2
    assert HistoryStore.usual().past("load") == Streak(failed=False, length=2)


@pytest.mark.tocsin_live
@pytest.mark.parametrize("bound", [False, True])
def test_a_state_that_a_handler_ignores_leaves_the_history_alone(bound: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", str(tmp_path))
    handler, job = slack_notifier(when=filters.on_change(), only_states=[Failed]), Task("load")
    with interpreting(Accepting()):
        handler(job, Running(), Failed())
        _ = handler(job)(Running(), Success()) if bound else handler(job, Running(), Success())
    assert HistoryStore.usual().past("load") == Streak(failed=True, length=1)


def test_nothing_is_known_to_follow_a_change_that_is_told_by_hand() -> None:
    with interpreting(Recording()) as recording:
        slack_notifier(Task("load"), Running(), Retrying(run_count=3), when=filters.final_attempt)
    assert len(recording.effects) == 1
