"""``current_run().say(...)`` in the body of a task: a message at once, from any thread, until the attempt ends."""

import os
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from tocsin import Failed, Flow, Recording, TaskRun, current_run, slack_notifier, task
from tocsin.effects import PostToSlack

ONLY_FAILED = slack_notifier(only_states=[Failed])


def here() -> TaskRun:
    run = current_run()
    assert isinstance(run, TaskRun)
    return run


def sentences(recording: Recording) -> list[str]:
    return [effect.payload.fallback for effect in recording.effects if isinstance(effect, PostToSlack)]


def test_what_a_body_says_is_sent_at_once_and_changes_nothing() -> None:
    recording = Recording()

    @task(state_handlers=[ONLY_FAILED])
    def load() -> int:
        here().link("https://example.com/runs/7")
        here().say("3 of 7 files are read")
        here().say(" ")
        assert sentences(recording) == ["load: 3 of 7 files are read"]
        return 7

    report = Flow("nightly", tasks=[load]).run(interpreter=recording)
    assert report.task_states[load].result == 7
    assert sentences(recording) == ["load: 3 of 7 files are read"]
    (post,) = recording.slack
    assert (post.payload.title, post.payload.title_link) == ("Running", "https://example.com/runs/7")


def test_each_attempt_says_its_own_and_keys_are_unique() -> None:
    recording = Recording()
    attempts: list[TaskRun] = []

    @task(state_handlers=[slack_notifier], max_retries=1, retry_delay=timedelta(0))
    def load() -> None:
        attempts.append(here())
        here().say(f"attempt {len(attempts)}")
        if len(attempts) == 1:
            raise OSError("reset")

    Flow("nightly", tasks=[load]).run(interpreter=recording)
    assert [text for text in sentences(recording) if "attempt" in text and ":" in text][:1] == ["load: attempt 1"]
    assert "load: attempt 2" in sentences(recording)
    assert len({str(effect.key) for effect in recording.effects}) == len(recording.effects)


def test_threads_of_a_body_say_each_text_once() -> None:
    recording = Recording()

    @task(state_handlers=[ONLY_FAILED])
    def load() -> None:
        run = here()
        threads = [threading.Thread(target=run.say, args=(f"part {number}",)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    Flow("nightly", tasks=[load]).run(interpreter=recording)
    assert sorted(sentences(recording)) == sorted(f"load: part {number}" for number in range(20))
    assert len({str(effect.key) for effect in recording.effects}) == 20


def test_what_is_said_after_the_end_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    kept: list[TaskRun] = []
    recording = Recording()

    @task(state_handlers=[ONLY_FAILED])
    def load() -> None:
        kept.append(here())
        here().say("one")

    @task(state_handlers=[ONLY_FAILED])
    def silent() -> None:
        kept.append(here())

    Flow("nightly", tasks=[load, silent]).run(interpreter=recording)
    for run in kept:
        run.say("too late")
    assert sentences(recording) == ["load: one"]
    assert caplog.text.count("was said after its run had ended") == 2


def test_a_body_with_a_time_limit_says() -> None:
    recording = Recording()

    @task(state_handlers=[ONLY_FAILED], timeout=30)
    def load() -> None:
        here().say("in a thread")

    Flow("nightly", tasks=[load]).run(interpreter=recording)
    assert sentences(recording) == ["load: in a thread"]


def raising(error: BaseException) -> Callable[[], str]:
    def text() -> str:
        raise error

    return text


def test_a_fault_of_ours_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording()

    @task(state_handlers=[ONLY_FAILED])
    def load() -> None:
        run = here()
        monkeypatch.setattr("tocsin.shell.said_queue.CLOCK", None)  # a fault of ours
        run.say("one")
        monkeypatch.undo()
        run.say("two")

    assert Flow("nightly", tasks=[load]).run(interpreter=recording).state.is_successful()
    assert sentences(recording) == ["load: two"]
    assert "could not notify about 'load', which goes on: AttributeError" in caplog.text


def test_a_ctrl_c_passes() -> None:
    class Text:
        def __str__(self) -> str:
            raise KeyboardInterrupt

    @task
    def load() -> None:
        here().say(Text())

    with pytest.raises(KeyboardInterrupt):
        Flow("nightly", tasks=[load]).run(interpreter=Recording())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a fork is POSIX's")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_says_as_a_run_of_its_own() -> None:
    recording = Recording()
    read, write = os.pipe()

    @task(state_handlers=[ONLY_FAILED])
    def load() -> None:
        here().say("the parent")
        child = os.fork()
        if child == 0:
            here().say("the child")
            os.write(write, "\n".join(str(effect.key) for effect in recording.effects).encode())
            os._exit(0)
        os.waitpid(child, 0)
        here().say("the parent again")

    Flow("nightly", tasks=[load]).run(interpreter=recording)
    os.close(write)
    parent, child = os.read(read, 1000).decode().split("\n")
    os.close(read)
    assert parent.split(".")[1:] != child.split(".")[:1]
    assert parent.split(".")[0] != child.split(".")[0]
    assert sentences(recording) == ["load: the parent", "load: the parent again"]
