"""No output of a command shows a secret that a row holds, also if the program that wrote the row did not know it as one."""

from pathlib import Path

import attrs
import pytest

from tests.cli.outbox.filled_outbox import Kept, message
from tests.cli.terminal_session import typed
from tocsin.core.outbox.model import Status
from tocsin.shell.outbox.codec import new_row

CANARY = "CANARY-7f3a9b2c-not-to-be-seen"
WEBHOOK = f"https://hooks.slack.com/services/T000/B000/{CANARY}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["list"],
        ["show", "r1"],
        ["bury", "r1.load..0.0"],
        ["retry", "r1.load..0.0"],
        ["retry", f"no{CANARY}"],
        ["purge", "--older-than=1d", "--status=dead"],
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["people", "programs"])
@pytest.mark.parametrize("body", [None, f'{{"x": "{CANARY}"}}'], ids=["readable", "damaged"])
def test_no_secret_is_seen(tmp_path: Path, kept: Kept, command: list[str], options: list[str], body: str | None) -> None:
    row = new_row(message(0), 0.0)
    row = attrs.evolve(row, destination=f"slack:{CANARY}", body=body or row.body.replace("disk", CANARY))
    kept.put_row(attrs.evolve(row, reason=f"refused by {WEBHOOK}", status=Status.DEAD, ended=1.0, digest=CANARY))
    seen = typed(tmp_path, "outbox", *command, *options, TOCSIN_STATE_DIR=str(kept.path.parent), SLACK_WEBHOOK_URL=WEBHOOK)
    assert seen.out + seen.err != ""
    assert CANARY not in seen.out + seen.err
