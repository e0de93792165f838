"""Drawings as an SVG picture, for a page of documentation.

The same effects give the same bytes with the same release of Rich: nothing of this machine, this terminal or this moment is in it.
"""

import re
from collections.abc import Iterable
from io import StringIO

from rich.console import Console

from tocsin.cli.drawing import WIDTH, drawing
from tocsin.core.effects import Effect

_FONT_FACE = re.compile(r"\s*@font-face \{[^}]*\}")


def picture(effects: Iterable[Effect], title: str) -> str:
    """The effects drawn below each other in a window called ``title``, as the text of an SVG file.

    >>> from tocsin.cli.demo import story
    >>> from tocsin import Recording
    >>> recording = Recording()
    >>> report = story().run(interpreter=recording)
    >>> picture(recording.effects, "tocsin demo")[:4]
    '<svg'
    """
    paper = Console(
        file=StringIO(),
        record=True,
        width=WIDTH,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    for effect in effects:
        paper.print(drawing(effect))
    return _FONT_FACE.sub("", paper.export_svg(title=title, unique_id="tocsin"))  # a picture loads nothing from elsewhere
