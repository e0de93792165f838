"""Laws of what a body adds: both ends of the notes are kept, a table is cut between rows, and no number is wrong.

Files keep the same limits whatever collects them: the body of a run, ``say``, and ``tocsin send``, which calls ``say``.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin import Flow, Recording, Success, current_run, interpreting, say, slack_notifier, watch
from tocsin.core.attachments import ATTACHED_LIMIT, Attachment
from tocsin.core.effects import PostToSlack
from tocsin.core.messages.content import Content, Line
from tocsin.core.notes import Notes, cut_notes, listed
from tocsin.core.tables import WIDEST, aligned, cut_rows
from tocsin.core.text import cut, printable
from tocsin.flows.task import FunctionTask

LEFT_OUT = re.compile(r"… \(([\d,]+) notes? left out\)")
END = re.compile(r"… \((?:([\d,]+) more rows?)?(?:, )?(?:([\d,]+) more columns?)?\)")

lines = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029"), min_size=1, max_size=30)
notes_of_one_line = st.lists(lines, min_size=1, max_size=60)
hostile_notes = st.lists(
    lines
    | st.sampled_from(
        ["• bullet", "two\nlines", "\n", "… (3 notes left out)", "… (1 note left out)", "  indented", "a\r\nb", "x" * 400]
    ),
    min_size=1,
    max_size=30,
)
cells = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=60),
    st.sampled_from(["… (9 more rows)", "… (2 more columns)", "nan", "", "結果", "a\tb\nc", "`" * 5, "x" * 500]),
)
tables = st.lists(st.lists(cells, max_size=6), max_size=40)


def number(words: str | None) -> int:
    return int((words or "0").replace(",", ""))


def collected(added: Sequence[str]) -> Notes:
    notes = Notes()
    for note in added:
        notes.add(note)
    return notes


@given(st.lists(st.integers(0, 8_000).map(lambda size: "x" * size), min_size=1, max_size=60))
def test_of_many_notes_the_first_and_the_last_are_kept_in_bounded_memory(added: list[str]) -> None:
    numbered = [f"{place} {note}" for place, note in enumerate(added)]
    first, last, left_out = collected(numbered).kept()
    assert first == numbered[: len(first)]
    assert last == numbered[len(numbered) - len(last) :]
    assert len(first) + left_out + len(last) == len(added)
    assert first[0] == numbered[0]
    assert (last or first)[-1] == numbered[-1]
    for kept in (first, last):
        assert sum(map(len, kept)) <= 10_000 or len(kept) == 1


@given(notes_of_one_line, st.integers(120, 400) | st.just(10_000), st.integers(0, 5_000), st.integers(2, 20) | st.just(10**6))
@example([str(number) for number in range(51)], 10_000, 0, 50)
@example([str(number) for number in range(51)], 10_000, 7, 51)
def test_notes_are_cut_between_two_and_their_number_is_said(notes: list[str], limit: int, left_out: int, most: int) -> None:
    text = listed(notes[:-1], notes[-1:], left_out)
    shown = cut_notes(text, limit, most)
    assert len(shown) <= max(limit, 1)
    if len(text) <= limit and len(notes) <= most:
        assert shown == text
    if any(note.startswith("• ") or LEFT_OUT.fullmatch(note) for note in notes) or shown == cut(text, limit) != text:
        return
    rows = shown.split("\n")
    ends = [number(found[1]) for row in rows if (found := LEFT_OUT.fullmatch(row))]
    kept = [row for row in rows if not LEFT_OUT.fullmatch(row)]
    assert len(ends) <= 1
    assert len(kept) <= most
    assert len(kept) + sum(ends) == len(notes) + left_out
    assert set(kept) <= set(notes)
    assert (kept[0], kept[-1]) == (notes[0], notes[-1])


@given(hostile_notes, st.integers(120, 400), st.integers(0, 5_000))
@example(["… (3 notes left out)", "b"], 120, 0)
@example(["• one"] * 40, 120, 7)
def test_no_note_passes_for_the_number_of_those_left_out(notes: list[str], limit: int, left_out: int) -> None:
    text = listed(notes[:-1], notes[-1:], left_out)
    assert sum(bool(LEFT_OUT.fullmatch(row)) for row in text.split("\n")) == bool(left_out) or len(notes) == 1
    shown = cut_notes(text, limit)
    assert len(shown) <= limit
    bulleted = text.startswith("• ") and len(notes) + left_out > 1
    if bulleted and len(text) > limit:
        seen = [row for row in shown.split("\n") if not row.startswith("  ")]
        told = [number(found[1]) for row in seen if (found := LEFT_OUT.fullmatch(row))]
        kept = [row for row in seen if row.startswith("• ")]
        assert len(told) <= 1
        assert len(kept) + sum(told) == len(notes) + left_out


@given(st.lists(st.sampled_from(["two\nlines", "one", "a\n\nb"]), min_size=2, max_size=60), st.integers(2, 50))
def test_notes_of_several_lines_are_counted_as_notes(notes: list[str], most: int) -> None:
    shown = cut_notes(listed(notes, []), 10_000, most)
    left_out = [number(found[1]) for row in shown.split("\n") if (found := LEFT_OUT.fullmatch(row))]
    assert sum(left_out) == max(len(notes) - most, 0)


@given(notes_of_one_line, st.integers(40, 119))
def test_a_limit_with_room_for_one_note_cuts_at_the_end(notes: list[str], limit: int) -> None:
    assert len(cut_notes(listed(notes, []), limit)) <= limit


@given(st.lists(cells, max_size=6), tables, st.integers(0, 10**30), st.integers(0, 10**30), st.integers(100, 1_000))
@example([], [], 0, 0, 100)
@example([], [[]], 0, 1, 100)
@example(["only"], [["… (9 more rows)"]], 0, 0, 100)
@example([], [["x" * 40] * 30] * 50, 10**13, 10**13, 100)
def test_a_table_is_cut_at_whole_rows_and_their_number_is_said(
    header: list[str], rows: list[list[str]], more_rows: int, more_columns: int, limit: int
) -> None:
    text = aligned(header, rows, more_rows, more_columns)
    assert printable(text) == text
    shown = cut_rows(text, limit)
    assert len(shown) <= limit
    body, kept = (each.split("\n") for each in (text, shown))
    whole, end = ends(body), ends(kept)
    assert whole == (min(more_rows, 10**12), min(more_columns, 10**12))
    body = body[: len(body) - bool(more_rows or more_columns)]
    kept = kept[: len(kept) - bool(end[0] or end[1])]
    assert kept
    assert end[1] == whole[1]
    assert end[0] == min(whole[0] + len(body) - len(kept), 10**12)
    for before, after in zip(body, kept, strict=False):
        assert after == before or (after.endswith("…") and before.startswith(after[:-1]))
        if len(before) <= (limit - 70) // 2 - 1:
            assert after == before


def ends(rows: list[str]) -> tuple[int, int]:
    found = END.fullmatch(rows[-1])
    return (number(found[1]), number(found[2])) if found else (0, 0)


@given(st.lists(st.lists(st.integers().map(str), min_size=3, max_size=3), min_size=1, max_size=20))
def test_numbers_end_in_one_column(rows: list[list[str]]) -> None:
    found = aligned(["a", "b", "c"], rows).split("\n")
    assert len({len(line) for line in found}) == 1
    assert [line.split() for line in found[1:]] == [[short(cell) for cell in row] for row in rows]


def short(cell: str) -> str:
    return cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 1]}…"


@given(tables)
def test_no_cell_breaks_a_row(rows: list[list[str]]) -> None:
    text = aligned([], rows)
    assert len(text.split("\n")) == max(len(rows), 1)


# --- files ------------------------------------------------------------------------------------------------------------------------

SIZES = {
    "a/rows.csv": 0,
    "b/rows.csv": 3,
    "c/rows-2.csv": 5,
    "d/rows": 7,
    "e/.rows": 1,
    "a/whole.bin": ATTACHED_LIMIT,
    "b/half.bin": 5_000_000,
}
PLACES = [*SIZES, "a/gone.csv", "a"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of these sizes; some have the same name."""
    made = tmp_path_factory.mktemp("files")
    for place, size in SIZES.items():
        (made / place).parent.mkdir(exist_ok=True)
        (made / place).write_bytes(bytes(size))
    return made


def in_the_message(recording: Recording) -> tuple[tuple[Attachment, ...], list[Line]]:
    (post,) = recording.effects
    assert isinstance(post, PostToSlack)
    assert isinstance(post.content, Content)
    return post.attachments, [line for line in post.content.lines if line.title == "Not attached"]


def attached_by_a_watch(paths: list[Path]) -> None:
    with watch("load", state_handlers=[slack_notifier(only_states=[Success])]) as run:
        for path in paths:
            run.attach(path)


def attached_by_a_task(paths: list[Path]) -> None:
    def body() -> None:
        run = current_run()
        assert run is not None
        for path in paths:
            run.attach(path)

    Flow("night", tasks=[FunctionTask(body, name="load", state_handlers=[slack_notifier(only_states=[Success])])]).run()


def attached_by_hand(paths: list[Path]) -> None:
    say("see", title="load", attach=paths, state_handlers=[slack_notifier])


@given(st.lists(st.sampled_from(PLACES), max_size=24) | st.lists(st.sampled_from(PLACES), min_size=70, max_size=80))
@example(["b/rows.csv"] * 21)
@example(["a/gone.csv"] * 51)
@example(["b/rows.csv", "b/rows.csv", "c/rows-2.csv", "a/whole.bin", "b/half.bin", "b/half.bin"])
def test_files_keep_one_set_of_limits_whatever_attaches_them(folder: Path, places: list[str]) -> None:
    found = list[tuple[tuple[Attachment, ...], list[Line]]]()
    for way in (attached_by_a_watch, attached_by_a_task, attached_by_hand):
        with interpreting(Recording()) as recording:
            way([folder / place for place in places])
        found.append(in_the_message(recording))
    assert found == found[:1] * 3
    files, lines = found[0]
    names = [file.name for file in files]
    assert len(names) == len(set(names)) <= 20
    assert sum(len(file.content) for file in files) <= ATTACHED_LIMIT
    refused = lines[0].text.split("\n") if lines else []
    assert len(refused) <= 51
    more = number(refused.pop().removeprefix("and ").removesuffix(" more")) if len(refused) == 51 else 0
    assert len(files) + len(refused) + more == len(places)
