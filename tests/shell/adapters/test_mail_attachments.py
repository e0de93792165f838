"""Attachments in a mail: the standard library's parser gives back exactly what was set, for any names, types and bytes."""

import email
import email.policy
import re
from email.message import EmailMessage, Message

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.shell.adapters.examples import KEY, MAIL
from tests.shell.adapters.test_mail_mime import ANY_TEXT, HEADERS, parsed
from tocsin.core.attachments import INLINE_TYPES, Attachment
from tocsin.shell.adapters.mail_mime import mime

TYPES = st.sampled_from(
    [*INLINE_TYPES, "image/svg+xml", "text/csv", "text/html", "application/pdf", "IMAGE/PNG", "message/rfc822", "multipart/mixed"]
)
NAMES = (
    ANY_TEXT | st.text("aé%'\"\\;=\r\n <>&", max_size=300) | st.sampled_from(['x"; name="y', "=?utf-8?q?x=0D=0ABcc:_y?=", "é" * 255])
)
files = st.builds(Attachment, NAMES, st.binary(max_size=300), TYPES | ANY_TEXT)
attachments = st.lists(files, max_size=4).map(tuple[Attachment, ...])
PLOT = Attachment("loss.png", b"\x89PNG\r\n" * 40, "image/png")
TABLE = Attachment("rows.csv", b"a,b\r\n1,2\r\n", "text/csv")


def leaves(message: "Message[str, str]") -> list["Message[str, str]"]:
    return [part for part in message.walk() if not part.is_multipart()]


def found(parts: list["Message[str, str]"]) -> list[tuple[str | None, str, bytes]]:
    """Return name, type and bytes of each part."""
    whole = [(part.get_filename(), part.get_content_type(), part.get_payload(decode=True)) for part in parts]
    return [(name, kind, content) for name, kind, content in whole if isinstance(content, bytes)]


def in_order(files: tuple[Attachment, ...]) -> list[Attachment]:
    """Return the files as a mail has them: the pictures in its text first."""
    return sorted(files, key=lambda each: each.media_type not in INLINE_TYPES)


@given(attachments, ANY_TEXT)
@example((PLOT, TABLE), "")
@example((Attachment('""', b""), Attachment('"a" and "b"', b""), Attachment("<a>", b"")), "")
@example((Attachment("x\r\nBcc: a@b.c", b"", "text/plain\r\nBcc: a@b.c"),), "")
@example((Attachment("é" * 300, b"--=_\r\n.\r\n", "image/png"), Attachment("", b"")), "<body></body>")
def test_the_parser_gives_back_what_was_set(attached: tuple[Attachment, ...], html: str) -> None:
    raw = mime(attrs.evolve(MAIL, html=html, attachments=attached, cc=("c@d.e",)), KEY, "ops@example.com")
    expected = [(each.file_name, each.media_type, each.content) for each in in_order(attached)]
    for message in (email.message_from_bytes(raw), parsed(raw)):
        assert message.keys() == HEADERS
        assert not message.defects
        plain, page, *rest = leaves(message)
        assert (plain.get_content_type(), page.get_content_type()) == ("text/plain", "text/html")
        assert found(rest) == expected
        own = {"Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID", "MIME-Version"}
        assert not [name for part in message.walk() if part is not message for name in part.keys() if name not in own]  # noqa: SIM118
    assert max(map(len, raw.split(b"\r\n"))) <= 200
    assert raw.isascii()
    assert raw == mime(attrs.evolve(MAIL, html=html, attachments=attached, cc=("c@d.e",)), KEY, "ops@example.com")


@given(st.lists(files.filter(lambda each: each.media_type in INLINE_TYPES), max_size=3).map(tuple[Attachment, ...]))
@example((PLOT, attrs.evolve(PLOT, name='<img src="x">')))
def test_each_picture_is_shown_once_in_the_page(pictures: tuple[Attachment, ...]) -> None:
    message = parsed(mime(attrs.evolve(MAIL, attachments=(TABLE, *pictures)), KEY, "ops@example.com"))
    _, page, *rest = leaves(message)
    assert isinstance(page, EmailMessage)
    shown = re.findall(r'<img src="cid:([^"]+)" alt="', page.get_content())
    assert [f"<{each}>" for each in shown] == [str(part["Content-ID"]) for part in rest[: len(pictures)]]
    assert len(set(shown)) == len(pictures)
    assert [part.get_content_disposition() for part in rest] == ["inline"] * len(pictures) + ["attachment"]


@pytest.mark.parametrize(
    ("attached", "kinds"),
    [
        ((), ["alternative"]),
        ((PLOT,), ["related", "alternative"]),
        ((TABLE,), ["mixed", "alternative"]),
        ((TABLE, PLOT), ["mixed", "related", "alternative"]),
        ((attrs.evolve(TABLE, media_type="image/svg+xml"),), ["mixed", "alternative"]),
        ((PLOT.detached, TABLE.detached), ["alternative"]),
    ],
)
def test_only_the_layers_that_hold_something_are_there(attached: tuple[Attachment, ...], kinds: list[str]) -> None:
    message = parsed(mime(attrs.evolve(MAIL, attachments=attached), KEY, "ops@example.com"))
    assert [part.get_content_subtype() for part in message.walk() if part.is_multipart()] == kinds
    boundaries = [part.get_boundary() for part in message.walk() if part.is_multipart()]
    assert len(set(boundaries)) == len(boundaries)


def test_pictures_stand_before_the_end_of_the_page() -> None:
    mail = attrs.evolve(MAIL, html="<html><body><p>It failed.</p></body></html>\n", attachments=(PLOT,))
    _, page, _ = leaves(parsed(mime(mail, KEY, "ops@example.com")))
    assert isinstance(page, EmailMessage)
    assert re.fullmatch(r"<html><body><p>It failed.</p><p .*<img .*</p>\n</body></html>\n", page.get_content().replace("\r\n", "\n"))


def test_ids_come_from_the_key() -> None:
    mail = attrs.evolve(MAIL, attachments=(PLOT,))
    one, other = (leaves(parsed(mime(mail, attrs.evolve(KEY, position=place), "ops@example.com")))[2] for place in range(2))
    assert one["Content-ID"] != other["Content-ID"]


def test_ten_megabytes_are_below_the_limit_of_gmail() -> None:
    raw = mime(attrs.evolve(MAIL, attachments=(Attachment("model.bin", bytes(10_000_000)),)), KEY, "ops@example.com")
    assert len(raw) < 25_000_000
