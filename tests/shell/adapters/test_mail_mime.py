"""A mail as bytes: for any content it has our headers and two parts, and equals the standard library's form."""

import email
import email.policy
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.shell.adapters.examples import KEY, MAIL
from tocsin.core.delivery.destinations import address_fault
from tocsin.core.messages.email import Mail
from tocsin.core.text import header
from tocsin.shell.adapters.mail_mime import mime

ANY_TEXT = st.text(st.characters(exclude_categories=()))
INJECTION = "=?utf-8?q?hello=0D=0ABcc:_x?="
addresses = st.emails().filter(lambda text: address_fault(text) is None)
HEADERS = ["Date", "Message-ID", "Auto-Submitted", "From", "To", "Cc", "Subject", "MIME-Version", "Content-Type"]


def parsed(raw: bytes) -> "EmailMessage[str, str]":
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def by_the_library(mail: Mail, sender: str) -> bytes:
    """Format the mail by ``EmailMessage``, with the date, ids and boundary of ours."""
    ours = parsed(mime(mail, KEY, sender))
    message = EmailMessage(policy=email.policy.SMTP)
    for name in ("Date", "Message-ID", "Auto-Submitted"):
        message[name] = str(ours[name])
    message["From"] = sender
    message["To"] = ", ".join((sender,) if mail.recipients is None else mail.recipients)
    if mail.cc:
        message["Cc"] = ", ".join(mail.cc)
    message["Subject"] = header(mail.subject)
    message.set_content(legible(mail.plain), cte="quoted-printable")
    message.add_alternative(legible(mail.html), subtype="html", cte="quoted-printable")
    message.set_boundary(str(ours.get_boundary()))
    return message.as_bytes()


def legible(text: str) -> str:
    """Return the text as a mail can hold it: with line feeds only, and without lone surrogates."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    lines += "" if lines.endswith("\n") else "\n"
    return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in lines)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
@example(INJECTION, "", "")
@example("one\r\nBcc: x@y.z\n\n<body>", ".\n--=_\nFrom me", "\0\udc80 \r\r\n\x0b\x1c\u2028 \t ")
@example("\n", "x" * 2000, "é" * 2000)
@example("é" * 199 + "==??utf-8?b?", "=3D =\n=20", "trailing \nspace\t")
def test_headers_are_ours_and_parts_are_the_mails(subject: str, plain: str, html: str) -> None:
    raw = mime(attrs.evolve(MAIL, subject=subject, plain=plain, html=html, cc=("c@d.e",)), KEY, "ops@example.com")
    message = parsed(raw)
    assert message.keys() == email.message_from_bytes(raw).keys() == HEADERS
    assert str(message["Subject"]).split() == header(subject).split()  # before 3.13 a fold may double a space
    text_part, html_part = message.iter_parts()
    assert isinstance(text_part, EmailMessage)
    assert isinstance(html_part, EmailMessage)
    assert (text_part.get_content_type(), html_part.get_content_type()) == ("text/plain", "text/html")
    assert [legible(text_part.get_content()), legible(html_part.get_content())] == [legible(plain), legible(html)]


@given(addresses, ANY_TEXT, st.lists(addresses, max_size=3), ANY_TEXT)
@example("ops@example.com", "\r\n", ["a@b.c"], "")
def test_lines_are_short_and_plain_and_the_same_each_time(sender: str, text: str, to: list[str], subject: str) -> None:
    mail = attrs.evolve(MAIL, subject=subject, plain=text, html=text, recipients=tuple(to), cc=tuple(to))
    raw = mime(mail, KEY, sender)
    assert raw == mime(mail, KEY, sender)
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) < 998
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert [name for name in HEADERS if name in email.message_from_bytes(raw)] == email.message_from_bytes(raw).keys()


ASCII = st.text(st.characters(max_codepoint=127))
near_the_end_of_a_line = st.builds("x{}{}".format, st.text("a =?", min_size=60, max_size=80), ASCII)
people = st.lists(addresses, max_size=3).map(tuple)
mails = st.builds(
    Mail,
    subject=(ASCII | near_the_end_of_a_line).filter(lambda subject: header(subject).isascii()),
    plain=ANY_TEXT,
    html=ANY_TEXT,
    recipients=st.none() | people,
    at=st.just(MAIL.at),
    cc=people,
)


@given(mails, addresses)
@example(Mail("", "", "", (), MAIL.at, ()), "ops@example.com")
@example(Mail("x" * 69, "x" * 77 + "\n", " \n\t\n. \n", None, MAIL.at, ("a@b.c",)), f"{'p' * 60}@{'x' * 7}.net")
@example(Mail("x" * 70, "x" * 78, "\n\n", None, MAIL.at, ("a@b.c",)), f"{'p' * 60}@{'x' * 8}.net")
@example(Mail("a =?utf-8?q?x?= b", "=_", "é" * 80, ("a@b.c", "d@e.f"), MAIL.at, ()), "ops@example.com")
def test_it_is_what_the_library_would_make_of_it(mail: Mail, sender: str) -> None:
    assert mime(mail, KEY, sender) == by_the_library(mail, sender)


@given(ANY_TEXT.map(header).filter(lambda subject: not subject.isascii()))
@example("xxxxxxéé𐀀𐀀𐀀𐀀𐀀𐀀 é é")
def test_each_space_of_a_subject_that_is_encoded_is_there(subject: str) -> None:
    assert str(parsed(mime(attrs.evolve(MAIL, subject=subject), KEY, "ops@example.com"))["Subject"]) == header(subject)


@given(ANY_TEXT)
def test_a_header_means_nothing_but_itself(text: str) -> None:
    value = header(text)
    assert len(value) <= 200
    assert "=?" not in value
    assert value.isprintable() or value.split() == value.replace("\n", "!").split()
    assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in value)
    value.encode()


def test_many_recipients_are_folded() -> None:
    people = tuple(f"{'p' * 60}{n}@{'x' * 250}.com" for n in range(100))
    message = parsed(mime(attrs.evolve(MAIL, recipients=people), KEY, "ops@example.com"))
    assert str(message["To"]).split(", ") == list(people)
    assert message["Cc"] is None


def test_the_account_writes_to_itself_without_recipients() -> None:
    message = parsed(mime(MAIL, KEY, "ops@example.com"))
    assert str(message["From"]) == str(message["To"]) == "ops@example.com"


def test_ids_and_boundaries_come_from_the_key_and_tell_nothing() -> None:
    one, other = (parsed(mime(MAIL, attrs.evolve(KEY, position=n), "ops@example.com")) for n in range(2))
    assert one["Message-ID"] != other["Message-ID"]
    assert one.get_boundary() != other.get_boundary()
    assert str(one["Message-ID"]).endswith("@tocsin.invalid>")
    assert one["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (UTC, "Wed, 01 Jul 2026 03:00:00 +0000"),
        (timezone(timedelta(hours=-3, minutes=-30)), "Wed, 01 Jul 2026 03:00:00 -0330"),
        (timezone(timedelta(minutes=19, seconds=32)), "Wed, 01 Jul 2026 02:40:28 +0000"),
    ],
)
def test_the_date_is_the_events(zone: timezone, expected: str) -> None:
    mail = Mail("s", "p", "h", None, datetime(2026, 7, 1, 3, 0, tzinfo=zone))
    assert email.message_from_bytes(mime(mail, KEY, "ops@example.com"))["Date"] == expected
