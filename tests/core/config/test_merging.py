"""Settings that mean something only together are kept together or dropped, with a problem."""

import attrs
import pytest
from hypothesis import given

from tests.core.config.examples import layer, layers
from tocsin.core.config.merging import Layer, drop_incomplete, merge
from tocsin.core.config.parsing import environment, parse
from tocsin.core.config.schema import DEFAULT

TOKEN, CHANNEL = "slack.token_secret", "slack.channel"


@given(layers("one"), layers("two"))
def test_both_are_there_or_neither_and_nothing_else_is_touched(one: Layer, two: Layer) -> None:
    config = merge(one, two)
    whole, problems = drop_incomplete(config)
    set_ = {name for name in (TOKEN, CHANNEL) if config.origins[name] != DEFAULT}
    assert len(problems) == (len(set_) == 1)
    assert (whole == config) is (not problems)
    assert (whole.slack.token_secret is None) is (whole.slack.channel is None)
    assert drop_incomplete(whole) == (whole, ())
    rest = [Layer({name: each for name, each in was.settings.items() if not problems or name not in set_}) for was in (one, two)]
    assert attrs.evolve(whole, secrets=merge(*rest).secrets) == merge(*rest)
    assert set(whole.secret_names) == set(config.secret_names)  # a dropped name is still that of a secret


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'slack.channel = "#ops"',
            "FILE:1: slack.channel: it means nothing without slack.token_secret; write slack.token_secret ="
            ' "SLACK_BOT_TOKEN" in a tocsin.toml, or set TOCSIN_SLACK_TOKEN_SECRET=SLACK_BOT_TOKEN',
        ),
        (
            '[slack]\ntoken_secret = "OUR_TOKEN"',
            "FILE:2: slack.token_secret: it means nothing without slack.channel; write slack.channel ="
            ' "#ops" in your own tocsin.toml, or set TOCSIN_SLACK_CHANNEL=#ops',
        ),
    ],
)
def test_a_half_in_a_file(text: str, said: str) -> None:
    config, problems = drop_incomplete(merge(layer(parse(text, "FILE", project=False))))
    assert [str(problem) for problem in problems] == [said]
    assert (config.slack, config.origins) == (merge().slack, merge().origins)


@pytest.mark.parametrize("name", ["TOCSIN_SLACK_CHANNEL", "TOCSIN_SLACK_TOKEN_SECRET"])
def test_a_half_in_the_environment(name: str) -> None:
    variables, _ = environment({name: {"TOCSIN_SLACK_CHANNEL": "#ops"}.get(name, "OUR_TOKEN")})
    _, (problem,) = drop_incomplete(merge(variables))
    assert str(problem).startswith(f"{name}: slack.")


def test_the_halves_may_stand_in_two_places() -> None:
    project, own = (
        layer(parse(text, "FILE", project=is_project))
        for text, is_project in (('slack.token_secret = "OUR_TOKEN"', True), ('slack.channel = "C0123ABCD"', False))
    )
    config, problems = drop_incomplete(merge(project, own))
    assert (config.slack.token_secret, config.slack.channel, problems) == ("OUR_TOKEN", "C0123ABCD", ())
