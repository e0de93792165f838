"""Prometheus's text format, version 0.0.4, for the metrics of the outbox and for those of runs.

The value of a label is hostile: it is escaped, and never cut, since two samples with the same labels would invalidate all samples.
"""

from collections.abc import Iterable

Labels = tuple[tuple[str, str], ...]
Samples = Iterable[tuple[Labels, float]]


def family(name: str, kind: str, text: str, samples: Samples) -> str:
    """Return a metric with its samples. ``kind`` is ``gauge`` or ``counter``, and ``text`` says in one line what it measures.

    >>> print(family("rows", "gauge", "Messages.", [((("to", 'a"b'),), 3.0)]))
    # HELP rows Messages.
    # TYPE rows gauge
    rows{to="a\\"b"} 3
    <BLANKLINE>
    """
    return f"{head(name, kind, text)}{lines(name, samples)}"


def head(name: str, kind: str, text: str) -> str:
    """Return the lines before the samples of a metric, whose ``kind`` may be ``histogram`` too."""
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def lines(name: str, samples: Samples) -> str:
    """Return the samples, a line each."""
    return "".join(f"{name}{_labels(labels)} {_number(value)}\n" for labels, value in samples)


def _labels(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str) -> str:
    """Escape the value of a label: backslash, quote and new line. The format has no other special characters there."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else f"{value:.3f}"
