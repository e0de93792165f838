"""What the diagrams have in common: fonts, lines, and ink that can be read on a state's colour."""

HEAD = """\
  graph [fontname="Arial", fontsize=13, pad=0.3, nodesep=0.25, ranksep={ranksep}, bgcolor="white", rankdir=LR];
  node [fontname="Arial", fontsize=14, shape=box, style="rounded,filled", penwidth=0, margin="0.16,0.07"];
  edge [fontname="Arial", fontsize=12, color="#5f6b7a", fontcolor="#37414d", arrowsize=0.7];
"""
"""The first lines of a diagram; ``{ranksep}`` is the space between its columns, in inches."""


def ink(color: str) -> str:
    """Black or white, whichever is easier to read on a colour (``#rrggbb``), by the contrast of WCAG 2."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else "#ffffff"
