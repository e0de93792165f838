"""The problems of a bad file, variable or option: where, what, and what to write."""

import pytest

from tests.core.config.examples import layer, problem
from tocsin.core.config.merging import layer_from
from tocsin.core.config.parsing import LONGEST, environment, parse
from tocsin.core.config.schema import shown

SECRET = "this looks like a secret; put it into the environment variable of its name, or into secrets.toml in your own"
CANARY = "c4naryc4nary"
STATES = "takes a list of names of states"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [1\n\n\ny", ':4: this is not TOML; write key = "value", and [slack] before'),
        ("only = ", ":1: this is not TOML; "),
        ('\n\n[slack]\n# so\ndedline = "x"', ":5: slack.dedline: there is no such key; did you mean slack.deadline?"),
        ("[slak]\ndeadline = 3", ":1: slak: there is no such key; did you mean slack?"),
        ("only = []\nxyzzy = 3", ":2: xyzzy: there is no such key; `tocsin config show` lists the keys"),
        ("[slack]\nalowed_hosts = []", ":2: slack.alowed_hosts: there is no such key; did you mean slack.allowed_hosts?"),
        ('"slack.deadline" = 3', ":1: [a key]: there is no such key; did you mean slack.deadline?"),
        ("abcdabcdabcdabcd = 3", ":1: [a key]: there is no such key; "),
        ("slack = 3", ":1: slack: takes a table; write [slack] on a line, and its keys below it"),
        ("\n[[slack]]\ndeadline = 3", ":2: slack: takes a table; "),
        ('only = "Failed"', f':1: only: {STATES}; write only = ["Failed", "Retrying"]'),
        ('only = [\n"Failed",\n"Finnished",\n]', f":1: only: {STATES}, and its item 2 is none; did you mean Finished?"),
        ("only = [3]", f':1: only: {STATES}, and its item 1 is none; write only = ["Failed", "Retrying"]'),
        ('notifiers = ["email"]', ':1: notifiers: takes a list of "slack" and "gmail", and its item 1 is none; did you mean gmail?'),
        ("traceback = 1", ":1: traceback: takes true or false; write traceback = true"),
        ('environment = "a\\nb"', ":1: environment: takes a text of one line, 200 characters at most; write environment"),
        ('[slack]\ndeadline = "3"', ":2: slack.deadline: takes a number of seconds greater than 0; write deadline = 30"),
        ("slack.deadline = nan", ":1: slack.deadline: takes a number of seconds greater than 0; write deadline = 30"),
        ("slack = { deadline = true }", ":1: slack.deadline: takes a number of seconds greater than 0; "),
        ('[slack]\ntitle_link = "ftp://x"', ":2: slack.title_link: takes an http(s) URL; write title_link ="),
        (
            'slack.webhook_secret = "a b"',
            ":1: slack.webhook_secret: takes the name of a secret, never the secret itself; write webhook_s",
        ),
        (
            'secrets.names = ["a b"]',
            ":1: secrets.names: takes a list of names of secrets, never the secrets themselves, and its item 1",
        ),
        (
            '[gmail]\nhost = "x"',
            ":2: gmail.host: a project's file may not set it; put it into your own tocsin.toml, or set TOCSIN_GMAIL_HO",
        ),
        (
            "secrets.keyring = true",
            ":1: secrets.keyring: a project's file may not set it; put it into your own tocsin.toml, or set TOCS",
        ),
        (
            '[gmail]\nto = ["them@example.com"]',
            ":2: gmail.to: a project's file may not set it; put it into your own tocsin.toml, or set TOCSIN_GMAIL_TO",
        ),
        (
            '[gmail]\ncc = ["them@example.com"]',
            ":2: gmail.cc: a project's file may not set it; put it into your own tocsin.toml, or set TOCSIN_GMAIL_CC",
        ),
        (
            'secrets.names = ["API_TOKEN", "PATH"]',
            ":1: secrets.names: a project's file may name only what has a name like a secret's; call it like TEAM_WEBHOOK or"
            " DATABASE_PASSWORD, put it into your own tocsin.toml, or set TOCSIN_SECRETS_NAMES",
        ),
        ('slack.webhook_secret = "HOME"', ":1: slack.webhook_secret: a project's file may name only what has a name like a secret's; "),
        (b"\xff", ": this is not a text in UTF-8; save it as UTF-8"),
        ("x" * (LONGEST + 1), ": this is longer than 64 KiB, or has a line of more than 4,000 characters; shorten it"),
        ("x" * 4001, ": this is longer than 64 KiB, or has a line of more than 4,000 characters; shorten it"),
    ],
)
def test_a_bad_file_of_a_project(text: str | bytes, said: str) -> None:
    assert str(problem(parse(text, "FILE", project=True))).startswith(f"FILE{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[gmail]\nhost = "a/b"', ":2: gmail.host: takes the name of a host, without a scheme or a port; write host ="),
        ('gmail.to = ["x"]', ':1: gmail.to: takes a list of 1 to 100 mail addresses; write to = ["ops@example.com"]'),
        ("[gmail]\nport = 65536", ":2: gmail.port: takes a number from 1 to 65535; write port = 465"),
        (
            'slack.allowed_hosts = ["a", "b:1"]',
            ":1: slack.allowed_hosts: takes a list of names of hosts, and its item 2 is none; write",
        ),
        ('slack.allowed_hosts = "a"', ":1: slack.allowed_hosts: takes a list of names of hosts; write allowed_hosts = ["),
        ('slack.ca_bundle = "ca.pem"', ':1: slack.ca_bundle: takes the whole path of a file; write ca_bundle = "/etc/ssl/'),
        ('slack.proxies = "http://x"', ":1: slack.proxies: takes a table of http:// proxies by scheme; write proxies ="),
        ('slack.proxies = { https = "socks5://x" }', ":1: slack.proxies: takes a table of http:// proxies by scheme; write"),
    ],
)
def test_a_bad_file_of_the_user(text: str, said: str) -> None:
    assert str(problem(parse(text, "FILE", project=False))).startswith(f"FILE{said}")


@pytest.mark.parametrize("project", [True, False])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f'\nSLACK_WEBHOOK_URL = "{CANARY}"', 2),
        (f'EMAIL_PASSWORD = "{CANARY}"', 1),
        (f'EMAIL_USERNAME = "{CANARY}"', 1),
        (f'[gmail]\npassword = "{CANARY}"', 2),
        (f'[slack]\nwebhook_url = "{CANARY}"', 2),
        (f'[secrets]\nTEAM_TOKEN = "{CANARY}"', 2),
        (f'[other]\napi-key = "{CANARY}"', 1),
        (f'secret = "{CANARY}"', 1),
        (f"only = []\n# https://hooks.slack.com/services/T0/B0/{CANARY}", 2),
        (f'[slack]\ntitle_link = "https://hooks.slack.com/services/T0/B0/{CANARY}"', 2),
        (f'[slack]\ntitle_link = "https://hooks.slack.com\\u002fservices/T0/B0/{CANARY}"', 2),
        (f'[slack]\ntitle_link = "https://proxy.example/services/T0AB/B0CD/{CANARY}"', 2),
        (f'x = [[{{ a = "xoxb-{CANARY}" }}]]', 1),
        ('environment = "abcd efgh ijkl mnop"', 1),
    ],
)
def test_what_looks_like_a_secret_is_refused_and_not_repeated(text: str, line: int, project: bool) -> None:
    said = str(problem(parse(text, "FILE", project=project)))
    assert said.startswith(f"FILE:{line}: {SECRET}")
    assert CANARY not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[slack]\ndedline = 3\ndeadline = 'x'\n[gmail]\nprot = 3", ["2: slack.dedline", "3: slack.deadline", "5: gmail.prot"]),
        ('only = ["Failed"\nfoo = 3\n[slack]\nfoo = 3', ["1: this is not TOML", "2: foo", "4: slack.foo"]),
        ('only = "Failed\nignore = []\n[slack]\ndeadline = 3s\n[slack]\nfoo = 3', ["1: this is not TOML", "4: this", "5: this"]),
        ("[slack\nfoo = 3\n[gmail]\nx y = 3\nfoo = 3", ["1: this is not TOML", "4: this is not TOML", "5: gmail.foo"]),
        ("# xoxb-1x\nonly = 3\n# xoxb-2x", ["1: this looks like a secret", "2: only", "3: this looks like a secret"]),
        ("secrets.names = [\n'xoxb-1x',\n'xoxb-2x',\n]\nfoo = 3", ["2: this looks", "3: this looks", "5: foo"]),
        ('x = """\nonly = 3', ["1: this is not TOML", "2: only"]),
        ("foo = 3\nd = 2020-13-99\nfoo = 3", ["1: foo", "2: this is not TOML", "3: this is not TOML"]),
        ("\x00\nfoo = 3", ["1: this is not TOML", "2: foo"]),
    ],
)
def test_all_that_is_wrong_with_a_file_is_named_once(text: str, said: list[str]) -> None:
    layer, problems = parse(text, "FILE", project=False)
    assert len(problems) == len(said)
    assert [str(each) for each, wanted in zip(problems, said, strict=True) if not str(each).startswith(f"FILE:{wanted}")] == []
    assert layer.settings == {}


@pytest.mark.parametrize("text", ["a = 1\n" * 500, "".join(f"a{number} = 1\n" for number in range(500)), "[\n" * 500])
def test_of_very_many_mistakes_the_first_are_named(text: str) -> None:
    _, problems = parse(text, "FILE", project=False)
    assert str(problems[-1]) == "FILE: there may be more mistakes in it; correct these first"
    assert 10 < len(problems) <= 101


def test_the_names_of_secrets_may_stand_in_a_projects_file() -> None:
    text = 'slack.webhook_secret = "TEAM_WEBHOOK_URL"\nsecrets.names = ["DATABASE_PASSWORD", "API_TOKEN"]'
    assert set(layer(parse(text, "FILE", project=True)).settings) == {"slack.webhook_secret", "secrets.names"}


NO_SECRETS = (
    "PATH HOME USER LOGNAME SHELL PWD OLDPWD TERM LANG LC_ALL TZ TMPDIR DISPLAY EDITOR PAGER HOSTNAME MAIL SSH_AUTH_SOCK XAUTHORITY"
    " LD_LIBRARY_PATH LD_PRELOAD PYTHONPATH PYTHONSAFEPATH VIRTUAL_ENV XDG_CONFIG_HOME XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS"
    " HTTPS_PROXY NO_PROXY SSL_CERT_FILE REQUESTS_CA_BUNDLE GIT_SSH_COMMAND NODE_ENV JAVA_HOME KUBECONFIG DOCKER_HOST CI"
)


@pytest.mark.parametrize("name", NO_SECRETS.split())
def test_a_projects_file_does_not_make_a_secret_of_what_programs_need(name: str) -> None:
    for text in (f'slack.webhook_secret = "{name}"', f'secrets.names = ["{name}"]', f'secrets.names = ["{name.lower()}"]'):
        assert "a project's file may name only what has a name like a secret's" in str(problem(parse(text, "FILE", project=True)))
        assert len(layer(parse(text, "FILE", project=False)).settings) == 1


@pytest.mark.parametrize(
    "name",
    [
        "TEAM_WEBHOOK",
        "SLACK_URL",
        "DATABASE_URL",
        "MONGODB_URI",
        "SENTRY_DSN",
        "AWS_SECRET_ACCESS_KEY",
        "PGPASSWORD",
        "GITHUB_PAT",
        "db-passwd",
    ],
)
def test_a_projects_file_may_name_what_is_called_as_secrets_are(name: str) -> None:
    assert len(layer(parse(f'secrets.names = ["{name}"]', "FILE", project=True)).settings) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TOCSIN_ENV", f"https://hooks.slack.com/services/T0/B0/{CANARY}"),
        ("TOCSIN_ENV", f"xoxb-{CANARY}"),
        ("TOCSIN_ENV", "abcd efgh ijkl mnop"),
        ("TOCSIN_SLACK_TITLE_LINK", f"https://hooks.slack.com/services/T0/B0/{CANARY}"),
        ("TOCSIN_SLACK_PROXIES", f"https=http://hooks.slack.com/services/T0/B0/{CANARY}"),
    ],
)
def test_what_looks_like_a_secret_is_refused_in_a_variable_too(variable: str, value: str) -> None:
    layer, (problem,) = environment({variable: value, "TOCSIN_IGNORE": "Skipped"})
    assert str(problem).startswith(f"{variable}: {SECRET}")
    assert CANARY not in str(problem)
    assert set(layer.settings) == {"ignore"}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TOCSIN_ONLY", "Failed,Finnished", "takes a list of names of states, and its item 2 is none; did you mean Finished?"),
        ("TOCSIN_ONLY", '"Failed"', "it stands in quotation marks; write it without them, which docker's --env-file would keep"),
        ("TOCSIN_ONLY", '"Failed","Aborted"', "it stands in quotation marks; "),
        ("TOCSIN_ENV", "'production'", "it stands in quotation marks; "),
        ("TOCSIN_SLACK_CA_BUNDLE", "\u201c/etc/ca.pem\u201d", "it stands in quotation marks; "),
        ("TOCSIN_TRACEBACK", "yes", "takes true or false; write TOCSIN_TRACEBACK=true"),
        ("TOCSIN_SLACK_DEADLINE", "soon", "takes a number of seconds greater than 0; write TOCSIN_SLACK_DEADLINE=30"),
        ("TOCSIN_GMAIL_PORT", "smtp", "takes a number from 1 to 65535; write TOCSIN_GMAIL_PORT=465"),
        ("TOCSIN_SLACK_PROXIES", "http://x:y@z", "takes a table of http:// proxies by scheme; write TOCSIN_SLACK_PROXIES=https="),
        (
            "TOCSIN_SLACK_WEBHOOK_SECRET",
            f"https://hooks.slack.com/services/T0/B0/{CANARY}",
            "takes the name of a secret, never the secret itself; write TOCSIN_SLACK_WEBHOOK_SECRET=TEAM_WEBHOOK",
        ),
    ],
)
def test_a_bad_variable_is_left_out(variable: str, value: str, said: str) -> None:
    layer, (problem,) = environment({variable: value, "TOCSIN_IGNORE": "Skipped"})
    assert str(problem).startswith(f"{variable}: {said}")
    assert CANARY not in str(problem)
    assert set(layer.settings) == {"ignore"}


@pytest.mark.parametrize(("text", "value"), [("1", True), ("FALSE", False)])
def test_a_switch_of_the_environment(text: str, value: bool) -> None:
    layer, _ = environment({"TOCSIN_TRACEBACK": text})
    assert layer.settings["traceback"].value is value


def test_a_variable_almost_like_ours_is_a_mistake_and_another_is_left_alone() -> None:
    _, problems = environment(
        {"TOCSIN_ONYL": "Failed", "TOCSIN_SLACK_DEADLIN": "3", "TOCSIN_PROFILE": "x", "TOCSIN_NOTIFY": "none", "ONYL": ""}
    )
    assert [str(problem) for problem in problems] == [
        "TOCSIN_ONYL: there is no such variable; did you mean TOCSIN_ONLY?",
        "TOCSIN_SLACK_DEADLIN: there is no such variable; did you mean TOCSIN_SLACK_DEADLINE?",
    ]


def test_an_empty_variable_is_none_and_a_comma_is_an_empty_list() -> None:
    layer, problems = environment({"TOCSIN_ONLY": " ", "TOCSIN_IGNORE": ","})
    assert problems == ()
    assert {name: setting.value for name, setting in layer.settings.items()} == {"ignore": []}


def test_a_bad_option_is_a_problem_of_that_option() -> None:
    assert str(problem(layer_from({"notifiers": ["slak"]}, "option --to"))).endswith("its item 1 is none; did you mean slack?")
    assert layer(layer_from({"notifiers": None})).settings == {}


def test_no_login_of_a_proxy_is_shown() -> None:
    urls = {"https": "http://me:p@ss/w@proxy:3128", "http": "http://proxy:3128"}
    assert shown(urls) == {"https": "http://...@proxy:3128", "http": "http://proxy:3128"}


def test_no_login_of_a_link_is_shown() -> None:
    assert shown("https://me:p@ss/w@ci.example.com/runs") == "https://...@ci.example.com/runs"
    assert shown(["ops@example.com"]) == ["ops@example.com"]
