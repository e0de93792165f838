"""Standard output that cannot be written, or whose encoding lacks a character."""

import os
import sys
from collections.abc import Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TextIO

import pytest

from tocsin.cli.stdout import write
from tocsin.cli.terminal import Paragraphs, console, plain_text, say


@pytest.fixture
def unread() -> Iterator[TextIO]:
    """A pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as file:
        yield file


def test_a_reader_that_left_is_met_with_silence(
    unread: TextIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", unread)
    unread.write("from a task, and not flushed")
    say(console(80), "one")
    say(console(80), "two")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("columns", [30, 60])
def test_what_is_folded_goes_on_farther_to_the_right(capsys: pytest.CaptureFixture[str], columns: int) -> None:
    texts = [
        "Not sent:",
        "  notifier: the new state, Running, is none of Failed (fetch)",
        "    a word [red]of[/red] any length " + "x" * 70,
        "",
    ]
    say(console(len(texts[1])), Paragraphs(texts[1:2]))
    assert capsys.readouterr().out == f"{texts[1]}\n"
    say(console(columns), Paragraphs(texts))
    lines = capsys.readouterr().out.removesuffix("\n").split("\n")
    assert max(map(len, lines)) <= columns
    first = [at for at, line in enumerate(lines) if any(line and text.startswith(line) for text in texts)]
    folded = [line for at, line in enumerate(lines) if at not in first and line]
    assert len(first) == 3
    assert folded
    assert all(line.startswith((" " * 4, " " * 6)) and line[6:7] != " " for line in folded)
    assert "".join("".join(lines).split()) == "".join("".join(texts).split())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_is_told_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with Path("/dev/full").open("w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        write("one")
        write("two")
    assert capsys.readouterr().err == "tocsin: standard output: No space left on device\n"


def test_what_the_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    file = BytesIO()
    with TextIOWrapper(file, encoding="ascii") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        say(console(80), plain_text("● naïve"))
        assert file.getvalue() == b"\\u25cf na\\xefve\n"
