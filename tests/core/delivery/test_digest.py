"""The content of a digest, by example, and the summary of messages."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest

from tests.golden.golden_messages import SAID
from tocsin.core.changes import Key
from tocsin.core.delivery.digest import digest_content, digest_key, gist, portions, regroup, singly
from tocsin.core.messages.content import Content, Line
from tocsin.core.messages.digest_summary import NAMED, DigestSummary, merge_summaries, summarize
from tocsin.core.messages.slack import LIMITS

AT = datetime(2026, 2, 3, 3, 0, 7, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def content(name: str = "load", state: str = "Failed", at: datetime = AT) -> Content:
    failed = state != "Success"
    return Content(name, f"{name} ended", f"{name} is over", state, failed, "#eb0000" if failed else "#28a745", at, ())


def summary(*contents: Content) -> DigestSummary:
    """Return the summary of messages with these contents, in order."""
    return merge_summaries(summarize(said, Key("5f0c", said.name, None, ordinal, 0)) for ordinal, said in enumerate(contents))


def line(folded: DigestSummary, title: str) -> list[str]:
    """Return the lines under a title."""
    (text,) = (line.text for line in digest_content(folded).lines if line.title == title)
    return text.split("\n")


def sentence(*contents: Content) -> str:
    return digest_content(summary(*contents)).sentence


def test_the_sentence_says_how_many_of_what() -> None:
    assert SAID["slack-digest"].content is not None
    assert gist(SAID["slack-digest"]) == (
        "2026-02-03 04:01:06 +0100 480 changes in 1 m, 472 of them failures: 460 Failed, 12 TimedOut, 8 Success; "
        "about nightly load (320), 売上 0 (12), <report> 3 (12) and 12 more"
    )


def test_the_gist_of_one_message_is_its_sentence() -> None:
    assert (
        gist(SAID["slack-failed"])
        == "2026-02-03 03:00:07 +0000 nightly load failed after 4 m 12 s: ZeroDivisionError: division by zero"
    )


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ([content(), content()], "2 failures in less than 1 ms: load"),
        ([content("send"), content(), content("send")], "3 failures in less than 1 ms: send (2), load"),
        ([content(state="TimedOut")] * 2, "2 failures in less than 1 ms: all TimedOut, about load"),
        ([content(state="Success")] * 2, "2 changes in less than 1 ms: all Success, about load"),
        (
            [content(), content("send", "Success")],
            "2 changes in less than 1 ms, 1 of them a failure: 1 Failed, 1 Success, about load, send",
        ),
        ([content(name) for name in "dcba"], "4 failures in less than 1 ms: d, c, b and 1 more"),
        ([content(name) for name in "abcdd"], "5 failures in less than 1 ms: d (2), a, b and 1 more"),
        (
            [content(name, state) for name, state in zip("abcd", "ABCD", strict=True)],
            "4 failures in less than 1 ms: 1 A, 1 B, 1 C, 1 in other states; about a, b, c and 1 more",
        ),
    ],
)
def test_a_sentence_says_what_is_known(contents: list[Content], said: str) -> None:
    assert sentence(*contents) == said


def test_what_was_not_counted_by_name_is_said() -> None:
    many = summary(*(content(f"{n:04}") for n in range(NAMED)), *(content("last") for _ in range(7)))
    assert digest_content(many).sentence == "1,007 failures in less than 1 ms: many, among them 0000, 0001, 0002"
    assert line(many, "Names")[-1] == (
        "and at least 990 other names, 997 times in all (counted are only the first 1,000 in the alphabet)"
    )
    assert line(summary(*(content(f"{n:04}") for n in range(NAMED))), "Names")[-1] == "and 990 other names, once each"


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["x"], "and 1 other name, once"),
        (["x", "x"], "and 1 other name, 2 times"),
        (["x", "y"], "and 2 other names, once each"),
        (["x", "y", "y"], "and 2 other names, 3 times in all"),
    ],
)
def test_how_often_there_were_other_names(others: list[str], said: str) -> None:
    ten = [content(f"name {n}") for n in range(10)] * 2
    assert line(summary(*ten, *map(content, others)), "Names")[10:] == [said]


def test_ten_names_and_states_are_listed() -> None:
    ten, eleven = (summary(*(content(f"name {n:02}", f"State{n:02}") for n in range(count))) for count in (10, 11))
    assert line(ten, "Names") == [f"1 name {n:02}" for n in range(10)]
    assert line(ten, "States") == [f"1 State{n:02}" for n in range(10)]
    assert line(eleven, "Names")[10:] == ["and 1 other name, once"]
    assert line(eleven, "States")[10:] == ["1 in other states"]


def test_the_first_three_and_the_last_are_shown_once() -> None:
    four = [content(name, "Success") for name in "abcd"]
    assert line(summary(*four), "First") == [f"03:00:07 +0000  {name} ended" for name in "abc"]
    assert line(summary(*four), "Last") == ["03:00:07 +0000  d ended"]
    assert [said.title for said in digest_content(summary(*four[:3])).lines] == ["States", "Names", "First", "When", "The rest"]


def titles(folded: DigestSummary) -> list[str]:
    return [said.title for said in digest_content(folded).lines if said.title in {"Failures", "First", "Last"}]


def test_failures_come_first_and_successes_where_there_is_room() -> None:
    some = [content("a", "Success"), content("b", "Success"), content("c", "Success"), content("d"), content("e", "Success")]
    assert titles(summary(*some)) == ["Failures", "First", "Last"]
    assert line(summary(*some), "Failures") == ["03:00:07 +0000  d ended"]
    assert line(summary(*some), "First") == ["03:00:07 +0000  a ended", "03:00:07 +0000  b ended"]
    assert titles(summary(*some[:4])) == ["Failures", "First"]
    failing = [content(name) for name in "abcd"]
    assert titles(summary(*failing)) == ["Failures", "Last"]
    assert line(summary(*failing), "Failures")[2:] == ["03:00:07 +0000  c ended", "and 1 more failure"]
    assert line(summary(*failing, *failing), "Failures")[3:] == ["and 5 more failures"]
    assert titles(summary(*failing[:3], content("e", "Success"))) == ["Failures", "Last"]


def failing(error: str, *notes: str, sentence: str = "") -> Content:
    """Return the content of a failure; the sentence is that of a watched body unless another is given."""
    lines = (Line("Error", error), *([Line("Note", "\n".join(notes))] if notes else []))
    return attrs.evolve(content(), opening="load failed after 2 s", rest=f": {sentence or error}", lines=lines)


def test_the_error_and_the_notes_of_a_failure_are_kept() -> None:
    trace = "\n".join(["TrialError: ", "-" * 60, "cell 3", *(f"frame {n}" for n in range(60)), "", "ValueError: no column 'amount'"])
    shown = line(summary(failing(trace, "epoch 0: 0.9", "", "epoch 1: 0.7", "epoch 2: 0.6"), content("a", "Success")), "Failures")
    assert shown[:3] == ["03:00:07 +0000  load failed after 2 s", "    TrialError:", f"    {'-' * 60}"]
    assert shown[-3:] == ["    ValueError: no column 'amount'", "    Note: epoch 0: 0.9", "    Note: epoch 1: 0.7"]
    assert sum("more characters" in text for text in shown) == 1


def test_an_error_that_the_sentence_holds_is_said_once() -> None:
    assert line(summary(failing("ValueError: bad row"), content("a", "Success")), "Failures") == [
        "03:00:07 +0000  load failed after 2 s: ValueError: bad row"
    ]


def test_an_error_that_the_sentence_does_not_begin_is_below_it() -> None:
    told = failing(f"ValueError: {'row ' * 60}40812", sentence="7 rows are bad")
    assert line(summary(told, content("a", "Success")), "Failures")[0] == "03:00:07 +0000  load failed after 2 s: 7 rows are bad"
    assert line(summary(told, content("a", "Success")), "Failures")[1].endswith("row row 40812")


@pytest.mark.parametrize(("name", "most"), [("load", 2), ("load " * 28, 1)])
def test_failures_that_do_not_fit_with_their_errors_are_a_line_or_left_out(name: str, most: int) -> None:
    long = attrs.evolve(failing(f"ValueError: {'x' * 400}", "y" * 200, "z" * 200), opening=f"{name} failed after 2 s")
    shown = line(summary(*[long] * 4), "Failures")
    assert [text[:14] for text in shown if "+0000" in text] == ["03:00:07 +0000"] * most
    assert sum("Note: " in text for text in shown) == 2
    assert shown[-1] == f"and {4 - most} more failures"
    assert len("\n".join(shown)) <= LIMITS["Failures"]


def test_an_error_of_blanks_from_an_unknown_hand_is_no_fault() -> None:
    folded = summary(content(), content("a", "Success"))
    blank = attrs.evolve(folded.failures[0], error=" ", notes=("a note",))
    assert line(attrs.evolve(folded, failures=(blank,)), "Failures")[-1] == "    Note: a note"


def test_a_moment_is_said_once() -> None:
    assert line(summary(content(), content(at=AT + timedelta(milliseconds=900))), "When") == ["at 2026-02-03 03:00:07 +0000"]


def placed(environment: str, host: str, *more: Line) -> Content:
    return attrs.evolve(content(), lines=(*more, Line("Host", host), Line("Environment", environment)))


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ([placed("production", "batch-7")] * 2, [["production, batch-7"]]),
        ([placed("production", "batch-7", Line("Host", "a detail"))] * 2, [["production, batch-7"]]),
        ([placed("", "batch-7")] * 2, [["batch-7"]]),
        ([placed("production", "")] * 2, [["production"]]),
        ([placed("", "")] * 2, []),
        ([content()] * 2, []),
        ([placed("staging", "b"), *[placed("production", "b")] * 2], [["2 production, b", "1 staging, b"]]),
        ([placed("production", "b"), content()], [["1 production, b", "1 elsewhere, or nobody knows where"]]),
        ([placed("", host) for host in "dcbaa"], [["2 a", "1 d", "1 c", "1 elsewhere, or nobody knows where"]]),
    ],
)
def test_where_it_was_is_said_as_far_as_it_is_known(contents: list[Content], said: list[list[str]]) -> None:
    folded = digest_content(summary(*contents))
    assert [shown.text.split("\n") for shown in folded.lines if shown.title == "Where"] == said


def test_days_are_shown_where_there_are_several() -> None:
    late = summary(content(at=AT), content("send", at=AT + timedelta(days=1)))
    assert line(late, "Failures") == ["2026-02-03 03:00:07 +0000  load ended", "2026-02-04 03:00:07 +0000  send ended"]
    assert line(late, "When") == ["from 2026-02-03 03:00:07 +0000 to 2026-02-04 03:00:07 +0000"]


def test_the_hour_that_comes_twice_lasts_an_hour() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)
    second = first.replace(fold=1)
    for both in (summary(content(at=second), content(at=first)), summary(content(at=first), content(at=second))):
        assert both.lasted == timedelta(hours=1)
        assert line(both, "When") == ["from 2026-10-25 02:30:00 +0200 to 2026-10-25 02:30:00 +0100"]


def test_the_children_of_a_mapped_task_count_as_that_task() -> None:
    children = merge_summaries(summarize(content(f"load[{index}]"), Key("5f0c", "load", index, 0, 0)) for index in range(3))
    assert children.names == (("load", 3),)
    assert summarize(content("load[3]"), Key("5f0c", "load", None, 0, 0)).names == (("load[3]", 1),)


def test_the_colour_is_that_of_the_first_failure() -> None:
    assert digest_content(summary(content(state="Success"), content())).color == "#eb0000"
    assert digest_content(summary(content(state="Success"), content(state="Success"))).color == "#28a745"


def test_it_is_a_failure_where_one_of_them_is() -> None:
    assert digest_content(summary(content(state="Success"), content())).failed
    assert not digest_content(summary(content(state="Success"), content(state="Success"))).failed


@pytest.mark.parametrize("times", [1, 1000])
def test_text_made_by_hand_is_one_bounded_line(times: int) -> None:
    there = (Line("Host", "h\n\u202e" * times),)
    wild = attrs.evolve(content("a\r\nb\x00" * times, "F\u202e" * times), opening="x\n" * times, lines=there)
    left = summarize(wild, Key("run", "slug", None, 0, 0))
    (name, _), (state, _), (place, _) = left.names[0], left.states[0], left.places[0]
    limits = ((name, 150), (state, 60), (place, 100), (left.last.sentence, 200))
    assert [len(text) <= limit and text.isprintable() for text, limit in limits] == [True] * 4


def test_the_rest_is_where_the_run_is() -> None:
    assert line(summary(content(), content()), "The rest") == [
        "Each is in the report of its run, and in the log (logger tocsin) once logging shows its level INFO. The first was of run 5f0c."
    ]


def test_the_key_says_how_many_and_is_no_handlers() -> None:
    assert digest_key(summary(*[content()] * 1001)) == Key("5f0c", "load and 1,000 more", None, 0, -1)


def test_a_group_is_folded_when_it_is_larger_than_most() -> None:
    messages = [SAID["slack-failed"], SAID["mail-failed"], SAID["slack-abroad"], SAID["slack-hostile"]]
    assert portions(messages, 3) == ((0,), (2,), (3,), (1,))
    assert portions(messages, 2) == ((0, 2, 3), (1,))
    assert portions([], 1) == ()


def test_what_is_left_is_decided_anew() -> None:
    messages = [SAID["slack-failed"], SAID["mail-failed"], SAID["slack-abroad"], SAID["slack-hostile"]]
    assert regroup(messages, [(2,), (3,), (1,)], 1) == ((1,), (2, 3))
    assert regroup(messages, [(2,), (3,), (1,)], 2) == ((1,), (2,), (3,))
    assert regroup(messages, [], 1) == ()


@pytest.mark.parametrize(
    ("most", "left", "alone"),
    [(10, math.inf, 10), (10, 100.0, 10), (10, 20.0, 10), (10, 19.9, 9), (3, 10.0, 3), (10, 10.0, 5), (10, 3.9, 1), (10, 0.0, 1)],
)
def test_as_many_go_singly_as_there_is_time_for(most: int, left: float, alone: int) -> None:
    assert singly(most, left) == alone
