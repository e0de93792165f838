"""The command ``tocsin``: chooses between ``tocsin exec`` and the commands that need the extra ``tocsin[cli]``.

- The other commands need Typer and Rich, which nothing else of tocsin needs. This module imports neither, so that it can name the
  extra if they are missing.
- ``tocsin exec`` and ``tocsin send`` need neither. They are dispatched before they are imported, so that they start at once. Their
  options are completed without them, too.
- The help of ``tocsin`` itself and its version need neither. The help of a command without them is its line in the table below.
- A few commands without options (``plain.py``) do not load Typer, which is slow to load. They are refused without it all the same.
"""

import os
import sys

COMMANDS = {
    "exec": ("", "Run any command, and report how it went."),
    "send": ("", "Send a text by hand."),
    "check": (
        "cli",
        "Check the configuration, the outbox and the history, and say which states are notified; each fault comes with its remedy.",
    ),
    "runs": ("cli", "Show how the runs of each label ended, whether anybody was told, and what is overdue."),
    "expect": ("cli", "Expect runs, and notify of those that do not start; without options, show what is expected."),
    "silence": ("cli", "Send no message about a label for a time."),
    "config": ("cli", "Show the configuration."),
    "outbox": ("cli,outbox", "Show the messages in the outbox, send, retry, bury or remove them."),
    "demo": ("cli", "Show the messages that a small flow would send."),
    "run": ("cli", "Run the flow in a Python file."),
    "preview": ("cli", "Show what a flow would say to whom, without running a body."),
}
"""The commands, in the order of the help: the extras that each needs, and what it does."""

_THEIRS = frozenset({"run", "preview", "demo"})
"""The commands that load a file of the user's, or an engine."""
_HELP = ("-h", "--help")
_OPTIONS = (*_HELP, "--version", "--install-completion", "--show-completion", "--")
_LIBRARIES = ("rich", "typer")
_COMPLETION = "_TOCSIN_COMPLETE"  # set by the shell completion of Typer, which passes no arguments


def script() -> None:
    """Be the command ``tocsin``: run ``main``, and end the process at once, unless code of the user's may have something to close."""
    from tocsin.cli.process_exit import end

    status = 0
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, str) or not _THEIRS.isdisjoint(sys.argv[1:]):
            raise
        status = ended.code or 0
    end(status)


def main() -> None:
    """Run the command line and exit with its status, which is 2 if the required libraries are not installed."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["exec"]:
        from tocsin.cli.exec.command import main as execute

        sys.exit(execute(arguments[1:]))
    if arguments[:1] == ["send"]:
        from tocsin.cli.send import main as send

        sys.exit(send(arguments[1:]))
    from tocsin.cli.stderr import drop_broken_stderr

    try:
        _dispatch(arguments)
    finally:
        drop_broken_stderr()


def _dispatch(arguments: list[str]) -> None:
    asks = _COMPLETION in os.environ
    if asks:
        from tocsin.cli.completion import main as complete
        from tocsin.cli.stdout import write

        status = complete(write)
        if status is not None:
            sys.exit(status)
    elif not arguments:
        sys.exit(_say(_help(), 2))
    elif (status := _without_typer(arguments)) is not None or (status := _plain(arguments)) is not None:
        sys.exit(status)
    import importlib

    try:
        for name in _LIBRARIES:
            importlib.import_module(name)
    except ModuleNotFoundError:
        sys.exit(1 if asks else _without_extra(arguments))  # a line would appear inside of the one that is completed
    from tocsin.cli.app import app

    app(prog_name="tocsin")


def _without_typer(arguments: list[str]) -> int | None:
    """Do what needs no extra, and return the exit status; None for all else. So what is misspelt has one answer with and without it."""
    word = arguments[0]
    if word in _HELP:
        return _say(_help())
    if word == "--version":
        from importlib.metadata import version

        return _say(f"tocsin {version('tocsin')}")
    name = word.partition("=")[0] if word.startswith("-") else word
    known = _OPTIONS if word.startswith("-") else tuple(COMMANDS)
    if name in known:
        return None
    from tocsin.cli.exec.options import suggestion
    from tocsin.cli.stderr import complain

    what = f"option {name}" if word.startswith("-") else f"command {name!r}"
    complain(f"there is no {what}{suggestion(name, known)} (tocsin --help shows all)")
    return 2


def _plain(arguments: list[str]) -> int | None:
    """Do what is possible without loading Typer, which is installed, and return the exit status; None for all else."""
    from importlib.util import find_spec

    from tocsin.cli.plain import plain

    try:
        is_installed = all(find_spec(name) for name in _LIBRARIES)
    except ModuleNotFoundError:
        return None
    return plain(arguments) if is_installed else None


def _say(text: str, status: int = 0) -> int:
    from tocsin.cli.stdout import write

    write(f"{text}\n")
    return status


def _help() -> str:
    from tocsin.cli.exec.options import folded

    options = {
        "-h, --help": "Show this help; tocsin COMMAND -h shows that of a command.",
        "--version": "Print the version.",
        "--install-completion": f"Have the shell complete commands and options.{_needs('cli')}",
    }
    return "\n".join(
        [
            "Usage: tocsin COMMAND [OPTIONS] [ARGUMENTS]",
            "",
            folded("Tells people on Slack and by email when the state of what they run changes."),
            "",
            "Commands:",
            *_aligned({name: f"{text}{_needs(extras)}" for name, (extras, text) in COMMANDS.items()}),
            "",
            "Options:",
            *_aligned(options),
            "",
            folded(
                "pip install 'tocsin[cli]' installs what [cli] stands for, pip install 'tocsin[cli,outbox]' also what [outbox] does."
            ),
        ]
    )


def _aligned(texts: dict[str, str]) -> list[str]:
    """Return each name with its text beside it, as wide as the terminal."""
    from tocsin.cli.exec.options import folded

    width = max(len(name) for name in texts)
    return [folded(f"  {name:{width}}  {text}", hanging=width + 4) for name, text in texts.items()]


def _needs(extras: str) -> str:
    return f" [{extras}]" if extras else ""


def _without_extra(arguments: list[str]) -> int:
    """Print what the command would need, and return the exit status: 0 if its help was asked for."""
    command = arguments[0]
    extras, text = COMMANDS.get(command, ("cli", ""))
    remedy = f"pip install 'tocsin[{extras}]'"
    if text and any(word in _HELP for word in arguments):
        from tocsin.cli.exec.options import folded

        return _say(f"{folded(f'tocsin {command}: {text}')}\n\n{folded(f'It needs an extra: {remedy}. Then this shows its options.')}")
    sys.stderr.write(f"tocsin: {command} needs the extra: {remedy} (tocsin exec, tocsin send, --help and --version need none)\n")
    return 2
