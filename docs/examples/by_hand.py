"""The functional core alone: a foreign job that failed, and what should be said about it. Nothing here acts."""

from datetime import UTC, datetime, timedelta

import attrs

from tocsin import Failed, Run, Subject, events, slack_notifier, step


@attrs.frozen
class Job:
    """Somebody else's job."""

    name: str


noon = datetime(2026, 3, 14, 12, tzinfo=UTC)
notifier = slack_notifier(only_states=[Failed]).notifier
run = Run(Subject(Job("backup"), (notifier,), run_id="r1", slug="backup"))
started = step(run, events.Started(noon)).unwrap()
told = step(started.run, events.Raised(noon + timedelta(minutes=2), error=OSError("no route to host"))).unwrap()
