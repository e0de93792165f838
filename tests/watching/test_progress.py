"""``run.progress`` costs next to nothing, edits the first message of a Slack app and nothing else, and harms no body."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from tests.eventually import eventually
from tests.servers.authority import Authority
from tests.servers.slack_api import SlackApiServer
from tocsin import (
    Failed,
    Live,
    Recording,
    Skipped,
    WatchedRun,
    current_run,
    flush,
    gmail_notifier,
    interpreting,
    reliable,
    slack_notifier,
    watch,
)
from tocsin.adapters import SlackWebhook
from tocsin.core.effects import PostToSlack
from tocsin.core.validation import invoke
from tocsin.interpreters import Outbox
from tocsin.watching import ongoing
from tocsin.watching.ongoing import Steps

APP = slack_notifier(token_secret="SLACK_BOT_TOKEN", channel="#ops")


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have edits and samples made often."""
    monkeypatch.setattr(ongoing, "MIN_INTERVAL", 0.1)
    monkeypatch.setattr(ongoing, "_SAMPLE_INTERVAL", 0.01)


@pytest.fixture
def api(authority: Authority) -> Iterator[SlackApiServer]:
    """A server that accepts an app's calls."""
    server = SlackApiServer(authority.good)
    yield server
    server.stop()


@pytest.fixture
def live(api: SlackApiServer, ca_bundle: Path) -> Iterator[Live]:
    """An interpreter that posts to the server."""
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=ca_bundle, proxies={}, api=api.url)
    yield Live({"SLACK_BOT_TOKEN": api.token}, slack=slack)
    slack.close()


def edits(recording: Recording) -> list[str]:
    return [effect.payload.fallback for effect in recording.slack if effect.edits]


def messages(recording: Recording) -> list[str]:
    return [effect.payload.fallback.partition(" after")[0] for effect in recording.slack if not effect.edits]


def fields(post: PostToSlack) -> dict[str, str]:
    return {field.title: field.value.strip("`") for field in post.payload.fields}


# --- over TLS -------------------------------------------------------------------------------------------------------------------


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("queues", [False, True])
def test_the_first_message_of_an_app_shows_how_far_the_run_is(queues: bool, live: Live, api: SlackApiServer) -> None:
    with interpreting(reliable(live) if queues else live), watch("train", state_handlers=[APP]) as run:
        eventually(lambda: len(api.messages) == 1)
        for number in range(1, 1000):
            run.progress(number, 3000)
            time.sleep(0.01)
            if len(api.messages[0].texts) > 2:
                break
        run.say("half of it")
    flush()
    parent, said, ended = api.messages
    first, *shown, last = parent.texts
    assert (first, len(parent.attachments)) == ("train started", 1)
    assert all(text.startswith("train: ") and " of 3,000 (" in text and text.endswith(" left") for text in shown)
    assert len(shown) >= 2
    assert said.texts == ["train: half of it"]
    assert last.startswith("train succeeded after ")
    assert ended.texts == [last]
    assert {call.method for call in api.calls} == {"chat.postMessage", "chat.update"}


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("often")
def test_the_body_does_not_wait_for_an_edit_and_the_last_count_wins(live: Live, api: SlackApiServer) -> None:
    with interpreting(live), watch("train", state_handlers=[APP]) as run:
        began = time.process_time()
        for number in range(20_000):
            run.progress(number, 20_000)
        run.progress(20_000, 20_000)
        assert time.process_time() - began < 2.0
        eventually(lambda: api.messages[0].texts[-1].startswith("train: 20,000 of 20,000 (100 %)"))
    assert len(api.messages[0].texts) < 20


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("often")
def test_an_edit_that_is_refused_for_good_is_the_last_one_and_one_line(
    live: Live, api: SlackApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    with interpreting(live), watch("train", state_handlers=[APP]) as run:
        api.replies = ["ratelimited", "edit_window_closed"]
        for number in range(100):
            run.progress(number, 3000)
            time.sleep(0.01)
            if len([call for call in api.calls if call.method == "chat.update"]) == 2:
                break
        eventually(lambda: len(api.calls) == 3)
        run.progress(number + 1, 3000)
        time.sleep(0.3)
    assert [call.method for call in api.calls] == ["chat.postMessage", "chat.update", "chat.update", "chat.postMessage"]
    (line,) = [record.getMessage() for record in caplog.records if record.name == "tocsin"]
    assert "does not show its progress" in line
    assert "edit_window_closed" in line


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("often")
def test_without_a_first_message_nothing_is_posted(live: Live, api: SlackApiServer) -> None:
    failures = slack_notifier(token_secret="SLACK_BOT_TOKEN", channel="#ops", only_states=[Failed])
    with interpreting(live), watch("train", state_handlers=[failures]) as run:
        run.progress(1, 10)
        time.sleep(0.3)
    assert api.calls == []


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("often")
def test_an_outbox_stores_no_edit(live: Live, api: SlackApiServer, tmp_path: Path) -> None:
    outbox = Outbox(live, f"sqlite:///{tmp_path}/outbox.sqlite")
    with interpreting(outbox), watch("train", state_handlers=[APP]) as run:
        run.progress(1, 10)
        eventually(lambda: bool(api.messages) and len(api.messages[0].texts) > 1)
    flush()
    outbox.close()
    assert len(api.messages) == 2
    assert api.messages[0].texts[1].startswith("train: 1 of 10 (10 %)")


# --- elsewhere ------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("often")
def test_a_webhook_and_a_mail_say_nothing_of_it(notifications: Recording) -> None:
    with watch("train", state_handlers=[slack_notifier, gmail_notifier]) as run:
        run.progress(1, 10)
        time.sleep(0.3)
    assert len(notifications.effects) == 4
    assert [fields(post).get("Progress") for post in notifications.slack] == [None, None]


@pytest.mark.usefixtures("often")
def test_only_the_message_of_a_failure_has_the_last_progress(notifications: Recording) -> None:
    @watch(state_handlers=[slack_notifier, gmail_notifier, APP], show_arguments=True)
    def train(epochs: int) -> None:
        run = current_run()
        assert isinstance(run, WatchedRun)
        run.note("from a checkpoint")
        run.progress(0, epochs)
        time.sleep(0.05)
        run.progress(3, epochs)
        raise ValueError("nan")

    with pytest.raises(ValueError, match="nan"):
        train(10)
    started, failed, *_ = [effect for effect in notifications.slack if effect.bot is None]
    assert "Progress" not in fields(started)
    assert fields(failed)["Progress"].startswith("3 of 10 (30 %), ")
    assert fields(failed)["Progress"].endswith("/s")
    assert list(fields(failed)).index("Arguments") < list(fields(failed)).index("Progress") < list(fields(failed)).index("Note")
    (mail,) = [effect.mail for effect in notifications.mail if " failed" in effect.mail.subject]
    assert "3 of 10 (30 %)" in mail.plain


@pytest.mark.usefixtures("often")
def test_an_end_that_is_no_failure_has_no_progress(notifications: Recording) -> None:
    with suppress(KeyError), watch("load", state_handlers=[slack_notifier], expected={KeyError: Skipped}) as run:
        run.progress(3, 10)
        raise KeyError
    assert [list(fields(post)) for post in notifications.slack if "Progress" in fields(post)] == []
    assert messages(notifications) == ["load started", "load was skipped"]


@pytest.mark.usefixtures("often")
def test_edits_are_on_no_report_and_use_up_no_memory(notifications: Recording) -> None:
    with watch("train", state_handlers=[APP]) as run:
        for number in range(1000):
            run.progress(number, 1000)
            time.sleep(0.005)
            if len(edits(notifications)) == 3:
                break
    assert len(edits(notifications)) >= 3
    assert run.report is not None
    assert len(run.report.deliveries) == len(run.report.changes) == 2
    keys = [effect.key for effect in notifications.effects]
    assert len(set(keys)) == len(keys)
    assert [key.ordinal for key in keys] == list(range(len(keys)))


@pytest.mark.usefixtures("often")
def test_a_run_without_a_further_step_is_edited_less_and_less_often(notifications: Recording) -> None:
    with watch("train", state_handlers=[APP]) as run:
        run.progress(1, 10)
        time.sleep(1.0)
    assert 1 <= len(edits(notifications)) <= 4


def test_nothing_is_edited_in_the_first_seconds(notifications: Recording) -> None:
    with watch("train", state_handlers=[APP]) as run:
        run.progress(1, 10)
        time.sleep(0.2)
    assert edits(notifications) == []


# --- every kind of body -----------------------------------------------------------------------------------------------------------


@watch("train", state_handlers=[APP])
async def asynchronous() -> None:
    run = current_run()
    assert isinstance(run, WatchedRun)
    run.progress(1, 10)
    await asyncio.sleep(0.4)


@watch("train", state_handlers=[APP])
def generating() -> Generator[int]:
    run = current_run()
    assert isinstance(run, WatchedRun)
    run.progress(1, 10)
    yield 1


def consume() -> None:
    for _ in generating():
        time.sleep(0.4)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("body", [lambda: asyncio.run(asynchronous()), consume])
def test_each_kind_of_body_has_it(body: Callable[[], None], notifications: Recording) -> None:
    body()
    assert edits(notifications)[0].startswith("train: 1 of 10 (10 %)")
    assert messages(notifications) == ["train started", "train succeeded"]


@pytest.mark.usefixtures("often")
def test_threads_may_count_at_once(notifications: Recording) -> None:
    with watch("train", state_handlers=[APP]) as run:
        workers = [threading.Thread(target=lambda at=at: [run.progress(at * 1000 + one) for one in range(1000)]) for at in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        run.progress(8000, 8000)
        eventually(lambda: any("8,000 of 8,000 (100 %)" in text for text in edits(notifications)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.usefixtures("often")
def test_a_forked_child_edits_nothing(notifications: Recording) -> None:
    with watch("train", state_handlers=[APP]) as run:
        run.progress(1, 10)
        if (pid := os.fork()) == 0:  # pragma: no cover - in the child
            before = len(notifications.effects)
            run.progress(2, 10)
            time.sleep(0.4)
            os._exit(len(notifications.effects) - before)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# --- hostile counts ---------------------------------------------------------------------------------------------------------------


class Hostile:
    """Raises wherever its own code runs."""

    def __index__(self) -> NoReturn:
        raise SystemExit

    def __repr__(self) -> NoReturn:
        raise MemoryError

    def __eq__(self, other: object) -> NoReturn:
        raise OSError

    __hash__ = object.__hash__


class Interrupting(Hostile):
    def __index__(self) -> NoReturn:
        raise KeyboardInterrupt


@pytest.mark.parametrize("wrong", [-1, 10**16, float("nan"), "three", Hostile(), True])
def test_what_is_no_count_is_one_line_in_the_log_and_changes_nothing(
    wrong: object, notifications: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    with suppress(ValueError), watch("train", state_handlers=[slack_notifier]) as run:
        run.progress(3, 10)
        for _ in range(5):
            invoke(run.progress, wrong, 10)
            invoke(run.progress, 4, wrong)
        raise ValueError("nan")
    assert fields(notifications.slack[-1])["Progress"].startswith("3 of 10 (30 %)")
    assert len({record.getMessage() for record in caplog.records}) == len(caplog.records)


def test_a_wrong_count_between_two_samples_is_refused_later(caplog: pytest.LogCaptureFixture) -> None:
    steps = Steps("train")
    steps.count(1, 10)
    steps.count(-1, 10)
    known = steps.progress()
    assert known is not None
    assert (known.done, known.total) == (1, 10)
    assert [record.getMessage() for record in caplog.records] == [
        "tocsin: -1 is no count of the steps of 'train', and is in no message"
    ]


def test_no_total_and_a_total_of_nothing_are_the_same() -> None:
    for total in (None, 0):
        steps = Steps("train")
        steps.count(1, total)
        known = steps.progress()
        assert known is not None
        assert known.total is None


def test_an_interruption_passes() -> None:
    with pytest.raises(KeyboardInterrupt), watch("train", state_handlers=[]) as run:
        run.progress(Interrupting(), 10)


def test_what_comes_after_the_end_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with watch("train", state_handlers=[APP]) as run:
        pass
    run.progress(1, 10)
    assert [record.getMessage() for record in caplog.records] == [
        "tocsin: the progress about 'train' came after its run had ended, and is in no message"
    ]


def test_a_call_is_cheap(notifications: Recording) -> None:
    with watch("train", state_handlers=[APP]) as run:
        run.progress(0, 100_000)
        best = min(spent(run) for _ in range(5))
    assert best < 2e-6 * 3  # a machine that is busy takes longer
    assert edits(notifications) == []


def spent(run: WatchedRun) -> float:
    began = time.process_time()
    for number in range(20_000):
        run.progress(number, 100_000)
    return (time.process_time() - began) / 20_000
