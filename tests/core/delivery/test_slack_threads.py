"""One thread for each run: laws over any interleaving of runs and objects, and the arguments of an app's calls."""

from collections.abc import Mapping
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.changes import Key
from tocsin.core.delivery.digest import fold
from tocsin.core.delivery.slack_threads import REMEMBERED, Post, Reply, Thread, edited, forgotten, opened, planned, remembered, sealed
from tocsin.core.effects import Bot, PostToSlack
from tocsin.core.messages.content import Content
from tocsin.core.messages.slack import SlackMessage, editing, posting, slack_message
from tocsin.testing.strategies import posts

AT = datetime(2026, 7, 1, 3, tzinfo=UTC)
BOT = Bot("SLACK_BOT_TOKEN", "#ops")


def message(key: Key, *, failed: bool = False, said: bool = False) -> PostToSlack:
    content = Content(key.slug, f"{key} {failed}", "headline", "State", failed, "#eb0000", AT, (), said=said)
    return PostToSlack("SLACK_WEBHOOK_URL", slack_message(content), key, BOT, content)


@attrs.define
class Channel:
    """A simulated channel: the parents with their replies and their edits."""

    replies: dict[str, list[Key]] = attrs.field(factory=dict[str, list[Key]])
    parents: dict[str, Key] = attrs.field(factory=dict[str, Key])
    edits: dict[str, list[Key]] = attrs.field(factory=dict[str, list[Key]])
    threads: Mapping[str, Thread] = attrs.field(factory=dict[str, Thread])

    def take(self, said: PostToSlack) -> None:
        key = said.key
        step = planned(self.threads.get(key.run_id), said)
        if isinstance(step, Post):
            ts = str(len(self.parents))
            self.parents[ts], self.replies[ts], self.edits[ts] = key, [], []
            thread = opened(said, "C0123ABCD", ts)
        else:
            assert isinstance(step, Reply)
            self.replies[step.thread.ts].append(key)
            self.edits[step.thread.ts] += [key] if step.edit else []
            thread = edited(step.thread, key) if step.edit else step.thread
        self.threads = remembered(self.threads, key.run_id, thread)


messages = st.builds(
    message,
    st.builds(
        Key,
        st.sampled_from("abc"),
        st.sampled_from(["load", "add"]),
        st.none() | st.integers(0, 1),
        st.integers(0, 5),
        st.integers(0, 1),
    ),
    failed=st.booleans(),
    said=st.booleans(),
)


def is_said(message: PostToSlack) -> bool:
    return isinstance(message.content, Content) and message.content.said


@given(st.lists(messages, max_size=40))
def test_each_run_has_one_parent_and_each_message_stands_once(said: list[PostToSlack]) -> None:
    channel = Channel()
    for one in said:
        channel.take(one)
    runs = [key.run_id for key in channel.parents.values()]
    assert sorted(runs) == sorted({one.key.run_id for one in said})
    stands = {key.run_id: [key, *channel.replies[ts]] for ts, key in channel.parents.items()}
    assert stands == {run: [one.key for one in said if one.key.run_id == run] for run in runs}


@given(st.lists(messages, max_size=40))
def test_the_parent_shows_the_newest_state_of_what_it_is_about(said: list[PostToSlack]) -> None:
    channel = Channel()
    for one in said:
        channel.take(one)
    no_states = [id(one.key) for one in said if is_said(one)]
    for ts, parent in channel.parents.items():
        states = [key for key in channel.replies[ts] if id(key) not in no_states]
        about = [key for key in states if (key.slug, key.map_index) == (parent.slug, parent.map_index)]
        shown = [parent, *channel.edits[ts]]
        assert set(channel.edits[ts]) <= set(about)
        assert [key.ordinal for key in shown] == sorted({key.ordinal for key in shown})
        assert shown[-1].ordinal == max(key.ordinal for key in [parent, *about])
        assert channel.threads[parent.run_id].shown == shown[-1].ordinal


@given(st.lists(st.integers(0, 2 * REMEMBERED), max_size=REMEMBERED + 20))
def test_as_many_runs_are_remembered_as_there_is_room_for(runs: list[int]) -> None:
    known: Mapping[int, Thread] = {run: Thread("C", "1", "load", None, 0) for run in range(-REMEMBERED, 0)}
    for run in runs[:30]:
        known = remembered(known, run, Thread("C", str(run), "load", None, 0))
    assert len(known) == REMEMBERED
    assert all(known[run].ts == str(run) for run in runs[:30])
    assert -REMEMBERED + len(set(runs[:30])) in known or len(set(runs[:30])) == 0
    assert -REMEMBERED not in known or not runs


def test_a_run_that_speaks_is_not_forgotten() -> None:
    known: Mapping[int, Thread] = {}
    for run in range(REMEMBERED + 1):
        known = remembered(known, run, Thread("C", "1", "load", None, 0))
        known = remembered(known, 0, Thread("C", "2", "load", None, 0))
    assert known[0].ts == "2"
    assert 1 not in known
    assert 0 not in forgotten(known, 0)
    assert len(forgotten(known, 0)) == REMEMBERED - 1


def test_where_edits_are_refused_for_good_there_are_no_more() -> None:
    thread = opened(message(Key("a", "load", None, 0, 0)), "C", "1")
    later = message(Key("a", "load", None, 1, 0))
    assert planned(thread, later) == Reply(thread, edit=True)
    assert planned(sealed(thread), later) == Reply(sealed(thread), edit=False)


@pytest.mark.parametrize("by_hand", [True, False])
def test_an_edit_takes_no_failure_away(by_hand: bool) -> None:
    key = Key("a", "load", None, 0, 0)
    harmless, failure = message(key), message(key, failed=True)
    kept = attrs.evolve(harmless, content=None) if by_hand else failure
    assert opened(harmless, "C", "1").kept is None
    assert opened(kept, "C", "1").kept == kept.payload


def test_what_stands_for_many_is_not_edited_and_edits_nothing() -> None:
    first, later = message(Key("a", "load", None, 0, 0)), message(Key("a", "load", None, 1, 0))
    many = fold([later, message(Key("a", "add", None, 0, 0))])
    assert isinstance(many, PostToSlack)
    thread = opened(first, "C", "1")
    assert planned(thread, many) == Reply(thread, edit=False)
    digest = opened(attrs.evolve(many, key=first.key), "C", "1")
    assert planned(digest, later) == Reply(digest, edit=False)


def test_what_was_said_is_not_edited_away() -> None:
    first, said = message(Key("a", "load", None, 0, 0)), message(Key("a", "load", None, 1, 0), said=True)
    assert opened(said, "C", "1").kept == said.payload
    assert planned(opened(first, "C", "1"), said) == Reply(opened(first, "C", "1"), edit=False)


SAID = SlackMessage("_load_ *failed* &amp; `~x~`", "#eb0000", "Failed", "load is now in a Failed state")


def test_what_an_app_posts() -> None:
    attachment = {"fallback": SAID.fallback, "color": "#eb0000", "title": "Failed", "text": SAID.text, "fields": [], "mrkdwn_in": []}
    assert posting("#ops", SAID) == {
        "channel": "#ops",
        "text": SAID.fallback,
        "attachments": [attachment],
        "mrkdwn": False,
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
    }
    assert posting("C1", SAID, "1.2") == {**posting("C1", SAID), "thread_ts": "1.2"}
    edit = editing("C1", "1.2", SAID, SlackMessage("began", "#3d67ff", "Running", "load is now in a Running state"))
    assert [shown["title"] for shown in edit["attachments"]] == ["Failed", "Running"]
    assert editing("C1", "1.2", SAID, None)["attachments"] == [attachment]
    assert (edit["channel"], edit["ts"], edit["parse"]) == ("C1", "1.2", "none")


@given(posts())
def test_an_edit_has_no_markup_and_no_message_is_without_a_word(said: PostToSlack) -> None:
    text = editing("C1", "1.2", said.payload, None)["text"]
    assert text.strip()
    assert text.replace("\u200b", "") == posting("C1", attrs.evolve(said.payload, mentions=()))["text"].replace("\u200b", "")
    assert all(text[at - 1] == "\u200b" == text[at + 1] for at, letter in enumerate(text) if letter in "*_~`")
