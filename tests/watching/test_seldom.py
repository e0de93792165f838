"""What happens seldom to what a run adds and says: the end comes first, a file is changed while it is opened, an object is odd."""

import logging
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from tocsin import LoggingHandler, Recording, interpreting, signals, slack_notifier, watch
from tocsin.core.attachments import Attachment
from tocsin.core.events import Said
from tocsin.core.messages.errors import traceback_lines
from tocsin.core.notes import cut_notes, listed
from tocsin.core.text import cut_unsearched
from tocsin.shell.additions.files import NotAttached, opened
from tocsin.shell.additions.rows import table_of
from tocsin.shell.said_queue import SaidQueue
from tocsin.watching.ongoing import Ongoing
from tocsin.watching.run import BodyRun

AT = datetime(2026, 1, 1, tzinfo=UTC)
STILL = Said(AT, text="", verb="is still running")


def test_what_our_timers_say_after_the_end_is_nothing(caplog: pytest.LogCaptureFixture) -> None:
    announced: list[Said] = []
    said = SaidQueue("load", announced.append)
    said.close()
    said.put_event(STILL)
    said.announce_waiting()
    assert (announced, caplog.text) == ([], "")


def test_a_run_that_is_over_says_no_more() -> None:
    with interpreting(Recording()) as recording:
        with watch("load", state_handlers=[slack_notifier]) as run:
            pass
        count = len(recording.effects)
        assert isinstance(run, BodyRun)
        run._tell(STILL)
    assert len(recording.effects) == count


def test_a_progress_without_a_count_is_no_message() -> None:
    told: list[Said] = []
    assert Ongoing("load", 0.0, told.append)._show() > 0
    assert told == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a pipe with a name is POSIX's")
def test_a_file_that_became_a_pipe_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "regular").touch()
    regular = os.stat(tmp_path / "regular")  # noqa: PTH116 - it is replaced below
    os.mkfifo(tmp_path / "pipe")
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", lambda *_, **__: regular)
        found = opened(str(tmp_path / "pipe"), None, 100)
    assert found == NotAttached("pipe", "it is no regular file")


def test_of_a_row_with_many_columns_the_first_are_shown() -> None:
    row = dict.fromkeys(range(1500), "x")
    assert "29" in table_of([row, row]).splitlines()[0]


def test_two_long_notes_are_both_cut() -> None:
    cut = cut_notes(listed(["a" * 400], ["b" * 400]), 300)
    assert len(cut) <= 300
    assert (cut[0], cut.count("\n")) == ("a", 1)
    assert "b" in cut


def test_notes_of_several_lines_are_cut_between_notes() -> None:
    cut = cut_notes(listed([f"{number}\nof many" for number in range(60)], ["last\nof all"], 7), 200)
    assert len(cut) <= 200
    assert cut.splitlines()[1].strip() == "of many"
    assert cut.endswith("of all")


def test_the_callers_end_where_a_thread_begins() -> None:
    found: list[tuple[str, ...]] = []

    def fails() -> None:
        try:
            raise OSError("disk full")
        except OSError as error:
            found.append(traceback_lines(error))

    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    assert next(line for line in found[0] if " in " in line).endswith("in fails")
    assert len(found[0]) == 2


def test_a_ctrl_c_of_a_signals_state_passes_a_logger(caplog: pytest.LogCaptureFixture) -> None:
    class Sly(signals.FAIL):
        def __getattribute__(self, name: str) -> object:
            if name == "state":
                raise KeyboardInterrupt
            return super().__getattribute__(name)

    logger, handler = logging.getLogger("sly"), LoggingHandler(state_handlers=[slack_notifier])
    logger.addHandler(handler)
    try:
        with interpreting(Recording()) as recording, pytest.raises(KeyboardInterrupt):
            logger.error("no rows", exc_info=Sly())
        assert len(recording.effects) == 1
    finally:
        logger.removeHandler(handler)


def test_a_figure_may_write_line_by_line_and_not_beyond_the_room() -> None:
    class Figure:
        def __init__(self, size: int) -> None:
            self.size = size

        def savefig(self, file: BinaryIO, *, format: str) -> None:  # noqa: A002 - the name is matplotlib's
            file.writelines([b"x" * self.size, b"y"])

    found = opened(Figure(9), None, 100)
    assert isinstance(found, Attachment)
    assert found.content == b"xxxxxxxxxy"
    assert isinstance(opened(Figure(100), None, 100), NotAttached)


def test_bytes_that_lie_are_taken_as_they_are() -> None:
    class Lying(bytes):
        def __bytes__(self) -> bytes:
            return b"x" * 1000  # noqa: PLE0308 - its own size

    found = opened(Lying(b"abc"), "a.txt", 100)
    assert isinstance(found, Attachment)
    assert found.content == b"abc"


def test_a_secret_with_a_slash_is_found_in_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    monkeypatch.setattr("tocsin.shell.additions.files.redact", lambda text: text.replace(secret, "[SECRET]"))  # as for a known one
    found = opened(b"x", f"k={secret}.txt", 100)
    assert isinstance(found, Attachment)
    assert found.name == "k=[SECRET].txt"


def test_a_text_of_any_length_has_both_ends() -> None:
    text = cut_unsearched(f"head{'x' * 3_000_000}tail", 1_000)
    assert text.startswith("headx")
    assert text.endswith("xtail")
    assert len(text) < 1_100
    assert cut_unsearched(f"head{' ' * 3_000_000}tail", 1_000) == "… (2,999,008 more characters) …"
