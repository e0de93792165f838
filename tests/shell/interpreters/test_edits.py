"""An edit of a run's first message is sent once or not at all: never stored, folded, retried, or sent another way."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from tests.eventually import eventually
from tocsin import Live, Recording, flush
from tocsin.core.changes import Key
from tocsin.core.delivery.digest import portions
from tocsin.core.delivery.slack_threads import Edit, Skip, edited, opened, planned, sealed
from tocsin.core.effects import Bot, Effect, PostToSlack, SendEmail, edits_by, is_edit, shown
from tocsin.core.events import Said
from tocsin.core.machine import Run, Step, Subject, advance
from tocsin.core.messages.content import Content
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import slack_message
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Outcome, Retryable, Withheld
from tocsin.core.states import Running
from tocsin.flows.task import Task
from tocsin.interpreters import Background, ByMail, BySlack, Digest, Fallback, Fanout, Outbox, RateLimited, Retrying
from tocsin.shell import log
from tocsin.shell.interpreter import execute, hand_over
from tocsin.shell.outbox.codec import encode

pytestmark = pytest.mark.tocsin_live  # nothing is sent: the interpreters below only count as ones that send

AT = datetime(2026, 7, 1, 3, tzinfo=UTC)
BOT = Bot("SLACK_BOT_TOKEN", "#ops")


def post(said: str, ordinal: int = 0, *, run: str = "run", edits: bool = False) -> PostToSlack:
    content = Content("train", said, said, "Running", False, "#3d67ff", AT, ())
    return PostToSlack("SLACK_WEBHOOK_URL", slack_message(content), Key(run, "train", None, ordinal, 0), BOT, content, edits=edits)


EDIT = post("train: 1 of 10", 1, edits=True)
MESSAGE = post("train started")


class Answering:
    """An interpreter that keeps effects and answers with an outcome; held back, it waits."""

    notify = "live"

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.effects: list[Effect] = []
        self.go = threading.Event()
        self.go.set()

    def __call__(self, effect: Effect, /) -> Outcome:
        self.effects.append(effect)
        assert self.go.wait(60.0)
        return self.outcome


# --- where an edit comes from ---------------------------------------------------------------------------------------------------


def test_only_an_app_edits() -> None:
    handlers = (SlackNotifier(), SlackNotifier(token_secret="SLACK_BOT_TOKEN", channel="#ops"), GmailNotifier())
    run = Run(Subject(Task("train"), handlers, "r1", "train"), Running(), ordinal=1)
    stepped = advance(run, Said(AT, text="1 of 10", edits=True))
    assert isinstance(stepped, Step)
    (effect,) = stepped.effects
    assert isinstance(effect, PostToSlack)
    assert (effect.edits, effect.bot, effect.key.ordinal, effect.payload.fallback) == (True, BOT, 1, "train: 1 of 10")
    assert stepped.run == attrs.evolve(run, ordinal=2)


def test_what_is_no_post_of_an_app_has_no_edit() -> None:
    content = MESSAGE.content
    assert isinstance(content, Content)
    sent = SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", mail(content, None, ()), MESSAGE.key, content)
    assert (edits_by(sent), edits_by(attrs.evolve(MESSAGE, bot=None))) == ((), ())
    assert edits_by(MESSAGE) == (attrs.evolve(MESSAGE, edits=True),)
    assert [is_edit(effect) for effect in (sent, MESSAGE, EDIT)] == [False, False, True]


def test_a_verb_makes_the_sentence_of_its_own() -> None:
    run = Run(Subject(Task("train"), (SlackNotifier(),), "r1", "train"), Running())
    for text, sentence in (("", "train is still running after 2 h"), ("1 of 10", "train is still running after 2 h: 1 of 10")):
        said = Said(AT, text=text, verb="is still running after 2 h")
        stepped = advance(run, said)
        assert isinstance(stepped, Step)
        (effect,) = stepped.effects
        assert isinstance(effect, PostToSlack)
        assert effect.payload.fallback == f"train {said.words}" == sentence
        assert [field.title for field in effect.payload.fields] == ["Run id"]


# --- the thread of the run -------------------------------------------------------------------------------------------------------


def test_an_edit_needs_a_first_message_about_the_same_object_that_shows_nothing_newer() -> None:
    thread = opened(MESSAGE, "C", "1")
    assert planned(thread, EDIT) == Edit(thread)
    assert planned(None, EDIT) == Skip()
    assert planned(edited(thread, EDIT.key), EDIT) == Skip()
    assert planned(sealed(thread), EDIT) == Skip()
    assert planned(attrs.evolve(thread, slug="load"), EDIT) == Skip()
    assert planned(attrs.evolve(thread, map_index=1), EDIT) == Skip()


# --- interpreters ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Retryable("busy"), Ambiguous("no answer")])
def test_it_is_tried_once(outcome: Outcome) -> None:
    inner = Answering(outcome)
    assert execute(Retrying(inner), EDIT) == outcome
    assert inner.effects == [EDIT]


def test_it_takes_no_turn_of_a_message_and_is_not_tried_where_messages_are_not() -> None:
    inner = Answering(Delivered())
    limited = RateLimited(inner)
    assert [execute(limited, EDIT) for _ in range(100)] == [Delivered()] * 100
    assert execute(limited, MESSAGE) == Delivered()
    inner.outcome = DestinationDead("revoked")
    execute(limited, MESSAGE)
    before = len(inner.effects)
    assert isinstance(execute(limited, EDIT), DestinationDead)
    assert len(inner.effects) == before


def test_it_goes_no_other_way() -> None:
    first, second = Answering(DestinationDead("revoked")), Answering(Delivered())
    assert execute(Fallback(first, second), EDIT) == DestinationDead("revoked")
    assert execute(Fanout(first, second), EDIT) == DestinationDead("revoked")
    assert isinstance(execute(ByMail(second), EDIT), Withheld)
    assert isinstance(execute(BySlack(second), EDIT), Withheld)
    assert second.effects == []


def test_a_webhook_cannot_do_it() -> None:
    live = Live({"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x"})
    assert execute(live, attrs.evolve(EDIT, bot=None)) == Withheld("a webhook cannot edit a message")


def test_a_dry_run_shows_where_it_would_be() -> None:
    first = shown(EDIT).splitlines()[0]
    assert first == "Slack, as the app with the token in SLACK_BOT_TOKEN, to #ops, in place of the first message of its run:"
    assert "in place of" not in shown(MESSAGE)


def test_a_digest_folds_none() -> None:
    effects = [MESSAGE, EDIT, *[post(f"{at}", at) for at in range(20)], EDIT]
    assert portions(effects, 10) == ((0, *range(2, 22)), (1,), (22,))
    recording = Recording()
    Digest(recording).batch(effects)
    assert [effect.edits for effect in recording.slack] == [False, True, True]


def test_an_outbox_stores_none(tmp_path: Path) -> None:
    recording = Recording()
    outbox = Outbox(recording, f"sqlite:///{tmp_path}/outbox.sqlite")
    for _ in range(3):
        execute(outbox, EDIT)
    outbox.batch([EDIT, EDIT])
    flush()
    outbox.close()
    assert recording.slack
    assert all(effect.edits for effect in recording.slack)
    with pytest.raises(TypeError, match=r"^an edit is not stored: it would be stale$"):
        encode(EDIT)
    assert "edits" not in encode(MESSAGE).body


def test_a_failed_edit_is_no_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    log.complain(EDIT, Retryable("busy"))
    assert caplog.records == []
    log.complain(MESSAGE, Retryable("busy"))
    assert len(caplog.records) == 1


# --- the queue -------------------------------------------------------------------------------------------------------------------


def test_a_newer_edit_takes_the_place_of_one_that_waits() -> None:
    inner, settled = Answering(Delivered()), list[Outcome]()
    inner.go.clear()
    background = Background(inner)
    hand_over(background, MESSAGE, settled.append)
    eventually(lambda: len(inner.effects) == 1)
    for said, run in (("1", "run"), ("2", "run"), ("other", "another"), ("3", "run")):
        hand_over(background, post(said, 1, run=run, edits=True), settled.append)
    inner.go.set()
    assert flush()
    assert [effect.payload.fallback for effect in inner.effects if isinstance(effect, PostToSlack)] == ["train started", "other", "3"]
    assert [type(outcome) for outcome in settled] == [Withheld, Withheld, Delivered, Delivered, Delivered]


def test_an_edit_gives_way_to_a_message_and_has_no_place_in_a_full_queue() -> None:
    inner, settled = Answering(Delivered()), list[Outcome]()
    inner.go.clear()
    background = Background(inner, max_queue=2)
    hand_over(background, MESSAGE, settled.append)
    eventually(lambda: len(inner.effects) == 1)
    hand_over(background, EDIT, settled.append)
    for number in range(2):
        hand_over(background, post(f"{number}"), settled.append)
    assert [type(outcome) for outcome in settled] == [Withheld]
    hand_over(background, EDIT, settled.append)
    assert [type(outcome) for outcome in settled] == [Withheld, Withheld]
    inner.go.set()
    assert flush()
    assert [is_edit(effect) for effect in inner.effects] == [False, False, False]


def test_an_edit_that_waits_at_the_end_is_in_no_line(caplog: pytest.LogCaptureFixture) -> None:
    inner = Answering(Retryable("busy"))
    inner.go.clear()
    background = Background(inner)
    execute(background, EDIT)
    eventually(lambda: len(inner.effects) == 1)
    execute(background, post("2", 2, edits=True))
    flush(0.0)
    inner.go.set()
    flush()
    assert caplog.records == []
