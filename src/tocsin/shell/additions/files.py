"""Reads what a body attaches: a file, bytes, or a figure that draws itself into a file.

- A file is read at once, since it may change or vanish before the message is made.
- Only a regular file is opened: a pipe or a device may never end. A link is followed.
- A figure is known by its methods, and no library of figures is imported here. What a user's object writes is bounded.
"""

import io
import os
import stat
from collections.abc import Iterable
from typing import BinaryIO, Protocol, TextIO, TypeAlias, TypeGuard

import attrs
from typing_extensions import Buffer, override

from tocsin.core.attachments import ATTACHED_LIMIT, Attachment, size_text
from tocsin.core.text import cut, describe, is_a, one_line, type_name, worded
from tocsin.core.validation import invoke
from tocsin.shell.redaction import redact

_LONGEST_NAME = 100  # characters
_LONGEST_ENDING = 20
_LONGEST_REASON = 200
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_UNKNOWN = "application/octet-stream"
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # what became a pipe meanwhile must not block


class Figure(Protocol):
    """What saves itself as a picture, such as ``matplotlib.figure.Figure``, ``matplotlib.pyplot`` and a grid of seaborn."""

    def savefig(self, fname: BinaryIO, /, *, format: str) -> object:  # noqa: A002 - the name is matplotlib's
        """Save the figure to a binary file."""
        ...


class HasFigure(Protocol):
    """What is in a figure, such as ``matplotlib.axes.Axes``, which a plot of pandas returns."""

    @property
    def figure(self) -> object:
        """The figure around it."""
        ...


class HtmlFigure(Protocol):
    """What writes itself as a page, such as ``plotly.graph_objects.Figure``."""

    def write_html(self, file: TextIO, /, *, include_plotlyjs: str) -> object:
        """Write the page to a text file."""
        ...


Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Figure | HasFigure | HtmlFigure
"""What ``attach`` takes: a path, bytes, or a figure."""


@attrs.frozen
class NotAttached:
    """The name of what could not be attached, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class _Bounded(io.BytesIO):
    """A file in memory that takes ``room`` bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room
        self.is_full = False

    @override
    def write(self, data: Buffer, /) -> int:
        self.is_full = self.is_full or self.tell() + memoryview(data).nbytes > self._room
        if self.is_full:
            raise OSError("there is no room")
        return super().write(data)

    @override
    def writelines(self, lines: Iterable[Buffer], /) -> None:
        for line in lines:
            self.write(line)


def opened(source: object, name: object, room: int) -> Attachment | NotAttached:
    """Return the attachment, or why there is none. ``room`` is the most bytes of it.

    Raises:
        BaseException: of any class, from the code of a user's object.
    """
    if _is_path(source):
        path = os.fsdecode(source)
        return _read(path, _name(name, path.rstrip("/")), room)
    if is_a(source, bytes) or is_a(source, bytearray) or is_a(source, memoryview):
        shown, size = _name(name, "data.bin"), memoryview(source).nbytes
        return _too_large(shown, size) if size > room else _attachment(shown, memoryview(source).tobytes())
    return _drawn(source, name, room)


def _is_path(source: object) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(source, str | os.PathLike)


def _read(path: str, name: str, room: int) -> Attachment | NotAttached:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a path of a user's may be of any class
        if not stat.S_ISREG(mode):
            return NotAttached(name, "it is a folder" if stat.S_ISDIR(mode) else "it is no regular file")
        with open(os.open(path, _FLAGS), "rb") as file:  # noqa: PTH123
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                return NotAttached(name, "it is no regular file")
            if found.st_size > room:
                return _too_large(name, found.st_size)
            content = file.read(room + 1)  # it may grow meanwhile
    except OSError as error:
        return NotAttached(name, _reason(error))
    except ValueError:  # whose words differ from one Python to the next
        return NotAttached(name, "no path has a null character in it")
    return _too_large(name, None) if len(content) > room else _attachment(name, content)


def _drawn(figure: object, name: object, room: int) -> Attachment | NotAttached:
    """Return the figure as a PNG; one that can only be a page, as HTML."""
    buffer = _Bounded(room)
    try:
        ending = _draw(figure, buffer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        refused = NotAttached(_name(name, "figure"), f"it could not be drawn: {_reason(error)}")
        return _too_large(refused.name, None) if buffer.is_full else refused
    if not ending:
        return NotAttached(_name(name, "attachment"), f"{type_name(figure)} is no path, no bytes and no figure")
    shown = _name(name, f"figure.{ending}")
    return _too_large(shown, None) if buffer.is_full else _attachment(shown, buffer.getvalue())


def _draw(figure: object, buffer: _Bounded) -> str:
    """Write the figure, and return the ending of its format; "" for what is no figure."""
    save = _method(figure, "savefig") or _method(_attribute(figure, "figure"), "savefig")
    if save is not None:
        invoke(save, buffer, format="png")
        return "png"
    write = _method(figure, "write_html")
    if write is None:
        return ""
    text = io.TextIOWrapper(buffer, "utf-8", write_through=True)
    invoke(write, text, include_plotlyjs="cdn")
    text.detach()  # else it closes the buffer
    return "html"


def _attribute(value: object, name: str) -> object:
    found: object = getattr(value, name, None)
    return found


def _method(figure: object, name: str) -> object:
    found = _attribute(figure, name)
    return found if callable(found) else None


def _attachment(name: str, content: bytes) -> Attachment:
    return Attachment(name, content, _media_type(name))


def _too_large(name: str, size: int | None) -> NotAttached:
    told = f"more than {size_text(ATTACHED_LIMIT)}" if size is None else size_text(size)
    return NotAttached(name, f"{told}, and a message holds {size_text(ATTACHED_LIMIT)} in all")


def _name(given: object, default: str) -> str:
    """Return a name without a folder, control characters and secrets, of at most 100 characters. Its ending stays."""
    words = default if given is None else worded(given)
    line = one_line(redact(words)).replace("\\", "/").rpartition("/")[2]  # a secret may hold a slash
    if line.strip(". ") == "":
        line = "file"
    if len(line) <= _LONGEST_NAME:
        return line
    from pathlib import PurePath  # slow to load, and seldom needed

    ending = PurePath(line).suffix[:_LONGEST_ENDING]
    return f"{line[: _LONGEST_NAME - len(ending) - 1]}…{ending}"


def _media_type(name: str) -> str:
    """Return the media type by the ending alone, since ``mimetypes`` takes a name such as ``data:text/html,`` for a URL."""
    import mimetypes  # seldom needed
    from pathlib import PurePath

    known, encoding = mimetypes.guess_type(f"x{PurePath(name).suffix}")
    if encoding is not None:
        return _COMPRESSED.get(encoding, _UNKNOWN)
    return known or _UNKNOWN


def _reason(error: BaseException) -> str:
    words = error.strerror if is_a(error, OSError) and is_a(error.strerror, str) else describe(error)
    return cut(one_line(redact(words)), _LONGEST_REASON)
