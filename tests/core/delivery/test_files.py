"""The files of a message on its way: they go with it to another channel, stay with a note, and are named by a digest."""

from collections.abc import Callable
from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.attachments import Attachment, packed
from tocsin.core.changes import Key
from tocsin.core.delivery.digest import digest_content, fold
from tocsin.core.delivery.fallback import as_mail, as_slack, dead_destination_alarm
from tocsin.core.delivery.rendering import (
    NOTE,
    attachments_of,
    marked_as_repeat,
    redacted_message,
    searched_message,
    stored_attachments,
    with_attachments,
    with_stored_files,
    without_files,
)
from tocsin.core.effects import Bot, Message, PostToSlack, SendEmail, shown
from tocsin.core.messages.content import Content
from tocsin.core.messages.digest_summary import DigestSummary
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import slack_message
from tocsin.testing.strategies import mails, posts
from tocsin.testing.value_strategies import attachments

AT = datetime(2026, 7, 1, 3, tzinfo=UTC)
PLOT = Attachment("loss.png", bytes(12_345), "image/png")
ROWS = Attachment("rows.csv", b"a,b\n", "text/csv")
CONTENT = Content("load", "load failed", "load is now in a Failed state", "Failed", True, "#eb0000", AT, (), attachments=(PLOT, ROWS))
KEY = Key("run", "load", None, 0, 0)
POST = PostToSlack("TEAM", slack_message(CONTENT), KEY, None, CONTENT, CONTENT.attachments)
MAIL = SendEmail("NAME", "PASSWORD", mail(CONTENT), KEY, CONTENT)
Redacting = Callable[[Message, Callable[[str], str]], Message]
NAMES = "loss.png (12 kB), rows.csv (4 bytes)"


def by_hand(message: Message) -> Message:
    """Return the message without what it was made from."""
    return attrs.evolve(message, content=None)


@pytest.mark.parametrize("message", [POST, MAIL, by_hand(POST), by_hand(MAIL)])
def test_a_webhook_names_the_files_and_a_mail_names_and_holds_them(message: Message) -> None:
    post, letter = as_slack(message, "TEAM"), as_mail(message)
    assert NAMES in post.payload.to_json()
    assert post.attachments == letter.mail.attachments == (PLOT, ROWS)
    assert f"Files: {NAMES}" in letter.mail.plain
    assert NAMES in letter.mail.html


@pytest.mark.parametrize("message", [POST, MAIL, by_hand(POST), by_hand(MAIL)])
def test_files_stay_with_a_note(message: Message) -> None:
    marked = marked_as_repeat(message)
    assert attachments_of(marked) == (PLOT, ROWS)
    assert NAMES in shown(marked)
    assert NOTE in shown(marked)


@pytest.mark.parametrize("message", [POST, MAIL])
def test_an_alarm_about_a_destination_has_no_files(message: Message) -> None:
    alarm = dead_destination_alarm(message, "no_service")
    assert isinstance(alarm.content, Content)
    assert attachments_of(alarm) == alarm.content.attachments == ()
    assert "loss.png" not in shown(alarm)


@pytest.mark.parametrize("message", [POST, MAIL, by_hand(POST), by_hand(MAIL)])
@pytest.mark.parametrize("change", [redacted_message, searched_message])
def test_names_are_searched_for_secrets_and_bytes_are_not(message: Message, change: Redacting) -> None:
    secret = Attachment("hunter2hunter2.png", b"hunter2hunter2", "image/png")
    content = attrs.evolve(CONTENT, attachments=(secret,))
    given = with_attachments(message, (secret,)) if message.content is None else as_like(message, content)
    clean = change(given, lambda text: text.replace("hunter2hunter2", "[S]"))
    (file,) = attachments_of(clean)
    assert (file.name, file.content) == ("[S].png", b"hunter2hunter2")
    assert "hunter2" not in shown(clean)


def as_like(message: Message, content: Content) -> Message:
    if isinstance(message, PostToSlack):
        return attrs.evolve(message, payload=slack_message(content), content=content, attachments=content.attachments)
    return attrs.evolve(message, mail=mail(content), content=content)


@pytest.mark.parametrize("message", [POST, MAIL])
def test_a_digest_names_files_and_holds_none(message: Message) -> None:
    whole = fold([message] * 12)
    assert attachments_of(whole) == ()
    assert isinstance(whole.content, DigestSummary)
    (line,) = (line.text for line in digest_content(whole.content).lines if line.title == "Files")
    assert line == "24 files, which a digest does not carry: loss.png (12 kB), 12 times, rows.csv (4 bytes), 12 times"
    assert "[S]" in repr(whole.content.redacted(lambda text: text.replace("loss.png", "[S]")).files)


def test_a_digest_of_many_files_counts_the_rest() -> None:
    files = tuple(Attachment(f"{number}.csv", b"1") for number in range(5))
    one = as_like(POST, attrs.evolve(CONTENT, attachments=files[:1]))
    none = as_like(POST, attrs.evolve(CONTENT, attachments=()))
    many = as_like(POST, attrs.evolve(CONTENT, attachments=files))
    assert "1 file, which a digest does not carry: 0.csv (1 byte)" in shown(fold([one, none]))
    assert "6 files, which a digest does not carry: 0.csv (1 byte), 2 times, 1.csv (1 byte), 2.csv (1 byte) and 2 more" in shown(
        fold([one, many])
    )
    assert "Files" not in shown(fold([none, none]))


@given(posts() | mails(), attachments())
def test_a_message_without_room_names_its_files_and_holds_no_bytes(message: Message, files: tuple[Attachment, ...]) -> None:
    given = with_attachments(message, files)
    left = without_files(given)
    assert [str(each) for each in attachments_of(left)] == [str(each) for each in files]
    assert not any(each.content for each in attachments_of(left))
    assert left.key == message.key


def test_a_message_without_room_says_so() -> None:
    for message in (POST, MAIL):
        left = without_files(message)
        assert "Its files were left out" in shown(left)
        assert NAMES in shown(left)
        assert isinstance(left.content, Content)
        assert not any(each.content for each in left.content.attachments)


@given(posts() | mails(), attachments(), attachments())
def test_stored_bytes_come_back(message: Message, own: tuple[Attachment, ...], inner: tuple[Attachment, ...]) -> None:
    content = attrs.evolve(CONTENT, attachments=inner)
    whole = attrs.evolve(with_attachments(message, own), content=content)
    files = packed(stored_attachments(whole))
    bare = attrs.evolve(with_attachments(message, tuple(each.detached for each in own)), content=None)
    bare = attrs.evolve(bare, content=attrs.evolve(content, attachments=tuple(each.detached for each in inner)))
    found = bare if files is None else with_stored_files(bare, files)
    assert attachments_of(found) == own
    assert isinstance(found.content, Content)
    assert found.content.attachments == inner


def test_bytes_of_other_attachments_are_an_error() -> None:
    with pytest.raises(ValueError, match="it has 2 attachments, and the bytes of 1 are stored"):
        with_stored_files(POST, packed([ROWS]) or b"")


def test_a_dry_run_shows_name_type_and_size() -> None:
    app = attrs.evolve(POST, bot=Bot("TOKEN", "#ops"), attachments=(ROWS,))
    assert shown(app).splitlines()[-1] == "Upload: rows.csv, text/csv, 4 bytes"
    assert shown(MAIL).splitlines()[-2:] == ["Attachment: loss.png, image/png, 12 kB", "Attachment: rows.csv, text/csv, 4 bytes"]
    assert "a,b" not in shown(MAIL)


@given(st.lists(posts(), min_size=2, max_size=4))
def test_a_digest_counts_each_file(messages: list[PostToSlack]) -> None:
    whole = fold(messages).content
    assert isinstance(whole, DigestSummary)
    assert whole.attached == sum(len(message.attachments) for message in messages) == sum(count for _, count in whole.files)
