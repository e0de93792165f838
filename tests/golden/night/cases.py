"""The cases: each runs a program that really fails, and returns the messages about it.

- A program runs under the real ``watch``, whose handlers see each change. Only what differs from run to run is then set: the moment,
  the duration, the id of the run, the host and the environment. The message about such a change is made by the real notifiers.
- A line number in a file of the standard library is that of Python 3.11, whatever Python runs.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest

from tests.golden.night.programs import billing, crawl, export, features, feed, loads, notebook, plot, regions, totals, train
from tocsin import Change, Recording, Running, filters, gmail_notifier, interpreting, say, slack_notifier
from tocsin.core.changes import Key
from tocsin.core.delivery.digest import fold
from tocsin.core.delivery.rendering import redacted_message, rerender
from tocsin.core.effects import Effect, Message, PostToSlack, SendEmail
from tocsin.core.endings import Command, outcome
from tocsin.core.events import Detail, Event, Facts, Started
from tocsin.core.machine import Announcement, Run, Subject, announce, propose
from tocsin.core.messages.content import Content
from tocsin.core.notifiers import GmailNotifier, Messenger, Notifier, SlackNotifier
from tocsin.core.progress import Progress, still_running, worded
from tocsin.core.supervisor import Ended
from tocsin.core.text import last_lines, readable

AT = datetime(2026, 2, 3, 3, 0, 7, tzinfo=UTC)
FACTS = Facts("batch-7", "production")
RUN_ID = "5f0c9a31d2e84b76"
PROGRESS_BAR = Path(__file__).parent / "records" / "tqdm.bin"

LINES = {"decoder.py": 355, "subprocess.py": 571}
_LIBRARY = re.compile(r"\b(decoder|subprocess)\.py:\d+")


@attrs.frozen
class Golden:
    """A message on Slack, and as a mail."""

    slack: PostToSlack
    mail: SendEmail


def observed(main: Callable[[Notifier], object], *, when: filters.Filter = filters.everything) -> list[Change]:
    """Run a program, and return the ends of what it watches, if ``when`` passes them. A filter may be asked several times."""
    changes: dict[str, Change] = {}

    def seen(change: Change) -> bool:
        changes[str(change.key())] = change
        return False

    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setenv("TOCSIN_STATE_DIR", folder)
        with suppress(Exception):
            main(slack_notifier(ignore_states=[Running], when=when & filters.where(seen)).notifier)
    return list(changes.values())


def steady(change: Change, took: timedelta, at: datetime = AT) -> Change:
    """Return the change without what differs from run to run."""
    facts = attrs.evolve(change.facts, host=FACTS.host, environment=FACTS.environment)
    return attrs.evolve(change, at=at, run_id=RUN_ID, duration=took, facts=facts)


def message(notifier: Messenger, *changes: Change) -> Message:
    """Return the message about a change, or the digest of several."""
    effects = [effect for change in changes for effect in notifier(change)]
    return redacted_message(fold([effect for effect in effects if isinstance(effect, PostToSlack | SendEmail)]), _of_one_python)


def _of_one_python(text: str) -> str:
    return _LIBRARY.sub(lambda found: f"{found[1]}.py:{LINES[f'{found[1]}.py']}", text)


def golden(*changes: Change, when: filters.Filter = filters.everything) -> Golden:
    """Return what the notifiers say of a change, or of several in a digest."""
    slack, mail = message(SlackNotifier(when=when), *changes), message(GmailNotifier(to=["ops@example.com"], when=when), *changes)
    assert isinstance(slack, PostToSlack)
    assert isinstance(mail, SendEmail)
    return Golden(slack, mail)


def failure_of(main: Callable[[Notifier], object], took: timedelta) -> Golden:
    """Return the message about the last change of a program."""
    return golden(steady(observed(main)[-1], took))


# --- the cases --------------------------------------------------------------------------------------------------------------------


def progress_bar() -> Golden:
    """Return what ``tocsin exec --tail 5`` says of a program with a progress bar."""
    tail = last_lines(readable(PROGRESS_BAR.read_bytes()), 5)
    ended = Ended(status=1, began=0.0, started=0.0, ended=63.2)
    event = outcome(ended, AT, facts=attrs.evolve(FACTS, details=(Detail("Last lines", tail, quoted=True),)))
    subject = Subject(Command("rows.py"), (), RUN_ID, "rows.py", shows_run_id=False)
    started = announced(Run(subject), Started(AT - timedelta(seconds=63.2), None))
    return golden(announced(started.after, event).change)


def announced(run: Run, event: Event) -> Announcement:
    proposed = propose(run, event)
    assert isinstance(proposed, Announcement)
    return proposed


def digest() -> Golden:
    """Return the digest of twelve ends in one minute."""
    ends = observed(loads.main)
    ends = [steady(end, timedelta(seconds=2.5), AT + timedelta(seconds=5 * number)) for number, end in enumerate(ends)]
    return golden(*(attrs.evolve(end, run_id=f"{RUN_ID[:-2]}{number:02}") for number, end in enumerate(ends)))


def recovery() -> Golden:
    """Return the message of the first success after three failures."""
    policy = filters.on_change()
    failed, recovered = observed(feed.main, when=policy)
    assert failed.past.failures == 0
    return golden(steady(recovered, timedelta(seconds=2.5)), when=policy)


def mention() -> Golden:
    """Return the message of a failure that calls a person and those of the channel who are active; a mail calls no one."""
    change = steady(observed(billing.main)[-1], timedelta(seconds=0.8))
    slack, plain = message(SlackNotifier(mention=["U0123ABCD", "here"], title_link=change.facts.link), change), golden(change)
    assert isinstance(slack, PostToSlack)
    return Golden(slack, plain.mail)


def goes_on() -> Golden:
    """Return what is said of a run after two hours, with its progress: 3.2 rows a second up to then."""
    rows = Progress(0, 40_000, 0.0).advanced(23_040, 40_000, 7_200.0)
    handlers = (SlackNotifier(), GmailNotifier(to=["ops@example.com"]))
    subject = Subject(Command("backfill"), handlers, RUN_ID, "backfill", shows_run_id=False)
    started = announced(Run(subject), Started(AT - timedelta(hours=2), None))
    said = announce(announced(started.after, still_running(AT, 7_200.0, worded(rows, 7_200.0), FACTS)))
    return both(said.effects)


def ad_hoc() -> Golden:
    """Return what ``tocsin send "..." --title "disk of db-1" --state failed`` sends."""
    with interpreting(Recording()) as recording:
        handlers = [slack_notifier, gmail_notifier(to=["ops@example.com"])]
        say("97 % of /var is used; the nightly load needs 40 GB", title="disk of db-1", state="failed", state_handlers=handlers)
    return both([_steady_message(effect) for effect in recording.effects if isinstance(effect, PostToSlack | SendEmail)])


def both(effects: Sequence[Effect]) -> Golden:
    slack, mail = effects
    assert isinstance(slack, PostToSlack)
    assert isinstance(mail, SendEmail)
    return Golden(slack, mail)


def _steady_message(sent: Message) -> Message:
    """Return a message without what differs from run to run."""
    assert isinstance(sent.content, Content)
    lines = tuple(attrs.evolve(line, text=FACTS.host or "") if line.title == "Host" else line for line in sent.content.lines)
    content = attrs.evolve(sent.content, at=AT, lines=lines)
    return attrs.evolve(rerender(sent, content, content), key=Key(RUN_ID, sent.key.slug, None, sent.key.ordinal, sent.key.position))


CASES: dict[str, Callable[[], Golden]] = {
    "papermill": lambda: failure_of(notebook.main, timedelta(minutes=4, seconds=12)),
    "task-group": lambda: failure_of(crawl.main, timedelta(seconds=3.2)),
    "subprocess": lambda: failure_of(export.main, timedelta(seconds=41)),
    "memory-error": lambda: failure_of(features.main, timedelta(minutes=17, seconds=3)),
    "nested-groups": lambda: failure_of(regions.main, timedelta(seconds=8.4)),
    "progress-bar": progress_bar,
    "many-notes": lambda: failure_of(train.main, timedelta(hours=2, minutes=31)),
    "table": lambda: failure_of(totals.main, timedelta(seconds=6.4)),
    "plot": lambda: failure_of(plot.main, timedelta(minutes=52, seconds=8)),
    "mention": mention,
    "digest": digest,
    "recovery": recovery,
    "still-running": goes_on,
    "ad-hoc": ad_hoc,
}
"""The cases by the names of their files."""
