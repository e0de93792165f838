"""Draws the diagrams and the tables of the docs from the code: ``python -m docs.diagrams.draw`` writes them all.

What is drawn is text, and committed: ``.dot`` files for the diagrams, Markdown for the tables. A test holds them to the code.
The ``.svg`` files beside the ``.dot`` files are made by Graphviz's ``dot``, which is needed to draw and not to test.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from docs.diagrams import absent, engines, hostile, kinds, markdown, modules, outbox, reasons, secrets, transitions, trials

HERE = Path(__file__).parent


def drawn() -> Mapping[Path, str]:
    """All that is drawn from the code, by the file that holds it."""
    return {
        HERE / "states.dot": transitions.states(),
        HERE / "classes.dot": kinds.classes(),
        HERE / "outbox.dot": outbox.life(),
        HERE / "modules.dot": modules.packages(),
        HERE / "engines.dot": engines.pipeline(),
        HERE / "tables" / "kinds.md": markdown.kinds_table(),
        HERE / "tables" / "transitions.md": markdown.transitions_table(),
        HERE / "tables" / "slack.md": markdown.slack_table(),
        HERE / "tables" / "gmail.md": markdown.gmail_table(),
        HERE / "tables" / "hostile.md": hostile.hostile_table(),
        HERE / "tables" / "reasons.md": reasons.reasons_table(),
        HERE / "tables" / "outbox.md": outbox.life_table(),
        HERE / "tables" / "secrets.md": secrets.secrets_table(),
        HERE / "tables" / "trials.md": trials.trials_table(),
        HERE / "tables" / "absent.md": absent.absent_table(),
        **{HERE / "tables" / f"engine-{name}.md": engines.events_table(name) for name in engines.ENGINES},
    }


if __name__ == "__main__":
    for path, text in drawn().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if path.suffix == ".dot":
            subprocess.run(["dot", "-Tsvg", f"-o{path.with_suffix('.svg')}", path], check=True)  # noqa: S603, S607 - our own file
