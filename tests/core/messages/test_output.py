"""The end of a program's output, as a message shows it."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.text import OUTPUT_LIMIT, last_lines, printable, readable


@given(st.binary(max_size=400))
def test_any_bytes_are_readable(raw: bytes) -> None:
    text = readable(raw)
    assert printable(text) == text
    assert "\r" not in text
    assert "\x1b" not in text


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"])), max_size=9), st.integers(0, 9))
def test_the_last_lines_are_the_last(lines: list[str], most: int) -> None:
    assert last_lines("\n".join(lines), most) == "\n".join(lines[len(lines) - min(most, len(lines)) :])


@given(st.text(), st.integers(0, 20), st.integers(10, 40))
def test_what_is_too_long_is_cut_at_its_beginning(text: str, most: int, limit: int) -> None:
    kept = last_lines(text, most, limit)
    assert len(kept) <= limit
    assert text.endswith(kept.removeprefix("… "))


def test_colours_and_progress_bars() -> None:
    assert readable(b"\x1b[1;31merror\x1b[0m: \x1b]0;title\x07disk full\r\n") == "error: disk full"
    assert readable(b"load: \x1b]0;no end\nerror: disk full\nexit 1") == "load:\nerror: disk full\nexit 1"
    assert readable(b"10 %\r50 %\r100 %\ndone\n") == "100 %\ndone"
    assert readable(b"error: no such table\n\n\x1b[0m\n\r   \r\n") == "error: no such table"
    assert readable(b"\xff\xfe caf\xc3\xa9") == "\ufffd\ufffd café"
    assert last_lines("x" * 2 * OUTPUT_LIMIT, 1) == "… " + "x" * (OUTPUT_LIMIT - 2)
