"""Tests that no output holds a secret's value: no repr, DEBUG log, traceback with its locals, report, dry run or pickle.

The secrets are canaries, values that occur nowhere else. Each test collects as much output as it can, for success and every failure,
and searches all of it.
"""

import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from functools import partial
from typing import BinaryIO

import attrs
import cloudpickle
import pytest

from tests.eventually import eventually
from tests.servers.authority import Authority
from tests.servers.gmail import DROP, GmailServer
from tests.servers.live import live_at
from tests.servers.slack import Reply, SlackServer
from tests.servers.slack_api import SlackApiServer
from tocsin import (
    DryRun,
    Failed,
    Flow,
    Live,
    NotificationFailed,
    Running,
    Task,
    TaskRun,
    WatchedRun,
    current_run,
    flush,
    gmail_notifier,
    interpreting,
    say,
    slack_notifier,
    task,
    watch,
)
from tocsin.adapters import Gmail, SlackWebhook
from tocsin.core.attachments import Attachment
from tocsin.core.changes import Key
from tocsin.core.delivery.fallback import as_mail
from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.machine import StateHandler
from tocsin.core.messages.content import Content
from tocsin.core.messages.slack import slack_message
from tocsin.effects import PostToSlack, Rejected
from tocsin.flows.report import Report
from tocsin.shell.interpreter import execute
from tocsin.shell.redaction import redact
from tocsin.watching import ongoing

pytestmark = pytest.mark.tocsin_live


@attrs.define
class Output:
    """All collected output, and the canaries that must not be in it."""

    canaries: tuple[str, ...]
    texts: list[str] = attrs.field(factory=list[str])

    def add(self, *things: object) -> None:
        """Add a value in each way of printing it."""
        self.texts += [text for thing in things for text in (repr(thing), str(thing), f"{thing}")]

    def add_pickle(self, thing: object) -> None:
        """Add a value as it is pickled."""
        self.texts.append(cloudpickle.dumps(thing).decode("latin-1"))

    def add_error(self, error: BaseException) -> None:
        """Add an exception with its causes, and the locals of all frames outside this file, which holds the canary."""
        for each in chain(error):
            self.add(each, vars(each))
            frames = [step for step in traceback.walk_tb(each.__traceback__) if step[0].f_code.co_filename != __file__]
            self.texts += traceback.StackSummary.extract(iter(frames), capture_locals=True).format()

    def check(self) -> None:
        """Check that there is output, without a canary."""
        text = "\n".join(self.texts)
        assert text
        for canary in self.canaries:
            assert canary not in text


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception, its causes and its contexts, suppressed or not."""
    if error is not None:
        yield error
        yield from chain(error.__cause__)
        yield from chain(error.__context__)


@contextmanager
def collected(*canaries: str) -> Iterator[Output]:
    """Collect all log records at DEBUG from any logger, and all printed text."""
    output, log, printed = Output(canaries), io.StringIO(), io.StringIO()
    handler, root = logging.StreamHandler(log), logging.getLogger()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            yield output
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    output.texts += [log.getvalue(), printed.getvalue()]
    output.check()


def add_report(output: Output, report: Report) -> None:
    output.add(report, report.explain(), report.deliveries, report.changes, report.faults, report.task_states)
    output.add_pickle([delivery.effect for delivery in report.deliveries])
    output.add_pickle([delivery.outcome for delivery in report.deliveries])


def loud_flow() -> Flow:
    return Flow("loud", tasks=[Task("t", state_handlers=[slack_notifier, gmail_notifier])], state_handlers=[slack_notifier])


SLACK_TROUBLE: dict[str, list[Reply]] = {
    "success": [],
    "refused": [Reply(400, "invalid_payload")] * 9,
    "revoked": [Reply(404, "no_service")] * 9,
    "busy": [Reply(429, "", {"Retry-After": "3"})] * 9,
    "broken": [Reply(500, "oops")] * 9,
    "redirect": [Reply(302, "", {"Location": "https://127.0.0.1/elsewhere"})] * 9,
    "closed": [Reply(manner="close")] * 9,
}
GMAIL_TROUBLE = {
    "success": {},
    "no login": {"AUTH": "535 5.7.8 Username and Password not accepted"},
    "full": {"DATA-END": "552 5.3.4 too big"},
    "dropped": {"DATA": DROP},
}


@pytest.mark.parametrize("gmail", GMAIL_TROUBLE)
@pytest.mark.parametrize("slack", SLACK_TROUBLE)
def test_a_flow_keeps_its_secrets(
    slack: str, gmail: str, slack_server: SlackServer, gmail_server: GmailServer, authority: Authority
) -> None:
    slack_server.replies, gmail_server.script = [*SLACK_TROUBLE[slack]], dict(GMAIL_TROUBLE[gmail])
    with collected(slack_server.canary, gmail_server.password) as output, live_at(authority, slack_server, gmail_server) as live:
        report = loud_flow().run(interpreter=live)
        assert bool(report.failures) is (slack != "success" or gmail != "success")
        add_report(output, report)
        output.add(live, live.secrets, live.slack, live.mail, live.secrets.find("SLACK_WEBHOOK_URL"))


def add_all(run: WatchedRun | TaskRun, secret: str) -> None:
    """Add the secret in each way in which a body can add a text."""

    class Unwilling:
        def savefig(self, file: BinaryIO, *, format: str) -> None:  # noqa: A002 - the name is matplotlib's
            raise OSError(secret)

    class Frame:
        columns = ("a",)
        shape = (1, 1)

        def head(self, n: int = 5) -> object:
            return self

        def __len__(self) -> int:
            raise ValueError(secret)

    run.note(secret)
    run.note(f"two\nlines {secret}")
    run.table([{"key": f"{'k' * 30} {secret}", secret: 1}], title=f"Keys {secret}")
    run.table(Frame(), title=secret)
    run.attach(b"content", name=f"{secret}.csv")
    run.attach(f"no/such/{secret}/{secret}.csv")
    run.attach(Unwilling(), name=secret)
    run.link(f"no link {secret}")
    run.link(f"https://example.com/?key={secret}")


def test_what_a_body_adds_keeps_its_secrets(slack_server: SlackServer, gmail_server: GmailServer, authority: Authority) -> None:
    canaries = (slack_server.canary, gmail_server.password)
    handlers = [slack_notifier, gmail_notifier]
    with collected(*canaries) as output, live_at(authority, slack_server, gmail_server) as live:
        for secret in canaries:

            @watch("load", state_handlers=handlers, show_arguments=True)
            def load(path: str) -> None:
                run = current_run()
                assert run is not None
                add_all(run, path)

            @task(state_handlers=handlers)
            def work(secret: str = secret) -> None:
                run = current_run()
                assert run is not None
                add_all(run, secret)

            with interpreting(live):
                load(secret)
            report = Flow("flow", tasks=[work]).run(interpreter=live)
            flush()
            output.add(report, report.explain(), *report.deliveries)
            output.add_pickle([delivery.effect for delivery in report.deliveries])
        bodies = [request.body.decode() for request in slack_server.requests]
        mails = [message_from_bytes(mail.content, policy=policy.default) for mail in gmail_server.mails]
        texts = [part.get_content() for mail in mails for part in mail.walk() if part.get_content_maintype() == "text"]
        output.texts += [*bodies, *texts]
        assert sum("Keys [" in text for text in (*bodies, *texts)) >= 8


SOON = timedelta(milliseconds=100)
CALLING = slack_notifier(only_states=[Failed], mention=["U0123ABCD", "here"])
APP = slack_notifier(token_secret="SLACK_BOT_TOKEN", channel="#ops", mention=["U0123ABCD", "here"])


def run_long(secret: str, handlers: list[StateHandler], reminded: Callable[[], bool]) -> None:
    """Run a body that says the secret in each way, until it was told that the body still runs, and that then fails."""
    with suppress(RuntimeError), watch("load", state_handlers=handlers, still_running=SOON, show_arguments=True) as run:
        run.progress(0, 3)
        add_all(run, secret)
        run.say(f"at {secret}\nof {secret}")
        run.progress(1, 3)
        eventually(reminded)
        error = RuntimeError(f"no answer from {secret}")
        error.add_note(f"asked with {secret}")
        raise error from ExceptionGroup(
            secret, [ValueError(secret), ExceptionGroup(f"in {secret}", [KeyError(secret), OSError(secret)])]
        )
    flush()
    assert run.report is not None


def are_more(server: GmailServer, least: int) -> bool:
    return len(server.mails) >= least


def test_what_a_long_run_says_keeps_its_secrets(slack_server: SlackServer, gmail_server: GmailServer, authority: Authority) -> None:
    canaries = (slack_server.canary, gmail_server.password)
    handlers: list[StateHandler] = [CALLING, gmail_notifier(only_states=[Failed], traceback=True)]
    with collected(*canaries) as output, live_at(authority, slack_server, gmail_server) as live, interpreting(live):
        for secret in canaries:
            live.secrets.find("SLACK_WEBHOOK_URL")
            live.secrets.find("EMAIL_PASSWORD")
            run_long(secret, handlers, partial(are_more, gmail_server, len(gmail_server.mails) + 2))
        bodies = [request.body.decode() for request in slack_server.requests]
        output.texts += [*bodies, *(mail.content.decode() for mail in gmail_server.mails)]
        for words in ("is still running", "<@U0123ABCD> <!here> load failed", "1 of 3", "load: at ["):
            assert any(words in body for body in bodies), words


def test_what_an_app_posts_edits_and_uploads_keeps_its_secrets(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ongoing, "MIN_INTERVAL", 0.05)
    server = SlackApiServer(authority.good)
    slack = SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=authority.bundle, proxies={}, api=server.url)
    live = Live({"SLACK_BOT_TOKEN": server.token}, slack=slack)
    try:
        with collected(server.token) as output, interpreting(live):
            live.secrets.find("SLACK_BOT_TOKEN")
            run_long(server.token, [APP], lambda: any("still running" in str(call.body) for call in server.calls))
            output.texts += [str(call.body) for call in server.calls]
            assert any("Keys [SLACK_BOT_TOKEN]" in str(call.body) for call in server.calls)
            assert any("[SLACK_BOT_TOKEN].csv" in str(call.body) for call in server.calls)
    finally:
        slack.close()
        server.stop()


@pytest.mark.parametrize("mention", ["a-canary-as-a-mention", ["here", "a-canary-as-a-mention"]])
def test_a_secret_in_place_of_a_mention_is_not_repeated(mention: list[str]) -> None:
    with collected("a-canary-as-a-mention") as output:
        with pytest.raises((TypeError, ValueError)) as caught:
            slack_notifier(mention=mention)
        output.add(caught.value, *caught.value.args)


@pytest.mark.parametrize("slack", SLACK_TROUBLE)
def test_what_is_said_keeps_its_secrets(slack: str, slack_server: SlackServer, gmail_server: GmailServer, authority: Authority) -> None:
    slack_server.replies = [*SLACK_TROUBLE[slack]] * 2
    with collected(slack_server.canary, gmail_server.password) as output, live_at(authority, slack_server, gmail_server) as live:
        text = f"posted to {slack_server.url}\nwith {gmail_server.password}"
        live.secrets.find("SLACK_WEBHOOK_URL")
        live.secrets.find("EMAIL_PASSWORD")
        with interpreting(live):
            with watch("load", state_handlers=[slack_notifier(only_states=[Failed]), gmail_notifier(only_states=[Failed])]) as run:
                run.say(text)
            said = say(
                text,
                title=f"load to {slack_server.url}",
                state="failed",
                link=f"https://example.com/?key={gmail_server.password}",
                attach=[f"no/such/{gmail_server.password}.csv", b"content"],
                state_handlers=[slack_notifier, gmail_notifier],
            )
        for report in (run.report, said):
            assert report is not None
            assert len(report.deliveries) == 2
            output.add(report, report.explain(), report.deliveries, [delivery.effect for delivery in report.deliveries])
            output.add_pickle([delivery.effect for delivery in report.deliveries])
    for request in slack_server.requests:
        assert slack_server.canary.encode() not in request.body


def wrong_authority(live: Live) -> Live:
    return Live(
        secrets=live.secrets, slack=SlackWebhook(allowed_hosts=("127.0.0.1",)), mail=Gmail(host="127.0.0.1", port=live.mail.port)
    )


def not_pinned(live: Live) -> Live:
    return attrs.evolve(live, slack=SlackWebhook(), mail=Gmail(host="127.0.0.1", port=9))


@pytest.mark.parametrize("mislead", [wrong_authority, not_pinned, lambda live: live])
def test_a_handler_that_raises_keeps_its_secrets(
    mislead: Callable[[Live], Live], slack_server: SlackServer, gmail_server: GmailServer, authority: Authority
) -> None:
    slack_server.replies, gmail_server.script = [Reply(403, "action_prohibited")], {"AUTH": "535 5.7.8 no"}
    with collected(slack_server.canary, gmail_server.password) as output, live_at(authority, slack_server, gmail_server) as right:
        live = mislead(right)
        for notifier in (slack_notifier, gmail_notifier):
            with interpreting(live), pytest.raises(NotificationFailed) as caught:
                notifier(Task("load"), Running(), Failed("m"))
            output.add_error(caught.value)
            output.add_pickle(caught.value)
            output.add(notifier)
        for connected in (live.slack, live.mail):
            connected.close()


def test_a_dry_run_shows_names_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/canary-in-the-environment")
    monkeypatch.setenv("EMAIL_PASSWORD", "canary-in-the-environment")
    with collected("canary-in-the-environment") as output:
        report = loud_flow().run(interpreter=DryRun())
        add_report(output, report)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/services/T/B/a-canary-in-the-url",
        "https://evil.example/services/T/B/a-canary-in-the-url",
        "https://hooks.slack.com/triggers/T/B/a-canary-in-the-url",
        "https://user:a-canary-in-the-url@hooks.slack.com/services",
        "a-canary-in-the-url",
        "https://[a-canary-in-the-url",
    ],
)
def test_a_wrong_url_is_not_repeated(url: str) -> None:
    with collected("a-canary-in-the-url") as output, interpreting(Live(secrets={"SLACK_WEBHOOK_URL": url})) as live:
        with pytest.raises(NotificationFailed) as caught:
            slack_notifier(Task("load"), Running(), Failed("m"))
        assert isinstance(caught.value.error, Rejected)
        output.add_error(caught.value)
        output.add(live)


def test_an_object_that_holds_a_secret_cannot_be_pickled(slack_server: SlackServer, authority: Authority) -> None:
    with live_at(authority, slack_server) as live:
        for holder in (live, live.secrets.find("SLACK_WEBHOOK_URL")):
            with pytest.raises(TypeError, match="pickle"):
                pickle.dumps(holder)


def test_the_name_of_a_file_is_searched_and_its_bytes_are_in_no_output(slack_server: SlackServer, authority: Authority) -> None:
    file = Attachment(f"{slack_server.canary}.txt", b"a-canary-in-the-bytes", "text/plain")
    at = datetime(2026, 7, 1, 3, tzinfo=UTC)
    content = Content("load", "load failed", "load is over", "Failed", True, "#eb0000", at, (), attachments=(file,))
    post = PostToSlack("SLACK_WEBHOOK_URL", slack_message(content), Key("run", "load", None, 0, 0), None, content, (file,))
    with collected(slack_server.canary, "a-canary-in-the-bytes") as output, live_at(authority, slack_server) as live:
        output.add(
            execute(live, post), execute(DryRun(), post), redacted_message(post, redact), as_mail(redacted_message(post, redact))
        )
        output.texts.append(slack_server.requests[0].body.decode())
    assert "[SLACK_WEBHOOK_URL].txt (21 bytes)" in "\n".join(output.texts)


def test_a_canary_would_be_found() -> None:
    with pytest.raises(ValueError, match="Unterminated") as caught:
        json.loads('{"a-canary-that-sings')
    with pytest.raises(AssertionError), collected("a-canary-that-sings") as output:
        output.add_error(caught.value)
    with pytest.raises(AssertionError), collected("a-canary-that-sings"):
        logging.getLogger("another").debug("%s", "a-canary-that-sings")
