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


Taken = Layer | Problem | tuple[Layer, tuple[Problem, ...]]
"""What a place of the configuration gives."""


def layer(taken: Taken) -> Layer:
    """Assert that a result is a layer without a problem, and return it."""
    found, problems = taken if isinstance(taken, tuple) else (taken, ())
    assert isinstance(found, Layer), found
    assert problems == ()
    return found


def problem(taken: Taken) -> Problem:
    """Assert that a result is one problem, of one line, and return it. Nothing is set beside it."""
    if isinstance(taken, tuple):
        assert taken[0].settings == {}
        (found,) = taken[1]
    else:
        assert isinstance(taken, Problem), taken
        found = taken
    assert "\n" not in str(found)
    return found
