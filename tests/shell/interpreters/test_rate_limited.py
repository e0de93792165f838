"""``RateLimited`` keeps to the rate of each destination, with and without deadlines, over threads and forked children.

Time is simulated, in quarters of a second, so that all sums are exact.
"""

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from returns.io import IOResult
from typing_extensions import override

from tocsin import Failed, Interpreter, Recording, State
from tocsin.core.changes import Key, Tracked
from tocsin.core.delivery.destinations import destination
from tocsin.core.delivery.rate_limit import GMAIL, SLACK, Rate
from tocsin.core.effects import Bot, CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.outcomes import Delivered, DeliveryError, DestinationDead, Outcome, Queued, Receipt, Rejected, Retryable
from tocsin.core.validation import invoke
from tocsin.shell.adapters import time_limits
from tocsin.shell.adapters.clock import SystemTimer, Timer
from tocsin.shell.interpreter import Queueing, outcome_of, result_of
from tocsin.shell.interpreters.rate_limited import RateLimited
from tocsin.testing import assert_interpreter_agrees
from tocsin.testing.value_strategies import TrackedJob

pytestmark = pytest.mark.tocsin_live  # the interpreters here stand for ones that send

KEY = Key("run", "load", None, 0, 0)
HOUR = 3600.0
ROOT = Path(__file__).parents[3]


def post(secret: str, bot: Bot | None = None) -> PostToSlack:
    return PostToSlack(secret, SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state"), KEY, bot)


def mail(account: str) -> SendEmail:
    return SendEmail(account, "EMAIL_PASSWORD", Mail("s", "p", "h", None, datetime(2026, 1, 1, tzinfo=UTC)), KEY)


def ignored(tracked_obj: Tracked, state: State) -> None: ...


CALL = CallBack(ignored, TrackedJob("load"), Failed(), KEY)
BOTS = (Bot("TOKEN", "#ops"), Bot("TOKEN", "#dev"))
MESSAGES = (post("TEAM"), post("OPS"), *(post("TEAM", bot) for bot in BOTS), mail("ME"), mail("US"))


@attrs.define(eq=False)
class Simulated(Timer):
    """A timer whose waits return at once; ``cut`` shortens them by so many seconds."""

    time: float = 100.0
    cut: float = 0.0
    waits: list[float] = attrs.field(factory=list[float])

    @override
    def monotonic(self) -> float:
        return self.time

    @override
    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += max(seconds - self.cut, 0.0)


@attrs.define(eq=False)
class Sent:
    """Keeps each sent effect with its time."""

    timer: Timer
    sent: list[tuple[Effect, float]] = attrs.field(factory=list[tuple[Effect, float]])

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.sent.append((effect, self.timer.monotonic()))
        return result_of(Delivered())


@contextmanager
def hurried(timer: Timer, seconds: float) -> Iterator[None]:
    with time_limits.with_deadline(timer.monotonic() + seconds):
        yield


class RateLimiting(RuleBasedStateMachine):
    """One caller, several destinations, and a model with all their turns."""

    quarters = st.integers(0, 20).map(lambda count: count / 4)
    rates = st.builds(Rate, st.just(1), st.integers(1, 12).map(lambda count: count / 4), st.integers(1, 3))

    @initialize(slack=rates, gmail=rates)
    def start(self, slack: Rate, gmail: Rate) -> None:
        self.timer = Simulated()
        self.sent = Sent(self.timer)
        self.rate = {"slack": slack, "gmail": gmail}
        self.limited = RateLimited(self.sent, slack, gmail, timer=self.timer)
        self.turns: dict[str, list[float]] = {}

    def due(self, message: Effect) -> tuple[list[float], float]:
        """Return the past turns of the message's destination, and the time of the next."""
        where = destination(message)
        assert where is not None
        turns, rate = self.turns.setdefault(str(where), []), self.rate[where.channel]
        ends = [turn + (count - rate.burst) * rate.per for count, turn in enumerate(reversed(turns), 2)]
        return turns, max([self.timer.time, *ends])

    @rule(message=st.sampled_from(MESSAGES))
    def send(self, message: Effect) -> None:
        turns, due = self.due(message)
        assert outcome_of(self.limited(message)) == Delivered()
        assert self.sent.sent[-1] == (message, due)
        turns.append(due)

    @rule(message=st.sampled_from(MESSAGES), seconds=quarters)
    def send_in_a_hurry(self, message: Effect, seconds: float) -> None:
        turns, due = self.due(message)
        now = self.timer.time
        with hurried(self.timer, seconds):
            outcome = outcome_of(self.limited(message))
        if due - now <= seconds:
            assert (outcome, self.sent.sent[-1]) == (Delivered(), (message, due))
            turns.append(due)
        else:
            assert refusal(outcome) == due - now
            assert self.timer.time == now

    @rule(message=st.sampled_from(MESSAGES), cut=quarters.filter(bool))
    def send_and_be_cut_short(self, message: Effect, cut: float) -> None:
        turns, due = self.due(message)
        at_once = due == self.timer.time
        self.timer.cut = cut
        outcome = outcome_of(self.limited(message))
        self.timer.cut = 0.0
        turns.append(due)
        assert outcome == Delivered() if at_once else refusal(outcome) == due - self.timer.time > 0

    @rule()
    def call(self) -> None:
        now = self.timer.time
        assert outcome_of(self.limited(CALL)) == Delivered()
        assert self.sent.sent[-1] == (CALL, now)

    @rule(seconds=quarters | st.just(HOUR))
    def time_passes(self, seconds: float) -> None:
        self.timer.time += seconds

    @rule()
    def be_a_child(self) -> None:
        self.limited._destinations.forget()

    @invariant()
    def over_any_window_no_more_was_sent_than_the_rate_allows(self) -> None:
        for name in self.turns:
            sent = [(effect, at) for effect, at in self.sent.sent if str(destination(effect)) == name]
            rate = self.rate["slack" if name.startswith("Slack") else "gmail"]
            for (first, (_, start)), (last, (_, end)) in product(enumerate(sent), repeat=2):
                assert last - first + 1 <= (end - start) / rate.per + rate.burst or last < first


def refusal(outcome: Outcome) -> float:
    """Return the seconds until the next turn."""
    assert isinstance(outcome, Retryable)
    assert outcome.after is not None
    assert outcome.reason.startswith("too many messages to ")
    return outcome.after.total_seconds()


TestRateLimiting = RateLimiting.TestCase
TestRateLimiting.settings = settings(
    max_examples=50, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_a_caller_without_time_learns_the_time_of_the_next_turn() -> None:
    timer = Simulated()
    limited = RateLimited(Sent(timer), slack=Rate(1, 3, 1), timer=timer)
    limited(post("TEAM"))
    with hurried(timer, 2.9):
        outcome = outcome_of(limited(post("TEAM")))
    said = "too many messages to Slack (TEAM): the next may go in 3.0 s"
    assert outcome == Retryable(said, timedelta(seconds=3))
    assert (timer.time, timer.waits) == (100.0, [])


@pytest.mark.parametrize(("early", "goes"), [(0.015, True), (0.5, False)])
def test_a_sleep_may_end_a_little_early(early: float, goes: bool) -> None:
    timer = Simulated(cut=early)
    limited = RateLimited(Sent(timer), slack=Rate(1, 1, 1), timer=timer)
    outcomes = [outcome_of(limited(post("TEAM"))) for _ in range(2)]
    assert isinstance(outcomes[1], Delivered) is goes


@attrs.define
class Nudged(Simulated):
    """A timer whose first wait is cut short."""

    @override
    def wait(self, seconds: float) -> None:
        self.cut = 0.0 if self.waits else 0.9
        super().wait(seconds)


def test_a_wait_that_is_cut_short_continues() -> None:
    timer = Nudged()
    limited = RateLimited(Sent(timer), slack=Rate(1, 2, 1), timer=timer)
    assert [outcome_of(limited(post("TEAM"))) for _ in range(2)] == [Delivered()] * 2
    assert timer.time == pytest.approx(102.0)


@attrs.define(eq=False)
class Failing:
    """Takes ``takes`` seconds, and returns ``answer``."""

    timer: Simulated
    answer: Outcome
    takes: float = 3.0
    tries: int = 0

    def __call__(self, _: Effect, /) -> IOResult[Receipt, DeliveryError]:
        self.tries += 1
        self.timer.time += self.takes
        return result_of(self.answer)


def test_a_dead_destination_is_not_tried_for_a_while() -> None:
    timer = Simulated()
    inner = Failing(timer, DestinationDead("revoked"))
    limited = RateLimited(inner, timer=timer)
    assert [outcome_of(limited(post("TEAM"))) for _ in range(9)] == [DestinationDead("revoked")] * 9
    assert (inner.tries, timer.waits) == (1, [])
    limited(post("OTHER"))
    assert inner.tries == 2
    timer.time += 300
    inner.answer = Delivered()
    assert [outcome_of(limited(post("TEAM"))) for _ in range(2)] == [Delivered()] * 2


def test_callers_lose_no_more_than_their_deadline_on_a_failing_destination() -> None:
    timer = Simulated()
    inner = Failing(timer, Retryable("not now"))
    limited = RateLimited(inner, slack=Rate(1000, 1, 1000), timer=timer)
    outcomes: list[Outcome] = []
    for _ in range(50):
        with hurried(timer, 10):
            outcomes.append(outcome_of(limited(post("TEAM"))))
    assert inner.tries == 4
    last = outcomes[-1]
    assert isinstance(last, Retryable)
    assert last.reason.startswith("12 s were lost on tries that failed, so none is made for a minute; the last: not now")
    limited = RateLimited(inner, slack=Rate(1000, 1, 1000), timer=timer)
    for _ in range(50):
        limited(post("TEAM"))  # without a deadline
    assert inner.tries == 54


def test_threads_share_a_rate() -> None:
    timer = Simulated(cut=HOUR)  # time stands still, so that all messages ask at the same moment
    limited = RateLimited(Sent(timer), slack=Rate(1, 0.25, 5), timer=timer)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(lambda _: outcome_of(limited(post("TEAM"))), range(800)))
    finally:
        sys.setswitchinterval(interval)
    assert sorted(timer.waits) == [turn * 0.25 for turn in range(1, 796)]
    assert outcomes.count(Delivered()) == 5


class Barred(Simulated):
    """A timer in which no thread waits before the other one does, too."""

    both = threading.Barrier(2, timeout=20)

    @override
    def wait(self, seconds: float) -> None:
        self.both.wait()
        super().wait(seconds)


def test_a_waiting_thread_does_not_block_others() -> None:
    timer = Barred()
    limited = RateLimited(Sent(timer), slack=Rate(1, 1, 1), timer=timer)
    limited(post("TEAM"))
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda message: outcome_of(limited(message)), [post("TEAM"), post("TEAM")])) == [Delivered()] * 2


def test_it_waits_for_real() -> None:
    timer = SystemTimer()
    sent = Sent(timer)
    limited = RateLimited(sent, slack=Rate(1, 0.1, 1))
    for _ in range(3):
        limited(post("TEAM"))
    (_, first), _, (_, last) = sent.sent
    assert 0.2 - 0.05 <= last - first < 10


@pytest.mark.parametrize("interpreter", [Recording(), Sent(Simulated())])
def test_children_do_what_the_inner_one_says(interpreter: Interpreter) -> None:
    assert RateLimited(interpreter).notify == ("none" if isinstance(interpreter, Recording) else "print")


def test_what_raises_is_rejected() -> None:
    def raising(effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        raise LookupError("no such thing")

    outcome = outcome_of(RateLimited(raising)(CALL))
    assert isinstance(outcome, Rejected)
    assert "LookupError: no such thing" in outcome.reason


def test_a_name_cannot_break_the_line() -> None:
    timer = Simulated()
    limited = RateLimited(Sent(timer), slack=Rate(1, 1, 1), timer=timer)
    message = post("TEAM", Bot("TOKEN", "#o\nps\x1b[2J"))
    limited(message)
    with hurried(timer, 0):
        outcome = outcome_of(limited(message))
    assert isinstance(outcome, Retryable)
    assert outcome.reason.isprintable()


def test_it_changes_no_effect() -> None:
    assert_interpreter_agrees(lambda: RateLimited(Recording(), timer=Simulated()), examples=10)


class Later(Queueing):
    """A queueing interpreter."""

    @override
    def submit(self, effect: Effect, on_settled: Callable[[Outcome], None], /) -> Outcome:
        return Queued("a drawer")

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        return result_of(self.submit(effect, list[Outcome]().append))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"slack": 3}, "slack takes a Rate, not 3: write slack=Rate(30, per=60, burst=3)"),
        ({"gmail": None}, "gmail takes a Rate, not None: write gmail=Rate(30, per=60, burst=3)"),
        ({"inner": Recording}, "an interpreter is needed, not the class Recording: write Recording()"),
    ],
)
def test_a_wrong_option_is_refused_when_composed(options: dict[str, object], said: str) -> None:
    with pytest.raises(TypeError) as caught:
        invoke(RateLimited, **{"inner": Recording(), **options})
    assert str(caught.value) == said


def test_one_that_answers_later_is_refused() -> None:
    later: Interpreter = Later()
    assert outcome_of(later(CALL)) == Queued("a drawer")
    with pytest.raises(TypeError, match="so it comes outermost"):
        RateLimited(later)


def test_it_prints_and_pickles_as_a_new_one() -> None:
    timer = Simulated()
    limited = RateLimited(Recording(), slack=Rate(1, 3, 1), timer=timer)
    limited(post("TEAM"))
    assert repr(limited) == f"RateLimited(inner=<Recording of 1 effects>, slack=Rate(messages=1, per=3, burst=1), gmail={GMAIL!r})"
    copied: object = pickle.loads(pickle.dumps(limited))
    assert isinstance(copied, RateLimited)
    with hurried(timer, 0):
        assert not isinstance(outcome_of(copied(post("TEAM"))), Retryable)
        assert isinstance(outcome_of(limited(post("TEAM"))), Retryable)
    assert (copied.slack, RateLimited(Recording()).slack) == (Rate(1, 3, 1), SLACK)


CHILD = """
import os, signal, sys, threading, warnings

from tests.shell.interpreters.test_rate_limited import RateLimited, Rate, Retryable, Sent, Simulated, hurried, outcome_of, post

def refused(message):
    with hurried(timer, 0):
        return isinstance(outcome_of(limited(message)), Retryable)

def hold():
    with limited._destinations.lock:
        held.set()
        done.wait()

warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)
timer = Simulated()
limited = RateLimited(Sent(timer), slack=Rate(1, 60, 1), timer=timer)
assert not refused(post("ONE"))
held, done = threading.Event(), threading.Event()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
pid = os.fork()
if pid == 0:
    signal.alarm(10)  # if it waits for a lock that is never released
    os._exit([refused(post("ONE")), refused(post("TWO")), refused(post("TWO"))] != [True, False, True])
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
done.set()
thread.join()
assert not refused(post("TWO"))  # the parent does not count what the child sent
sys.exit(status)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_child_has_a_lock_of_its_own_and_goes_on_with_copies_of_the_buckets() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CHILD], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
