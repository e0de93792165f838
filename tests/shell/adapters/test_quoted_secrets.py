"""A secret that the text of an exception quotes does not appear in the message."""

import pytest

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.live import live_at
from tests.servers.slack import SlackServer
from tocsin import Failed, Running, Task, gmail_notifier, interpreting, slack_notifier

pytestmark = pytest.mark.tocsin_live


def test_slack_does_not_see_its_own_url(authority: Authority, slack_server: SlackServer) -> None:
    with live_at(authority, slack_server) as live, interpreting(live):
        slack_notifier(Task("load"), Running(), Failed(f"POST {slack_server.url} failed"))
    (request,) = slack_server.requests
    assert slack_server.canary.encode() not in request.body
    assert b"POST [SLACK_WEBHOOK_URL] failed" in request.body


def test_nor_does_a_mail_hold_the_password_it_is_sent_with(authority: Authority, gmail_server: GmailServer) -> None:
    with live_at(authority, gmail=gmail_server) as live, interpreting(live):
        gmail_notifier(Task("load"), Running(), Failed(f"login with {gmail_server.password} failed"))
    (mail,) = gmail_server.mails
    assert gmail_server.password.encode() not in mail.content
    assert b"Subject: load failed: login with [EMAIL_PASSWORD] failed" in mail.content
