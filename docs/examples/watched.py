"""A nightly load that fails, and tells Slack about it.

Try it without sending anything: ``TOCSIN_NOTIFY=print python docs/examples/watched.py``.
"""

from tocsin import Failed, slack_notifier, watch


@watch("nightly load", state_handlers=[slack_notifier(only_states=[Failed])])
def load(rows: list[str]) -> float:
    """The sum of the rows."""
    return sum(float(row) for row in rows)


if __name__ == "__main__":
    load(["12.50", "7.25", "n/a"])
