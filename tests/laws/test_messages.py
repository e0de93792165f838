"""Laws of messages, for any text and any exception: there is one, within its limits, without markup from users' text."""

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import (
    Change,
    Failed,
    Flow,
    LoggingHandler,
    Recording,
    Running,
    State,
    Success,
    TimedOut,
    gmail_notifier,
    interpreting,
    say,
    signals,
    slack_notifier,
    tell,
    watch,
)
from tocsin.core.effect_json import effect_json
from tocsin.core.effects import PostToSlack, SendEmail
from tocsin.core.events import Detail, Facts
from tocsin.core.messages.content import VERBS, Content, compose, error_of
from tocsin.core.messages.slack import FIELDS_LIMIT, LIMITS, OTHER_LIMIT, TABLES_LIMIT
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.core.states import KINDS
from tocsin.core.text import cut, cut_middle, cut_start, describe, one_line, printable, quote, without_rulers
from tocsin.flows.task import FunctionTask, Task
from tocsin.shell.adapters.mail_mime import mime

HOSTILE = (
    "<!channel> & <https://evil.example|here> <@U1>",
    "`` ` ``` ```` `",
    "</pre><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=?utf-8?q?hello=0D=0ABcc:_x?=",
    "one\r\nBcc: someone@example.com\r\n\r\nbody",
    "NUL \x00, escape \x1b[31m, DEL \x7f, C1 \x9b",
    "lone \ud800 surrogates \udfff",
    "backwards \u202e and \u2066 isolated",
    "&amp; &lt;",
    "{0} {title} %s",
    "*bold* _it_ ~no~ :tada:",
    "",
    "結果は失敗でした",
    "ошибка",
    "x" * 5000,
    "&" * 5000,
    "`" * 5000,
)

texts = st.one_of(
    st.sampled_from(HOSTILE), st.text(st.characters(), max_size=80), st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join)
)


class ReprRaises(Exception):
    """An exception whose repr and text raise."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __str__(self) -> str:
        raise RuntimeError("no str")


class Huge(Exception):
    """An exception whose text is a megabyte long."""

    def __str__(self) -> str:
        return "<&`" * 350_000


def raised(error: Exception) -> Exception:
    """Return the exception with its own traceback."""
    try:
        raise error
    except Exception as caught:
        return caught


errors = st.one_of(
    texts.map(ValueError),
    st.sampled_from([ReprRaises(), Huge(), KeyError(), OSError(2, "no such file")]),
    texts.map(lambda text: raised(RuntimeError(text))),
)


@attrs.frozen
class Job:
    name: str


states: st.SearchStrategy[State] = st.one_of(
    st.builds(lambda kind, text: kind(text), st.sampled_from(KINDS), st.none() | texts),
    st.builds(lambda kind, text, error: kind(text, error), st.sampled_from([Failed, Success]), st.none() | texts, errors),
)

titles = st.sampled_from(["Note", "Last lines", "Command"]) | texts
details = st.one_of(
    st.builds(Detail, titles, texts, st.booleans()),
    st.builds(Detail, titles, texts, st.just(True), st.just(True)),
    st.builds(Detail, titles, texts, st.booleans(), st.just(False), st.just(True)),
)
changes = st.builds(
    Change,
    st.builds(Job, texts),
    st.just(Running()),
    states,
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    texts,
    texts,
    st.none() | st.integers(0, 10**6),
    st.integers(0, 100),
    st.integers(1, 9),
    st.integers(1, 9),
    st.booleans(),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=4000)),
    st.builds(
        Facts,
        st.none() | texts,
        st.none() | texts,
        st.lists(details, max_size=4, unique_by=lambda detail: detail.title).map(tuple[Detail, ...]),
    ),
)


def formatter(text: str) -> object:
    return lambda _: text


formatters = st.one_of(st.none(), texts.map(formatter), st.just(lambda change: change.nothing), st.just(lambda _: 3))
slack_notifiers = st.builds(SlackNotifier, message=formatters, traceback=st.booleans())
gmail_notifiers = st.builds(GmailNotifier, message=formatters, traceback=st.booleans())
WORDS = re.compile("[A-Za-z0-9 -]+")
ENTITY = re.compile("&(amp|lt|gt);")


def strings(value: object) -> Iterator[str]:
    """Yield all strings in a parsed JSON value."""
    match value:
        case str():
            yield value
        case dict() | list():
            for inner in value.values() if isinstance(value, dict) else value:
                yield from strings(inner)
        case _:
            pass


def posted(notifier: SlackNotifier, change: Change) -> PostToSlack:
    effects = notifier(change)
    assert len(effects) == 1
    assert isinstance(effects[0], PostToSlack)
    return effects[0]


def sent(notifier: GmailNotifier, change: Change) -> SendEmail:
    effects = notifier(change)
    assert len(effects) == 1
    assert isinstance(effects[0], SendEmail)
    return effects[0]


def unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@given(slack_notifiers, changes)
def test_slack_takes_the_json_of_any_change(notifier: SlackNotifier, change: Change) -> None:
    payload = posted(notifier, change).payload
    text = payload.to_json()
    assert len(text.encode()) <= 100_000
    parsed = json.loads(text)
    assert json.loads(json.dumps(parsed)) == parsed
    (attachment,) = parsed["attachments"]
    assert attachment["fallback"] == payload.fallback
    assert [field["title"] for field in attachment["fields"]] == [field.title for field in payload.fields]
    assert parsed["unfurl_links"] is False
    assert parsed["unfurl_media"] is False


@given(slack_notifiers, changes)
def test_no_text_of_a_user_is_slack_markup(notifier: SlackNotifier, change: Change) -> None:
    payload = posted(notifier, change).payload
    for text in strings(json.loads(payload.to_json())):
        assert "<" not in text
        assert ">" not in text
        assert "&" not in ENTITY.sub("", text)
    assert payload.mrkdwn_in in {(), ("fields",)}
    ours = {"Duration", "Attempt", "Map index"}
    for field in payload.fields:
        if payload.mrkdwn_in and field.title not in ours and not WORDS.fullmatch(field.value):
            assert field.value.startswith("```")
            assert field.value.endswith("```")
            assert "``" not in field.value[3:-3]
            assert not field.value[3:-3].startswith("`")
            assert not field.value[3:-3].endswith("`")


@given(slack_notifiers, changes)
def test_slack_messages_keep_their_limits(notifier: SlackNotifier, change: Change) -> None:
    payload = posted(notifier, change).payload
    assert len(unescaped(payload.fallback)) <= 200
    assert len(unescaped(payload.text)) <= 300
    total, of_a_table = 0, TABLES_LIMIT if any(detail.tabular for detail in change.facts.details) else 0
    for field in payload.fields:
        bare = unescaped(field.value.removeprefix("```").removesuffix("```")).replace("\u200b", "")
        assert len(bare) <= max(LIMITS.get(field.title, OTHER_LIMIT), of_a_table)
        total += len(bare)
    assert total <= 4000


@given(texts, st.integers(40, 200))
def test_a_cut_is_marked_with_what_is_missing(text: str, limit: int) -> None:
    kept = cut(text, limit)
    assert len(kept) <= limit
    if kept != text:
        marked = re.fullmatch(r"(.*)… \(([\d,]+) more characters\)", kept, re.DOTALL)
        assert marked is not None
        assert text.startswith(marked[1])
        assert len(marked[1]) + int(marked[2].replace(",", "")) == len(text)


@given(texts, st.integers(40, 400))
def test_a_cut_in_the_middle_keeps_both_ends(text: str, limit: int) -> None:
    kept = cut_middle(text, limit)
    assert len(kept) <= limit
    if kept != text:
        marked = re.fullmatch(r"(.*)(?: … |… \(([\d,]+) more characters\) …)(.*)", kept, re.DOTALL)
        assert marked is not None
        head, count, tail = marked.groups()
        assert text.startswith(head)
        assert text.endswith(tail)
        assert min(len(head), len(tail)) >= 12
        assert count is None or len(head) + int(count.replace(",", "")) + len(tail) == len(text)
        assert (count is None) is (limit < 250)


@given(texts, st.integers(40, 400))
def test_a_cut_at_the_start_is_marked_with_what_is_missing(text: str, limit: int) -> None:
    kept = cut_start(text, limit)
    assert len(kept) <= limit
    if kept != text:
        marked = re.fullmatch(r"\(([\d,]+) more characters\) …(.*)", kept, re.DOTALL)
        assert marked is not None
        assert text.endswith(marked[2])
        assert int(marked[1].replace(",", "")) + len(marked[2]) == len(text)


SENTENCE = "the reply of rome was a page of its proxy"
LINES = "\n".join(f"line {number} of the log" for number in range(100))


def test_a_cut_divides_no_word() -> None:
    text = " ".join([SENTENCE] * 20)
    for limit in range(80, 400):
        head, tail = re.split(r" … |… \([\d,]+ more characters\) …", cut_middle(text, limit))
        assert {*head.split(), *tail.split(), *cut_start(text, limit).partition("…")[2].split()} <= {*SENTENCE.split()}


def test_a_cut_divides_no_line() -> None:
    for limit in range(300, 800):
        head, tail = re.split(r"… \([\d,]+ more characters\) …", cut_middle(LINES, limit))
        assert {*head.splitlines(), *tail.lstrip("\n").splitlines()} <= {*LINES.splitlines()}
        assert head.endswith("\n")
        assert tail.startswith("\n")
        assert {*cut_start(LINES, limit).partition("…\n")[2].splitlines()} <= {*LINES.splitlines()}


@given(texts)
def test_no_ruler_is_left(text: str) -> None:
    assert re.search(r"([!-/:-@\[-`{-~])\1{3}", without_rulers(text)) is None
    assert re.sub(r"[\W_]", "", without_rulers(text)) == re.sub(r"[\W_]", "", text)


@given(texts)
def test_printable_text_encodes_and_holds_no_control(text: str) -> None:
    clean = printable(text)
    assert clean.encode().decode() == clean
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", clean)
    assert printable(clean) == clean
    assert one_line(text) == " ".join(re.split(r"\s+", clean)).strip()


@given(errors)
def test_any_exception_can_be_described(error: Exception) -> None:
    assert type(error).__name__ in describe(error)
    assert quote(error)


class Tags(HTMLParser):
    """The tags of a page with their attributes' names, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[tuple[str, ...]] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add((tag, *(name for name, _ in attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


PAGE = Tags()
PAGE.feed(sent(GmailNotifier(), Change(Job("load"), Running(), Failed("m"), datetime(2026, 1, 1, tzinfo=UTC), "r", "s")).mail.html)


@given(gmail_notifiers, changes)
def test_no_text_of_a_user_is_markup_in_a_mail(notifier: GmailNotifier, change: Change) -> None:
    mail, page = sent(notifier, change).mail, Tags()
    page.feed(mail.html)
    assert page.tags == PAGE.tags if change.new.message or error_of(change.new) else page.tags <= PAGE.tags
    assert compose(change).headline in page.text
    assert "http" not in mail.html or "http" in page.text
    assert "<table" not in mail.plain


@given(gmail_notifiers, changes, st.booleans())
def test_a_mail_has_exactly_the_headers_that_we_set(notifier: GmailNotifier, change: Change, copied: bool) -> None:
    effect = sent(attrs.evolve(notifier, cc=["boss@example.com"] if copied else None), change)
    parsed = message_from_bytes(mime(effect.mail, effect.key, "ops@example.com"), policy=policy.default)
    expected = ["Date", "Message-ID", "Auto-Submitted", "From", "To", *(["Cc"] if copied else []), "Subject"]
    assert parsed.keys() == [*expected, "MIME-Version", "Content-Type"]
    assert parsed["From"] == parsed["To"] == "ops@example.com"
    assert len(parsed["Subject"]) <= 200
    assert not parsed.defects
    parts = [part.get_content_type() for part in parsed.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]


@given(st.sampled_from(KINDS), st.integers(0, 3))
def test_a_users_kind_is_worded_like_its_parent(kind: type[State], depth: int) -> None:
    own = kind
    for _ in range(depth):
        own = type("Own", (own,), {"__slots__": ()})
    at = datetime(2026, 1, 1, tzinfo=UTC)
    sentence, expected = (compose(Change(Job("load"), Running(), k("m"), at, "r", "s")).sentence for k in (own, kind))
    assert sentence == expected
    assert next(verb for base in kind.__mro__ if (verb := VERBS.get(base))) in sentence


# --- nothing is said twice, and both ends are read -----------------------------------------------------------------------------------

AT = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN = st.text("abcdefgh ", min_size=4, max_size=40).map(lambda text: f"x{text}y")


def content_of(new: State, name: str = "load") -> Content:
    return compose(Change(Job(name), Running(), new, AT, "r", name, shows_run_id=False))


def derived(error: BaseException) -> list[str | BaseException | None]:
    """Return the messages that say nothing beside the exception."""
    return [None, error, str(error), repr(error), describe(error), f"Unexpected error: {error!r}", "Unexpected error", "Interrupted."]


@given(PLAIN, st.integers(0, 7), st.sampled_from([Failed, TimedOut]))
def test_a_message_that_is_the_exceptions_is_not_said_beside_it(text: str, position: int, kind: type[Failed]) -> None:
    error = ValueError(text)
    content = content_of(kind(derived(error)[position], error))
    assert [line.title for line in content.lines] == ["Error"]
    assert content.sentence.count(one_line(text)) == 1


@given(PLAIN.map("own {}".format), PLAIN, st.booleans())
def test_a_message_of_its_own_is_said_once_beside_the_exception(own: str, text: str, repeats: bool) -> None:
    error = ValueError(text)
    content = content_of(Failed(f"{own}: {error!r}" if repeats else own, error))
    assert [(line.title, line.text) for line in content.lines] == [("Message", own), ("Error", f"ValueError: {text}")]
    assert content.sentence == one_line(f"load failed: {own}: ValueError: {text}")


@given(PLAIN, st.integers(6_000, 300_000), st.booleans())
def test_the_reason_at_the_end_of_a_long_text_is_read(reason: str, length: int, has_error: bool) -> None:
    text = f"RemoteError {'- ' * length}{reason}"
    change = Change(
        Job("load"), Running(), Failed(ValueError(text)) if has_error else Failed(text), AT, "r", "load", shows_run_id=False
    )
    slack, letter = posted(SlackNotifier(), change).payload, sent(GmailNotifier(), change).mail
    for said in (slack.fallback, slack.fields[0].value.removesuffix("```"), letter.subject, letter.plain.split("\n\n")[2]):
        assert "RemoteError" in said
        assert one_line(said).endswith(one_line(reason))
        assert "…" in said or one_line(text) in one_line(said)


LARGE = "x" * 3000
TITLES = [*sorted(LIMITS.keys() - {"Message", "Error"}), "Exit", "Result of the night"]
TABLE = "\n".join(["x" * 50] * 60)
TABLES = [Detail(f"Table {number}", TABLE, quoted=True, tabular=True) for number in range(4)]
LARGEST = Facts(LARGE, LARGE, (*TABLES, *(Detail(title, LARGE, quoted=True) for title in TITLES)))
LARGEST_LIMITS = {**LIMITS, **{table.title: TABLES_LIMIT for table in TABLES}}


@given(st.integers(0, len(LARGEST.details)), texts)
def test_slack_messages_keep_their_limits_with_every_part_at_its_largest(count: int, name: str) -> None:
    error = caught(lambda: fail_with(LARGE))
    facts = attrs.evolve(LARGEST, details=LARGEST.details[:count])
    change = Change(Job(name), Running(), Failed(LARGE, error), AT, LARGE, name, 10**9, 1, 2, 3, False, timedelta(days=4000), facts)
    payload = posted(SlackNotifier(message=lambda _: LARGE, traceback=True), change).payload
    sizes = {field.title: len(unescaped(field.value.removeprefix("```").removesuffix("```"))) for field in payload.fields}
    assert all(size <= LARGEST_LIMITS.get(title, OTHER_LIMIT) for title, size in sizes.items())
    assert sum(sizes.get(table.title, 0) for table in TABLES) <= TABLES_LIMIT
    assert sum(sizes.values()) <= FIELDS_LIMIT
    assert sizes["Duration"] > 5
    assert sizes["Host"] > OTHER_LIMIT / 2


def caught(body: Callable[[], None]) -> Exception:
    """Return what a body raises."""
    try:
        body()
    except Exception as error:
        return error
    raise AssertionError("it raised nothing")


def fail_with(text: str) -> None:
    error = ValueError(text)
    error.add_note(text)
    raise error from KeyError(text)


# --- the same facts give the same message, whatever announces them ------------------------------------------------------------------


def by_watch(body: Callable[[], None]) -> None:
    with watch("job", state_handlers=[slack_notifier(only_states=[Failed, TimedOut])]):
        body()


def by_task(body: Callable[[], None]) -> None:
    Flow("night", tasks=[FunctionTask(body, name="job", state_handlers=[slack_notifier(only_states=[Failed, TimedOut])])]).run()


def by_handler(body: Callable[[], None]) -> None:
    error = caught(body)
    slack_notifier(Task("job"), Running(), TimedOut(None, error) if isinstance(error, TimeoutError) else Failed(error))


def by_tell(body: Callable[[], None]) -> None:
    error = caught(body)
    tell("job", TimedOut(None, error) if isinstance(error, TimeoutError) else Failed(error), state_handlers=[slack_notifier])


def by_log(body: Callable[[], None]) -> None:
    error = caught(body)
    record = logging.LogRecord("job", logging.ERROR, __file__, 3, str(error), (), (type(error), error, None))
    LoggingHandler(state_handlers=[slack_notifier]).handle(record)


def chained() -> None:
    try:
        raise KeyError("users")
    except KeyError as error:
        error.add_note("of today")
        raise RuntimeError("stopped") from error


def grouped() -> None:
    raise ExceptionGroup("two", [TimeoutError("late"), caught(chained)])


def late() -> None:
    raise TimeoutError("late")


@pytest.mark.parametrize("body", [chained, grouped, late])
def test_the_same_exception_gives_the_same_message_whatever_announces_it(body: Callable[[], None]) -> None:
    told: list[tuple[str, str, list[tuple[str, str]]]] = []
    for way in (by_watch, by_task, by_handler, by_tell, by_log):
        with interpreting(Recording()) as recording, suppress(Exception):
            way(body)
        (post,) = recording.slack
        fields = [(field.title, field.value) for field in post.payload.fields if field.title in {"Message", "Error", "Raised at"}]
        told.append((re.sub(r" after [^:]*", "", post.payload.fallback), post.payload.text, fields))
    assert told == told[:1] * 5
    assert [title for title, _ in told[0][2]] == ["Error", "Raised at"]


# --- a command that fails under ``tocsin exec`` --------------------------------------------------------------------------------------
#
# A command has no exception, so its message has neither Error nor Raised at: the cause in the sentence is its exit status, the signal
# that killed it, or its time limit. The same state, told in any other way, makes the same message. These parts alone may differ:
#
# - the duration, which is measured, and which a handler and a log record do not know;
# - the run id, which only exec has, since ``tocsin runs`` finds the run by it;
# - the place of a log record, which only the log has;
# - the last lines of the output, which only exec reads, with ``--tail``. A body that starts a program has them in its exception.


ENDS: list[tuple[list[str], State]] = [
    (["--", "sh", "-c", "exit 3"], Failed("exit status 3")),
    (["--", "sh", "-c", "kill -9 $$"], Failed("killed by SIGKILL")),
    (["--expect", "3", "--", "true"], Failed("exit status 0, which was not expected")),
    (["--timeout", "0.2", "--", "sleep", "60"], TimedOut("it may take 200 ms")),
]
BOTH = [slack_notifier(only_states=[Failed, TimedOut]), gmail_notifier(only_states=[Failed, TimedOut])]


def execute(home: Path, *words: str) -> list[dict[str, object]]:
    """Return the messages of a command, as JSON."""
    account = {
        "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/X",
        "EMAIL_USERNAME": "a@gmail.com",
        "EMAIL_PASSWORD": "xyz",
    }
    measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_PROCESS")}
    seen = subprocess.run(  # noqa: PLW1510 - the messages are what is tested
        [sys.executable, "-m", "tocsin", "exec", "--notify", "print", "--json", "--label", "job", *words],
        env={"PATH": os.environ["PATH"], "HOME": str(home), **account, **measured},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return [json.loads(line) for line in seen.stderr.splitlines() if line.startswith("{")]


def shared(messages: list[dict[str, object]]) -> list[object]:
    """Return the messages without the parts that may differ."""
    whole = json.dumps([[each["sentence"], each["payload"]] for each in messages])
    slack, mail = json.loads(re.sub(r" after (?:less than )?[\d.]+ m?s", "", whole))
    (attachment,) = slack[1]["attachments"]
    attachment["fields"] = [field for field in attachment["fields"] if field["title"] not in {"Duration", "Run id", "Logged"}]
    del attachment["ts"]
    lines = mail[1]["text"].splitlines()
    kept = [line for line in lines if not re.match(r"Duration:|Run id:|Logged:|\d{4}-\d\d-\d\d", line)]
    return [slack, mail[0], mail[1]["subject"], kept, mail[1]["to"]]


def body_that_ends(state: State) -> Callable[[], None]:
    def body() -> None:
        raise signals.FAIL(state.message)

    return body


def ways(state: State) -> dict[str, Callable[[], object]]:
    """Return the ways to announce a state. No signal and no log record without an exception means a time-out."""
    told: dict[str, Callable[[], object]] = {
        "tell": lambda: tell("job", state, duration=timedelta(seconds=2), state_handlers=BOTH),
        "handlers": lambda: [handler(Task("job"), Running(), state) for handler in BOTH],
    }
    if isinstance(state, TimedOut):
        return told
    body = body_that_ends(state)

    def by_watch() -> None:
        with suppress(signals.FAIL), watch("job", state_handlers=BOTH):
            body()

    record = logging.LogRecord("job", logging.ERROR, __file__, 3, str(state.message), (), None)
    return {
        **told,
        "watch": by_watch,
        "task": lambda: Flow("night", tasks=[FunctionTask(body, name="job", state_handlers=BOTH)]).run(),
        "log": lambda: LoggingHandler(state_handlers=BOTH).handle(record),
    }


@pytest.mark.parametrize(("words", "state"), ENDS, ids=[str(state.message) for _, state in ENDS])
def test_a_command_has_the_message_of_its_state(words: list[str], state: State, tmp_path: Path) -> None:
    by_exec = shared(execute(tmp_path, *words))
    for way, announce in ways(state).items():
        with interpreting(Recording()) as recording:
            announce()
        assert shared([effect_json(effect) for effect in recording.effects]) == by_exec, way


def test_what_is_said_of_a_state_has_no_verb_and_else_the_same(tmp_path: Path) -> None:
    by_exec, _, _, mail, _ = shared(execute(tmp_path, "--", "sh", "-c", "exit 3"))
    with interpreting(Recording()) as recording:
        say("exit status 3", title="job", state="failed", state_handlers=BOTH)
    by_hand, _, _, other, _ = shared([effect_json(effect) for effect in recording.effects])
    with_verb = json.dumps([by_exec, mail]).replace("job failed: exit", "job: exit")
    field = json.dumps({"title": "Message", "value": "exit status 3", "short": False})
    assert json.dumps([by_hand, other]) == with_verb.replace(f"{field}, ", "").replace('"Message: exit status 3", ', "")


def test_the_last_words_of_a_program_are_read_in_each_way(tmp_path: Path) -> None:
    program = ["sh", "-c", "echo no rows in users.csv >&2; exit 3"]
    slack, mail = (str(each["payload"]) for each in execute(tmp_path, "--tail", "5", "--", *program))
    with interpreting(Recording()) as recording, suppress(subprocess.CalledProcessError), watch("job", state_handlers=BOTH):
        subprocess.run(program, check=True, capture_output=True)
    by_watch = [str(effect_json(effect)["payload"]) for effect in recording.effects]
    for said in (slack, mail, *by_watch):
        assert "no rows in users.csv" in said
        assert "exit status 3" in said
    assert "'Last lines', 'value': '```no rows in users.csv```'" in slack


# --- what stays of the original's message --------------------------------------------------------------------------------------------


def test_a_message_keeps_the_shape_of_the_original() -> None:
    with interpreting(Recording()) as recording:
        slack_notifier(Task("load"), Running(), Failed("disk full"))
        slack_notifier(Task("load"), Running(), Failed(OSError("disk full")))
    for post, field in zip(recording.slack, ["Message", "Error"], strict=True):
        parsed = json.loads(post.payload.to_json())
        (attachment,) = parsed["attachments"]
        assert parsed["text"].startswith("load failed: ")
        assert (attachment["color"], attachment["title"]) == ("#eb0000", "Failed")
        assert attachment["text"] == "load is now in a Failed state"
        assert attachment["fields"][0]["title"] == field


def test_the_second_task_of_a_name_has_its_number() -> None:
    with interpreting(Recording()) as recording:
        Flow("night", tasks=[FunctionTask(late, name="load", state_handlers=[slack_notifier]) for _ in "ab"]).run()
    assert {post.payload.text.split(" is ")[0] for post in recording.slack} == {"load", "load-2"}
