"""Laws of mentions: they are the only markup that ever leaves, whatever is said; and only a failure that is final calls people."""

import json
import re
from collections.abc import Mapping

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.test_messages import ENTITY, changes, formatters, posted, strings
from tests.laws.user_kinds import EVERY
from tocsin import Change, Failed, Finished, State
from tocsin.core.delivery.digest import fold
from tocsin.core.delivery.fallback import as_mail, as_slack
from tocsin.core.delivery.rendering import marked_as_repeat, redacted_message
from tocsin.core.effects import Bot, Message, PostToSlack
from tocsin.core.messages.mentions import EVERYONE, MOST_MENTIONS, is_mention, mention_hint, union
from tocsin.core.messages.slack import SlackMessage, editing, mention, posting
from tocsin.core.notifiers import SlackNotifier

ids = st.from_regex(r"[UWS]0[A-Z0-9]{2,9}", fullmatch=True) | st.sampled_from(EVERYONE)
some = st.lists(ids, max_size=MOST_MENTIONS)
kinds = st.none() | st.lists(st.sampled_from(EVERY), max_size=3)
notifiers = st.builds(SlackNotifier, message=formatters, traceback=st.booleans(), mention=some, mention_states=kinds)
calling = st.builds(SlackNotifier, message=formatters, mention=st.lists(ids, min_size=1, max_size=MOST_MENTIONS))
TAG = re.compile("<([^<>]*)>")
MARKUP = re.compile("[*_~`]")


def check_markup(sent: Mapping[str, object], payload: SlackMessage) -> None:
    """Check a message in the JSON that Slack gets: its only markup is the mentions, in front of its text."""
    text = sent["text"]
    assert isinstance(text, str)
    called = [mention(who) for who in payload.mentions]
    assert [tag[0] for tag in TAG.finditer(text)] == called
    assert text.startswith(" ".join(called))
    assert sent["mrkdwn"] is bool(called)
    said = text.removeprefix(" ".join(called))
    for each in (said, *strings(sent["attachments"])):
        assert "<" not in each
        assert ">" not in each
        assert "&" not in ENTITY.sub("", each)
    if called:
        assert all(said[at.start() - 1] == said[at.end()] == "\u200b" for at in MARKUP.finditer(said))


@given(notifiers, changes)
def test_the_only_markup_that_leaves_is_the_mentions(notifier: SlackNotifier, change: Change) -> None:
    payload = posted(notifier, change).payload
    assert payload.mentions in {(), notifier.mention}
    check_markup(json.loads(payload.to_json()), payload)
    check_markup(dict(posting("#ops", payload)), payload)
    check_markup(dict(posting("#ops", payload, "1.2")), payload)


@given(calling, changes)
def test_an_edit_calls_no_one(notifier: SlackNotifier, change: Change) -> None:
    payload = posted(notifier, change).payload
    for edit in (editing("C0123ABCD", "1.2", payload, kept) for kept in (None, payload)):
        assert not any(TAG.search(text) for text in strings([edit["text"], edit["attachments"]]))


@given(notifiers, changes)
def test_who_is_called_depends_on_the_state_and_on_what_may_follow(notifier: SlackNotifier, change: Change) -> None:
    states = tuple(notifier.mention_states) or State
    calls = isinstance(change.new, states) and (change.final or not isinstance(change.new, Finished))
    message = posted(notifier, change)
    assert message.payload.mentions == (notifier.mention if calls else ())
    plain = posted(attrs.evolve(notifier, mention=None), change)
    assert attrs.evolve(message.payload, mentions=()) == plain.payload


@given(calling, changes)
def test_only_a_final_failure_calls_by_default(notifier: SlackNotifier, change: Change) -> None:
    assert bool(posted(notifier, change).payload.mentions) is (isinstance(change.new, Failed) and change.final)


@given(st.lists(st.tuples(notifiers, changes), min_size=2, max_size=6))
def test_a_digest_calls_whom_its_messages_call(pairs: list[tuple[SlackNotifier, Change]]) -> None:
    messages = [posted(notifier, change) for notifier, change in pairs]
    digest = fold(messages)
    assert isinstance(digest, PostToSlack)
    called = list(dict.fromkeys(who for message in messages for who in message.payload.mentions))
    assert digest.payload.mentions == tuple(called[:MOST_MENTIONS])
    check_markup(json.loads(digest.payload.to_json()), digest.payload)


@given(st.lists(some.map(tuple[str, ...]), max_size=6), st.integers(0, 6))
def test_the_union_does_not_depend_on_the_portions(parts: list[tuple[str, ...]], at: int) -> None:
    assert union([union(parts[:at]), union(parts[at:])]) == union(parts)
    assert len(union(parts)) <= MOST_MENTIONS


@given(calling, changes)
def test_a_message_that_is_laid_out_anew_calls_the_same(notifier: SlackNotifier, drawn: Change) -> None:
    message = posted(notifier, attrs.evolve(drawn, new=Failed(drawn.new.message), final=True))
    forms: list[Message] = [
        message,
        marked_as_repeat(message),
        marked_as_repeat(attrs.evolve(message, content=None)),
        redacted_message(message, lambda text: text.replace("a", "[A]")),
        as_slack(message, "OTHER", Bot("SLACK_BOT_TOKEN", "#ops")),
        as_slack(as_mail(message), "OTHER"),
    ]
    for form in (*forms, *(fold([form, form]) for form in forms)):
        assert isinstance(form, PostToSlack)
        assert form.payload.mentions == tuple(dict.fromkeys(notifier.mention))
        check_markup(json.loads(form.payload.to_json()), form.payload)
    assert fold([fold(forms), message]).content == fold([*forms, message]).content


@given(calling, changes)
def test_a_mail_has_no_mention(notifier: SlackNotifier, change: Change) -> None:
    message = posted(notifier, change)
    bare = attrs.evolve(notifier, mention=None)
    assert as_mail(message).mail == as_mail(posted(bare, change)).mail


@given(st.text() | st.from_regex(r"<?[@!]?[A-Za-z0-9]{0,12}[>|]?", fullmatch=True))
def test_a_text_is_a_mention_or_is_told_how_to_be_one(text: str) -> None:
    hint = mention_hint(text)
    assert hint.isprintable()
    if is_mention(text):
        assert re.fullmatch("[USW][A-Z0-9]+|here|channel|everyone", text)
    written = re.fullmatch("write '(.*)'", hint)
    if written and "Slack copies" not in hint:
        assert is_mention(written[1])
        assert written[1].lower() in text.lower()
