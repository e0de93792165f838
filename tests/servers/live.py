"""A live interpreter that sends to the test servers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.servers.authority import Authority
from tests.servers.gmail import GmailServer
from tests.servers.slack import SlackServer
from tocsin import Live
from tocsin.adapters import Gmail, SlackWebhook

CLOSED_PORT = 9  # no process listens there


@contextmanager
def live_at(
    authority: Authority, slack: SlackServer | None = None, gmail: GmailServer | None = None, secrets: Mapping[str, str] | None = None
) -> Iterator[Live]:
    """Yield an interpreter for the given servers, with their secrets or with ``secrets``; close its connections afterwards."""
    known = {"SLACK_WEBHOOK_URL": slack.url} if slack else {}
    if gmail:
        known |= {"EMAIL_USERNAME": gmail.username, "EMAIL_PASSWORD": gmail.password}
    live = Live(
        secrets={**known, **(secrets or {})},
        slack=SlackWebhook(allowed_hosts=("127.0.0.1",), ca_bundle=authority.bundle),
        mail=Gmail(host="127.0.0.1", port=gmail.port if gmail else CLOSED_PORT, ca_bundle=authority.bundle),
    )
    yield live
    live.slack.close()
    live.mail.close()
