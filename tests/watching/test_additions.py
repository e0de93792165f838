"""A watched body adds notes, tables and files to the message of its end, and nothing of that harms the body."""
# ruff: noqa: A002 - the name ``format`` is matplotlib's

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TextIO

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.figure import Figure

from tests.watching.watched_bodies import raised
from tocsin import Recording, WatchedRun, current_run, gmail_notifier, slack_notifier, watch
from tocsin.core.attachments import Attachment
from tocsin.core.events import Detail
from tocsin.core.validation import invoke
from tocsin.shell.redaction import forget, remember

mpl.use("agg")


def added(body: Callable[[WatchedRun], object], notifications: Recording) -> tuple[dict[str, str], tuple[Attachment, ...]]:
    """Return the texts and the files that the body adds, before any is cut."""
    with watch("load", state_handlers=[slack_notifier]) as run:
        body(run)
    content = notifications.slack[-1].content
    facts = {line.title: line.text for line in getattr(content, "lines", ())}
    assert not {"Host"} - facts.keys()
    return {title: text for title, text in facts.items() if title not in {"Host", "Duration"}}, notifications.slack[-1].attachments


def shown(body: Callable[[WatchedRun], object], notifications: Recording) -> dict[str, str]:
    return added(body, notifications)[0]


def given(method: object, *arguments: object, **named: object) -> object:
    """Call as a program without types does."""
    return invoke(method, *arguments, **named)


# --- notes ------------------------------------------------------------------------------------------------------------------------


def epochs(run: WatchedRun) -> None:
    for epoch in range(3000):
        run.note(f"epoch {epoch}: loss {1 / (epoch + 1):.4f}")


def noting(*notes: str) -> Callable[[WatchedRun], None]:
    def body(run: WatchedRun) -> None:
        for note in notes:
            run.note(note)

    return body


def test_of_3000_notes_both_ends_are_read_in_slack_and_in_a_mail(notifications: Recording) -> None:
    with watch("train", state_handlers=[slack_notifier, gmail_notifier]) as run:
        epochs(run)
    note = next(field.value for field in notifications.slack[-1].payload.fields if field.title == "Note")
    lines = note.split("\n")
    assert (lines[0], lines[-1]) == ("epoch 0: loss 1.0000", "epoch 2999: loss 0.0003")
    assert lines[len(lines) // 2] == f"… ({3000 - len(lines) + 1:,} notes left out)"
    assert 250 < len(note) <= 300
    plain = notifications.mail[-1].mail.plain
    assert "Note: epoch 0: loss 1.0000\n" in plain
    assert "    epoch 2999: loss 0.0003\n" in plain
    assert f"… ({3000 - 50:,} notes left out)" in plain
    assert plain.count("epoch") == 50


def test_notes_of_several_lines_have_bullets_and_no_secret_is_missed_by_that(notifications: Recording) -> None:
    remember("TOKEN", "first-ab\nsecond-cd")
    try:
        facts = shown(noting("one", "x first-ab\nsecond-cd y", "two\nlines"), notifications)
    finally:
        forget("TOKEN", "first-ab\nsecond-cd")
    assert facts == {"Note": "• one\n• x [TOKEN] y\n• two\n  lines"}


def test_one_note_stays_as_it_is(notifications: Recording) -> None:
    assert shown(lambda run: run.note("two\nlines"), notifications) == {"Note": "two\nlines"}


# --- tables -----------------------------------------------------------------------------------------------------------------------

EPOCHS = [{"epoch": 0, "loss": 0.5}, {"epoch": 10, "loss": 1 / 3, "note": "slow"}]
TABLES: list[tuple[object, str]] = [
    (EPOCHS, "epoch      loss  note\n    0       0.5\n   10  0.333333  slow"),
    ([("a.csv", 1200), ("b.csv", 3)], "a.csv  1200\nb.csv     3"),
    ([["a", b"b"], "text", b"raw", 7, {"x": "value"}], "a       b'b'\ntext\nb'raw'\n7\nvalue"),
    ([1e-9, 0.0, 123456789.12, float("nan"), float("inf")], "       1e-09\n         0.0\n123456789.12\n         nan\n         inf"),
    ([], "(no rows)"),
    ([[]], ""),
    ([{}], ""),
    (np.array([[1, 2], [3, 40]]), "1   2\n3  40"),
    (pd.DataFrame({"file": ["a", "b"], "rows": [1, None]}), "file  rows\na      1.0\nb      nan"),
    (pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="key")), "key  n\na    1\nb    2"),
    (pd.DataFrame({"n": [1]}, index=pd.MultiIndex.from_tuples([("a", 2)], names=["k", None])), "k     n\na  2  1"),
    (pd.Series([5, 5, 7]).value_counts(), "   count\n5      2\n7      1"),
    (pd.DataFrame({"file": []}), "file\n(no rows)"),
    (pl.DataFrame({"file": ["a", None], "rows": [1, 20]}), "file  rows\na        1\nNone    20"),
]


@pytest.mark.parametrize(("rows", "text"), TABLES)
def test_a_table_is_aligned(rows: object, text: str, notifications: Recording) -> None:
    facts = shown(lambda run: given(run.table, rows, title="Rows"), notifications)
    assert facts == ({"Rows": text} if text else {})


def test_only_as_much_of_a_large_table_is_read_as_a_mail_shows(notifications: Recording) -> None:
    read: list[int] = []

    class Row(Sequence[int]):
        def __init__(self, number: int) -> None:
            self.number = number

        def __getitem__(self, place: object) -> int:  # type: ignore[override]  # as in code that has no types
            read.append(self.number)
            raise IndexError

        def __len__(self) -> int:
            return 0

    shown(lambda run: run.table([Row(number) for number in range(100_000)]), notifications)
    assert len(read) == 1_000
    wide = shown(lambda run: run.table([[*range(2_000)], [1]]), notifications)["Table"].split("\n")
    assert [len(line.split()) for line in wide[:2]] == [30, 1]
    assert wide[2] == "… (970 more columns)"
    many = shown(lambda run: run.table([{f"c{number}": 1} for number in range(5_000)]), notifications)["Table"].split("\n")
    assert many[-1] == f"… ({5_000 - len(many) + 2:,} more rows, 970 more columns)"
    frame = shown(lambda run: run.table(pd.DataFrame(np.zeros((9_000, 1_500)))), notifications)["Table"].split("\n")
    assert frame[-1] == f"… ({9_000 - len(frame) + 2:,} more rows, 1,470 more columns)"
    polars = shown(lambda run: run.table(pl.DataFrame({"a": range(9_000)})), notifications)["Table"].split("\n")
    assert polars[-1] == "… (8,000 more rows)"
    long = shown(lambda run: run.table([["x" * 100_000] for _ in range(100)]), notifications)["Table"].split("\n")
    assert long[-1] == f"… ({100 - len(long) + 1} more rows)"
    assert len(long) < 15


def test_a_table_fits_a_slack_field_and_a_mail(notifications: Recording) -> None:
    with watch("train", state_handlers=[slack_notifier, gmail_notifier]) as run:
        run.table([{"epoch": epoch, "name": "<b>`"} for epoch in range(3000)], title="Epochs")
    field = next(field for field in notifications.slack[-1].payload.fields if field.title == "Epochs")
    assert field.value.startswith("```epoch  name\n    0  &lt;b&gt;\u200b`\u200b\n")
    assert field.value.endswith("more rows)```")
    mail = notifications.mail[-1].mail
    assert "Epochs:\n    epoch  name\n        0  <b>`\n" in mail.plain
    assert "white-space:pre;font-family" in mail.html
    assert "<b>`" not in mail.html


def test_a_cell_is_searched_for_secrets_before_it_is_cut(notifications: Recording) -> None:
    secret = "s3cr3t-" + "x" * 50
    remember("TOKEN", secret)
    try:
        facts = shown(lambda run: run.table([{"key": f"{'k' * 30} {secret}"}]), notifications)
    finally:
        forget("TOKEN", secret)
    assert facts["Table"] == f"key\n{'k' * 30} [TOKEN]"


def test_of_many_tables_the_last_four_are_shown(notifications: Recording) -> None:
    facts = shown(lambda run: [given(run.table, [[number]], title=f"t{number}") for number in range(5)], notifications)
    assert facts == {"t1": "1", "t2": "2", "t3": "3", "t4": "4", "Tables": "1 earlier table is left out"}
    facts = shown(lambda run: [given(run.table, [[number]], title=" ") for number in range(9)], notifications)
    assert facts == {"Table": "8", "Tables": "5 earlier tables are left out"}


class Exiting:
    """A value whose code exits the program."""

    def __str__(self) -> str:
        raise SystemExit(3)

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[object]:
        raise SystemExit(3)


class Frame:
    """A DataFrame of another library."""

    columns = ("a",)
    iloc: object = None

    def head(self, n: int = 5) -> object:
        raise MemoryError("huge")

    def __len__(self) -> int:
        return 10**30


class Lazy:
    """A DataFrame without a length."""

    columns = ("a",)

    def head(self) -> object:
        return self


class Uncountable(Lazy):
    """A DataFrame whose columns cannot be iterated over."""

    columns = 7  # type: ignore[assignment]  # as in code that has no types

    def __len__(self) -> int:
        return 3


NO_LIST = "TypeError: a table is a list of dicts, a list of lists or a DataFrame, not "
NO_TABLES: list[tuple[object, str]] = [
    (Exiting(), "SystemExit: 3"),
    (Frame(), "OverflowError: cannot fit 'int' into an index-sized integer"),
    (Lazy(), "TypeError: Lazy has no length"),
    (Uncountable(), "TypeError: int cannot be iterated over"),
    (3, f"{NO_LIST}int"),
    ("text", f"{NO_LIST}str"),
    (b"raw", f"{NO_LIST}bytes"),
    ({"a": 1}, f"{NO_LIST}dict"),
    (iter([[1]]), "TypeError: a table is a list of rows, and a list_iterator may never end: write list(...)"),
]


@pytest.mark.parametrize(("rows", "why"), NO_TABLES, ids=[type(rows).__name__ for rows, _ in NO_TABLES])
def test_what_is_no_table_is_a_line_in_the_log_and_a_word_in_the_message(
    rows: object, why: str, notifications: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    facts = shown(lambda run: given(run.table, rows, title="Odd"), notifications)
    assert facts == {"Odd": f"could not be made: {why}"}
    assert caplog.messages == [f"tocsin: the table 'Odd' of 'load' could not be made: {why}"]


def test_cells_and_titles_may_be_anything(notifications: Recording) -> None:
    facts = shown(lambda run: given(run.table, [[Exiting(), None]], title=Exiting()), notifications)
    assert facts == {"<Exiting object whose str raised SystemExit>": "<Exiting object whose str raised System…  None"}


# --- attachments ------------------------------------------------------------------------------------------------------------------


def figure() -> Figure:
    made = Figure()
    made.subplots().plot([3, 1, 2])
    return made


def names(files: Sequence[Attachment]) -> list[tuple[str, str]]:
    return [(file.name, file.media_type) for file in files]


def test_a_file_bytes_and_figures_are_attached(notifications: Recording, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"a,b\n")

    def body(run: WatchedRun) -> None:
        run.attach(str(tmp_path / "rows.csv"))
        run.attach(tmp_path / "rows.csv", name="again.csv.gz")
        run.attach(b"raw")
        run.attach(bytearray(b"raw"), name="rows.csv")
        run.attach(memoryview(b"raw"), name="README")
        run.attach(b"raw", name="README")
        run.attach(figure())
        run.attach(figure().subplots())
        run.attach(pd.Series([1, 2]).plot(), name="loss.png")
        (tmp_path / "rows.csv").write_bytes(b"changed")

    facts, files = added(body, notifications)
    assert facts == {}
    unknown = "application/octet-stream"
    assert names(files) == [
        ("rows.csv", "text/csv"),
        ("again.csv.gz", "application/gzip"),
        ("data.bin", unknown),
        ("rows-2.csv", "text/csv"),
        ("README", unknown),
        ("README-2", unknown),
        ("figure.png", "image/png"),
        ("figure-2.png", "image/png"),
        ("loss.png", "image/png"),
    ]
    assert [file.content for file in files[:4]] == [b"a,b\n", b"a,b\n", b"raw", b"raw"]
    assert all(file.content.startswith(b"\x89PNG") for file in files[6:])


class Page:
    """A figure that can only be a page, as plotly's."""

    def write_html(self, file: TextIO, *, include_plotlyjs: str) -> None:
        file.write(f"<p>é {include_plotlyjs}</p>")


def test_a_figure_that_is_a_page(notifications: Recording) -> None:
    _, (file,) = added(lambda run: run.attach(Page()), notifications)
    assert (file.name, file.content.decode(), file.media_type) == ("figure.html", "<p>é cdn</p>", "text/html")


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\loss.png", "loss.png"),
        ("a\r\nBcc: x@y.z\x00\u202egnp.exe", "a Bcc: x@y.z\ufffdgnp.exe"),
        ("", "file"),
        ("..", "file"),
        ("folder/", "file"),
        (7, "7"),
        (f"{'x' * 300}.png", f"{'x' * 95}….png"),
        ("x" * 300, f"{'x' * 99}…"),
        ("data:text/html,x", "html,x"),
        ("s3cr3t-s3cr3t.csv", "[TOKEN].csv"),
    ],
)
def test_a_name_is_a_line_without_folders_and_secrets(name: object, seen: str, notifications: Recording) -> None:
    remember("TOKEN", "s3cr3t-s3cr3t")
    try:
        _, (file,) = added(lambda run: given(run.attach, b"raw", name=name), notifications)
    finally:
        forget("TOKEN", "s3cr3t-s3cr3t")
    assert file.name == seen


class Refusing:
    """A figure that does not save."""

    def savefig(self, file: BinaryIO, *, format: str) -> None:
        raise SystemExit(3)


class Endless:
    """A figure without an end, which does not heed that there is no room."""

    def savefig(self, file: BinaryIO, *, format: str) -> None:
        for _ in range(30):
            with suppress(OSError):
                file.write(bytes(1_000_000))


class NoPath(os.PathLike[str]):
    """A path whose code raises."""

    def __fspath__(self) -> str:
        raise RuntimeError("no path")


ROOM = "and a message holds 10 MB in all"
REFUSED: list[tuple[object, str]] = [
    ("no/such.csv", "such.csv: No such file or directory"),
    (".", "file: it is a folder"),
    ("/dev/", "dev: it is a folder"),
    ("/dev/zero", "zero: it is no regular file"),
    ("a\0b", "ab: no path has a null character in it"),
    (bytes(10_000_001), f"data.bin: 10 MB, {ROOM}"),
    (Refusing(), "figure: it could not be drawn: SystemExit: 3"),
    (Endless(), f"figure.png: more than 10 MB, {ROOM}"),
    (NoPath(), "attachment: RuntimeError: no path"),
    (3, "attachment: int is no path, no bytes and no figure"),
]


@pytest.mark.parametrize(("source", "words"), REFUSED, ids=[words.partition(":")[0] for _, words in REFUSED])
def test_what_cannot_be_attached_is_a_line_in_the_log_and_a_word_in_the_message(
    source: object, words: str, notifications: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    facts, files = added(lambda run: given(run.attach, source), notifications)
    assert (facts, files) == ({"Not attached": words}, ())
    assert caplog.messages == [f"tocsin: not attached to the message of 'load': {words}"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_opened(notifications: Recording, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert shown(lambda run: run.attach(tmp_path / "pipe"), notifications) == {"Not attached": "pipe: it is no regular file"}


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the system has no /proc")
def test_a_file_may_have_more_in_it_than_its_size_says(notifications: Recording) -> None:
    def body(run: WatchedRun) -> None:
        run.attach(bytes(9_999_999), name="most.bin")
        run.attach("/proc/self/maps")

    facts, files = added(body, notifications)
    assert facts == {"Not attached": f"maps: more than 10 MB, {ROOM}"}
    assert [file.name for file in files] == ["most.bin"]


def test_10_mb_in_all_and_a_small_file_may_still_fit(notifications: Recording, tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(bytes(6_000_000))

    def body(run: WatchedRun) -> None:
        for name in ("one.bin", "two.bin"):
            run.attach(tmp_path / "large.bin", name=name)
        run.attach(bytes(4_000_000), name="three.bin")
        run.attach(b"x", name="four.bin")

    facts, files = added(body, notifications)
    assert facts == {"Not attached": f"two.bin: 6 MB, {ROOM}\nfour.bin: 1 byte, {ROOM}"}
    assert [file.name for file in files] == ["one.bin", "three.bin"]


def test_a_file_that_took_the_room_meanwhile(notifications: Recording) -> None:
    class Greedy:
        def __init__(self, run: WatchedRun) -> None:
            self.run = run

        def savefig(self, file: BinaryIO, *, format: str) -> None:
            self.run.attach(bytes(9_000_000), name="first.bin")
            file.write(bytes(2_000_000))

    facts, files = added(lambda run: run.attach(Greedy(run)), notifications)
    assert facts == {"Not attached": f"figure.png: 2 MB, {ROOM}"}
    assert [file.name for file in files] == ["first.bin"]


def test_20_files_and_the_first_names_of_the_others(notifications: Recording) -> None:
    facts, files = added(lambda run: [given(run.attach, b"x", name=f"{number}.bin") for number in range(75)], notifications)
    assert [file.name for file in files] == [f"{number}.bin" for number in range(20)]
    lines = facts["Not attached"].split("\n")
    assert lines[0] == "20.bin: 1 byte, and a message holds 20 files"
    assert (len(lines), lines[-1]) == (51, "and 5 more")


# --- interruptions, ends, threads --------------------------------------------------------------------------------------------------


class Interrupting:
    """A value during whose code a person presses Ctrl-C."""

    def __str__(self) -> str:
        raise KeyboardInterrupt

    def __len__(self) -> int:
        raise KeyboardInterrupt

    def __iter__(self) -> Iterator[object]:
        return iter(())

    def savefig(self, file: BinaryIO, *, format: str) -> None:
        raise KeyboardInterrupt


def _call(method: object) -> None:
    invoke(method, Interrupting())


@pytest.mark.parametrize("method", ["note", "table", "attach", "link"])
def test_an_interrupt_passes(method: str) -> None:
    with watch("load", state_handlers=[]) as run:
        assert isinstance(raised(lambda: _call(getattr(run, method))), KeyboardInterrupt)


def test_what_comes_too_late_is_logged(caplog: pytest.LogCaptureFixture, notifications: Recording) -> None:
    with watch("tardy", state_handlers=[slack_notifier]) as run:
        run.table([[1]])
    run.table([[2]])
    run.attach(b"x")
    run.attach("no/such")
    assert caplog.messages == [
        "tocsin: a table about 'tardy' came after its run had ended, and is in no message",
        "tocsin: an attachment about 'tardy' came after its run had ended, and is in no message",
    ]
    assert run.report is not None
    assert len(run.report.changes) == 2


def test_threads_may_add_at_the_same_time(notifications: Recording, caplog: pytest.LogCaptureFixture) -> None:
    count, each = 8, 40

    def body(run: WatchedRun) -> None:
        def work(thread: int) -> None:
            for number in range(each):
                run.note(f"{thread} {number}")
                run.attach(b"x", name=f"{thread}.bin")

        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    facts, files = added(body, notifications)
    notes = facts["Note"].split("\n")
    assert len(notes) == count * each
    for thread in range(count):
        assert [note for note in notes if note.startswith(f"{thread} ")] == [f"{thread} {number}" for number in range(each)]
    assert len({file.name for file in files}) == len(files) == 20


def test_each_note_of_a_thread_is_in_the_message_or_in_the_log(notifications: Recording, caplog: pytest.LogCaptureFixture) -> None:
    begun = threading.Event()
    made: list[None] = []
    with watch("load", state_handlers=[slack_notifier]) as run:

        def work() -> None:
            while not caplog.messages:
                run.note("n")
                made.append(None)
                begun.set()

        thread = threading.Thread(target=work)
        thread.start()
        begun.wait(30)
    thread.join(60)
    content = notifications.slack[-1].content
    lines = next(line.text.split("\n") for line in getattr(content, "lines", ()) if line.title == "Note")
    left_out = [int(line[3:].partition(" ")[0].replace(",", "")) for line in lines if line != "n"]
    assert lines.count("n") + sum(left_out) == len(made) - 1
    assert caplog.messages == ["tocsin: a note about 'load' came after its run had ended, and is in no message"]


def test_a_run_without_additions_has_no_facts_of_them(notifications: Recording) -> None:
    @watch("load", state_handlers=[slack_notifier], show_result=True)
    def load() -> int:
        assert current_run() is not None
        return 7

    load()
    change = notifications.slack[-1].content
    assert [line.title for line in getattr(change, "lines", ())][:1] == ["Result"]


def test_a_detail_says_how_it_is_cut() -> None:
    assert Detail("t", "x") == Detail("t", "x", quoted=False, tabular=False, listed=False)
