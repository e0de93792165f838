"""The body of a task adds to the message that ends its attempt, by ``current_run()``."""

import gc
import threading
import weakref
from contextvars import Context, copy_context
from datetime import timedelta

import pytest

from tocsin import (
    Failed,
    Flow,
    Recording,
    Running,
    State,
    Success,
    TaskRun,
    WatchedRun,
    current_run,
    signals,
    slack_notifier,
    task,
    watch,
)
from tocsin.core.effects import PostToSlack
from tocsin.core.events import UNKNOWN, Facts
from tocsin.flows.task_run import Attempt
from tocsin.testing import FakeClock

TOLD = slack_notifier(ignore_states=[Running])


def here() -> TaskRun:
    run = current_run()
    assert isinstance(run, TaskRun)
    return run


def told(post: PostToSlack) -> dict[str, str]:
    """Return what the body added to a message, and its link."""
    lines = {line.title: line.text for line in getattr(post.content, "lines", ()) if line.title in {"Note", "Table", "Not attached"}}
    return lines if post.payload.title_link is None else {**lines, "link": post.payload.title_link}


def test_what_a_body_adds_is_in_the_message_of_its_end(notifications: Recording) -> None:
    seen: list[TaskRun] = []

    @task(state_handlers=[slack_notifier])
    def load() -> None:
        run = here()
        seen.append(run)
        run.note("7 rows were skipped")
        run.table([{"rows": 7}])
        run.attach(b"x", name="rows.csv")
        run.attach("no/such")
        run.link("https://example.com/runs/7")

    flow = Flow("nightly", tasks=[load], state_handlers=[slack_notifier])
    report = flow.run()
    started, ended = (post for post in notifications.slack if post.key.slug == "load")
    assert told(started) == {}
    assert told(ended) == {
        "Note": "7 rows were skipped",
        "Table": "rows\n   7",
        "Not attached": "such: No such file or directory",
        "link": "https://example.com/runs/7",
    }
    assert [(file.name, file.content) for file in ended.attachments] == [("rows.csv", b"x")]
    assert all(told(post) == {} and not post.attachments for post in notifications.slack if post.key.slug == "nightly")
    assert (seen[0].name, seen[0].run_id, repr(seen[0])) == ("load", report.run_id, "<TaskRun 'load'>")
    assert current_run() is None


def test_each_attempt_has_its_own(notifications: Recording) -> None:
    attempts: list[TaskRun] = []

    @task(state_handlers=[TOLD], max_retries=2, retry_delay=timedelta(minutes=5))
    def load() -> None:
        run = here()
        attempts.append(run)
        run.note(f"attempt {len(attempts)}")
        if len(attempts) < 3:
            raise OSError("no route to host")

    Flow("stubborn", tasks=[load]).run(clock=FakeClock())
    notes = [(post.payload.title, told(post)) for post in notifications.slack]
    assert notes == [
        ("Failed", {"Note": "attempt 1"}),
        ("Retrying", {}),
        ("Failed", {"Note": "attempt 2"}),
        ("Retrying", {}),
        ("Success", {"Note": "attempt 3"}),
    ]
    assert len({id(run) for run in attempts}) == 3


@pytest.mark.parametrize(
    ("error", "title"),
    [(signals.SKIP("nothing new"), "Skipped"), (TimeoutError("slow"), "TimedOut"), (ValueError("no rows"), "Failed")],
)
def test_whatever_ends_it(error: Exception, title: str, notifications: Recording) -> None:
    @task(state_handlers=[TOLD])
    def load() -> None:
        here().note("so far")
        raise error

    Flow("nightly", tasks=[load]).run()
    assert [(post.payload.title, told(post)) for post in notifications.slack] == [(title, {"Note": "so far"})]


def test_an_interrupt_tells_what_was_added(notifications: Recording) -> None:
    @task(state_handlers=[TOLD])
    def load() -> None:
        here().note("so far")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Flow("nightly", tasks=[load]).run()
    assert [told(post) for post in notifications.slack if post.key.slug == "load"] == [{"Note": "so far"}]
    assert current_run() is None


def test_a_body_with_a_time_limit_runs_in_a_thread_and_has_its_run(notifications: Recording, caplog: pytest.LogCaptureFixture) -> None:
    over, late = threading.Event(), threading.Event()

    @task(state_handlers=[TOLD], timeout=30.0)
    def quick() -> None:
        here().note("in time")

    @task(state_handlers=[TOLD], timeout=0.2)
    def slow() -> None:
        run = here()
        run.note("so far")
        over.wait(30)
        run.note("too late")
        assert current_run() is None
        late.set()

    Flow("nightly", tasks=[quick, slow]).run()
    assert [(post.payload.title, told(post)) for post in notifications.slack] == [
        ("Success", {"Note": "in time"}),
        ("TimedOut", {"Note": "so far"}),
    ]
    over.set()
    assert late.wait(30)
    assert caplog.messages[-1] == "tocsin: a note about 'slow' came after its run had ended, and is in no message"


def test_a_context_that_outlives_the_attempt_has_no_run_of_it() -> None:
    kept: list[Context] = []

    @task
    def load() -> None:
        assert here().name == "load"
        kept.append(copy_context())

    Flow("nightly", tasks=[load]).run()
    assert kept[0].run(current_run) is None


def test_runs_nest(notifications: Recording) -> None:
    @watch("inner", state_handlers=[TOLD])
    def inner() -> None:
        run = current_run()
        assert isinstance(run, WatchedRun)
        run.note("of inner")

    @task(state_handlers=[TOLD])
    def load() -> None:
        here().note("before")
        inner()
        here().note("after")

    @watch("outer", state_handlers=[TOLD])
    def outer() -> None:
        Flow("nightly", tasks=[load]).run()
        run = current_run()
        assert isinstance(run, WatchedRun)
        run.note("of outer")

    outer()
    assert {post.key.slug: told(post)["Note"] for post in notifications.slack} == {
        "inner": "of inner",
        "load": "before\nafter",
        "outer": "of outer",
    }


def test_a_failure_that_a_watch_in_a_task_told_is_not_told_by_the_watch_around_the_flow(notifications: Recording) -> None:
    @task
    def load() -> None:
        with watch("inner", state_handlers=[TOLD]):
            raise ValueError("no rows")

    @watch("outer", state_handlers=[TOLD])
    def outer() -> None:
        state = Flow("nightly", tasks=[load]).run().task_states[load]
        assert isinstance(state.result, ValueError)
        raise state.result

    with pytest.raises(ValueError, match="no rows"):
        outer()
    assert [post.key.slug for post in notifications.slack] == ["inner"]


def test_the_answer_of_a_handler_keeps_what_was_added(notifications: Recording) -> None:
    def lenient(_: object, __: State, new: State) -> State:
        return Success("good enough") if isinstance(new, Failed) else new

    @task(state_handlers=[lenient, TOLD])
    def load() -> None:
        here().note("so far")
        raise ValueError("no rows")

    @task
    def after() -> None:
        assert here().name == "after"

    with Flow("nightly") as flow:
        after(upstream_tasks=[load()])
    report = flow.run()
    assert [(post.payload.title, told(post)) for post in notifications.slack] == [("Success", {"Note": "so far"})]
    assert report.state.is_successful()


def test_an_attempt_that_is_over_has_no_run_and_keeps_nothing() -> None:
    class Result:
        pass

    kept: list[Context] = []
    alive: list[weakref.ref[Result]] = []

    def load() -> None:
        result = Result()
        alive.append(weakref.ref(result))

        def announce(_: object) -> Result:
            return result

        attempt = Attempt("load", "0" * 16, announce)
        kept.append(copy_context())
        assert attempt.run() is attempt.run()
        attempt.end(UNKNOWN)
        assert attempt.run() is None

    copy_context().run(load)
    gc.collect()
    assert (len(kept), alive[0]()) == (1, None)


def test_a_thread_that_finds_an_attempt_at_its_end_loses_nothing() -> None:
    class Named:
        def __init__(self) -> None:
            self.ends: list[Facts] = []

        @property
        def name(self) -> str:
            self.ends.append(attempt.end(UNKNOWN))  # meanwhile, another thread
            return "load"

    def both() -> None:
        assert attempt.run() is None

    named = Named()
    context = copy_context()
    attempt = context.run(Attempt, named, "0" * 16, lambda _: None)
    context.run(both)
    assert named.ends == [UNKNOWN]
