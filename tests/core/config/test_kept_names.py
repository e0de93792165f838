"""The names of secrets stay known although the file or the variable that names them cannot be used."""

import pytest

from tocsin.core.config.kept_names import NAMING, named_in_file, named_in_variable
from tocsin.core.config.merging import merge
from tocsin.core.config.parsing import environment, parse
from tocsin.core.config.schema import TABLE


@pytest.mark.parametrize(
    ("text", "own", "projects"),
    [
        ('names = ["DB_PIN", "API_TOKEN"]', "DB_PIN API_TOKEN", "API_TOKEN"),
        ("[secrets]\nnames = [\n  'DB_PIN', # soon\n  'API_TOKEN',\n]\nx = 'PATH'", "DB_PIN API_TOKEN", "API_TOKEN"),
        ('secrets = { keyring = true, "names" = ["DB_PIN"] }', "DB_PIN", ""),
        ("secrets.names = 'DB_PIN'", "DB_PIN", ""),
        ('names = ["DB_PIN", "API_TOKEN"\n[slack]\nwebhook_secret = "TEAM_HOOK"', "DB_PIN API_TOKEN TEAM_HOOK", "API_TOKEN TEAM_HOOK"),
        ('names = [DB_PIN, API_TOKEN, "A_KEY]', "API_TOKEN A_KEY", "API_TOKEN A_KEY"),
        ('names = ["a b", "https://me:API_TOKEN@x", "xoxb-API_TOKEN", "", "A_KEY"]', "A_KEY", "A_KEY"),
        ('token_secret = "A"\noutbox_secret = "B"', "A B", ""),
        ('# names = ["API_TOKEN"]\nhostnames = ["A_KEY"]\nnames', "", ""),
    ],
)
def test_the_names_in_a_file(text: str, own: str, projects: str) -> None:
    assert " ".join(named_in_file(text, project=False)) == own
    assert " ".join(named_in_file(text, project=True)) == projects


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("DB_PIN, not a name!", "DB_PIN"),
        ("DB_PIN;API_TOKEN A_KEY", "API_TOKEN A_KEY"),
        ('["A_KEY", "API_TOKEN"]', "A_KEY API_TOKEN"),
        ("https://hooks.slack.com/services/T0/B0/A_KEY, abcd efgh ijkl mnop, xoxb-A_KEY", ""),
    ],
)
def test_the_names_in_a_variable(text: str, names: str) -> None:
    assert " ".join(named_in_variable(text)) == names


def test_a_bad_variable_keeps_its_names_and_those_of_the_file_stay() -> None:
    variables, (problem,) = environment({"TOCSIN_SECRETS_NAMES": "DB_PIN,not a name"})
    file, _ = parse('secrets.names = ["OTHER"]', "FILE", project=False)
    assert problem.where == "TOCSIN_SECRETS_NAMES"
    assert merge(variables, file).secrets.names == ("OTHER", "DB_PIN")


def test_each_key_with_the_name_of_a_secret_is_searched_for() -> None:
    naming = {key.name for key in TABLE if "secret" in key.takes.words}
    assert naming == {key.name for key in NAMING}
    for name in naming:
        assert named_in_file(f'{name} = "API_TOKEN"', project=True) == ("API_TOKEN",)


@pytest.mark.parametrize("content", [b"# \xff\nsecrets.names = ['API_TOKEN']", "secrets.names = ['API_TOKEN']\n" + "\n" * 70_000])
def test_a_file_that_cannot_be_read_as_text_keeps_them_too(content: str | bytes) -> None:
    layer, (problem,) = parse(content, "FILE", project=True)
    assert problem.where == "FILE"
    assert (layer.settings, layer.secrets) == ({}, ("API_TOKEN",))
