"""What a terminal shows: by the control characters and escape sequences of real programs, against the terminal emulator pyte."""

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.screen import CONTROL, shown
from tocsin.core.text import LONGEST, header, one_line, printable, quote, readable

WIDTH, HEIGHT = 120, 30


def emulated(text: str, *, at_bottom: bool = False) -> str:
    """Return what pyte shows, without blanks at the ends of lines and blank lines at the end."""
    screen = pyte.HistoryScreen(WIDTH, HEIGHT, history=1000)
    stream = pyte.Stream(screen)
    if at_bottom:
        screen.cursor.y = HEIGHT - 1
    stream.feed(text.replace("\n", "\r\n"))
    past = ["".join(line[column].data for column in range(WIDTH)) for line in screen.history.top]
    return "\n".join(line.rstrip() for line in (*past, *screen.display)).strip("\n")


def ours(text: str) -> str:
    """Return what tocsin shows, in the same form."""
    return "\n".join(line.rstrip() for line in shown(text).expandtabs().split("\n")).strip("\n")


WRITTEN = st.text("ab c", min_size=1, max_size=5)
ANYWHERE = st.sampled_from([
    "\r", "\n", "\b", "\t", "\a", "\x0f", "\x1b[31m", "\x1b[m", "\x1b(B", "\x1b[?25l", "\x1b]0;title\a", "\x1b]8;;file:x\x1b\\",
    "\x1b[K", "\x1b[0K", "\x1b[1K", "\x1b[2K", "\x1b[J", "\x1b[1J", "\x1b[C", "\x1b[3C", "\x1b[2D", "\x1b[G", "\x1b[5G", "\x1b[2X",
    "\x1b[2a",
])  # fmt: skip
DOWN = st.sampled_from(
    ["\x1b[B", "\x1b[2B", "\x1b[2E", "\x1b[2e", "\x1b[H", "\x1b[2;3H", "\x1b[3;1f", "\x1b[2d", "\x1b[2J", "\x1b[H\x1b[3J"]
)
UP = st.sampled_from(["\x1b[A", "\x1b[2A", "\x1b[2F", "\x1bM"])


@given(st.lists(WRITTEN | ANYWHERE | DOWN, max_size=12).map("".join))
def test_on_a_new_screen_it_is_what_an_emulator_shows(text: str) -> None:
    assert ours(text) == emulated(text)


@given(st.lists(WRITTEN | ANYWHERE | UP, max_size=12).map("".join))
def test_below_other_output_it_is_what_an_emulator_shows(text: str) -> None:
    assert ours(text) == emulated(text, at_bottom=True)


HOSTILE = st.lists(
    st.text(max_size=8) | WRITTEN | ANYWHERE | DOWN | UP | st.sampled_from(["\x1b", "\x1b[", "\x1bP", "\x9b", "\x90", "\x1b7"])
)


@given(HOSTILE.map("".join))
def test_no_control_is_left_and_a_second_time_changes_nothing(text: str) -> None:
    for clean in (shown, printable, one_line):
        once = clean(text)
        assert CONTROL.search(once) is None
        assert clean(once) == once


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\t")))
def test_plain_text_is_unchanged(text: str) -> None:
    assert shown(text) == text
    assert shown(text.replace("\n", "\r\n")) == text


TQDM = "".join(f"\r{done:3}%|{'█' * (done // 10):10}| {done}/100 [00:0{done // 25}<?]" for done in range(0, 101, 25)) + "\n"
NESTED_TQDM = "outer:   0%| |\n\rinner:   0%| |\rinner: 100%|█|\x1b[A\router:  50%| |\n\rinner: 100%|█|\r\x1b[K\x1b[A\router: 100%|█|\n"
PIP = (
    "Collecting attrs\n  Downloading attrs-26.1.0-py3-none-any.whl (67 kB)\n"
    "\x1b[?25l     \x1b[38;5;237m━━━━━━━━\x1b[0m \x1b[32m0.0/67.5 kB\x1b[0m \x1b[31m?\x1b[0m eta \x1b[36m-:--:--\x1b[0m"
    "\r\x1b[2K     \x1b[38;2;114;156;31m━━━━━━━━\x1b[0m \x1b[32m67.5/67.5 kB\x1b[0m \x1b[31m2.1 MB/s\x1b[0m eta \x1b[36m0:00:00\x1b[0m"
    "\r\x1b[2K     \x1b[32m67.5/67.5 kB\x1b[0m\n\x1b[?25hSuccessfully installed attrs-26.1.0\n"
)
CURL = (
    "  % Total    % Received % Xferd  Average Speed\n                                 Dload  Upload\n"
    "\r  0     0    0     0    0     0      0      0"
    "\r 40  1256   40   512    0     0   9000      0\r100  1256  100  1256    0     0  20258      0\n"
    "curl: (22) The requested URL returned error: 404\n"
)
APT = (
    "Setting up cron (3.0pl1) ...\n\x1b7\x1b[0;23r\x1b8\x1b[1A"
    "\x1b7\x1b[24;0f\x1b[42m\x1b[30mProgress: [ 40%]\x1b[49m\x1b[39m [########............] \x1b8\n"
    + "".join(f"Unpacking package {number} ...\n" for number in range(30))
    + "\x1b7\x1b[24;0f\x1b[42m\x1b[30mProgress: [ 80%]\x1b[49m\x1b[39m [################....] \x1b8"
    "E: dpkg returned an error code (1)\n\n\x1b7\x1b[0;24r\x1b8\x1b[1A\x1b[J"
)
DOCKER = (
    "latest: Pulling from library/redis\n"
    "a1: Pulling fs layer\nb2: Pulling fs layer\nc3: Waiting\n"
    "\x1b[2A\x1b[2K\rb2: Downloading [==>   ]  1MB/3MB\r\x1b[2B\x1b[3A\x1b[2K\ra1: Pull complete\r\x1b[3B"
    "\x1b[2A\x1b[2K\rb2: Pull complete\r\x1b[2B\x1b[1A\x1b[2K\rc3: error pulling image\r\x1b[1B"
)
BARS = {
    "tqdm": (TQDM, "100%|██████████| 100/100 [00:04<?]"),
    "tqdm, nested": (NESTED_TQDM, "outer: 100%|█|"),
    "pip": (PIP, "     67.5/67.5 kB\nSuccessfully installed attrs-26.1.0"),
    "curl": (CURL, "100  1256  100  1256    0     0  20258      0\ncurl: (22) The requested URL returned error: 404"),
    "docker pull": (DOCKER, "a1: Pull complete\nb2: Pull complete\nc3: error pulling image"),
    "clear": ("old\n\x1b[H\x1b[2J\x1b[3Jnew\n", "new"),
}


@pytest.mark.parametrize("name", BARS)
def test_of_a_progress_bar_its_last_state_stays(name: str) -> None:
    text, last = BARS[name]
    assert readable(text.encode()).endswith(last)
    assert ours(text) == emulated(text)


def test_a_status_line_aside_is_no_output() -> None:
    seen = readable(APT.encode()).split("\n")
    assert seen[-2:] == ["Unpacking package 29 ...", "E: dpkg returned an error code (1)"]
    assert not any("Progress" in line for line in seen)
    assert shown("\x1b7\x1b[31m12\x1b8ab\x1b[m") == "ab"  # nothing was drawn elsewhere


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("N\bNA\bAM\bME\bE", "NAME"),
        ("page 1\fpage 2\vpage 3", "page 1\npage 2\npage 3"),
        ("\x1bPq#0;2;0;0\n0-\x1b\\picture", "picture"),
        ("\x1bPno end\nsecond line", "\nsecond line"),
        ("\x1b]0;no end\nsecond line", "\nsecond line"),
        ("\x1b^private\x1b\\\x1b_app\x9c\x90device\x9cend", "end"),
        ("\x9b31mred\x9b0m", "red"),
        ("caf\x92s\x7f\x00", "caf\ufffds"),
        ("abc\x1b[2`x", "axc"),
        ("kept\nabcdef\r\x1b[2C\x1b[1J", "\n   def"),
        ("half \x1b[38;5", "half"),
        ("alone \x1b", "alone"),
        ("before\x1bcafter", "after"),
        ("one\x1bEtwo\x1bDthree\x1b=", "one\ntwo\nthree"),
        ("日本 10%\rdone", "done 10%"),
        ("日本\rx", "x 本"),
        ("日本\x1b[3Gx\x1b[2G\x1b[K", ""),
        ("日本\x1b[4G\x1b[K", "日"),
        ("日\tx\rabc\x1b[5G.", "abc .   x"),
        ("e\u0301\u0301\rx", "x"),
        ("\u0301a\x1b[m", "\u0301a"),
        ("shell\x1b[?1049heditor\n\x1b[?1049hmore\x1b[?1049l done\x1b[?47l", "shell done"),
        ("shell\x1b[?1049heditor", "editor"),
        ("a\x1b[sb\x1b[uc\x1b[>1u", "ac"),
        ("a\x1b8b\x1b[5 q\x1b[999999999999999999999mc\x1b[;;;Hd", "dbc"),
        ("abcdef\x1b[99X\r\x1b[3X", "   def"),
        ("\t\x1b[m\tx\r\tX", "\tX       x"),
    ],
)
def test_each_control_is_carried_out(text: str, seen: str) -> None:
    assert shown(text) == seen


HEAVY = [
    "\x1b[m", "\x1bP", "\x90", "\x1b[1K" + "x" * 9, "\x1b[2Kx", "\x1b[2J\n", "\x1b[3J\n", "\x1b[?1049h\x1b[?1049l", "\r\n\r",
    "\x1b[m\u0301", "\x1b[999Cx\n", "\x1b[99999d\n", "\x1b7xxxxxxxx", "\x1b[", "\t\r", "\x1b[999A\x1b[999B", "日\b", "\x1b[1J\n",
]  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("part", HEAVY)
def test_no_text_takes_long_or_becomes_much(part: str) -> None:
    text = "x" * 20_000 + part * (20_000 // len(part))
    assert len(printable(text)) <= max(LONGEST, len(text))  # a quadratic step would take minutes
    assert len(shown("e" + "\u0301" * 20_000 + "\r")) < 100


def test_a_text_of_blanks_is_cut() -> None:
    assert len(printable("\x1b[199Cx\n" * 1_000)) <= LONGEST


def test_a_repr_and_a_header_have_no_sequences() -> None:
    assert quote(ValueError("\x1b[1;31mno rows\x1b[0m\x1b(B")) == "ValueError('no rows')"
    assert quote("\\x1b[31m") == r"'\\x1b[31m'"  # these are characters that a person typed
    assert header("\x1b[31mload\x1b[0m failed\u2028Bcc: x@y.z") == "load failed Bcc: x@y.z"
