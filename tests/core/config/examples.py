"""Values for each key, as TOML has them, and files that set them."""

import tomllib

from hypothesis import strategies as st

from tocsin.core.config.merging import Layer, Setting
from tocsin.core.config.problems import Problem
from tocsin.core.config.schema import TABLE, ConfigKey
from tocsin.core.states import KINDS

SOME: dict[str, list[object]] = {
    "a text of one line": ["production", "a b"],
    "true or false": [True, False],
    "a number of seconds": [3, 0.5],
    "a number from 1 to 65535": [25, 465],
    "a whole number of 1 or more": [1, 100],
    'a list of "slack" and "gmail"': [[], ["slack"], ["gmail", "Slack"]],
    "a list of names of states": [[], *([kind.__name__] for kind in KINDS), ["failed", "Success"]],
}
"""Values for each type of key. Other types use their example."""


def example(key: ConfigKey[object]) -> object:
    """Return the example of a key."""
    return tomllib.loads(f"it = {key.takes.example}")["it"]


def layers(origin: str) -> st.SearchStrategy[Layer]:
    """Return layers that set any of the keys, all with one origin."""
    settings = {
        key.name: st.sampled_from([example(key), *SOME.get(key.takes.words, [])]).map(lambda value: Setting(value, origin))
        for key in TABLE
    }
    return st.fixed_dictionaries({}, optional=settings).map(Layer)


def layer(taken: Layer | Problem) -> Layer:
    """Assert that a result is a layer, and return it."""
    assert isinstance(taken, Layer), taken
    return taken


def problem(taken: object) -> Problem:
    """Assert that a result is a problem in one line, and return it."""
    assert isinstance(taken, Problem), taken
    assert "\n" not in str(taken)
    return taken
