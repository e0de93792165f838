"""The table of what was tried against secrets: the kinds and the paths are those of the laws."""

from docs.diagrams.markdown import table
from tests.laws.secret_paths import KINDS, PATHS


def secrets_table() -> str:
    """Each kind of secret, in Markdown, and the paths below it."""
    rows = ((kind.drawn, kind.stood, kind.left) for kind in KINDS)
    return f"{table(('Drawn', 'Where it stood', 'What may be left'), rows)}\nThe paths: {'; '.join(PATHS)}.\n"
