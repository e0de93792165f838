"""What a message says about an exception, and where it was raised."""

import linecache
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tocsin.core.endings import described
from tocsin.core.messages.errors import error_text, raised_at, traceback_lines
from tocsin.core.messages.remote import read_remote
from tocsin.core.text import printable


def raised(body: Callable[[], object]) -> Exception:
    """Return what a body raises."""
    try:
        body()
    except Exception as error:
        return error
    raise AssertionError("it raised nothing")


def failing() -> None:
    raise ValueError("no rows")


def run_from(path: Path, source: str, name: str = "fail") -> BaseException:
    """Return what the function of a file raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return raised(made(path, source, name))


def made(path: Path | str, source: str, name: str = "fail") -> Callable[[], None]:
    names: dict[str, Callable[[], None]] = {}
    exec(compile(source, str(path), "exec"), names)  # noqa: S102 - a program of the test's
    return names[name]


def parts(error: BaseException) -> list[str]:
    return list(error_text(error).parts)


def test_an_exception_alone_is_one_part() -> None:
    assert parts(ValueError("no rows")) == ["ValueError: no rows"]


def test_notes_and_causes_follow_with_the_place_of_the_root() -> None:
    def body() -> None:
        try:
            failing()
        except ValueError as error:
            error.add_note("of users.csv")
            raise RuntimeError("the load stopped") from error

    first, cause, note = parts(raised(body))
    assert (first, note) == ("RuntimeError: the load stopped", "of users.csv")
    assert cause == f"caused by ValueError: no rows, at test_errors.py:{failing.__code__.co_firstlineno + 1} in failing"


def test_what_was_handled_meanwhile_is_said() -> None:
    def body() -> None:
        try:
            failing()
        except ValueError:
            raise KeyError("users")  # noqa: B904 - a context, no cause

    error = raised(body)
    assert [part.split(",")[0] for part in parts(error)] == ["KeyError: 'users'", "while handling ValueError: no rows"]
    error.__suppress_context__ = True
    assert parts(error) == ["KeyError: 'users'"]


def test_a_chain_that_leads_back_ends() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert parts(one) == ["ValueError: one", "caused by ValueError: two"]


@pytest.mark.parametrize("length", [11, 12, 5000])
def test_a_long_chain_has_both_ends(length: int) -> None:
    error = last = ValueError("top")
    for number in range(length):
        last.__cause__ = last = ValueError(f"cause {number}")
    counted = min(length, 1000)
    said = parts(error)
    assert said[:2] == ["ValueError: top", "caused by ValueError: cause 0"]
    assert said[6] == f"and {counted - 10} more in between"
    assert said[-1] == f"caused by ValueError: cause {counted - 1}"
    assert len(said) == 12


def test_all_in_a_group_is_said_after_the_one_that_decides() -> None:
    late, inner = TimeoutError("late"), ExceptionGroup("writers", [OSError("disk full"), raised(failing)])
    inner.add_note("of the night")
    late.__cause__ = KeyError("users")
    group = ExceptionGroup("two tasks", [late, inner])
    group.__cause__ = RuntimeError("restarted")
    place = f"test_errors.py:{failing.__code__.co_firstlineno + 1} in failing"
    assert parts(group) == [
        "OSError: disk full, in ExceptionGroup: writers (2 sub-exceptions), in ExceptionGroup: two tasks (2 sub-exceptions)",
        "also TimeoutError: late",
        "caused by KeyError: 'users'",
        f"also ValueError: no rows, in ExceptionGroup: writers (2 sub-exceptions), at {place}",
        "caused by RuntimeError: restarted",
    ]
    assert parts(ExceptionGroup("one", [inner])).count("of the night") == 0  # only the outermost group and the leaves have notes


def in_groups(error: Exception, depth: int) -> Exception:
    """Return the exception in this many groups, each in the next."""
    for number in range(depth):
        around: list[Exception] = [error]
        error = ExceptionGroup(f"group {number}", around)
    return error


def test_of_many_groups_around_an_exception_the_first_and_the_last_are_named() -> None:
    error = in_groups(OSError("disk full"), 3)
    one = "OSError: disk full, in ExceptionGroup: group 0 (1 sub-exception)"
    assert parts(error) == [f"{one}, in ExceptionGroup: group 1 (1 sub-exception), in ExceptionGroup: group 2 (1 sub-exception)"]
    assert parts(in_groups(OSError("disk full"), 2_000)) == [
        f"{one}, in 1,998 more groups, in ExceptionGroup: group 1999 (1 sub-exception)"
    ]


def test_an_exception_in_two_groups_is_named_with_the_first() -> None:
    shared = OSError("disk full")
    error = ExceptionGroup("all", [ExceptionGroup("one", [shared]), ExceptionGroup("two", [shared, ValueError("no rows")])])
    assert parts(error) == [
        "OSError: disk full, in ExceptionGroup: one (1 sub-exception), in ExceptionGroup: all (2 sub-exceptions)",
        "also ValueError: no rows, in ExceptionGroup: two (2 sub-exceptions)",
    ]


def test_a_group_as_a_cause_is_told_whole() -> None:
    error = ValueError("stopped")
    error.__cause__ = ExceptionGroup("two", [OSError("a"), OSError("b")])
    assert parts(error) == ["ValueError: stopped", "caused by OSError: a, in ExceptionGroup: two (2 sub-exceptions)", "also OSError: b"]


def test_a_large_group_has_its_first_ten_and_the_number_of_the_rest() -> None:
    said = parts(ExceptionGroup("many", [OSError(str(number)) for number in range(2000)]))
    assert said[0].startswith("OSError: 0, in ExceptionGroup: many (2000")
    assert said[1:11] == [f"also OSError: {number}" for number in range(1, 11)]
    assert said[11:] == ["and 1,989 more"]


def test_the_parts_are_bounded_in_all() -> None:
    leaves = [OSError(str(number)) for number in range(11)]
    for leaf in leaves:
        for number in range(12):
            leaf.add_note(f"note {number}")
    said = parts(ExceptionGroup("many", leaves))
    assert len(said) == 61
    assert said[11:13] == ["and 2 more notes", "also OSError: 1"]
    assert said[-1] == "and more"


@pytest.mark.parametrize("notes", [None, 3, "a note", ("a",), {"a": 1}])
def test_notes_that_are_no_list_are_none(notes: object) -> None:
    error = ValueError("no rows")
    vars(error)["__notes__"] = notes
    assert parts(error) == ["ValueError: no rows"]


def test_hostile_parts_of_an_exception_do_no_harm() -> None:
    class Loud:
        def __str__(self) -> str:
            raise OSError("no str")

    class Sly(Exception):
        @property
        def __cause__(self) -> BaseException:  # type: ignore[override]  # a lie
            raise OSError("no cause")

        @property
        def __dict__(self) -> dict[str, object]:  # type: ignore[override]  # a lie
            raise OSError("no dict")

        @property
        def __notes__(self) -> list[str]:  # type: ignore[override]  # a lie
            raise OSError("no notes")

    error = Sly("no rows")
    BaseException.__setattr__(error, "__context__", KeyError("users"))
    assert parts(error) == ["Sly: no rows", "while handling KeyError: 'users'"]
    other = ValueError("no rows")
    vars(other)["__notes__"] = [Loud()]
    assert parts(other) == ["ValueError: no rows", "<Loud object whose str raised OSError>"]


@given(st.text(max_size=40), st.text(max_size=40), st.integers(0, 200_000))
def test_both_ends_of_any_text_are_kept(head: str, tail: str, length: int) -> None:
    text = f"{head}x{tail}"
    assume(printable(text) == text and not re.search(r"([^\w\s]|_)\1{3}|\s{40}", text))  # they are condensed before a cut
    error = ValueError(f"h{head}{'x' * length}{tail}t")
    error.__cause__ = KeyError(tail + "y" * length)
    said = error_text(error)
    assert said.lines.startswith(f"ValueError: h{head}")
    assert said.lines.endswith(said.parts[-1][-20:])
    assert described(error.__cause__)[-1:] == said.lines[-1]
    assert len(said.lines) <= 100_000
    assert len(said.sentence) <= 100_000
    assert said.first == (described(error) if length < 19_000 else said.first)


def fails_far_away() -> None:
    raise LookupError("no such row")


class _RemoteTraceback(Exception):
    """A traceback of another process, as ``concurrent.futures`` keeps it."""

    def __init__(self, tb: object) -> None:
        super().__init__(tb)
        self.tb = tb


ELSEWHERE = """
\"\"\"
Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/pool/worker.py", line 261, in _process_worker
    r = call_item.fn(*call_item.args, **call_item.kwargs)
  File "/home/ops/load.py", line 7, in load.<locals>.row
    raise LookupError("no such row")
LookupError: no such row
\"\"\""""


def from_elsewhere(tb: object, words: str = "no such row") -> Exception:
    def body() -> None:
        raise LookupError(words) from _RemoteTraceback(tb)

    return raised(body)


def test_the_traceback_of_another_process_is_read_for_the_place_alone() -> None:
    error = from_elsewhere(ELSEWHERE)
    assert parts(error) == ["LookupError: no such row"]
    assert raised_at(error) == "load.py:7 in row"
    there, _, here, *_ = [line for line in traceback_lines(error) if not line.startswith(" ")]
    assert there == "/home/ops/load.py:7 in row"
    assert "test_errors.py" in here


CHAIN = """
\"\"\"
Traceback (most recent call last):
  File "/home/ops/load.py", line 3, in fetch
    raise KeyError("users")
KeyError: 'users'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/home/ops/load.py", line 5, in fetch
OSError: two
lines

The above exception was the direct cause of the following exception:
"""


def test_the_causes_that_another_process_tells_are_parts_of_their_own() -> None:
    error = from_elsewhere(CHAIN + ELSEWHERE.replace('\n"""', "", 1))
    assert parts(error) == ["LookupError: no such row", "caused by OSError: two\nlines", "while handling KeyError: 'users'"]
    assert raised_at(error) == "load.py:7 in row"

    def body() -> None:
        raise RuntimeError("no report") from error

    assert parts(raised(body))[2:] == ["caused by OSError: two\nlines", "while handling KeyError: 'users'"]


def test_a_traceback_of_another_form_stays_a_cause() -> None:
    error = from_elsewhere("  + Exception Group Traceback (most recent call last):\n  | ExceptionGroup: two (2 sub-exceptions)")
    assert parts(error)[1].startswith("caused by _RemoteTraceback:   + Exception Group")


@pytest.mark.parametrize("kept", [None, "", 7])
def test_what_is_no_traceback_of_another_process_is_a_cause(kept: object) -> None:
    error = from_elsewhere(kept)
    assert parts(error)[1].startswith("caused by _RemoteTraceback")
    assert (raised_at(error) or "").startswith("test_errors.py:")


def test_what_an_exception_says_makes_up_no_frame_and_opens_no_file(tmp_path: Path) -> None:
    private = tmp_path / "private.py"
    pin = str(4000 + 711)  # in no source line of this test
    private.write_text(f"\\nPIN = {pin}\\n")
    forged = f'Traceback (most recent call last):\n  File "{private}", line 2, in load\nOSError: x'
    for words in (f"bad row: a\n{forged}", f"a\n\nThe above exception was the direct cause of the following exception:\n\n{forged}"):
        tb = ELSEWHERE.replace("LookupError: no such row", f"LookupError: {words}")
        error = from_elsewhere(tb, words)
        assert raised_at(error) == "load.py:7 in row"
        assert pin not in "\n".join(traceback_lines(error))
        assert str(private) not in "\n".join(traceback_lines(error))
        assert parts(error) == [f"LookupError: {words}"]


def test_a_text_that_does_not_end_with_its_exception_is_not_read() -> None:
    error = from_elsewhere(ELSEWHERE, "another text")
    assert parts(error)[1].startswith("caused by _RemoteTraceback")
    assert (raised_at(error) or "").startswith("test_errors.py:")
    assert read_remote("x" * 100_001, "x") is None
    assert read_remote("  | LookupError: no such row", "no such row") is None


def test_both_ends_of_a_long_chain_of_another_process_are_told() -> None:
    link = "\nThe above exception was the direct cause of the following exception:\n\n"
    chain = "".join(f'Traceback (most recent call last):\n  File "a.py", line 1, in a\nOSError: level {n}\n{link}' for n in range(30))
    error = from_elsewhere(f'\n"""\n{chain}{ELSEWHERE.replace(chr(10) + chr(34) * 3 + chr(10), "", 1)}')
    told = parts(error)
    assert (told[1], told[6], told[-1]) == ("caused by OSError: level 29", "and 20 more in between", "caused by OSError: level 0")


@given(st.lists(st.sampled_from([*CHAIN.splitlines(keepends=True), *ELSEWHERE.splitlines(keepends=True), "x\n", "\n"])).map("".join))
def test_any_text_in_place_of_a_traceback_does_no_harm(text: str) -> None:
    error = from_elsewhere(text)
    assert parts(error)[0] == "LookupError: no such row"
    assert raised_at(error)


@pytest.mark.slow
def test_an_error_of_a_worker_is_told_once_with_its_own_place() -> None:
    with ProcessPoolExecutor(1) as pool:
        error = raised(lambda: pool.submit(fails_far_away).result())
    assert parts(error) == ["LookupError: no such row"]
    assert raised_at(error) == f"test_errors.py:{fails_far_away.__code__.co_firstlineno + 1} in fails_far_away"


# --- where it was raised ----------------------------------------------------------------------------------------------------------


def test_the_place_is_the_innermost_of_the_users(tmp_path: Path) -> None:
    inside = 'def fail():\n    raise OSError("disk full")\n'
    made_by_library = tmp_path / "lib" / "python3" / "site-packages" / "writer.py"
    made_by_library.parent.mkdir(parents=True)
    library = made(made_by_library, inside)
    assert re.fullmatch(r"test_errors\.py:\d+ in raised, by writer\.py:2 in fail", raised_at(raised(library)) or "")
    names: dict[str, Callable[[], None]] = {"write": library}
    exec(compile("def load():\n    write()\n", str(tmp_path / "load.py"), "exec"), names)  # noqa: S102 - a program of the test's
    assert raised_at(raised(names["load"])) == "load.py:2 in load, by writer.py:2 in fail"


def test_the_standard_library_is_no_place_of_the_users() -> None:
    def body() -> None:
        subprocess.run([sys.executable, "-c", "raise SystemExit(3)"], check=True)

    line = body.__code__.co_firstlineno + 1
    place = raised_at(raised(body))
    assert place is not None
    assert place.startswith(f"test_errors.py:{line} in body, by subprocess.py:")
    assert place.endswith(" in run")


def test_no_frame_of_tocsins_is_a_place() -> None:
    def body() -> None:
        _ = ValueOf.bad

    class ValueOf:
        bad = property(lambda self: 1)

    from tocsin import Flow

    error = raised(lambda: Flow(3))  # type: ignore[arg-type]  # as in code without types
    place = raised_at(error)
    assert place is not None
    assert place.startswith("test_errors.py:")
    assert "by" not in place.split(" in ")[0]
    body()


@pytest.mark.parametrize(
    ("filename", "place"),
    [
        ("<stdin>", "<stdin>:2 in fail"),
        ("<doctest /docs/watch.md[0]>", "<doctest watch.md[0]>:2 in fail"),
        ("C:\\jobs\\load.py", "load.py:2 in fail"),
        ("/jobs/" + "x" * 300, "x" * 80 + ":2 in fail"),
        ("", ":2 in fail"),
    ],
)
def test_a_place_has_the_base_name_alone(filename: str, place: str) -> None:
    assert raised_at(raised(made(filename, "def fail():\n    raise OSError\n"))) == place


def test_a_comprehension_is_its_function() -> None:
    def body() -> None:
        [1 / 0 for _ in "a"]

    assert str(raised_at(raised(body))).endswith(" in body")
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compile("[1 / 0 for _ in 'a']", "load.py", "exec"), {})  # noqa: S102 - a program of the test's
    assert raised_at(caught.value) == "load.py:1"


def test_what_was_never_raised_has_no_place() -> None:
    assert raised_at(ValueError("no rows")) is None
    assert traceback_lines(ValueError("no rows")) == ()
    group = ExceptionGroup("two", [ValueError("a"), ValueError("b")])

    def body() -> None:
        raise group

    assert str(raised_at(raised(body))).endswith(" in body")


def test_what_tocsin_alone_raised_has_no_place() -> None:
    from tocsin.core import text

    code: CodeType = compile("def fail():\n    raise OSError\n", text.__file__, "exec")
    names: dict[str, Callable[[], None]] = {}
    exec(code, names)  # noqa: S102 - a program of the test's
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the one above
        names["fail"]()
    alone = caught.value.with_traceback(caught.tb.tb_next)
    assert raised_at(alone) is None
    assert not any(line.startswith(text.__file__) for line in traceback_lines(alone))


def test_a_traceback_has_source_lines_and_callers(tmp_path: Path) -> None:
    secret = "only a local"

    def outer() -> BaseException:
        return run_from(tmp_path / "load.py", "def fail():\n    rows = []\n    return rows[0]\n")

    lines = traceback_lines(outer())
    assert secret not in "".join(lines)
    assert lines[0] == f"{tmp_path / 'load.py'}:3 in fail"[-200 - len(":3 in fail") :]
    assert lines[1] == "    return rows[0]"
    assert any(line.endswith(" in outer") for line in lines)
    assert any(line.strip().startswith("return run_from(") for line in lines)
    assert len(lines) <= 2 * 15


def test_a_deep_traceback_is_bounded() -> None:
    def deep(depth: int) -> None:
        if depth == 0:
            failing()
        deep(depth - 1)

    lines = traceback_lines(raised(lambda: deep(100)))
    assert lines[0].endswith(" in failing")
    assert len([line for line in lines if " in deep" in line]) == 9


def test_only_pythons_own_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def fail():\n    raise OSError\n"
    error = run_from(tmp_path / "load.txt", source)
    assert "    raise OSError" not in traceback_lines(error)
    cell = raised(made("<ipython-input-1>", source))
    assert "    raise OSError" not in traceback_lines(cell)
    linecache.cache["<ipython-input-1>"] = (len(source), None, source.splitlines(keepends=True), "<ipython-input-1>")
    assert traceback_lines(cell)[1] == "    raise OSError"
    del linecache.cache["<ipython-input-1>"]
    missing = raised(made(tmp_path / "gone.py", source))
    assert traceback_lines(missing)[0].endswith("gone.py:2 in fail")

    def refuse(filename: str) -> None:
        raise OSError("no cache")

    monkeypatch.setattr(linecache, "checkcache", refuse)
    assert "    raise ValueError" not in traceback_lines(raised(failing))


def run(text: bool, code: str = "print('\\x1b[31mdisk full\\x1b[0m\\n', file=sys.stderr); sys.exit(3)") -> None:
    subprocess.run([sys.executable, "-c", f"import sys; {code}"], check=True, capture_output=True, text=text)


@pytest.mark.parametrize("text", [True, False])
def test_what_a_program_wrote_to_its_standard_error_is_a_part(text: bool) -> None:
    first, *rest = parts(raised(lambda: run(text)))
    assert first.startswith("CalledProcessError: Command ")
    assert rest == ["standard error: disk full"]


def test_so_is_what_a_cause_or_an_exception_of_a_group_kept() -> None:
    def body() -> None:
        try:
            run(text=True)
        except subprocess.CalledProcessError as error:
            raise RuntimeError("no export") from error

    assert parts(raised(body))[-1] == "standard error: disk full"
    assert parts(ExceptionGroup("two", [ValueError("x"), raised(lambda: run(text=True))]))[-1] == "standard error: disk full"


def test_sh_keeps_it_beside_the_whole_command() -> None:
    error = RuntimeError("RAN: /bin/load")
    vars(error).update(full_cmd="/bin/load", stderr=b"disk full\n")
    assert parts(error) == ["RuntimeError: RAN: /bin/load", "standard error: disk full"]


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize("kept", [None, "", b" \n", 7, Text("its own methods")])
def test_no_standard_error_is_no_part(kept: object) -> None:
    error = subprocess.CalledProcessError(3, "load")
    vars(error)["stderr"] = kept
    assert len(parts(error)) == 1


def test_an_attribute_of_that_name_on_another_exception_is_no_part() -> None:
    error = ValueError("no rows")
    vars(error)["stderr"] = "disk full"
    assert parts(error) == ["ValueError: no rows"]


@pytest.mark.parametrize("kept", ["first " + "x" * 5_000_000 + " last", b"first " + b"x" * 5_000_000 + b" last"])
def test_of_a_long_standard_error_both_ends_are_kept(kept: str | bytes) -> None:
    (_, part) = parts(subprocess.CalledProcessError(3, "load", stderr=kept))
    assert part.startswith("standard error: first x")
    assert part.endswith("x last")
    assert len(part) < 25_000


# --- groups in groups -------------------------------------------------------------------------------------------------------------


@st.composite
def nested(draw: st.DrawFn) -> ExceptionGroup[Exception]:
    """Draw a group of groups, at most three deep, each with a name of its own."""
    names = count()

    def group(depth: int) -> ExceptionGroup[Exception]:
        kinds = draw(st.lists(st.booleans(), min_size=1, max_size=3))
        inside = [group(depth - 1) if deeper and depth else ValueError(f"error {next(names)}") for deeper in kinds]
        return ExceptionGroup(f"group {next(names)}", inside)

    return group(2)


def members(group: ExceptionGroup[Exception]) -> Iterator[tuple[Exception, ExceptionGroup[Exception]]]:
    for each in group.exceptions:
        if isinstance(each, ExceptionGroup):
            yield from members(each)
        else:
            yield each, group


@given(nested())
def test_each_exception_is_named_once_with_the_group_that_holds_it(error: ExceptionGroup[Exception]) -> None:
    said, held = parts(error), list(members(error))
    assert len(said) == min(len(held), 12)
    for part, (one, group) in zip(said[:11], held, strict=False):
        assert part.removeprefix("also ").startswith(f"ValueError: {one}")
        assert part.startswith("also ") == (one is not held[0][0])
        assert (f", in ExceptionGroup: {group}" in part) == (group is not error or one is held[0][0])
    assert error_text(error).sentence.startswith(described(error))
