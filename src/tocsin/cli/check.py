"""``tocsin check``: shows the configuration, its faults, and what is notified; on request it tests the connections."""

import os
from collections.abc import Iterable, Sequence

import attrs
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tocsin.cli.stdout import write
from tocsin.cli.terminal import color_style, console, json_line, own_text, plain_text, say
from tocsin.core.diagnosis import Finding, announced_mentions, announced_states, announces
from tocsin.core.notifiers import SlackNotifier
from tocsin.core.states import KINDS
from tocsin.core.text import one_line
from tocsin.shell.check.diagnosis import Diagnosis, diagnose_connections, diagnose_offline, send_test_messages
from tocsin.shell.config.load import here


@attrs.frozen(kw_only=True)
class CheckOptions:
    """The options of ``tocsin check``. ``connect`` and ``send_test`` add their own findings."""

    connect: bool = False
    send_test: bool = False
    states: bool = False
    json: bool = False


def check(options: CheckOptions) -> int:
    """Check, print the findings, and return the exit status."""
    diagnosis = diagnose_offline(os.environ, here())
    if not options.json:
        _say_offline(diagnosis, states=options.states)
    found = [*diagnosis.findings]
    for requested, examine in ((options.connect, diagnose_connections), (options.send_test, send_test_messages)):
        more = examine(diagnosis) if requested else ()
        found += more
        if more and not options.json:
            say(console(), "", _findings(more))
    faults = sum(finding.is_fault for finding in found)
    if options.json:
        write(f"{json_line(_json(diagnosis, found, faults))}\n")
    else:
        say(console(), "", plain_text(f"faults: {faults}" if faults else "no fault found"))
    return 1 if faults else 0


def _say_offline(diagnosis: Diagnosis, *, states: bool) -> None:
    paper = console()
    say(paper, *(plain_text(_file(place.exists, str(place.path)), "dim") for place in diagnosis.places), _findings(diagnosis.findings))
    if diagnosis.notifiers:
        said = ((channel, announced_states(each), announced_mentions(each)) for channel, each in diagnosis.notifiers.items())
        sentences = (f"{channel} announces {states}{mentions and f', and {mentions}'}" for channel, states, mentions in said)
        say(paper, "", *(own_text(sentence) for sentence in sentences))
    if diagnosis.notifiers and states:
        say(paper, "", _states(diagnosis))


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


def _json(diagnosis: Diagnosis, found: Sequence[Finding], faults: int) -> dict[str, object]:
    notifiers = (
        {
            "name": channel,
            "announces": announced_states(notifier),
            "mentions": [*notifier.mention] if isinstance(notifier, SlackNotifier) else [],
            "states": {kind.__name__: announces(notifier, kind) for kind in KINDS},
        }
        for channel, notifier in diagnosis.notifiers.items()
    )
    return {
        "faults": faults,
        "files": [{"path": str(place.path), "exists": place.exists} for place in diagnosis.places],
        "findings": [
            {"about": each.about, "what": one_line(each.what), "remedy": each.remedy, "is_fault": each.is_fault} for each in found
        ],
        "notifiers": list(notifiers),
    }
