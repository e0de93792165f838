"""Attachments: names without folders, sizes that people read, lists with a limit, and bytes that unpack as they were packed."""

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.core.attachments import Attachment, listed, packed, size_text, unpacked
from tocsin.core.text import one_line

ANY_TEXT = st.text(st.characters(exclude_categories=()))
files = st.builds(Attachment, ANY_TEXT | st.text("a/\\.", max_size=200), st.binary(max_size=40), ANY_TEXT)


@given(ANY_TEXT)
@example("..")
@example("/\\")
@example("report\u202egnp.exe")
@example("a\r\nb\x00c")
def test_a_name_is_one_line_and_leads_into_no_folder(name: str) -> None:
    file = Attachment(name, b"")
    assert file.name == one_line(name)
    assert file.file_name
    assert file.file_name not in {".", ".."}
    assert not set("/\\\r\n\x00\u202e") & set(file.file_name)
    file.file_name.encode()
    assert attrs.evolve(file, name=file.file_name).file_name == file.file_name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("IMAGE/PNG", "image/png"),
        ("image/svg+xml", "image/svg+xml"),
        ("", "application/octet-stream"),
        ("text/html\r\nBcc: x", "application/octet-stream"),
        ("text/html; charset=utf-8", "application/octet-stream"),
        ("message/rfc822", "application/octet-stream"),
        ("Multipart/mixed", "application/octet-stream"),
        ("text", "application/octet-stream"),
        ("tëxt/plain", "application/octet-stream"),
    ],
)
def test_what_is_no_type_of_one_part_is_bytes(given: str, kept: str) -> None:
    assert Attachment("a", b"", given).media_type == kept


@given(st.integers(0, 10**18))
@example(9_949)
@example(9_950)
@example(999_499)
@example(999_500)
@example(10**15)
def test_a_size_is_short_and_right_to_a_twentieth(size: int) -> None:
    number, _, unit = size_text(size).partition(" ")
    units = {"byte": 1, "bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
    told = 0.0 if number == "empty" else float(number.replace(",", "")) * units[unit]
    assert abs(told - size) <= size / 19
    assert len(size_text(size)) <= 14


@given(st.lists(files, max_size=30), st.integers(120, 400))
def test_a_list_keeps_its_limit_and_counts_what_it_leaves_out(attached: list[Attachment], limit: int) -> None:
    text = listed(attached, limit)
    assert len(text) <= limit
    assert len(text.splitlines()) <= 1
    if len(text) < len(", ".join(map(str, attached))):
        assert text.startswith(str(attached[0]))
        assert " more (" in text
    else:
        assert text == ", ".join(map(str, attached))


def test_a_long_name_keeps_its_end() -> None:
    assert str(Attachment(f"{'x' * 200}.tar.gz", b"")) == f"{'x' * 44}…xxxxxxxx.tar.gz (empty)"


@given(st.lists(files, max_size=4))
def test_bytes_unpack_as_they_were_packed(attached: list[Attachment]) -> None:
    whole = packed(attached)
    if whole is None:
        assert not any(each.content for each in attached)
    else:
        assert unpacked(whole) == tuple(each.content for each in attached)


@given(st.binary(max_size=30))
@example(bytes([0] * 7 + [9]))
@example(bytes([255] * 8))
def test_damaged_bytes_are_an_error_or_bytes(files: bytes) -> None:
    try:
        contents = unpacked(files)
    except ValueError:
        return
    assert sum(map(len, contents)) + 8 * len(contents) == len(files)


def test_bytes_that_end_too_early_are_an_error() -> None:
    with pytest.raises(ValueError, match="the bytes of its attachments end too early, after 8"):
        unpacked(bytes([0] * 7 + [9]))


def test_an_attachment_without_its_bytes_keeps_its_size() -> None:
    file = Attachment("rows.csv", b"a,b", "text/csv")
    assert (file.is_here, file.detached.is_here, str(file.detached)) == (True, False, str(file))
    assert "a,b" not in repr(file)
    assert file.redacted(str.upper).name == "ROWS.CSV"
