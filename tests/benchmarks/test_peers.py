"""Messages per second of our handlers and of peers; each does its whole job, from a change to the server's answer.

Most peers load a CA bundle and open a connection for each message; that is part of their time. A peer that is not installed is
skipped; ``tox -e peers`` installs them all.
"""

from collections.abc import Iterator
from operator import attrgetter
from timeit import Timer

import attrs
import pytest

from tests.benchmarks.peers import BY_MAIL, ON_SLACK, Peer
from tests.benchmarks.rates import Sender, compare
from tests.benchmarks.ratios import Rivals
from tests.benchmarks.servers import Served, live, serving
from tocsin import Failed, Pending, Task, gmail_notifier, interpreting, slack_notifier
from tocsin.shell.handlers.currying import ForAll
from tocsin.shell.handlers.gmail import GmailHandler
from tocsin.shell.handlers.slack import SlackHandler

pytestmark = pytest.mark.tocsin_live

Handler = SlackHandler[ForAll] | GmailHandler[ForAll]
CHANGE = (Task("load"), Pending(), Failed("no such table: orders"))


@attrs.frozen
class Contest:
    """Lets a handler of ours and a peer send in turns, and asserts that all messages arrive."""

    rivals: Rivals
    served: Served

    def __call__(self, channel: str, handler: Handler, peer: Peer) -> None:
        if peer.missing:
            pytest.skip(f"{peer.package} is not installed")
        enabled = self.rivals.benchmark.enabled
        timer = Timer("handler(*change)", globals={"handler": handler, "change": CHANGE})
        with live(self.served) as ours, interpreting(ours), peer.sending(self.served.environment()) as seconds:
            sides = Sender(timer.timeit, 50 if enabled else 2), Sender(seconds, peer.calls if enabled else 2)
            before = self.served.received()
            compare(self.rivals, f"{channel}, against {peer}", peer.target, *sides, rounds=peer.rounds)
            assert self.served.received() - before == sum(side.sent for side in sides)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Servers in their own process."""
    with serving(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def contest(rivals: Rivals, served: Served) -> Contest:
    """A contest of ours against a peer."""
    return Contest(rivals, served)


@pytest.mark.parametrize("peer", ON_SLACK, ids=attrgetter("name"))
def test_slack(contest: Contest, peer: Peer) -> None:
    contest("Slack", slack_notifier, peer)


@pytest.mark.parametrize("peer", BY_MAIL, ids=attrgetter("name"))
def test_gmail(contest: Contest, peer: Peer) -> None:
    contest("Gmail", gmail_notifier, peer)
