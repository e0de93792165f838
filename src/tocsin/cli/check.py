"""``tocsin check``: what is configured and from where, who is told of what, and on request whether the ways there are open.

Exit status: 0 where all is well, 1 where there is a fault, each with its remedy.
"""

import os
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tocsin.cli.terminal import coloured, console, literally, say
from tocsin.core.checkup import Finding, announces
from tocsin.core.messages.text import one_line
from tocsin.core.states import KINDS
from tocsin.shell.check.checkup import CheckUp, connected, looked, sent
from tocsin.shell.config.load import here

_PIPED = 10_000  # columns: whoever reads a pipe wants one line a finding


def check(*, connect: bool, send_test: bool) -> int:
    """Look, and say what was found; with ``connect`` and ``send_test`` more is found."""
    paper = console(_PIPED)
    checkup = looked(os.environ, here())
    say(paper, *(literally(_file(place.exists, str(place.path)), "dim") for place in checkup.places), _findings(checkup.findings))
    if checkup.notifiers:
        say(paper, "", _states(checkup))
    found = [*checkup.findings]
    for asked, look in ((connect, connected), (send_test, sent)):
        more = look(checkup) if asked else ()
        found += more
        if more:
            say(paper, "", _findings(more))
    faults = sum(finding.is_fault for finding in found)
    say(paper, "", literally(f"faults: {faults}" if faults else "no fault found"))
    return 1 if faults else 0


def _file(exists: bool, path: str) -> str:  # noqa: FBT001 - it is what the words are about
    return f"{path}{'' if exists else ' (there is none)'}"


def _findings(findings: Iterable[Finding]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        table.add_row(literally("FAULT" if finding.is_fault else "", coloured("#eb0000")), _line(finding.about), _line(finding.what))
        if finding.remedy is not None:
            table.add_row("", "", _line(f"→ {finding.remedy}"))
    return Group(table)


def _line(text: str) -> Text:
    return literally(one_line(text))


def _states(checkup: CheckUp) -> Table:
    """Each kind of state, and whether each notifier tells of it."""
    table = Table.grid(padding=(0, 2))
    table.add_row("state", *checkup.notifiers, style="bold")
    for kind in KINDS:
        said = (announces(notifier, kind) for notifier in checkup.notifiers.values())
        table.add_row(literally(kind.__name__, coloured(kind.color)), *said)
    return table
