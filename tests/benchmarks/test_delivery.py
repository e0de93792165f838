"""Messages per second over connections that stay open, against the least code that sends them.

Both sides format each message: JSON for a post, the multipart of two texts for a mail. Sending a message formatted in advance is a
second limit, which no real program can reach.
"""

import json
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from http.client import HTTPSConnection
from smtplib import SMTP_SSL
from ssl import SSLContext, create_default_context
from timeit import Timer
from urllib.parse import urlsplit

import attrs
import pytest
from requests import Session

from tests.benchmarks.rates import Rate, Sender, compare
from tests.benchmarks.ratios import Rivals, table
from tests.benchmarks.servers import HOST, Served, live, serving
from tocsin import Failed, Live, Pending, Recording, Task, gmail_notifier, interpreting, slack_notifier
from tocsin.core.effects import Effect, PostToSlack, SendEmail
from tocsin.core.outcomes import Delivered
from tocsin.shell.interpreter import result_of

pytestmark = pytest.mark.tocsin_live

DELIVERED = result_of(Delivered())


@attrs.frozen
class Contest:
    """Lets both sides send in turns, and asserts that all messages arrive."""

    rivals: Rivals
    served: Served
    ours: Live

    def __call__(self, what: str, target: float, effect: Effect, theirs: Callable[[], None]) -> None:
        def mine() -> None:
            assert self.ours(effect) == DELIVERED

        calls = 100 if self.rivals.benchmark.enabled else 2
        sides = Sender(Timer(mine).timeit, calls), Sender(Timer(theirs).timeit, calls)
        before = self.served.received()
        compare(self.rivals, what, target, *sides)
        assert self.served.received() - before == sum(side.sent for side in sides)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Servers in their own process."""
    with serving(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def contest(rivals: Rivals, served: Served) -> Iterator[Contest]:
    """A contest of ours against another sender."""
    with live(served) as ours:
        yield Contest(rivals, served, ours)


@pytest.fixture
def context(served: Served) -> SSLContext:
    """A TLS context that trusts the servers."""
    return create_default_context(cafile=served.bundle)


@pytest.fixture
def smtp(served: Served, context: SSLContext) -> Iterator[SMTP_SSL]:
    """An SMTP connection that is logged in."""
    with SMTP_SSL(HOST, served.port, context=context) as smtp:
        smtp.login(served.username, served.password)
        yield smtp


@pytest.fixture
def post() -> PostToSlack:
    """Return the post for a failure."""
    with interpreting(Recording()) as recording:
        slack_notifier(Task("load"), Pending(), Failed("no such table: orders"))
    (effect,) = recording.effects
    assert isinstance(effect, PostToSlack)
    return effect


@pytest.fixture
def mail() -> SendEmail:
    """Return the mail for a failure."""
    with interpreting(Recording()) as recording:
        gmail_notifier(Task("load"), Pending(), Failed("no such table: orders"))
    (effect,) = recording.effects
    assert isinstance(effect, SendEmail)
    return effect


def letter(mail: SendEmail, sender: str) -> bytes:
    """Format the mail as in the standard library's documentation."""
    message = EmailMessage()
    message["From"] = message["To"] = sender
    message["Subject"] = mail.mail.subject
    message.set_content(mail.mail.plain)
    message.add_alternative(mail.mail.html, subtype="html")
    return message.as_bytes()


def test_slack_against_requests(contest: Contest, served: Served, post: PostToSlack) -> None:
    message: dict[str, object] = json.loads(post.payload.to_json())
    with Session() as session:

        def theirs() -> None:
            assert session.post(served.webhook, json=message, verify=served.bundle).text == "ok"

        contest("Slack, against requests.Session", 0.85, post, theirs)


def test_slack_against_the_standard_library(contest: Contest, served: Served, context: SSLContext, post: PostToSlack) -> None:
    message: dict[str, object] = json.loads(post.payload.to_json())
    where = urlsplit(served.webhook)
    connection = HTTPSConnection(HOST, where.port, context=context)

    def theirs() -> None:
        connection.request("POST", where.path, json.dumps(message), {"Content-Type": "application/json"})
        assert connection.getresponse().read() == b"ok"

    contest("Slack, against http.client, kept open", 0, post, theirs)
    connection.close()


def test_gmail_against_the_standard_library(contest: Contest, served: Served, smtp: SMTP_SSL, mail: SendEmail) -> None:
    def theirs() -> None:
        assert smtp.sendmail(served.username, served.username, letter(mail, served.username)) == {}

    contest("Gmail, against smtplib, kept open", 0.8, mail, theirs)


def test_gmail_against_a_mail_ready_made(contest: Contest, served: Served, smtp: SMTP_SSL, mail: SendEmail) -> None:
    ready = letter(mail, served.username)

    def theirs() -> None:
        assert smtp.sendmail(served.username, served.username, ready) == {}

    contest("Gmail, against the same with a mail ready made", 0, mail, theirs)


def test_of_rates_the_greater_one_is_the_better() -> None:
    rates = [
        Rate("a post", 0.85, [(900, 1000)], "a second"),
        Rate("a mail", 0.8, [(70, 100)], "a second"),
        Rate("both", 0, [(1, 2)], "a second"),
    ]
    ends = [line.split()[-4:] for line in table(rates).splitlines()[2:]]
    assert ends == [["0.90x", ">=", "0.85x", "met"], ["0.70x", ">=", "0.8x", "MISSED"], ["second", "0.50x", "no", "target"]]
