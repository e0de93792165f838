"""Usage errors: one line each, with exit status 2, that says what to write instead."""

import pytest

from tests.cli.terminal_session import Typist


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("dmo", "there is no command 'dmo': did you mean demo? (tocsin --help shows all)"),
        ("xyzzy", "there is no command 'xyzzy' (tocsin --help shows all)"),
        ("outbox lst", "there is no command 'lst': did you mean list? (tocsin outbox --help shows all)"),
        ("runs --jsn", "there is no option --jsn: did you mean --json? (tocsin runs --help shows all)"),
        ("outbox list -q", "there is no option -q (tocsin outbox list --help shows all)"),
        ("silence --for", "--for needs a value (tocsin silence --help shows all)"),
        ("runs --json=1", "--json takes no value (tocsin runs --help shows all)"),
        ("demo x y", "there is no place for x y (tocsin demo --help shows all)"),
        ("run", "FILE[:FLOW] is missing (tocsin run --help shows all)"),
        ("outbox bury", "KEY is missing (tocsin outbox bury --help shows all)"),
        ("outbox purge", "--older-than is missing (tocsin outbox purge --help shows all)"),
        (
            "run x.py --notify=prnt",
            "--notify: 'prnt' is not one of 'live', 'print', 'none': did you mean print? (tocsin run --help shows all)",
        ),
        ("run x.py --notify=loud", "--notify: 'loud' is not one of 'live', 'print', 'none' (tocsin run --help shows all)"),
    ],
)
def test_an_error_is_one_line(tocsin: Typist, typed: str, said: str) -> None:
    seen = tocsin(*typed.split())
    assert (seen.status, seen.out, seen.err) == (2, "", f"tocsin: {said}\n")


@pytest.mark.parametrize("limit", ["0", "x"])
def test_a_number_that_is_none_is_one_line_with_its_option(tocsin: Typist, limit: str) -> None:
    seen = tocsin("runs", "--limit", limit)
    assert (seen.status, seen.out) == (2, "")
    (line,) = seen.err.splitlines()
    assert line.startswith("tocsin: --limit: ")
    assert line.endswith(" (tocsin runs --help shows all)")


@pytest.mark.parametrize("group", ["outbox", "config"])
def test_commands_without_one_of_theirs_show_their_help(tocsin: Typist, group: str) -> None:
    seen = tocsin(group)
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.startswith(f"Usage: tocsin {group} ")
    assert seen.err.endswith("\n")


@pytest.mark.parametrize(
    ("typed", "left_out", "other"),
    [
        ("silence load --end --for 2h", "--for", "--end"),
        ("silence load --end --for 2h --because x", "--for and --because", "--end"),
        ("runs --textfile no/such/file --json", "--json", "--textfile"),
        ("runs --textfile no/such/file --failed --limit 3", "--failed and --limit", "--textfile"),
        ("runs --open --since 2h", "--since", "--open"),
        ("runs --open --limit 3", "--limit", "--open"),
        ("runs --label load --all", "--all", "--label"),
        ("runs --json show r-1", "--json", "show"),
        ("runs --textfile no/such/file show r-1", "--textfile", "show"),
    ],
)
def test_an_option_without_effect_is_refused(tocsin: Typist, typed: str, left_out: str, other: str) -> None:
    seen = tocsin(*typed.split())
    assert (seen.status, seen.out) == (2, "")
    assert seen.err == f"tocsin: {left_out} would have no effect beside {other}: leave {left_out} out, or {other}\n"
