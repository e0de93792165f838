"""A decoded message equals the encoded one, except for secrets. A row without a readable message gives one line of text."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.attachments import Attachment
from tocsin.core.changes import Key
from tocsin.core.delivery.digest import fold
from tocsin.core.effects import Bot, Message, PostToSlack, Rest, SendEmail
from tocsin.core.messages.content import Content, Line
from tocsin.core.messages.digest_summary import DigestSummary, merge_summaries, summarize
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.outbox.model import Row, row_name
from tocsin.core.validation import is_list, is_table
from tocsin.shell import redaction
from tocsin.shell.outbox.codec import VERSION, decode, destination_name, encode, new_row
from tocsin.shell.redaction import redact
from tocsin.testing.strategies import mails, posts
from tocsin.testing.value_strategies import keys, moments, texts

AT = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
POST = PostToSlack("TEAM", SlackMessage("load failed", "#eb0000", "Failed", "load failed"), Key("run", "load", 3, 0, 0))
MAIL = SendEmail("NAME", "PASSWORD", Mail("load failed", "It failed.", "<p>It failed.</p>", None, AT), Key("run", "load", None, 0, 1))
CONTENT = Content(
    "load", "load failed", "load is now in a Failed state", "Failed", True, "#eb0000", AT, (Line("Host", "a", short=True),)
)


@st.composite
def contents(draw: st.DrawFn) -> Content | DigestSummary | None:
    """Draw the content of a message: of one change, of a digest, or none."""
    titles = texts() | st.sampled_from(["Error", "Note"])
    lines = st.lists(st.builds(Line, titles, texts(), st.booleans(), st.booleans(), st.booleans()), max_size=3)
    mentions = st.lists(st.sampled_from(["U0123ABCD", "S0123ABCD", "here"]), max_size=2, unique=True).map(tuple[str, ...])
    names, shown = (texts(), texts(), texts(), texts()), lines.map(tuple[Line, ...])
    content = st.builds(Content, *names, st.booleans(), st.just("#eb0000"), moments(), shown, texts(), texts(), mentions)
    many = st.lists(st.builds(summarize, content, keys()), min_size=1, max_size=4).map(merge_summaries)
    return draw(st.none() | content | many)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    message = attrs.evolve(draw(posts() | mails()), content=draw(contents()))
    rests = st.builds(
        Rest, st.lists(texts()).map(tuple[str, ...]), st.lists(st.tuples(texts(), texts())).map(tuple[tuple[str, str], ...])
    )
    return attrs.evolve(message, rest=draw(st.none() | rests)) if isinstance(message, SendEmail) else message


def test_a_mail_to_the_rest_of_its_recipients_has_a_version_of_its_own() -> None:
    whole, rest = encode(MAIL), encode(attrs.evolve(MAIL, rest=Rest(("b@example.com",))))
    assert (whole.version, rest.version) == (VERSION, VERSION + 1)
    assert "rest" not in json.loads(whole.body)
    found = decode(Row.new(key="k", destination="gmail:NAME", kind="SendEmail", version=VERSION + 3, body=rest.body, at=0.0))
    assert isinstance(found, str)
    assert "was written by a newer tocsin (version 4, and this one reads 3)" in found


@contextmanager
def secret(value: str) -> Iterator[None]:
    """Register the value as the only secret, inside the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_memory", redaction._Memory())
        redaction._known.cache_clear()
        redaction.remember("SECRET", value)
        yield
    redaction._known.cache_clear()


def row(body: str, kind: str = "PostToSlack", version: int = VERSION) -> Row:
    return Row.new(key="run.load..0.0", destination="slack:TEAM", kind=kind, version=version, body=body, at=0.0)


def kept(message: Message) -> Row:
    return new_row(message, 5.0)


def strings(tree: object) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif is_table(tree):
        for value in tree.values():
            yield from strings(value)
    elif is_list(tree):
        for value in tree:
            yield from strings(value)


@given(messages())
@example(attrs.evolve(MAIL, content=CONTENT))
@example(fold([attrs.evolve(POST, content=CONTENT), attrs.evolve(POST, content=CONTENT)]))
def test_what_comes_out_is_what_went_in(message: Message) -> None:
    found = decode(kept(message))
    assert not isinstance(found, str), found
    assert found == message
    assert (found.key, found.content) == (message.key, message.content)


def test_a_digest_without_errors_is_kept_as_before_and_one_with_them_comes_back() -> None:
    plain, failed = attrs.evolve(CONTENT, failed=False), attrs.evolve(CONTENT, lines=(Line("Error", "x" * 999), Line("Note", "one")))
    before, after = (encode(fold([attrs.evolve(POST, content=content)] * 2)).body for content in (plain, failed))
    assert not any(f'"{name}":' in before for name in ("failures", "error", "notes"))
    assert all(f'"{name}":' in after for name in ("failures", "error", "notes"))
    found = decode(row(after))
    assert isinstance(found, PostToSlack)
    assert isinstance(found.content, DigestSummary)
    assert [excerpt.notes for excerpt in found.content.failures] == [("one",)] * 2


@given(messages())
def test_what_is_kept_is_plain_text_and_compact(message: Message) -> None:
    body = kept(message).body
    assert body.isascii()
    assert body.isprintable()
    assert body == json.dumps(json.loads(body), separators=(",", ":"))


def test_a_moment_keeps_its_offset() -> None:
    found = decode(kept(MAIL))
    assert isinstance(found, SendEmail)
    assert found.mail.at.isoformat() == "2026-03-01T12:00:00+05:30"


def test_a_row_is_called_by_the_key_of_its_message_and_knows_where_it_goes() -> None:
    found = kept(POST)
    assert (found.key, found.destination, found.kind, found.version) == (row_name(POST.key), "slack:TEAM", "PostToSlack", VERSION)
    assert (found.made, found.since, found.due) == (5.0, 5.0, 5.0)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (POST, "slack:TEAM"),
        (MAIL, "gmail:NAME"),
        (attrs.evolve(POST, bot=Bot("TOKEN", "#ops")), "slack:TOKEN in #ops"),
        (attrs.evolve(POST, webhook_secret="a\x00b\nc" + "d" * 300), "slack:ab c" + "d" * 153 + "… (147 more characters)"),
    ],
)
def test_a_destination_is_one_line(message: Message, name: str) -> None:
    assert destination_name(message) == name


# Secrets.

AWKWARD = st.text(st.sampled_from("ab\"'\\\n/é\ud800:,{}[]"), min_size=8, max_size=16) | st.sampled_from(
    [
        '","title":"',
        '"Failed"',
        "null,null,",
        '"#eb0000"',
        "false,false",
        "\\u00e9\\u00e9",
        "\\\\n\\\\n\\\\n",
        "é'\"é'\"é'",
        "\\nab\\nab",
        "abab\\ud800",
    ]
)


@given(AWKWARD, st.sampled_from([POST, MAIL]), st.text("ab \\", max_size=3))
def test_no_text_that_is_kept_holds_a_secret(value: str, message: Message, before: str) -> None:
    said = f"{before}{value} {json.dumps(value)} {value!r}"
    secret_message = attrs.evolve(
        message, content=attrs.evolve(CONTENT, rest=said, lines=(Line("Message", said), Line("Duration", "1 s", ours=True)))
    )
    with secret(value):
        found = kept(secret_message)
        back = decode(found)
        assert not isinstance(back, str)
        assert isinstance(back.content, Content)
        told = (back.content.sentence.removeprefix(CONTENT.opening), *(line.text for line in back.content.lines))
        assert all(redact(text) == text for text in told)
    assert isinstance(back, str) or isinstance(back.content, Content)


def test_a_secret_is_replaced_by_its_name() -> None:
    with secret("hunter22"):
        found = decode(kept(attrs.evolve(POST, payload=attrs.evolve(POST.payload, text="it is hunter22"))))
    assert isinstance(found, PostToSlack)
    assert found.payload.text == "it is [SECRET]"


# Unreadable rows.


@attrs.frozen
class Stranger(PostToSlack):
    """A subclass by user code."""


def test_a_message_of_an_unknown_class_is_refused() -> None:
    stranger = Stranger(POST.webhook_secret, POST.payload, POST.key)
    with pytest.raises(TypeError, match="a Stranger is not one of PostToSlack, SendEmail"):
        encode(stranger)


def test_bytes_are_apart_from_the_text_and_read_only_if_they_are_given() -> None:
    content = attrs.evolve(CONTENT, attachments=(Attachment("loss.png", bytes(10_000), "image/png"),))
    given = attrs.evolve(POST, attachments=content.attachments, content=content)
    stored = kept(given)
    assert (stored.version, len(stored.body) < 1_500, len(stored.files or b"")) == (3, True, 10_008)
    assert decode(stored) == given
    bare = decode(attrs.evolve(stored, files=None))
    assert isinstance(bare, PostToSlack)
    assert [(each.size, each.content) for each in bare.attachments] == [(10_000, b"")]
    assert encode(bare) == attrs.evolve(encode(given), files=None)
    said = decode(attrs.evolve(stored, files=b"\0" * 7 + b"\x09abc"))
    assert isinstance(said, str)
    assert "is damaged (ValueError: the bytes of its attachments end too early, after 11)" in said


def test_an_unknown_kind_is_for_a_newer_tocsin() -> None:
    assert decode(row("{}", kind="PostTo\nTeams")) == (
        "run.load..0.0 is of a kind that this tocsin does not know, PostTo Teams: "
        "upgrade tocsin, then: tocsin outbox retry run.load..0.0"
    )


def test_a_newer_version_is_for_a_newer_tocsin() -> None:
    assert decode(row("{}", version=VERSION + 3)) == (
        "run.load..0.0 was written by a newer tocsin (version 4, and this one reads 3): "
        "upgrade tocsin, then: tocsin outbox retry run.load..0.0"
    )


def changed(name: str, value: object, message: Message = POST) -> str:
    tree: object = json.loads(encode(message).body)
    assert isinstance(tree, dict)
    return json.dumps(tree | {name: value})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "Expecting value"),
        (encode(POST).body[:-9], "Unterminated string"),
        ("null", "NoneType"),
        ("[]", "list"),
        ("[" * 100_000, "RecursionError"),
        (changed("extra", 1), "extra"),
        (changed("webhook_secret", 7), "7 is not of type str"),
        (changed("key", ["run", "load", None, 0, 0]), "list"),
        (changed("content", "text"), "its content is not a pair"),
        (changed("content", ["Content"]), "its content is not a pair"),
        (changed("content", ["Other", {}]), "its content is neither Content nor Tally but 'Other'"),
        (changed("content", ["Tally", {}]), "key"),
        (changed("attachments", [{"name": "a", "type": "b", "size": -1}]), "is no attachment"),
        (changed("attachments", [{"name": "a", "type": "b", "size": True}]), "is no attachment"),
        (changed("attachments", [{"name": "a", "type": "b", "size": 1, "more": 1}]), "is no attachment"),
        (changed("attachments", ["a"]), "is no attachment"),
        ("{}", "webhook_secret"),
    ],
)
def test_damage_is_explained_in_one_line(body: str, why: str) -> None:
    said = decode(row(body))
    assert isinstance(said, str)
    assert said.startswith("the message in run.load..0.0 is damaged (")
    assert said.endswith("): it is kept, and not sent; see it by: tocsin outbox show run.load..0.0")
    assert why in said
    assert said.isprintable()
    assert len(said) < 500


def test_a_mention_is_kept_and_one_that_is_none_is_damage() -> None:
    calling = attrs.evolve(POST.payload, mentions=("U0123ABCD", "here"))
    digest = fold([attrs.evolve(POST, payload=calling)] * 2)
    for message in (attrs.evolve(POST, payload=calling), digest, attrs.evolve(POST, content=attrs.evolve(CONTENT, mentions=("here",)))):
        body = kept(message).body
        assert decode(row(body)) == message
        found = decode(row(body.replace('"here"', '"here> <!everyone"')))
        assert isinstance(found, str)
        assert "is damaged (ValueError: item " in found
    assert '"mentions"' not in kept(POST).body + kept(attrs.evolve(POST, content=CONTENT)).body + kept(fold([POST, POST])).body


@pytest.mark.parametrize("moment", ["2026-03-01T12:00:00", "yesterday", 7])
def test_a_moment_without_a_zone_is_damage(moment: object) -> None:
    mail = json.loads(encode(MAIL).body)["mail"] | {"at": moment}
    assert "is damaged" in str(decode(row(changed("mail", mail, MAIL), kind="SendEmail")))
