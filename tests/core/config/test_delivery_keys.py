"""The settings of delivery and of a Slack app: what they take, and the problems of other values."""

import pytest

from tests.core.config.examples import layer, problem
from tocsin.core.config.merging import merge
from tocsin.core.config.parsing import environment, parse
from tocsin.core.states import Failed, Retrying

CANARY = "xoxb-1234-c4naryc4nary"


def test_what_a_file_sets() -> None:
    text = """
        [slack]
        token_secret = "OUR_TOKEN"
        channel = "C0123ABCD"
        mention = ["U0123ABCD", "S0123ABCD", "here", "U0123ABCD"]
        mention_states = ["failed", "Retrying"]
        [gmail]
        daily = 2000
        [delivery]
        exit_timeout = 2.5
        attempts = 1
        retry_for = 60
        max_queue = 50
        fallback = "GMAIL"
    """
    config = merge(layer(parse(text, "FILE", project=False)))
    assert (config.slack.token_secret, config.slack.channel, config.gmail.daily) == ("OUR_TOKEN", "C0123ABCD", 2000)
    assert (config.slack.mention, config.slack.mention_states) == (("U0123ABCD", "S0123ABCD", "here"), frozenset({Failed, Retrying}))
    delivery = config.delivery
    assert (delivery.exit_timeout, delivery.attempts, delivery.retry_for) == (2.5, 1, 60.0)
    assert (delivery.max_queue, delivery.fallback) == (50, "gmail")


def test_the_same_from_the_environment() -> None:
    variables, problems = environment(
        {
            "TOCSIN_DELIVERY_FALLBACK": "Slack",
            "TOCSIN_DELIVERY_MAX_QUEUE": "7",
            "TOCSIN_GMAIL_DAILY": "3",
            "TOCSIN_SLACK_CHANNEL": "#ops",
            "TOCSIN_SLACK_MENTION": "U0123ABCD, channel",
            "TOCSIN_SLACK_MENTION_STATES": ",",
        }
    )
    config = merge(variables)
    assert problems == ()
    assert (config.delivery.fallback, config.delivery.max_queue, config.gmail.daily, config.slack.channel) == ("slack", 7, 3, "#ops")
    assert (config.slack.mention, config.slack.mention_states) == (("U0123ABCD", "channel"), frozenset())
    assert environment({"TOCSIN_SLACK_MENTION": ","})[0].settings["slack.mention"].value == []


def test_a_projects_file_may_name_whom_a_failure_calls() -> None:
    config = merge(layer(parse('slack.mention = ["here"]', "FILE", project=True)))
    assert (config.slack.mention, config.slack.mention_states) == (("here",), frozenset({Failed}))


TAKES = "takes a list of ids on Slack, here, channel or everyone"
FIND = "write the id that Slack copies from the person's profile ('Copy member ID', such as 'U0123ABCD') or from the user group's"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('slack.mention = "here"', f'{TAKES}; write mention = ["U0123ABCD", "here"]'),
        ('slack.mention = ["here", "@anna"]', f"{TAKES}, and its item 2 is none; {FIND}"),
        ("slack.mention = [3]", f"{TAKES}, and its item 1 is none; {FIND}"),
        ('slack.mention = ["<!here>"]', f"{TAKES}, and its item 1 is none; write 'here'"),
        (f"slack.mention = {[f'U0{at:02}' for at in range(11)]}", 'takes at most 10 ids; write mention = ["U0123ABCD", "here"]'),
    ],
)
def test_what_is_no_mention(text: str, said: str) -> None:
    assert str(problem(parse(text, "FILE", project=True))).startswith(f"FILE:1: slack.mention: {said}")


def test_a_misspelt_mention() -> None:
    found = str(problem(parse("slack.mentions = []", "FILE", project=True)))
    assert found == "FILE:1: slack.mentions: there is no such key; did you mean slack.mention?"
    assert str(problem(parse(f'slack.mention = ["{CANARY}"]', "FILE", project=False))).startswith("FILE:1: this looks like a secret; ")
    _, (said,) = environment({"TOCSIN_SLACK_MENTION": "@anna"})
    assert str(said).startswith(f"TOCSIN_SLACK_MENTION: {TAKES}, and its item 1 is none; {FIND}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *(
            (f"delivery.attempts = {value}", ":1: delivery.attempts: takes a whole number of 1 or more; write attempts = 100")
            for value in ("0", "-1", "1.5", "true", '"6"', "1000000000")
        ),
        ("gmail.daily = 0", ":1: gmail.daily: takes a whole number of 1 or more; write daily = 100"),
        (
            "[delivery]\nexit_timeout = 0",
            ":2: delivery.exit_timeout: takes a number of seconds greater than 0; write exit_timeout = 30",
        ),
        ("delivery.retry_for = 1e10", ":1: delivery.retry_for: takes a number of seconds greater than 0; write retry_for = 30"),
        ("delivery.max_queue = []", ":1: delivery.max_queue: takes a whole number of 1 or more; write max_queue = 100"),
        ("delivery = 3", ":1: delivery: takes a table; write [delivery] on a line, and its keys below it"),
        ("[delivery]\natempts = 3", ":2: delivery.atempts: there is no such key; did you mean delivery.attempts?"),
        ('slack.token_secret = "PATH"', ":1: slack.token_secret: a project's file may name only what has a name like a secret's; "),
        (
            'slack.token_secret = "a b"',
            ":1: slack.token_secret: takes the name of a secret, never the secret itself; write token_secret =",
        ),
        ('slack.channel = "#ops"', ":1: slack.channel: a project's file may not set it; put it into your own tocsin.toml, or set TOC"),
        ('delivery.fallback = "gmail"', ":1: delivery.fallback: a project's file may not set it; put it into your own tocsin.toml"),
    ],
)
def test_a_bad_file_of_a_project(text: str, said: str) -> None:
    assert str(problem(parse(text, "FILE", project=True))).startswith(f"FILE{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('delivery.fallback = "gmial"', ':1: delivery.fallback: takes "slack" or "gmail"; did you mean gmail?'),
        ("delivery.fallback = true", ':1: delivery.fallback: takes "slack" or "gmail"; write fallback = "gmail"'),
        ('slack.channel = "ops"', ':1: slack.channel: takes a channel of Slack\'s: its name, or its id; write channel = "#ops"'),
        ("slack.channel = 3", ':1: slack.channel: takes a channel of Slack\'s: its name, or its id; write channel = "#ops"'),
        (f'slack.token_secret = "{CANARY}"', ":1: this looks like a secret; "),
    ],
)
def test_a_bad_file_of_the_user(text: str, said: str) -> None:
    found = str(problem(parse(text, "FILE", project=False)))
    assert found.startswith(f"FILE{said}")
    assert CANARY not in found


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TOCSIN_DELIVERY_ATTEMPTS", "many", "takes a whole number of 1 or more; write TOCSIN_DELIVERY_ATTEMPTS=100"),
        ("TOCSIN_DELIVERY_FALLBACK", "mail", "takes "),
        (
            "TOCSIN_SLACK_TOKEN_SECRET",
            "1TOKEN",
            "takes the name of a secret, never the secret itself; write TOCSIN_SLACK_TOKEN_SECRET=",
        ),
        ("TOCSIN_SLACK_TOKEN_SECRET", CANARY, "takes the name of a secret, never the secret itself; write TOCSIN_SLACK_TOKEN_SECRET="),
    ],
)
def test_a_bad_variable(variable: str, value: str, said: str) -> None:
    taken, (found,) = environment({variable: value})
    assert str(found).startswith(f"{variable}: {said}")
    assert CANARY not in str(found)
    assert taken.settings == {}


@pytest.mark.parametrize(("old", "new"), [("patience", "exit_timeout"), ("queue", "max_queue")])
def test_an_old_name_is_refused_and_the_new_one_is_named(old: str, new: str) -> None:
    for project in (False, True):
        found = problem(parse(f"[delivery]\n{old} = 5", "FILE", project=project))
        assert str(found) == f"FILE:2: delivery.{old}: there is no such key; it is called delivery.{new} now"
    settings, problems = environment({f"TOCSIN_DELIVERY_{old.upper()}": "5"})
    variable, called = f"TOCSIN_DELIVERY_{old.upper()}", f"TOCSIN_DELIVERY_{new.upper()}"
    assert [str(each) for each in problems] == [f"{variable}: there is no such variable; it is called {called} now"]
    assert not settings.settings
