"""The files of each golden message: Slack's JSON, the mail, its plain text, and the picture for the docs."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.golden.night.cases import Golden
from tocsin.cli.demo import picture
from tocsin.shell.adapters.mail_mime import mime

FOLDER = Path(__file__).parent / "messages"
PICTURES = Path(__file__).parents[3] / "docs" / "images" / "messages"
_MAILED = {"plot"}
"""What is drawn as a mail, since a mail shows more of it."""


def written(name: str, golden: Golden) -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of each file of a case; the picture is the last."""
    yield FOLDER / f"{name}.json", json.dumps(json.loads(golden.slack.payload.to_json()), indent=2, ensure_ascii=False) + "\n"
    mail = golden.mail
    yield FOLDER / f"{name}.eml", mime(mail.mail, mail.key, "account@example.com").decode().replace("\r\n", "\n")
    yield FOLDER / f"{name}.txt", mail.mail.plain
    yield PICTURES / f"{name}.svg", picture([mail if name in _MAILED else golden.slack], name)
