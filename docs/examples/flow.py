"""A nightly load that fails on its second attempt, too, and tells Slack and a mailbox about it.

Try it without sending anything: ``tocsin run docs/examples/flow.py --notify=print``.
"""

from datetime import timedelta

from tocsin import Failed, Flow, Retrying, filters, gmail_notifier, slack_notifier, task

tell = slack_notifier(only_states=[Failed, Retrying])
wake = gmail_notifier(when=filters.entered(Failed) & filters.final_attempt, to=["oncall@example.com"])


@task(state_handlers=[tell])
def fetch() -> list[str]:
    """The rows of last night."""
    return ["12.50", "7.25", "n/a"]


@task(state_handlers=[tell, wake], max_retries=1, retry_delay=timedelta(seconds=0))
def total(rows: list[str]) -> float:
    """Their sum."""
    return sum(float(row) for row in rows)


with Flow("nightly load", state_handlers=[tell]) as flow:
    total(fetch())
