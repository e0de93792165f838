"""The files of one message: at most 20 of 10 MB in all, no two of one name. What does not fit is named.

``attach`` of a run, ``say`` and ``tocsin send`` collect their files here, so that each of them keeps the same limits.
"""

import attrs

from tocsin.core.attachments import ATTACHED_LIMIT, Attachment, size_text
from tocsin.core.events import Detail
from tocsin.core.text import cut, describe, one_line
from tocsin.shell.additions.files import NotAttached, opened
from tocsin.shell.redaction import redact

_MOST = 20
_MOST_REFUSED = 50  # files that are named
_LONGEST_REASON = 200  # characters


def read(source: object, name: object, room: int) -> Attachment | NotAttached:
    """Return the attachment, or why there is none. ``room`` is the most bytes of it. It raises nothing but a KeyboardInterrupt."""
    try:
        return opened(source, name, room)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # from the code of a user's object
        return NotAttached("attachment", cut(one_line(redact(describe(error))), _LONGEST_REASON))


@attrs.define(eq=False)
class AttachedFiles:
    """Collects the files of a message, in their order. It is not thread-safe.

    ``room`` is the number of bytes that still fit.
    """

    room: int = attrs.field(default=ATTACHED_LIMIT, init=False)
    _files: list[Attachment] = attrs.field(factory=list[Attachment], init=False)
    _names: set[str] = attrs.field(factory=set[str], init=False)
    _refused: list[str] = attrs.field(factory=list[str], init=False)
    _more_refused: int = attrs.field(default=0, init=False)

    def add(self, found: Attachment | NotAttached) -> NotAttached | None:
        """Add a file, with a number in its name if an earlier file has that name. Return the reason if the message does not hold it.

        >>> files = AttachedFiles()
        >>> [files.add(Attachment("rows.csv", content)) for content in (b"1", b"2")]
        [None, None]
        >>> [file.name for file in files.attachments()]
        ['rows.csv', 'rows-2.csv']
        """
        refused = found if isinstance(found, NotAttached) else self._keep(found)
        if refused is None:
            return None
        if len(self._refused) < _MOST_REFUSED:
            self._refused.append(str(refused))
        else:
            self._more_refused += 1
        return refused

    def attachments(self) -> tuple[Attachment, ...]:
        """Return the files that the message holds."""
        return tuple(self._files)

    def details(self) -> tuple[Detail, ...]:
        """Return the line that names what the message does not hold, if there is such a file."""
        if not self._refused:
            return ()
        more = [f"and {self._more_refused:,} more"] if self._more_refused else []
        return (Detail("Not attached", "\n".join([*self._refused, *more])),)

    def _keep(self, file: Attachment) -> NotAttached | None:
        size = len(file.content)
        if size > self.room:
            return NotAttached(file.name, f"{size_text(size)}, and a message holds {size_text(ATTACHED_LIMIT)} in all")
        if len(self._files) == _MOST:
            return NotAttached(file.name, f"{size_text(size)}, and a message holds {_MOST} files")
        self.room -= size
        self._files.append(attrs.evolve(file, name=self._unused(file.name)))
        return None

    def _unused(self, name: str) -> str:
        stem, dot, ending = name.rpartition(".")
        unused, number = name, 1
        while unused in self._names:
            number += 1
            unused = f"{stem}-{number}{dot}{ending}" if stem else f"{name}-{number}"
        self._names.add(unused)
        return unused
