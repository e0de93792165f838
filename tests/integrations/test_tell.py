"""``tocsin.tell``: a state of another engine's run, told by hand."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import attrs
import pytest

from tests.servers.authority import Authority
from tests.servers.live import live_at
from tests.servers.scripts import texts
from tests.servers.slack import Reply, SlackServer
from tocsin import (
    Aborted,
    Failed,
    Queued,
    Recording,
    Retrying,
    Running,
    Skipped,
    State,
    Submitted,
    Success,
    TimedOut,
    Tracked,
    filters,
    interpreting,
    slack_notifier,
    tell,
)
from tocsin.core.effects import PostToSlack
from tocsin.core.integrations.foreign import ForeignRun
from tocsin.core.messages.content import Content
from tocsin.integrations import observer


class Retry(Exception):
    """An engine's way to ask for another attempt."""


class Ignore(Exception):
    """An engine's way to drop a job."""


@attrs.frozen
class Job:
    """A job of a user's own."""

    name: str
    queue: str = "fast"


class Need(Failed):
    """A kind that wants something else."""

    def __init__(self) -> None:
        super().__init__("need")


EXPECTED: dict[type[BaseException], type[State]] = {Retry: Retrying, Ignore: Skipped}


@pytest.fixture
def recording() -> Iterator[Recording]:
    """All that is told inside the test."""
    with interpreting(Recording()) as made:
        yield made


def contents(recording: Recording) -> list[Content]:
    found = [effect.content for effect in recording.effects if isinstance(effect, PostToSlack)]
    return [content for content in found if isinstance(content, Content)]


def sentences(recording: Recording) -> list[str]:
    return [content.sentence for content in contents(recording)]


def test_a_run_is_told_from_its_start_to_its_end(recording: Recording) -> None:
    told = [
        tell("nightly", Submitted(), run_id="t1", state_handlers=[slack_notifier]),
        tell("nightly", Queued(), run_id="t1", state_handlers=[slack_notifier]),
        tell("nightly", Running(), run_id="t1", attempt=(1, 2), state_handlers=[slack_notifier]),
        tell("nightly", Failed(OSError("disk full")), run_id="t1", attempt=(1, 2), state_handlers=[slack_notifier]),
        tell("nightly", Retrying(), run_id="t1", attempt=(1, 2), state_handlers=[slack_notifier]),
        tell("nightly", Running(), run_id="t1", attempt=(2, 2), state_handlers=[slack_notifier]),
        tell("nightly", Success(), run_id="t1", attempt=(2, 2), duration=timedelta(seconds=3), state_handlers=[slack_notifier]),
    ]
    changes = [report.changes[0].change for report in told]
    assert [(type(change.old).__name__, type(change.new).__name__, change.final) for change in changes] == [
        ("Pending", "Submitted", True),
        ("Pending", "Queued", True),
        ("Pending", "Running", False),
        ("Running", "Failed", False),
        ("Failed", "Retrying", False),
        ("Retrying", "Running", True),
        ("Running", "Success", True),
    ]
    assert sentences(recording) == [
        "nightly was submitted",
        "nightly is queued",
        "nightly started",
        "nightly failed: OSError: disk full",
        "nightly will be tried again: OSError: disk full",
        "nightly started",
        "nightly succeeded after 3.0 s",
    ]
    assert len({str(change.key()) for change in changes}) == len(changes)


def test_a_run_without_an_id_is_a_run_of_its_own(recording: Recording) -> None:
    first, second = (tell("nightly", Failed("no rows"), state_handlers=[slack_notifier]) for _ in range(2))
    assert first.run_id != second.run_id
    assert sentences(recording) == ["nightly failed: no rows"] * 2
    assert isinstance(first.changes[0].change.old, Running)


def test_what_was_told_is_not_told_again(recording: Recording) -> None:
    tell("nightly", Failed(OSError("x")), run_id="t2", state_handlers=[slack_notifier])
    for state in (Failed(OSError("x")), TimedOut(), Success(), Running()):
        report = tell("nightly", state, run_id="t2", state_handlers=[slack_notifier])
        assert (report.changes, report.deliveries, report.state) == ((), (), state)
    assert sentences(recording) == ["nightly failed: OSError: x"]


def test_what_was_told_to_some_is_told_to_others(recording: Recording) -> None:
    called: list[State] = []

    def remember(tracked_obj: Tracked, old: State, new: State) -> None:
        called.append(new)

    for handlers in ([], [slack_notifier], [remember], [remember]):
        tell("nightly", Failed("x"), run_id="t8", state_handlers=handlers)
    assert len(called) == 1
    assert sentences(recording) == ["nightly failed: x"]
    for number in range(101):
        tell("nightly", Failed("x"), run_id="t9", state_handlers=[slack_notifier(title_link=f"https://example.com/{number}")])
    assert len(recording.effects) == 102


@attrs.define
class Mutable:
    """A handler that has no hash."""

    calls: int = 0

    def __call__(self, tracked_obj: Tracked, old: State, new: State) -> None:
        self.calls += 1


def test_a_handler_may_have_no_hash(recording: Recording) -> None:
    mutable = Mutable()
    tell("nightly", Failed("x"), run_id="t10", state_handlers=[mutable])
    assert mutable.calls == 1


def test_the_facts_of_a_run_are_in_its_message(recording: Recording) -> None:
    tell(
        "load",
        Failed(OSError("x")),
        run_id="t3",
        group="nightly",
        map_index=4,
        attempt=(2, 3),
        link="https://example.com/runs/3",
        state_handlers=[slack_notifier],
    )
    (content,) = contents(recording)
    lines = {line.title: line.text for line in content.lines}
    assert (content.name, lines["Attempt"], lines["Map index"], lines["Run id"]) == ("load[4]", "2 of 3", "4", "t3")
    assert content.link == "https://example.com/runs/3"


def test_handlers_get_the_object_itself_or_one_of_that_name(recording: Recording) -> None:
    seen: list[Tracked] = []

    def remember(tracked_obj: Tracked, old: State, new: State) -> None:
        seen.append(tracked_obj)

    job = Job("load")
    tell(job, Failed(), run_id="t4", state_handlers=[remember])
    tell("load", Failed(), run_id="t5", attempt=(1, 3), state_handlers=[remember])
    assert seen[0] is job
    assert seen[1] == ForeignRun("load", "t5", attempts=3)


def test_what_a_handler_answers_changes_nothing(recording: Recording) -> None:
    def swap(tracked_obj: Tracked, old: State, new: State) -> State:
        return Success("never mind")

    def fail(tracked_obj: Tracked, old: State, new: State) -> None:
        raise SystemExit(3)

    report = tell("load", Failed("x"), run_id="t6", state_handlers=[swap, slack_notifier])
    assert isinstance(report.changes[0].change.new, Failed)
    assert tell("load", Failed("x"), run_id="t7", state_handlers=[fail]).changes == ()


@pytest.mark.parametrize(
    ("error", "kind"), [(Retry("in 10 s"), Retrying), (Ignore(), Skipped), (OSError("x"), Failed), (None, Failed)], ids=str
)
def test_expected_exceptions_are_no_errors(recording: Recording, error: Exception | None, kind: type[State]) -> None:
    report = tell("load", Failed() if error is None else Failed(error), state_handlers=[slack_notifier], expected=EXPECTED)
    assert type(report.state) is kind
    assert report.state.result is (error if kind is Failed else None)


@pytest.mark.tocsin_live
def test_a_message_that_is_refused_is_on_the_report_and_not_raised(
    slack_server: SlackServer, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    slack_server.replies = [Reply(status=403, body="action_prohibited")]
    with live_at(authority, slack=slack_server) as live, interpreting(live):
        report = tell("load", Failed("x"), state_handlers=[slack_notifier])
        assert tell("load", Failed("y"), state_handlers=[slack_notifier(when=filters.entered(Aborted))]).deliveries == ()
    assert "action_prohibited" in str(report.deliveries[0].outcome)
    assert caplog.text.count("could not tell Slack of 'load'") == 1
    assert len(texts(slack_server)) == 1


def test_the_handlers_of_the_configuration_are_the_default(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.shell.config.load import configuration
    from tocsin.watching import recipients

    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/X")
    configuration.cache_clear()
    recipients.forget()
    tell("load", Failed("x"))
    configuration.cache_clear()
    recipients.forget()
    assert sentences(recording) == ["load failed: x"]


def test_an_error_of_ours_is_one_line_in_the_log(
    recording: Recording, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(observer, "feed", broken)
    assert tell("load", Failed("x"), state_handlers=[slack_notifier]).changes == ()
    assert caplog.messages == ["tocsin: could not notify about 'load', which goes on: RuntimeError: broken"]


def interrupt(tracked_obj: Tracked, old: State, new: State) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_is_the_users(recording: Recording) -> None:
    with pytest.raises(KeyboardInterrupt):
        tell("load", Failed("x"), state_handlers=[interrupt])


WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: tell(3, Failed()), "tracked_obj takes a Task, a Flow, or anything with a name, not 3"),  # type: ignore[arg-type]  # as in code without types
    (lambda: tell("load", Failed), "tell takes a State, not"),  # type: ignore[arg-type]  # as above
    (lambda: tell("load", Failed(), attempt=2), "how many there may be, not 2: write attempt=(2, 3)"),  # type: ignore[arg-type]  # as above
    (lambda: tell("load", Failed(), attempt=(3, 2)), "not (3, 2)"),
    (lambda: tell("load", Failed(), attempt=(0, 2)), "not (0, 2)"),
    (lambda: tell("load", Failed(), attempt=("1", 2)), "not ('1', 2)"),  # type: ignore[arg-type]  # as above
    (lambda: tell("load", Failed(), duration=3), "write duration=timedelta(seconds=3)"),  # type: ignore[arg-type]  # as above
    (lambda: tell("load", Failed(), duration=timedelta(-1)), "a timedelta that is not negative"),
    (lambda: tell("load", Failed(), map_index=-1), "map_index takes a number that counts from 0, not -1"),
    (lambda: tell("load", Failed(), link="javascript:alert(1)"), "link takes an http(s) URL, not 'javascript:alert(1)': write link="),
    (lambda: tell("load", Failed(), run_id=""), "run_id takes a text that is not empty, not ''"),
    (lambda: tell("load", Failed(), group=7), "group takes a text that is not empty, not 7"),  # type: ignore[arg-type]  # as above
    (lambda: tell("load", Failed(), state_handlers=slack_notifier), "write state_handlers=[slack_notifier]"),  # type: ignore[arg-type]  # as above
    (lambda: tell("load", Failed(), expected=[Retry]), "expected takes a mapping from exceptions to State classes"),  # type: ignore[arg-type]  # as above
    (lambda: tell("load", Failed(), expected={"Retry": Retrying}), "classes of exceptions as keys, not 'Retry'"),  # type: ignore[dict-item]  # as above
    (lambda: tell("load", Failed(), expected={ExceptionGroup: Skipped}), "the exceptions of a group, not the class ExceptionGroup"),
    (lambda: tell("load", Failed(), expected={Retry: Need}), "made of a message and a result, and Need is not: TypeError"),
    (lambda: tell("load", Failed(), expected={Retry: Running}), "State classes of an end, or Scheduled ones, as values"),
]


@pytest.mark.parametrize(("call", "why"), WRONG, ids=[why[:30] for _, why in WRONG])
def test_a_wrong_argument_is_refused_in_one_line(call: Callable[[], object], why: str) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
