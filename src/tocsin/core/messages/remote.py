"""The traceback of another process, which comes as text with an exception that was raised there.

- Pools of processes pickle an exception, and keep the text of its traceback as its cause.
- The text ends with the exception's own text, which a user's program worded. That is taken off before anything is read, so that it
  cannot make up a frame. What has another form is not read at all.
- No file that the text names is opened.
"""

import re
from typing import NamedTuple

from tocsin.core.text import LONGEST

Frame = tuple[str, int, str]
"""The file, the line, and the name of the function."""

_LINK = re.compile(r"\n\n(The above exception was the direct cause|During handling of the above exception)[^\n]*\n\n")
_HEAD = r"Traceback \(most recent call last\):\n((?: [^\n]*\n)*+)"
_LAST = re.compile(_HEAD + r"[\w.<>]+(?:: )?")
_EARLIER = re.compile(_HEAD + r"(\S.*)", re.DOTALL)
_FRAME = re.compile(r'^  File "([^"\n]{1,200})", line (\d{1,9}), in ([\w.<>]{1,80})$', re.MULTILINE)
_AROUND = '\n "'  # what pools put around the text


class Remote(NamedTuple):
    """What such a text says beside the exception itself.

    Args:
        frames: the frames of the exception, the innermost last.
        causes: what caused it, the root last, each with how it relates to the one before.
    """

    frames: list[Frame]
    causes: list[str]


def read_remote(text: str, message: str) -> Remote | None:
    """Read the text of a traceback of another process. ``message`` is the exception's ``str``, with its notes below.

    None if the text has another form.

    >>> text = 'Traceback (most recent call last):\\n  File "load.py", line 3, in load\\nOSError: full\\n'
    >>> read_remote(text, "full")
    Remote(frames=[('load.py', 3, 'load')], causes=[])
    """
    if len(text) > LONGEST:
        return None
    body, end = text.strip(_AROUND), message.rstrip(_AROUND)
    if not body.endswith(end):
        return None
    pieces = _LINK.split(body[: len(body) - len(end)])
    last = _LAST.fullmatch(pieces[-1])
    found = [_EARLIER.fullmatch(piece) for piece in pieces[:-1:2]]
    texts = [each[2].strip() for each in found if each is not None]
    if last is None or len(texts) < len(found):
        return None
    links = ["caused by" if how.startswith("The") else "while handling" for how in pieces[1::2]]
    frames = [(file, int(line), function) for file, line, function in _FRAME.findall(last[1])]
    return Remote(frames, [f"{how} {words}" for how, words in zip(reversed(links), reversed(texts), strict=True)])
