"""Example messages, and adapters that send to the test servers."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests.servers.gmail import GmailServer
from tests.servers.slack import SlackServer
from tocsin.core.changes import Key
from tocsin.core.messages.email import Mail
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.outcomes import DeliveryError, Receipt
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.slack_webhook import SlackWebhook

KEY = Key("run", "load", None, 0, 0)
MESSAGE = SlackMessage("load failed", "#eb0000", "Failed", "load is now in a Failed state")
MAIL = Mail(
    subject="load failed",
    plain="load is now in a Failed state",
    html="<p>load is now in a Failed state</p>",
    recipients=None,
    at=datetime(2026, 7, 1, 3, 0, tzinfo=timezone(timedelta(hours=2))),
)


def webhook(ca_bundle: Path | None, **timings: float) -> SlackWebhook:
    """Return an adapter that may reach the test servers, and trusts ``ca_bundle``."""
    return SlackWebhook(
        allowed_hosts=("127.0.0.1", "localhost"), ca_bundle=ca_bundle, proxies={}, api="https://slack.com/api/", **timings
    )


def post(slack: SlackWebhook, url: str) -> Receipt | DeliveryError:
    """Post the message to ``url``."""
    return slack.post(Secret("TEAM_WEBHOOK", url), MESSAGE)


def posted(server: SlackServer, ca_bundle: Path, **timings: float) -> Receipt | DeliveryError:
    """Post the message to ``server`` with a new adapter."""
    slack = webhook(ca_bundle, **timings)
    outcome = post(slack, server.url)
    slack.close()
    return outcome


def account(server: GmailServer, ca_bundle: Path | None, **timings: float) -> Gmail:
    """Return an adapter for ``server``."""
    return Gmail(host="127.0.0.1", port=server.port, ca_bundle=ca_bundle, token_hosts=(), **timings)


def send(gmail: Gmail, server: GmailServer, mail: Mail = MAIL) -> Receipt | DeliveryError:
    """Send ``mail`` with the login that ``server`` accepts."""
    return gmail.send(Secret("EMAIL_USERNAME", server.username), Secret("EMAIL_PASSWORD", server.password), mail, KEY)


def sent(server: GmailServer, ca_bundle: Path, mail: Mail = MAIL, **timings: float) -> Receipt | DeliveryError:
    """Send ``mail`` with a new adapter."""
    gmail = account(server, ca_bundle, **timings)
    outcome = send(gmail, server, mail)
    gmail.close()
    return outcome
