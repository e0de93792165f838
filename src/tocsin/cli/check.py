"""``tocsin check``: shows the configuration, its faults, and what is notified; on request it tests the connections."""

import os
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tocsin.cli.terminal import color_style, console, plain_text, say
from tocsin.core.diagnosis import Finding, announces
from tocsin.core.states import KINDS
from tocsin.core.text import one_line
from tocsin.shell.check.diagnosis import Diagnosis, diagnose_connections, diagnose_offline, send_test_messages
from tocsin.shell.config.load import here


def check(*, connect: bool, send_test: bool) -> int:
    """Check, print the findings, and return the exit status. ``connect`` and ``send_test`` add their own findings."""
    paper = console()
    diagnosis = diagnose_offline(os.environ, here())
    say(paper, *(plain_text(_file(place.exists, str(place.path)), "dim") for place in diagnosis.places), _findings(diagnosis.findings))
    if diagnosis.notifiers:
        say(paper, "", _states(diagnosis))
    found = [*diagnosis.findings]
    for requested, examine in ((connect, diagnose_connections), (send_test, send_test_messages)):
        more = examine(diagnosis) if requested else ()
        found += more
        if more:
            say(paper, "", _findings(more))
    faults = sum(finding.is_fault for finding in found)
    say(paper, "", plain_text(f"faults: {faults}" if faults else "no fault found"))
    return 1 if faults else 0


def _file(exists: bool, path: str) -> str:  # noqa: FBT001 - a private helper
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


def _states(diagnosis: Diagnosis) -> Table:
    """Return a table of the states and whether each notifier announces them."""
    table = Table.grid(padding=(0, 2))
    table.add_row("state", *diagnosis.notifiers, style="bold")
    for kind in KINDS:
        announced = (announces(notifier, kind) for notifier in diagnosis.notifiers.values())
        table.add_row(plain_text(kind.__name__, color_style(kind.color)), *announced)
    return table
