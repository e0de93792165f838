"""What is tried against ``tocsin exec``: the rows of a table in the docs, each a command that runs without and with tocsin.

To try more, add a ``Trial`` to the list of its kind, and run ``python -m docs.diagrams.draw``.
"""

from tests.cli.exec.trials import ends, inherited, places, streams
from tests.cli.exec.trials.trial import Row, Trial

TRIALS: tuple[Trial, ...] = (*inherited.TRIALS, *ends.TRIALS, *streams.TRIALS, *places.TRIALS)
"""All trials, in the order of the table."""

__all__ = ["TRIALS", "Row", "Trial"]
