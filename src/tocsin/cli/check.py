"""``tocsin check``: what is configured and from where, who is told of what, and on request whether the ways there are open.

Exit status: 0 where all is well, 1 where there is a fault, each with its remedy.
"""

import os
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tocsin.cli.terminal import color_style, console, plain_text, say
from tocsin.core.diagnosis import Finding, announces
from tocsin.core.messages.text import one_line
from tocsin.core.states import KINDS
from tocsin.shell.check.diagnosis import Diagnosis, diagnose_connections, diagnose_offline, send_test_messages
from tocsin.shell.config.load import here

_PIPED = 10_000  # columns: whoever reads a pipe wants one line a finding


def check(*, connect: bool, send_test: bool) -> int:
    """Look, and say what was found; with ``connect`` and ``send_test`` more is found."""
    paper = console(_PIPED)
    checkup = diagnose_offline(os.environ, here())
    say(paper, *(plain_text(_file(place.exists, str(place.path)), "dim") for place in checkup.places), _findings(checkup.findings))
    if checkup.notifiers:
        say(paper, "", _states(checkup))
    found = [*checkup.findings]
    for asked, look in ((connect, diagnose_connections), (send_test, send_test_messages)):
        more = look(checkup) if asked else ()
        found += more
        if more:
            say(paper, "", _findings(more))
    faults = sum(finding.is_fault for finding in found)
    say(paper, "", plain_text(f"faults: {faults}" if faults else "no fault found"))
    return 1 if faults else 0


def _file(exists: bool, path: str) -> str:  # noqa: FBT001 - it is what the words are about
    return f"{path}{'' if exists else ' (there is none)'}"


def _findings(findings: Iterable[Finding]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        table.add_row(
            plain_text("FAULT" if finding.is_fault else "", color_style("#eb0000")), _line(finding.about), _line(finding.what)
        )
        if finding.remedy is not None:
            table.add_row("", "", _line(f"→ {finding.remedy}"))
    return Group(table)


def _line(text: str) -> Text:
    return plain_text(one_line(text))


def _states(checkup: Diagnosis) -> Table:
    """Each kind of state, and whether each notifier tells of it."""
    table = Table.grid(padding=(0, 2))
    table.add_row("state", *checkup.notifiers, style="bold")
    for kind in KINDS:
        said = (announces(notifier, kind) for notifier in checkup.notifiers.values())
        table.add_row(plain_text(kind.__name__, color_style(kind.color)), *said)
    return table
