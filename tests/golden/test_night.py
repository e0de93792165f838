"""The messages about real failures equal the golden files, and each picture in the docs is what the code draws."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from html import unescape
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.golden.night.cases import CASES, PROGRESS_BAR, Golden
from tests.golden.night.files import FOLDER, PICTURES, written
from tocsin.core.text import one_line

PAGE = ROOT / "docs" / "messages.md"
ANEW = "run: python -m tests.golden.night"

pytestmark = pytest.mark.tocsin_live  # a streak is remembered
named = pytest.mark.parametrize("name", CASES)


@cache
def golden(name: str) -> Golden:
    """Return the messages of a case, whose program runs once."""
    return CASES[name]()


def words(svg: str) -> list[str]:
    """Return the texts of a picture, from top to bottom. Their style may differ between releases of Rich."""
    return [unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


@named
def test_a_message_is_as_it_was(name: str) -> None:
    for path, text in written(name, golden(name)):
        kept = path.read_text(encoding="utf-8")
        if path.suffix == ".svg":
            assert words(kept) == words(text), ANEW
        else:
            assert kept == text, ANEW


def test_every_file_is_of_a_case() -> None:
    suffixes = {path.suffix for path in FOLDER.iterdir()}
    assert sorted(FOLDER.iterdir()) == sorted(FOLDER / f"{name}{suffix}" for name in CASES for suffix in suffixes)
    assert sorted(PICTURES.iterdir()) == sorted(PICTURES / f"{name}.svg" for name in CASES)


def test_each_picture_is_on_the_page_once_and_in_order() -> None:
    assert re.findall(r"!\[[^]]+\]\(images/messages/([a-z-]+)\.svg\)", PAGE.read_text(encoding="utf-8")) == list(CASES)


@named
def test_a_sentence_says_what_happened_and_is_the_first_line_of_each_channel(name: str) -> None:
    """The sentence is what a telephone shows at night: on Slack, as the subject of the mail, and as its first line."""
    slack, mail = golden(name).slack, golden(name).mail.mail
    assert slack.content is not None
    sentence = slack.payload.fallback.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert mail.plain.split("\n")[0] == sentence
    assert mail.subject == one_line(sentence)
    assert json.loads(slack.payload.to_json())["text"].endswith(slack.payload.fallback)
    assert len(sentence) <= 200


def test_exec_shows_the_end_of_a_progress_bar_as_the_golden_message_does(tmp_path: Path) -> None:
    program = "import sys; sys.stderr.buffer.write(open(sys.argv[1], 'rb').read()); sys.exit(1)"
    tocsin = [sys.executable, "-m", "tocsin", "exec", "--label", "rows.py", "--tail", "5", "--notify", "print"]
    seen = subprocess.run(
        [*tocsin, "--", sys.executable, "-c", program, PROGRESS_BAR],
        env={**os.environ, "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x", "TOCSIN_STATE_DIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert seen.returncode == 1
    (lines,) = (field.value for field in golden("progress-bar").slack.payload.fields if field.title == "Last lines")
    assert json.dumps(lines) in seen.stderr  # of a preview in a pipe, which is JSON
