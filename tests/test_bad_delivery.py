"""Tests of wrong interpreters and options: one clear error at construction, or a failure in the report; never a hang."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal, Never

import attrs
import pytest
from returns.io import IOResult

from tocsin import (
    Failed,
    Flow,
    Live,
    NotificationFailed,
    Recording,
    Running,
    Success,
    Task,
    flush,
    gmail_notifier,
    interpreting,
    reliable,
    slack_notifier,
)
from tocsin.adapters import Gmail, SlackWebhook
from tocsin.core.effects import Effect
from tocsin.core.outcomes import Delivered, DeliveryError, Outcome, Queued, Receipt
from tocsin.core.validation import invoke
from tocsin.flows.task import FunctionTask
from tocsin.interpreters import (
    Background,
    ByMail,
    BySlack,
    Digest,
    Fallback,
    Fanout,
    Interpreter,
    Rate,
    RateLimited,
    Retrying,
    RetryPolicy,
)
from tocsin.shell.interpreter import Batching, Queueing, result_of

pytestmark = pytest.mark.tocsin_live
TIMEOUT = 10.0

Wrap = Callable[[Interpreter], Interpreter]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Check that no message waits at the end of a test."""
    yield
    assert flush()


def refused(compose: Callable[[], object], *expected: str) -> None:
    """Check that composing raises one error, of one line that holds all these texts."""
    with pytest.raises((TypeError, ValueError)) as caught:
        compose()
    assert "\n" not in str(caught.value)
    for each in expected:
        assert each in str(caught.value)


BELOW = (-1, 0, -0.5, math.nan, -math.inf)
BEYOND = (math.inf, 1e300)
NO_NUMBER = (True, False, "5", float, (5,))

THRESHOLD = "how many waiting messages go singly, 1 or more"
MIN_INTERVAL = "how many seconds lie between two digests, 0 or more"
MAX_QUEUE = "how many messages may wait for one destination, 1 or more"
SECONDS = "a number of seconds greater than 0"
RATE = "write Rate(30, per=60, burst=3)"
RATE_OPTION = "=Rate(30, per=60, burst=3)"

OPTIONS: Sequence[tuple[Callable[[object], object], str, str, Sequence[object]]] = [
    (lambda bad: invoke(Rate, bad, per=60, burst=1), "messages", RATE, (*BELOW, *BEYOND, *NO_NUMBER, 1.5, None)),
    (lambda bad: invoke(Rate, 1, per=bad, burst=1), "per", RATE, (*BELOW, *BEYOND, *NO_NUMBER, None)),
    (lambda bad: invoke(Rate, 1, per=60, burst=bad), "burst", RATE, (*BELOW, *BEYOND, *NO_NUMBER, 1.5, None)),
    (lambda bad: invoke(RetryPolicy, bad), "attempts", "write RetryPolicy(attempts=10)", (*BELOW, *BEYOND, *NO_NUMBER, 1.5, None)),
    (
        lambda bad: invoke(RetryPolicy, initial_delay=bad),
        "initial_delay",
        "write RetryPolicy(initial_delay=1.0)",
        (*BELOW, *BEYOND, *NO_NUMBER, None),
    ),
    (
        lambda bad: invoke(RetryPolicy, max_delay=bad),
        "max_delay",
        "write RetryPolicy(max_delay=60.0)",
        (*BELOW, *BEYOND, *NO_NUMBER, None),
    ),
    (lambda bad: invoke(RetryPolicy, deadline=bad), "deadline", "write RetryPolicy(deadline=", (*BELOW, *BEYOND, *NO_NUMBER, None)),
    (lambda bad: invoke(Retrying, Recording(), bad), "policy", "write Retrying(..., RetryPolicy(", (5, RetryPolicy, None, "slow")),
    (lambda bad: invoke(RateLimited, Recording(), bad), "slack", RATE_OPTION, (5, -1, 0, Rate, None, "1/s")),
    (lambda bad: invoke(RateLimited, Recording(), gmail=bad), "gmail", RATE_OPTION, (5, -1, 0, Rate, None, "1/s")),
    (lambda bad: invoke(Digest, Recording(), bad), "threshold", THRESHOLD, (*BELOW, *BEYOND, *NO_NUMBER, 1.5, None)),
    (
        lambda bad: invoke(Digest, Recording(), min_interval=bad),
        "min_interval",
        MIN_INTERVAL,
        (-1, math.nan, math.inf, *NO_NUMBER, None),
    ),
    (lambda bad: invoke(Background, Recording(), max_queue=bad), "max_queue", MAX_QUEUE, (*BELOW, *BEYOND, *NO_NUMBER, 1.5, None)),
    (lambda bad: invoke(Background, Recording(), exit_timeout=bad), "exit_timeout", SECONDS, (*BELOW, math.inf, *NO_NUMBER, None)),
    (lambda bad: invoke(Background, Recording(), after_fork=bad), "after_fork", "'wait' or 'queue'", (0, True, None, "die")),
    (lambda bad: invoke(reliable, Recording(), policy=bad), "policy", "RetryPolicy(attempts=10)", (5, RetryPolicy, "slow")),
    (lambda bad: invoke(reliable, Recording(), slack=bad), "slack", RATE_OPTION, (5, -1, 0, Rate, None, "1/s")),
    (lambda bad: invoke(reliable, Recording(), gmail=bad), "gmail", RATE_OPTION, (5, -1, 0, Rate, "1/s")),
    (lambda bad: invoke(reliable, Recording(), threshold=bad), "threshold", THRESHOLD, (*BELOW, *BEYOND, *NO_NUMBER, 1.5, None)),
    (
        lambda bad: invoke(reliable, Recording(), min_interval=bad),
        "min_interval",
        MIN_INTERVAL,
        (-1, math.nan, math.inf, *NO_NUMBER, None),
    ),
    (lambda bad: invoke(reliable, Recording(), max_queue=bad), "max_queue", MAX_QUEUE, (*BELOW, *BEYOND, *NO_NUMBER, 1.5)),
    (lambda bad: invoke(reliable, Recording(), exit_timeout=bad), "exit_timeout", SECONDS, (*BELOW, math.inf, *NO_NUMBER)),
    (lambda bad: invoke(reliable, Recording(), after_fork=bad), "after_fork", "'wait' or 'queue'", (0, True, None, "die")),
    (lambda bad: invoke(ByMail, Recording(), to=bad), "to", "", (5, "ops@example.com", ["no address"], [None], [])),
    (lambda bad: invoke(ByMail, Recording(), cc=bad), "cc", "", (5, "ops@example.com", ["no address"], [None])),
    (
        lambda bad: invoke(BySlack, Recording(), webhook_secret=bad),
        "webhook_secret",
        "write webhook_secret='TEAM_WEBHOOK'",
        (5, "a b", str),
    ),
    (lambda bad: invoke(flush, bad), "flush", "a deadline in seconds, 0 or more", (-1, math.nan, math.inf, True, "5")),
]


@pytest.mark.parametrize(("compose", "name", "write", "bad"), [(row[0], *row[1:3], bad) for row in OPTIONS for bad in row[3]])
def test_the_error_of_a_wrong_option_shows_a_right_one(compose: Callable[[object], object], name: str, write: str, bad: object) -> None:
    refused(partial(compose, bad), name, write)


def test_options_that_do_not_fit_each_other_are_refused() -> None:
    refused(lambda: RetryPolicy(initial_delay=10, max_delay=5), "write max_delay=10, or more")
    refused(Fanout, "write Fanout(Live(), ByMail(Live()))")
    refused(partial(invoke, Background), "inner")


@attrs.frozen(eq=False)
class Later(Queueing):
    """An interpreter that queues."""

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]: ...  # type: ignore[empty-body]  # it is not called

    def submit(self, effect: Effect, on_settled: Callable[[Outcome], None], /) -> Outcome: ...  # type: ignore[empty-body]  # it is not called


@attrs.frozen(eq=False)
class Many(Batching):
    """An interpreter of batches."""

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]: ...  # type: ignore[empty-body]  # it is not called

    def batch(self, effects: Sequence[Effect], /) -> Sequence[Outcome]: ...  # type: ignore[empty-body]  # it is not called


WRAPPERS: dict[str, Callable[[Never], object]] = {
    "Retrying": Retrying,
    "RateLimited": RateLimited,
    "Digest": Digest,
    "Background": Background,
    "Fallback's first": lambda inner: Fallback(inner, Recording()),
    "Fallback's second": lambda inner: Fallback(Recording(), inner),
    "Fanout's first": Fanout,
    "Fanout's second": lambda inner: Fanout(Recording(), inner),
    "ByMail": ByMail,
    "BySlack": BySlack,
    "reliable": reliable,
    "reliable's fallback": lambda inner: reliable(Recording(), fallback=inner),
}
INNER: dict[str, tuple[object, str]] = {
    "None": (None, "and None is none: write DryRun(), Recording() or Live()"),
    "a number": (5, "and 5 is none: write DryRun()"),
    "a name": ("print", "and 'print' is none: write DryRun()"),
    "a class": (Recording, "not the class Recording: write Recording()"),
    "the class of a wrapper": (Retrying, "not the class Retrying: write Retrying()"),
    "Background": (Background(Recording()), "write Background(Retrying(...))"),
    "reliable": (reliable(Recording()), "write Background(Retrying(...))"),
    "one that queues": (Later(), "write Later(Retrying(...))"),
    "Digest": (Digest(Recording()), "write Background(Digest(Retrying(...)))"),
    "one of batches": (Many(), "write Background(Many(Retrying(...)))"),
}
GOOD = {("Background", "Digest"), ("Background", "one of batches"), ("reliable", "None"), ("reliable's fallback", "None")}
MISFITS = [(wrapper, inner) for wrapper in WRAPPERS for inner in INNER if (wrapper, inner) not in GOOD]


@pytest.mark.parametrize(("wrapper", "inner"), MISFITS)
def test_the_error_of_a_wrong_inner_interpreter_shows_a_right_one(wrapper: str, inner: str) -> None:
    given, expected = INNER[inner]
    refused(partial(invoke, WRAPPERS[wrapper], given), expected)


@pytest.mark.parametrize(("wrapper", "inner"), sorted(GOOD))
def test_a_right_inner_interpreter_is_wrapped(wrapper: str, inner: str) -> None:
    assert isinstance(invoke(WRAPPERS[wrapper], INNER[inner][0]), Background)


HASTY = RetryPolicy(deadline=5)
SLOW = Live(secrets={}, slack=SlackWebhook(deadline=40), mail=Gmail(deadline=60))


@pytest.mark.parametrize(
    ("compose", "longest"),
    [
        (lambda: Retrying(Live(), HASTY), 30),
        (lambda: Retrying(SLOW, HASTY), 60),
        (lambda: Retrying(RateLimited(SLOW), HASTY), 60),
        (lambda: Retrying(ByMail(SLOW), HASTY), 60),
        (lambda: Retrying(BySlack(SLOW), HASTY), 40),
        (lambda: Retrying(BySlack(RateLimited(SLOW)), HASTY), 60),
        (lambda: reliable(Live(), policy=HASTY), 30),
        (lambda: reliable(Recording(), fallback=ByMail(Live()), policy=HASTY), 30),
    ],
)
def test_the_error_of_a_deadline_shorter_than_one_try_names_one_that_is_long_enough(
    compose: Callable[[], object], longest: int
) -> None:
    write = (
        f"deadline=5 of the policy is shorter than one try, which may take {longest} s: write RetryPolicy(deadline={longest}), or more"
    )
    refused(compose, write)


def test_a_deadline_as_long_as_one_try_is_accepted() -> None:
    for inner, seconds in ((Live(), 30), (SLOW, 60), (BySlack(SLOW), 40), (ByMail(SLOW), 60), (Recording(), 0.1)):
        assert Retrying(inner, RetryPolicy(deadline=seconds)).policy.deadline == seconds


def raises(_: Effect, /) -> IOResult[Receipt, DeliveryError]:
    raise LookupError("two\nlines")


def says_nothing(_: Effect, /) -> None:
    """Return None."""


def answers_words(_: Effect, /) -> IOResult[str, str]:
    return IOResult.from_value("sent\nindeed")


def takes_nothing() -> None: ...


BROKEN: dict[str, tuple[object, str]] = {
    "raises": (raises, "the interpreter raises raised LookupError: two"),
    "says nothing": (says_nothing, "the interpreter says_nothing answered None, which is no outcome: return Delivered()"),
    "answers words": (answers_words, r"the interpreter answers_words answered 'sent\nindeed', which is no outcome"),
    "takes nothing": (takes_nothing, "the interpreter takes_nothing raised TypeError: takes_nothing() takes 0 positional arguments"),
}
AROUND: dict[str, Wrap] = {
    "alone": lambda inner: inner,
    "Retrying": Retrying,
    "RateLimited": RateLimited,
    "Digest": Digest,
    "Background": Background,
    "Fallback": lambda inner: Fallback(inner, inner),
    "Fanout": lambda inner: Fanout(inner, inner),
    "half of Fanout": lambda inner: Fanout(Recording(), inner),
    "ByMail": ByMail,
    "BySlack": BySlack,
    "Background of Digest": lambda inner: Background(Digest(inner)),
    "reliable": reliable,
    "reliable with a fallback": lambda inner: reliable(inner, fallback=inner),
}


def given_to(wrap: Wrap, inner: object) -> Interpreter:
    """Wrap the inner interpreter, whatever its type."""
    wrapped: list[Interpreter] = []
    invoke(lambda broken: wrapped.append(wrap(broken)), inner)
    return wrapped[0]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("broken", BROKEN)
def test_an_inner_interpreter_that_breaks_its_contract_harms_no_run(broken: str, around: str) -> None:
    inner, expected = BROKEN[broken]
    notifiers = slack_notifier(only_states=[Success]), gmail_notifier(only_states=[Success])
    work = FunctionTask(lambda: 42, name="work", state_handlers=notifiers)
    report = Flow("unharmed", tasks=[work]).run(interpreter=given_to(AROUND[around], inner)).wait(TIMEOUT)
    assert (report.task_states[work].result, report.state, report.faults) == (42, Success(), ())
    assert len(report.failures) == len(report.deliveries) == 2
    for failed in report.failures:
        assert isinstance(failed.outcome, DeliveryError)
        assert expected in failed.outcome.reason
    assert report.explain().count("work: ") == 2
    assert expected in report.explain()


@pytest.mark.parametrize("broken", BROKEN)
def test_outside_a_flow_it_is_an_error_of_one_line(broken: str) -> None:
    inner, expected = BROKEN[broken]
    with interpreting(given_to(lambda one: one, inner)), pytest.raises(NotificationFailed) as caught:
        slack_notifier(Task("alone"), Running(), Failed("disk full"))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@attrs.frozen(eq=False)
class Blocks:
    """An interpreter that answers once its event is set."""

    opened: threading.Event = attrs.field(factory=threading.Event)

    def __call__(self, effect: Effect, /) -> IOResult[Receipt, DeliveryError]:
        assert self.opened.wait(TIMEOUT)
        return result_of(Delivered())


@pytest.mark.parametrize("around", ["Background", "Background of Digest", "reliable", "reliable with a fallback"])
def test_an_inner_interpreter_that_blocks_delays_no_run(around: str, caplog: pytest.LogCaptureFixture) -> None:
    blocks, began = Blocks(), time.monotonic()
    try:
        flow = Flow("unharmed", tasks=[Task("work", state_handlers=[slack_notifier(only_states=[Success])])])
        report = flow.run(interpreter=AROUND[around](blocks))
        assert report.state == Success()
        assert [type(each.outcome) for each in report.wait(0.05).deliveries] == [Queued]
        assert not flush(0.2)
        assert caplog.messages == ["tocsin: 1 message to Slack (SLACK_WEBHOOK_URL) had no answer in time, and may have arrived"]
        assert time.monotonic() - began < TIMEOUT / 2
    finally:
        blocks.opened.set()
    assert [each.outcome for each in report.wait(TIMEOUT).deliveries] == [Delivered()]


def test_the_function_reliable_is_no_interpreter() -> None:
    with pytest.raises(TypeError, match=r"reliable makes one: write reliable\(\)"):
        Flow("idle").run(interpreter=reliable)  # type: ignore[arg-type]  # as a beginner writes it


def test_a_fallback_by_an_unknown_name() -> None:
    with pytest.raises(TypeError, match="fallback is 'gmail', 'slack' or an interpreter, and 'mail' is none"):
        reliable(fallback="mail")  # type: ignore[arg-type]  # misspelt


@pytest.mark.parametrize(("channel", "kind"), [("gmail", ByMail), ("slack", BySlack)])
def test_a_fallback_by_name(channel: Literal["gmail", "slack"], kind: type[object]) -> None:
    digest = reliable(Recording(), fallback=channel).inner
    assert isinstance(digest, Digest)
    assert isinstance(digest.inner, Fallback)
    assert isinstance(digest.inner.second, kind)
