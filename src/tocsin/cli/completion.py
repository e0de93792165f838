"""Completes the options of ``tocsin exec`` and ``send`` in bash, zsh and fish, without the libraries that ``tocsin[cli]`` brings.

- The shells ask in the way in which they ask for the other commands: by the functions that ``tocsin --install-completion`` installs.
- Behind the options, and for the names of files, it suggests nothing: then the shell completes files itself.
- bash splits words at each ``=`` and ``@``, and replaces only the last part.
- zsh evaluates the answer. So no label of the history is suggested that is more than letters, digits and a few signs.
- A history that cannot be read suggests nothing. Nothing is created, and nothing but the answer is printed.
"""

import os
import re
from argparse import Action, ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from tocsin.cli.exec.options import STATES, parser
from tocsin.core.messages.mentions import EVERYONE

VARIABLE = "_TOCSIN_COMPLETE"
"""The variable by which a shell asks; its value names the shell."""

_LABEL = re.compile(r"[A-Za-z0-9_.@%+,/-]+")
_RUNS = 500  # ended runs whose labels are suggested

Item = tuple[str, str]
"""A suggestion, and its explanation, which may be empty."""


def answer(environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Return the answer to a shell, and the exit status; None if the shell asks about another command than these."""
    shell = environment.get(VARIABLE, "").removeprefix("complete_")
    typed = _typed(environment, shell)
    made = None if typed is None or len(typed) < 2 else _parser(typed[0])
    if typed is None or made is None:
        return None
    if shell == "bash":
        words, kept = _joined(typed)
        return "\n".join(value.removeprefix(kept) for value, _ in suggestions(words[1:-1], words[-1], made)), 0
    found = suggestions(typed[1:-1], typed[-1], made)
    if shell == "zsh":
        shown = "\n".join(f'"{_in_zsh(value)}":"{_in_zsh(meaning)}"' if meaning else f'"{_in_zsh(value)}"' for value, meaning in found)
        return (f"_arguments '*: :(({shown}))'" if found else "_files"), 0
    if environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return "", 0 if found else 1
    return "\n".join(f"{value}\t{meaning}" if meaning else value for value, meaning in found), 0


def _parser(command: str) -> ArgumentParser | None:
    """Return the parser of the options of a command; None for a command of Typer's."""
    if command == "send":
        from tocsin.cli.send import parser as of_send

        return of_send()
    return parser() if command == "exec" else None


def _typed(environment: Mapping[str, str], shell: str) -> list[str] | None:
    """Return the words behind the program up to the one to complete, which may be empty; None for a shell that is not known."""
    if shell == "bash":
        words, number = _split(environment.get("COMP_WORDS", "")), environment.get("COMP_CWORD", "")
        last = int(number) if number.isascii() and number.isdigit() else 0
        return [*words[1:last], words[last] if last < len(words) else ""]
    if shell in {"zsh", "fish"}:
        line = environment.get("_TYPER_COMPLETE_ARGS", "")
        return [*_split(line)[1:], *([""] if line.endswith(" ") else [])]
    return None


def _joined(typed: list[str]) -> tuple[list[str], str]:
    """Put together the words that bash splits at an ``@``. Return them, and what of the last one bash does not replace.

    >>> _joined(["exec", "--label", "load", "@", "d"])
    (['exec', '--label', 'load@d'], 'load')
    """
    joined: list[str] = []
    for before, word in zip(["", *typed], typed, strict=False):
        if "@" in {before, word} and joined and joined[-1][0] not in "-=":
            joined[-1] += word
        else:
            joined.append(word)
    return joined, joined[-1].rpartition("@")[0] if "@" in typed[-2:] else ""


def _split(line: str) -> list[str]:
    import shlex

    try:
        return shlex.split(line)
    except ValueError:  # a quotation mark that is still open
        return line.split()


def suggestions(words: Sequence[str], word: str, made: ArgumentParser) -> list[Item]:
    """Return the suggestions for a word behind other words of the options, which ``made`` parses."""
    options = {name: action for action in made._actions for name in action.option_strings}
    awaiting: Action | None = None
    for each in words:
        if each == "=" or (awaiting is None and each == "--"):  # bash takes an = for a word of its own
            if each == "--":
                return []
            continue
        if awaiting is not None:
            awaiting = None
        elif not each.startswith("-"):
            return []  # the command has begun
        elif "=" not in each:
            found = options.get(each)
            awaiting = found if found is not None and found.nargs != 0 else None
    if awaiting is not None:
        return _values(awaiting, "" if word == "=" else word)
    name, equals, begun = word.partition("=")
    if equals and name in options:
        return [(f"{name}={value}", meaning) for value, meaning in _values(options[name], begun)]
    known = [(name, action.help or "") for name, action in options.items()]
    return [item for item in (*known, ("--help", "show all options")) if item[0].startswith(word)]


def _values(option: Action, begun: str) -> list[Item]:
    """Return the values of an option that begin with a text."""
    if option.metavar == "STATE":
        found = [state.lower() for state in STATES]
    elif option.metavar in {"STATE[,STATE]", "ID[,ID]"}:
        before, comma, _ = begun.rpartition(",")
        found = [f"{before}{comma}{word.lower()}" for word in (STATES if option.dest != "mention" else EVERYONE)]
    elif option.choices is not None:
        found = [str(choice) for choice in option.choices]
    else:
        found = _labels() if option.dest == "label" else []
    return [(value, "") for value in found if value.startswith(begun)]


def _labels() -> list[str]:
    """Return the labels of the last runs, the latest first."""
    labels: dict[str, None] = {}
    with suppress(Exception):
        from tocsin.shell.history.store import HistoryStore

        labels = dict.fromkeys(run.label for run in HistoryStore.usual().history(limit=_RUNS))
    return [label for label in labels if _LABEL.fullmatch(label)]


def _in_zsh(text: str) -> str:
    """Escape a text for a double-quoted word inside a single-quoted one, in which a colon separates."""
    return re.sub(r'["\'$`\\:()\[\]]', lambda found: {"'": "", ":": r"\\:"}.get(found[0], ""), text)


def main(write: Callable[[str], object]) -> int | None:
    """Answer a shell that asks about ``exec`` or ``send``. Return the exit status; None if it asks about another command."""
    answered = answer(os.environ)
    if answered is None:
        return None
    if answered[0]:
        write(f"{answered[0]}\n")
    return answered[1]
