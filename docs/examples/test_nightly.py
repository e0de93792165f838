"""Tests of a flow: whom it tells, and of what."""

from tocsin import Failed, Flow, Recording, gmail_notifier, slack_notifier, task
from tocsin.effects import PostToSlack, SendEmail


@task(state_handlers=[slack_notifier(only_states=[Failed]), gmail_notifier(only_states=[Failed], to=["oncall@example.com"])])
def load() -> None:
    """What goes wrong tonight."""
    raise OSError("no route to host")


with Flow("nightly") as flow:
    load()


def test_slack_hears_of_the_failure_and_of_nothing_else(notifications: Recording) -> None:
    flow.run()
    posts = [effect.payload for effect in notifications.effects if isinstance(effect, PostToSlack)]
    assert [post.title for post in posts] == ["Failed"]
    assert posts[0].fallback.endswith("OSError: no route to host")


def test_the_one_on_call_is_woken(notifications: Recording) -> None:
    flow.run()
    mails = [effect.mail for effect in notifications.effects if isinstance(effect, SendEmail)]
    assert [mail.recipients for mail in mails] == [("oncall@example.com",)]
