"""The routes of messages in drawings and reports: through an app, or in a digest."""

import json
from io import StringIO
from typing import ClassVar

import attrs
import pytest
from rich.console import Console

from tests.cli.examples import CHANGE, KEY, effects
from tocsin import Flow
from tocsin.cli.render import drawing
from tocsin.cli.report_view import as_json, as_table
from tocsin.core.changes import Key
from tocsin.core.effect_json import effect_json
from tocsin.core.effects import Effect, shown
from tocsin.core.notifiers import SlackNotifier
from tocsin.core.outcomes import Delivered, Outcome
from tocsin.flows.report import Report
from tocsin.shell.report import DeliveryLog

DIGEST = Key("r1", "load.digest", None, 3, 0)


@attrs.frozen(eq=False)
class Scripted:
    """Sends nothing, and answers as it is told."""

    outcomes: list[Outcome]

    notify: ClassVar[str] = "none"

    def __call__(self, _: Effect, /) -> Outcome:
        return self.outcomes.pop(0)


def report(*outcomes: Outcome) -> Report:
    """Of a flow that delivered with these outcomes."""
    log = DeliveryLog(Scripted(list(outcomes)))
    for _ in outcomes:
        log(effects()[0])
    return attrs.evolve(Flow("sums").run(), log=log)


def table(of: Report) -> str:
    file = StringIO()
    Console(file=file, width=200).print(as_table(of))
    return file.getvalue()


def test_an_app_is_drawn_with_its_channel() -> None:
    (effect,) = SlackNotifier(token_secret="OUR_TOKEN", channel="#ops")(CHANGE)
    file = StringIO()
    Console(file=file, width=100).print(drawing(effect))
    assert file.getvalue().startswith("Slack, as the app with the token in OUR_TOKEN, to #ops")
    assert "▌ load is now in a Failed state" in file.getvalue()
    assert shown(effect).startswith("Slack, as the app with the token in OUR_TOKEN, to #ops:\n")


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Delivered(), None),
        (Delivered(in_digest=DIGEST), f"in the digest {DIGEST}"),
        (Delivered(("a@b",), DIGEST), f"in the digest {DIGEST}; refused for a@b"),
        (Delivered(("a@b", "c@d")), "refused for a@b, c@d"),
    ],
)
def test_a_digest_is_named_to_programs(outcome: Outcome, reason: str | None) -> None:
    (delivery,) = json.loads(as_json(report(outcome)))["deliveries"]
    assert delivery == {**effect_json(effects()[0]), "outcome": "delivered", "reason": reason}


def test_those_in_a_digest_are_counted_apart() -> None:
    said = table(report(Delivered(), Delivered(in_digest=DIGEST), Delivered(in_digest=KEY)))
    assert said.endswith("\nnotifications: 1 delivered, 2 delivered in a digest\n")
