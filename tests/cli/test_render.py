"""Effects as people see them."""

from io import BytesIO, TextIOWrapper

import attrs
import pytest
from rich.console import Console

from tests.cli.examples import KEY, effects
from tocsin import Success, Task
from tocsin.cli.demo import picture
from tocsin.cli.render import drawing
from tocsin.core.attachments import Attachment
from tocsin.effects import Bot, CallBack, Effect, PostToSlack, SendEmail, SlackField, SlackMessage


def drawn(effect: Effect, *, coloured: bool = False, encoding: str = "utf-8") -> list[str]:
    """The lines of a drawing of 50 columns, drawn by a console that would obey markup."""
    file = TextIOWrapper(BytesIO(), encoding=encoding)
    console = Console(
        file=file, width=50, color_system="truecolor" if coloured else None, force_terminal=coloured, markup=True, emoji=True
    )
    console.print(drawing(effect))
    file.seek(0)
    return [line.rstrip() for line in file.read().splitlines()]


def post(*fields: SlackField, color: str = "#eb0000", footer: str | None = None) -> PostToSlack:
    """A message with these fields."""
    return PostToSlack("TEAM", SlackMessage("load failed", color, "Failed", "load &amp;lt; &lt;b&gt;", fields, footer=footer), KEY)


def test_a_slack_message() -> None:
    assert drawn(effects()[0]) == [
        "Slack, to the webhook in SLACK_WEBHOOK_URL",
        "load failed after 4 m 12 s: OSError: disk `full`,",
        "& <!channel> [red]said[/red] :smile:",
        "▌ Failed",
        "▌ load is now in a Failed state",
        "▌ https://example.com/runs",
        "▌",
        "▌ Error",
        "▌  OSError: disk `full`, & <!channel>",
        "▌  [red]said[/red] :smile:",
        "▌ Duration                Run id",
        "▌ 4 m 12 s                r1",
        "▌ 2026-01-02 03:04:05 UTC",
        "",
    ]


def test_a_mention_is_drawn_as_slack_shows_it() -> None:
    called = attrs.evolve(post().payload, mentions=("U0123ABCD", "S0123ABCD", "here"))
    assert drawn(attrs.evolve(post(), payload=called))[1] == "@U0123ABCD @S0123ABCD @here load failed"


def test_a_message_without_a_text_has_no_line_for_it() -> None:
    bare = attrs.evolve(post(SlackField("Host", "batch-7", short=True)).payload, text="")
    assert drawn(attrs.evolve(post(), payload=bare))[2:] == ["▌ Failed", "▌", "▌ Host", "▌ batch-7", ""]


def test_files_are_named_with_their_sizes() -> None:
    plot = Attachment("loss [red].png", bytes(12_345), "image/png")
    app = attrs.evolve(post(), bot=Bot("TOKEN", "#ops"), attachments=(plot,))
    assert drawn(app)[-2:] == ["with the file loss [red].png (12 kB)", ""]
    letter = effects()[1]
    assert isinstance(letter, SendEmail)
    sent = attrs.evolve(letter, mail=attrs.evolve(letter.mail, attachments=(plot,)))
    assert "▌ File:    loss [red].png (12 kB)" in drawn(sent)


def test_a_mail() -> None:
    assert drawn(effects()[1]) == [
        "Mail, from the account in EMAIL_USERNAME",
        "▌ Date:    Fri, 02 Jan 2026 03:04:05 +0000",
        "▌ From:    <EMAIL_USERNAME>",
        "▌ To:      <EMAIL_USERNAME>",
        "▌ Cc:      b@example.com",
        "▌ Subject: load failed after 4 m 12 s: OSError:",
        "▌          disk `full`, & <!channel>",
        "▌          [red]said[/red] :smile:",
        "▌",
        "▌ load failed after 4 m 12 s: OSError: disk",
        "▌ `full`, & <!channel> [red]said[/red] :smile:",
        "▌",
        "▌ load is now in a Failed state",
        "▌",
        "▌ Error: OSError: disk `full`, & <!channel>",
        "▌ [red]said[/red] :smile:",
        "▌ Duration: 4 m 12 s",
        "▌ Run id: r1",
        "▌",
        "▌ 2026-01-02 03:04:05 +0000",
        "",
    ]


def test_recipients_of_its_own() -> None:
    mail = effects()[1]
    assert isinstance(mail, SendEmail)
    lines = drawn(attrs.evolve(mail, mail=attrs.evolve(mail.mail, recipients=("a@example.com", "c@example.com"))))
    assert lines[3] == "▌ To:      a@example.com, c@example.com"


def test_a_callback_is_named() -> None:
    assert drawn(CallBack(print, Task("[b]load[/b]"), Success(), KEY)) == ["Call of print for '[b]load[/b]' in Success()", ""]


def short(title: str) -> SlackField:
    """A short field."""
    return SlackField(title, title.lower(), short=True)


def test_short_fields_stand_side_by_side() -> None:
    long = SlackField("Long", "long")
    lines = drawn(post(short("A"), short("B"), short("C"), long, short("D")))[5:-1]
    assert lines == [
        "▌ A                       B",
        "▌ a                       b",
        "▌ C",
        "▌ c",
        "▌ Long",
        "▌ long",
        "▌ D",
        "▌ d",
    ]


def test_escapes_are_undone_once_and_a_lone_fence_is_text() -> None:
    lines = drawn(post(SlackField("F", "````"), SlackField("G", "```&lt;```")))
    assert lines[3] == "▌ load &lt; <b>"
    assert lines[5:9] == ["▌ F", "▌ ````", "▌ G", "▌  <"]


def test_the_footer() -> None:
    assert drawn(post(footer="etl &amp; co"))[-2] == "▌ etl & co"


def test_the_bar_has_the_colour_of_the_state_and_code_has_a_ground() -> None:
    lines = drawn(effects()[0], coloured=True)
    assert all(line.startswith("\x1b[38;2;235;0;0m▌ ") for line in lines[3:-1])
    assert "\x1b[38;2;242;242;242;48;2;69;72;79m" in lines[8]


def test_what_is_no_colour_is_left_out() -> None:
    assert drawn(post(color="red; drop"), coloured=True)[2].startswith("▌ ")


def test_the_bar_where_there_is_nothing_but_ascii() -> None:
    assert drawn(post(), encoding="ascii")[2] == "| Failed"


@pytest.mark.parametrize("noise", ["NO_COLOR", "FORCE_COLOR"])
def test_a_picture_is_the_same_everywhere(monkeypatch: pytest.MonkeyPatch, noise: str) -> None:
    before = picture(effects(), "two messages")
    monkeypatch.setenv(noise, "1")
    monkeypatch.setenv("COLUMNS", "20")
    assert picture(effects(), "two messages") == before
    assert before.startswith("<svg")
    assert "#eb0000" in before
    assert "two&#160;messages" in before or "two messages" in before
    assert "url(http" not in before
