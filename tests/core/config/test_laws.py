"""Laws of configuration, over any files and layers."""

import re
from itertools import cycle

from hypothesis import example as case
from hypothesis import given
from hypothesis import strategies as st

from tests.core.config.examples import example as of
from tests.core.config.examples import layer, layers
from tocsin.core.config.merging import Layer, Setting, merge
from tocsin.core.config.merging import layer_from as options
from tocsin.core.config.parsing import environment, key_lines, parse
from tocsin.core.config.problems import closest, hint
from tocsin.core.config.schema import DEFAULT, KEYS, SECTIONS, TABLE, ConfigKey, shown, value_of, written
from tocsin.core.config.value_types import SECRET
from tocsin.core.secrets import is_secret_name

CANARY = "C4N4RY7Q2X9AB"  # so like a token that it is not repeated as a key either
NEW = "\n"
NAMES = st.sampled_from([*KEYS, *SECTIONS, "password", "SLACK_WEBHOOK_URL", "slack.token", "dedline"])
NEWLINES = st.sampled_from(["\n", "\r\n", "\n# only = 1\n", "\n\n", " # [slack]\n"])
VALUES = st.sampled_from(
    [
        *(key.takes.example for key in TABLE),
        "1",
        '"x"',
        "[\n1,\n]",
        "[[], [1]] # ]",
        '"""\nonly = 1\n[slack]\n""""',
        "'''\n[''''",
        f'"{CANARY}"',
        f'["{CANARY}"]',
        f'{{ inner = "{CANARY}" }}',
        f"{{ {CANARY} = 1 }}",
        f'"https://hooks.slack.com/services/T0/B0/{CANARY}"',
        f'{{ https = "ftp://{CANARY}" }}',
        f"'{CANARY}'x",
    ]
)
LINES = st.tuples(NAMES, VALUES, NEWLINES).map(lambda three: f"{three[0]} = {three[1]}{three[2]}")
FILES = st.lists(LINES | st.sampled_from(["[slack]\n", "[gmail]\n", "[slak]\n", "[[slack]]\n", f"# {CANARY}\n"]), max_size=6).map(
    "".join
)


@given(layers("the environment"), layers("the project"), layers("the user"))
def test_the_strongest_layer_counts_that_sets_a_key_and_the_origin_says_so(one: Layer, two: Layer, three: Layer) -> None:
    config = merge(one, two, three)
    for key in TABLE:
        settings = [each.settings[key.name] for each in (one, two, three) if key.name in each.settings]
        if settings:
            assert value_of(config, key) == key.takes.check(settings[0].value)
            assert config.origins[key.name] == settings[0].origin
        else:
            assert (value_of(config, key), config.origins[key.name]) == (key.default, DEFAULT)


@given(layers("one"), layers("two"))
def test_nothing_but_the_layers_counts(one: Layer, two: Layer) -> None:
    assert merge(one, two) == merge(one, Layer(), two) == merge(Layer({**two.settings, **one.settings}))


def test_a_value_that_no_check_saw_is_left_to_the_weaker() -> None:
    config = merge(Layer({"only": Setting("all", "a mistake")}), layer(options({"only": ["Failed"]}, "the user")))
    assert config.origins["only"] == "the user"


@given(st.text() | st.binary() | FILES | FILES.map(str.encode), st.booleans())
@case("x = [" * 3000, True)
@case(f"x = {'[' * 2000}", True)
@case(f"x = {'{a=' * 900}", True)
@case(f"x = {'9' * 3900}", True)
@case("x = 2020-13-99", True)
@case(".".join("a" * 1999) + " = 1", True)
def test_any_file_is_a_layer_or_one_line_without_a_value(content: str | bytes, project: bool) -> None:
    taken, problems = parse(content, "FILE", project=project)
    for problem in problems:
        assert re.fullmatch(r"FILE(:\d+)?: [^\n]+; [^\n]+", str(problem))
        assert CANARY not in repr(problem)
    assert len(set(problems)) == len(problems)
    assert problems == () or not taken.settings
    assert set(taken.settings) <= set(KEYS)
    assert "hooks.slack.com/services" not in repr([setting.value for setting in taken.settings.values()])
    assert not project or all(KEYS[name].shared for name in taken.settings)
    assert all(isinstance(SECRET.check(name), str) and (is_secret_name(name) or not project) for name in taken.secrets)


WRONG = st.sampled_from(
    ["deadlin = 3\n", "[slak]\nonly = []\n", "x y = 3\n", "only = 'Failed'\n", "[slack]\ndeadline = soon\n", "only = [[\n", "[slack\n"]
)


@given(st.lists(WRONG, max_size=3), st.lists(WRONG, max_size=3), st.sampled_from(["\n", " # them\n"]), st.booleans())
@case([], ['x = "\n', "# \ud800"], "\n", True)
def test_whatever_is_wrong_with_a_file_its_secrets_stay_known(before: list[str], after: list[str], end: str, project: bool) -> None:
    named = f"[secrets]\nnames = [{end}'API_TOKEN',{end}\"DB_PASSWORD\"{end}]{end}"
    taken, problems = parse("".join([*before, named, *after]), "FILE", project=project)
    kept = merge(taken).secrets.names
    assert {"API_TOKEN", "DB_PASSWORD"} <= set(kept)
    assert bool(problems) is bool(before or after)


def mistake(number: int) -> tuple[str, str]:
    """Return a line that is wrong in the way of this number, and the beginning of what is said of it."""
    return (("dedline = 3", "dedline:"), ("only = 3", "only:"), ("x y = 3", "this is not TOML"), ("[slack", "this is not TOML"))[number]


@given(st.permutations(range(4)))
def test_each_mistake_of_a_file_is_named_once_on_its_line(numbers: list[int]) -> None:
    numbers = sorted(numbers, key=lambda number: number == 3)  # a header takes its table with it
    text = "\n".join(mistake(number)[0] for number in numbers)
    _, problems = parse(text, "FILE", project=False)
    expected = [f"FILE:{line}: {mistake(number)[1]}" for line, number in enumerate(numbers, 1)]
    assert len(problems) == len(expected)
    assert all(str(problem).startswith(said) for problem, said in zip(problems, expected, strict=True))


@given(st.permutations(TABLE), st.lists(NEWLINES, min_size=9, max_size=9), st.sampled_from(["", "\n", "# deadline = 1\r\n", " "]))
def test_each_value_is_said_to_be_on_its_line(keys: list[ConfigKey[object]], ends: list[str], before: str) -> None:
    text, expected, table, end = "", dict[str, str](), "", cycle(ends)
    for key in sorted(keys, key=lambda key: (len(key.path), key.path[0])):
        if len(key.path) > 1 and key.path[0] != table:
            table = key.path[0]
            text += f"[{table}]{next(end)}"
        text += before
        expected[key.name] = f"FILE:{text.count(NEW) + 1}"
        text += f"{key.path[-1]} = {key.takes.example}{next(end)}"
    found = layer(parse(text, "FILE", project=False))
    assert {name: setting.origin for name, setting in found.settings.items()} == expected


def test_a_line_that_is_nowhere_is_the_first() -> None:
    assert key_lines("only = 1").of(("ignore",)) == 1


@given(st.text(max_size=99))
def test_the_nearest_word_is_a_known_one(word: str) -> None:
    assert closest(word, KEYS) in {None, *KEYS}
    assert any(key in hint(word, KEYS) for key in KEYS)


@given(st.sampled_from(sorted(KEYS)), st.data())
def test_one_slip_is_mended(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    near = closest(name[:at] + name[at + 1 :], KEYS)
    assert near is not None
    assert abs(len(near) - len(name)) <= 2


def test_each_key_takes_its_example_from_a_file_and_from_the_environment() -> None:
    for key in TABLE:
        file = merge(layer(parse(f"{key.name} = {key.takes.example}", "FILE", project=False)))
        variables, problems = environment({key.variable: key.takes.spelt})
        assert problems == ()
        assert value_of(merge(variables), key) == value_of(file, key) != None  # noqa: E711 - of any type
        assert merge(variables).origins[key.name] == f"environment variable {key.variable}"
        assert merge(layer(options({key.name: of(key)}))).origins[key.name] == "option"


def test_each_key_is_shown() -> None:
    config = merge()
    for key in TABLE:
        assert (shown(value_of(config, key)) is None) is (key.default is None)
        assert written(config, key)
        assert key.default is not None or written(config, key) == f"({key.absent})"


@given(layers("the user"))
def test_what_is_written_is_what_a_file_would_set(one: Layer) -> None:
    config = merge(one)
    text = "\n".join(f"{name} = {written(config, KEYS[name])}" for name in one.settings)
    again = merge(layer(parse(text, "FILE", project=False)))
    assert all(value_of(config, key) == value_of(again, key) for key in TABLE)


def test_variables_are_told_apart() -> None:
    assert len({key.variable for key in TABLE} | {"TOCSIN_CONFIG", "TOCSIN_NOTIFY"}) == len(TABLE) + 2
