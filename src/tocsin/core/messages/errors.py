"""What a message says about an exception: its text, its notes, what caused it, what a group holds, and where it was raised.

- The exception that decides stands first. Notes, causes and the other exceptions of a group follow, each as a part of its own.
- All is read from the slots that Python itself keeps, so that no property of the user's runs. Only the ``str`` of an exception does.
- What a program that was run wrote to its standard error is a part: ``subprocess`` keeps it, and leaves it out of its exception's text.
- The number of parts and the length of each are bounded, and so is a chain that leads back to itself.
- An exception of another process comes with the text of its traceback as its cause. That is read for the place and for what caused it
  there (``remote``), since its end is the exception, which stands first already.
- A part is cut in its middle, farther from its ends than any channel shows. So a cut never leaves half a secret in a message.
- A place is a file, a line and a function. The traceback also has source lines, which the core reads as the interpreter's own printer
  of tracebacks would: by ``linecache``. No message has a local variable.
"""

import linecache
import re
import types
from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType, GetSetDescriptorType, MemberDescriptorType
from typing import TypeGuard

import attrs

from tocsin.core.endings import around, deciding, leaves
from tocsin.core.messages.remote import Frame, Remote, read_remote
from tocsin.core.text import LONGEST, cut, cut_unsearched, describe, is_a, own, readable, traceback_of, type_name, worded
from tocsin.core.values import Value

_CAUSE: GetSetDescriptorType = vars(BaseException)["__cause__"]
_CONTEXT: GetSetDescriptorType = vars(BaseException)["__context__"]
_SUPPRESSED: MemberDescriptorType = vars(BaseException)["__suppress_context__"]
_ATTRIBUTES: GetSetDescriptorType = vars(BaseException)["__dict__"]

_MOST = 10  # notes of an exception, links of a chain, further exceptions of a group
_MOST_PARTS = 60
_MOST_GROUPS = 3  # around one exception
_IN = ", in "
_REMOTE = ("_RemoteTraceback", "RemoteTraceback")  # of concurrent.futures and joblib, of multiprocessing
_RULER_LINE = re.compile(r"\n[ \t]*([^\w\s]|_)\1{3,}[ \t]*(?=\n|\Z)")
_ENDS = ".;"  # of a part that another follows
_LONGEST_CHAIN = 1000  # exceptions that are looked at
_LONGEST_PART = 20_000  # characters: half of it is more than any channel shows of a text's end
_LONGEST_NAME = 80  # characters of a file or a function
_LONGEST_PATH = 200
_LONGEST_SOURCE = 1_000  # characters; a longer line is left out, since half a secret may stand at a cut
_LONGEST_OUTPUT = 1_000_000  # characters or bytes that are read
_HALF = _LONGEST_OUTPUT // 2
_GAP = "… (not read) …"
_FRAMES, _CALLERS = 10, 5
_LONGEST_STACK = 10_000  # callers that are looked at
_KEPT = 256  # answers about a place: many exceptions come from few

_OURS = __file__.removesuffix(__file__[-len("core/messages/errors.py") :])
_STANDARD = types.__file__.removesuffix("types.py")
_FOLDERS = re.compile(r"[^\s<]*[\\/]")  # of a pseudo-file such as <doctest docs/watch.md[0]>, too
_NO_FUNCTIONS = ("<module>", "<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")
_INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]")


@attrs.frozen(eq=False, repr=False)
class ErrorText(Value):
    """What there is to say about an exception.

    Args:
        first: its type and message; of a group, those of the exception that decides, and of the group.
        parts: all there is to say. The first part is ``first``, with the groups that are nested in a group.
    """

    first: str
    parts: tuple[str, ...]

    @property
    def lines(self) -> str:
        """The parts, one below the other, without lines that only rule, of at most 100,000 characters."""
        whole = "\n".join(self.parts)
        return cut_unsearched(_RULER_LINE.sub("", whole).strip("\n") if _RULER_LINE.search(whole) else whole, LONGEST)

    @property
    def sentence(self) -> str:
        """The parts, one after the other, of at most 100,000 characters. It begins with ``first``, since a phone shows little more."""
        if len(self.parts) == 1:  # the usual case
            return self.first
        parts = (self.first, *self.parts[1:])
        return cut_unsearched("; ".join([*(part.rstrip(_ENDS) for part in parts[:-1]), parts[-1]]), LONGEST)


def error_text(error: BaseException) -> ErrorText:
    """Return what there is to say about an exception.

    >>> try:
    ...     raise ValueError("no rows") from KeyError("users")
    ... except ValueError as caught:
    ...     caught.add_note("in the file users.csv")
    ...     error_text(caught).parts
    ('ValueError: no rows', 'in the file users.csv', "caused by KeyError: 'users'")
    >>> error_text(ExceptionGroup("two tasks", [TimeoutError("late"), ValueError("no rows")])).parts
    ('ValueError: no rows, in ExceptionGroup: two tasks (2 sub-exceptions)', 'also TimeoutError: late')
    """
    seen = {id(error)}
    if not _has_more(error):  # the usual case
        first = cut_unsearched(describe(error), _LONGEST_PART)
        return ErrorText(first, (first,))
    words = _with_groups(error)  # once, since a user's ``str`` may take long
    first = cut_unsearched(_IN.join([words[0], *words[1:][-1:]]), _LONGEST_PART)
    rest = islice(_rest(error, seen), _MOST_PARTS + 1)
    parts = [cut_unsearched(_IN.join(words), _LONGEST_PART), *(cut_unsearched(part, _LONGEST_PART) for part in rest)]
    if len(parts) > _MOST_PARTS:
        parts[_MOST_PARTS:] = ["and more"]
    return ErrorText(first, tuple(parts))


def _has_more(error: BaseException) -> bool:
    """Return whether there may be more to say than the exception's own text."""
    return bool(_attributes(error)) or own(_CAUSE, error) is not None or _link(error) is not None or is_a(error, BaseExceptionGroup)


def _rest(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Yield what follows the first part: of a group, first what belongs to the exception that decides."""
    one = deciding(error)
    yield from _notes(one)
    if one is not error:
        seen.add(id(one))
        yield from _chain(one, seen)
        yield from _others(error, one, seen)
        yield from _notes(error)
    yield from _chain(error, seen)


def _with_groups(error: BaseException) -> list[str]:
    """Return the type and the message of an exception; of a group, those of the one that decides, then those of the groups around it.

    The innermost group is the first. Of more than three, the innermost and the outermost are named.
    """
    one = deciding(error)
    held, groups, inner = around(error), list[BaseException](), one
    while inner is not error:
        inner = held[id(inner)]
        groups.append(inner)
    if len(groups) <= _MOST_GROUPS:
        return [describe(each) for each in (one, *groups)]
    return [describe(one), describe(groups[0]), f"{len(groups) - 2:,} more groups", describe(error)]


def _notes(error: BaseException) -> Iterator[str]:
    if (written := _standard_error(error)) is not None:
        yield f"standard error: {written}"
    notes = _notes_of(error)
    yield from map(worded, notes[:_MOST])
    if len(notes) > _MOST:
        yield f"and {len(notes) - _MOST:,} more notes"


def _notes_of(error: BaseException) -> list[object]:
    """Return the notes that ``add_note`` has kept, in a list of its own making."""
    notes = _attributes(error).get("__notes__")
    return notes if _is_list(notes) else []


def _standard_error(error: BaseException) -> str | None:
    """Return both ends of what a program wrote, which exceptions of ``subprocess`` and of sh keep beside its command; None if none."""
    attributes = _attributes(error)
    kept = attributes.get("stderr") if "cmd" in attributes or "full_cmd" in attributes else None
    if type(kept) is str:
        raw = kept.encode("utf-8", "replace") if len(kept) <= _LONGEST_OUTPUT else _both_ends(kept).encode("utf-8", "replace")
    elif type(kept) is bytes:
        raw = kept if len(kept) <= _LONGEST_OUTPUT else kept[:_HALF] + _GAP.encode() + kept[-_HALF:]
    else:
        return None
    text = cut_unsearched(readable(raw).strip(), _LONGEST_PART)
    return None if not text or _GAP in text else text  # beside the gap may stand half a secret


def _both_ends(text: str) -> str:
    return f"{text[:_HALF]}{_GAP}{text[-_HALF:]}"


def _attributes(error: BaseException) -> dict[object, object]:
    found = own(_ATTRIBUTES, error)
    return found if _is_dict(found) else {}


def _is_dict(value: object) -> TypeGuard[dict[object, object]]:
    return type(value) is dict


def _is_list(value: object) -> TypeGuard[list[object]]:
    return type(value) is list


def _link(error: BaseException) -> tuple[str, BaseException] | None:
    """Return the exception that Python shows before this one, and how it relates to it."""
    cause = own(_CAUSE, error)
    if is_a(cause, BaseException):
        return ("caused by", cause) if _remote(error) is None else None
    context = own(_CONTEXT, error)
    if own(_SUPPRESSED, error) is not True and is_a(context, BaseException):
        return "while handling", context
    return None


def _remote(error: BaseException) -> Remote | None:
    """Return what is read of the traceback of another process; None if the exception has none, or one of another form."""
    cause = own(_CAUSE, error)
    if not is_a(cause, BaseException) or type_name(cause) not in _REMOTE:
        return None
    kept = _attributes(cause).get("tb")
    return read_remote(kept, "\n".join(map(worded, [error, *_notes_of(error)]))) if type(kept) is str else None


def _chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Yield the causes, the last of which is the root. Of a long chain, both ends."""
    links = _remote_links(error)
    link = _link(error)
    while link is not None and id(link[1]) not in seen and len(links) < _LONGEST_CHAIN:
        seen.add(id(link[1]))
        links += [link, *_remote_links(link[1])]
        link = _link(link[1])
    left_out = len(links) - _MOST
    for index, (how, cause) in enumerate(links):
        if left_out > 0 and _MOST // 2 <= index < _MOST // 2 + left_out:
            if index == _MOST // 2:
                yield f"and {left_out:,} more in between"
            continue
        if cause is None:
            yield how
            continue
        where = _at(cause) if index == len(links) - 1 else ""
        yield f"{how} {_cut_part(_IN.join(_with_groups(cause)))}{where}"
        yield from _notes(cause)
        if is_a(cause, BaseExceptionGroup):
            yield from _others(cause, deciding(cause), seen)


def _remote_links(error: BaseException) -> list[tuple[str, BaseException | None]]:
    """Return what caused an exception in another process, as whole texts."""
    remote = _remote(error)
    return [] if remote is None else [(text, None) for text in remote.causes]


def _others(group: BaseException, one: BaseException, seen: set[int]) -> Iterator[str]:
    """Yield the exceptions in a group beside the one that decides, each with its group, place, notes and causes."""
    others, held = [leaf for leaf in leaves(group) if leaf is not one], around(group)
    for leaf in others[:_MOST]:
        seen.add(id(leaf))
        inner = held[id(leaf)]
        inside = "" if inner is group else f", in {describe(inner)}"
        yield f"also {_cut_part(f'{describe(leaf)}{inside}')}{_at(leaf)}"
        yield from _notes(leaf)
        yield from _chain(leaf, seen)
    if len(others) > _MOST:
        yield f"and {len(others) - _MOST:,} more"


def _cut_part(text: str) -> str:
    """Return a text that leaves room for a place in its part."""
    return cut_unsearched(text, _LONGEST_PART - 3 * _LONGEST_NAME)


def _at(error: BaseException) -> str:
    where = raised_at(error)
    return "" if where is None else f", at {where}"


# --- where it was raised ----------------------------------------------------------------------------------------------------------


def raised_at(error: BaseException) -> str | None:
    """Return where an exception was raised: in the innermost frame that is the user's, and by which frame of a library, if by one.

    None if it was not raised. Of a group, it is the place of the exception that decides.

    >>> def fetch():
    ...     return {}["users"]
    >>> try:
    ...     fetch()
    ... except KeyError as caught:
    ...     raised_at(caught).split(">:")[-1]
    '2 in fetch'
    """
    one = _raised(error)
    users: Frame | None = None
    last: Frame | None = None
    for frame in _remote_frames(one) or _frames(one):
        if not frame[0].startswith(_OURS):
            last = frame
            if not _is_librarys(frame[0]):
                users = frame
    if last is None:
        return None
    if users is None or users is last:
        return _place(*last)
    return f"{_place(*users)}, by {_place(*last)}"


def _frames(error: BaseException) -> Iterator[Frame]:
    step = traceback_of(error)
    while step is not None:
        code = step.tb_frame.f_code
        yield code.co_filename, step.tb_lineno, code.co_qualname
        step = step.tb_next


def _remote_frames(error: BaseException) -> list[Frame]:
    remote = _remote(error)
    return [] if remote is None else remote.frames


def _raised(error: BaseException) -> BaseException:
    """Return the exception that decides, or of one that was not raised, its group."""
    one = deciding(error)
    return error if traceback_of(one) is None else one


@lru_cache(maxsize=_KEPT)
def _is_librarys(filename: str) -> bool:
    """Return whether a file is of the standard library, or installed."""
    return filename.startswith((_STANDARD, "<frozen ")) or _INSTALLED.search(filename) is not None


@lru_cache(maxsize=_KEPT)
def _place(filename: str, line: int, qualified: str) -> str:
    base = _FOLDERS.sub("", filename[-_LONGEST_PATH:])[-_LONGEST_NAME:]
    name = _function(qualified)
    return f"{base}:{line}" if name in _NO_FUNCTIONS else f"{base}:{line} in {name}"


def _function(qualified: str) -> str:
    """Return the name of a function without the functions around it; of a comprehension, that of the function with it."""
    names = qualified.split(".<locals>.")
    while len(names) > 1 and names[-1] in _NO_FUNCTIONS:
        names.pop()
    return cut(names[-1], _LONGEST_NAME)


def traceback_lines(error: BaseException) -> tuple[str, ...]:
    """Return the last ten frames of an exception, innermost first, and then at most five callers of the user's; none of tocsin's own.

    Each is the file, the line and the function, and below it the source line, if there is one. Before them come the last ten frames of
    another process, if it was raised there, without source lines: a file of its name here may be another.
    """
    one = _raised(error)
    raised = traceback_of(one)
    if raised is None:
        return ()
    there, here = deque(_not_ours(_remote_frames(one)), maxlen=_FRAMES), deque(_not_ours(_frames(one)), maxlen=_FRAMES)
    callers = ((frame.f_code, frame.f_lineno) for frame in islice(_callers(raised.tb_frame), _LONGEST_STACK))
    outer = islice(((code.co_filename, line, code.co_qualname) for code, line in callers if _is_users(code)), _CALLERS)
    local = [text for frame in (*reversed(here), *outer) for text in _with_source(*frame)]
    return (*map(_with_path, reversed(there)), *local)


def _not_ours(frames: Iterable[Frame]) -> Iterator[Frame]:
    return (frame for frame in frames if not frame[0].startswith(_OURS))


def _callers(frame: FrameType) -> Iterator[FrameType]:
    caller = frame.f_back
    while caller is not None:
        yield caller
        caller = caller.f_back


def _is_users(code: CodeType) -> bool:
    return not code.co_filename.startswith(_OURS) and not _is_librarys(code.co_filename)


def _with_path(frame: Frame) -> str:
    filename, line, qualified = frame
    return f"{filename[-_LONGEST_PATH:]}:{line} in {_function(qualified)}"


def _with_source(filename: str, line: int, qualified: str) -> Iterator[str]:
    yield _with_path((filename, line, qualified))
    if source := _source(filename, line):
        yield f"    {source}"


def _source(filename: str, line: int) -> str:
    """Return the source line, without its indentation. Only Python's own files are opened, never a device or a pipe of another name."""
    try:
        if filename.endswith(".py"):
            linecache.checkcache(filename)
        elif filename not in linecache.cache:
            return ""
        source = linecache.getline(filename, line).strip()
        return source if len(source) <= _LONGEST_SOURCE else ""
    except Exception:  # the cache may hold what a user's loader gives
        return ""
