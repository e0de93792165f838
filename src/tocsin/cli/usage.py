"""Usage errors: one line that names the argument and says what to write instead, with exit status 2.

Typer's own messages take several lines, and differ between its versions. Its exceptions have no public names, so they are told apart by
their attributes and the beginning of their message. One that is not known is shown in Typer's words.
"""

import re
import sys
from collections.abc import Mapping, Sequence

import typer
from typer.core import TyperGroup
from typing_extensions import override

from tocsin.cli.exec.options import suggestion
from tocsin.cli.stderr import show
from tocsin.cli.stdout import discard_stdout
from tocsin.cli.terminal import complain

MISUSED = 2
_QUOTED = re.compile(r"'([^']*)'")
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]  # Typer has no public name for it


class Commands(TyperGroup):
    """The commands of ``tocsin``."""

    @override
    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: object,
    ) -> None:
        """Run the command line, and exit with its status."""
        words, stdout = sys.argv[1:] if args is None else args, sys.stdout
        try:
            status: object = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except _UsageError as error:
            sys.exit(self._refuse(words, error))
        except SystemExit:
            if sys.stdout is stdout:
                raise
            sys.stdout = stdout  # the reader of a help has left, and Typer has replaced the stream
            discard_stdout()
            status = 0
        sys.exit(status if isinstance(status, int) else 0)

    def _refuse(self, words: Sequence[str], error: Exception) -> int:
        if type(error).__name__ == "NoArgsIsHelpError":
            show(str(error))
        else:
            complain(_explained(error, *self._innermost(words)))
        return MISUSED

    def _innermost(self, words: Sequence[str]) -> tuple[str, Sequence[str]]:
        """Return the command that the words name, and the names of the commands below it."""
        path = ["tocsin"]
        commands: Mapping[str, object] = self.commands
        for word in words:
            found = commands.get(word)
            if found is None:
                break
            path.append(word)
            commands = found.commands if isinstance(found, TyperGroup) else {}
        return " ".join(path), tuple(commands)


def _explained(error: Exception, path: str, commands: Sequence[str]) -> str:
    """Return what is wrong, and where to read on."""
    said: str = getattr(error, "message", str(error))
    param: object = getattr(error, "param", None)
    quoted = _QUOTED.findall(said)
    if hasattr(error, "possibilities"):  # the option is not known
        near: Sequence[str] = getattr(error, "possibilities", None) or ()
        what = f"there is no option {getattr(error, 'option_name', '')}{f': did you mean {near[0]}?' if near else ''}"
    elif said.startswith("No such command") and quoted:
        what = f"there is no command {quoted[0]!r}{suggestion(quoted[0], commands)}"
    elif said.startswith("Got unexpected extra"):
        what = f"there is no place for {said.partition(' (')[2].rstrip(').')}"
    elif hasattr(error, "option_name"):
        what = f"{getattr(error, 'option_name', '')} {'takes no value' if 'not take' in said else 'needs a value'}"
    elif param is not None and hasattr(error, "param_type"):  # it is missing
        what = f"{_name(param)} is missing"
    else:
        text = said.removeprefix("Value error, ").rstrip(".")
        place = "" if param is None else f"{_name(param)}: "
        what = f"{place}{text[:1].lower()}{text[1:]}{suggestion(quoted[0], quoted[1:]) if quoted else ''}"
    return f"{what} ({path} --help shows all)"


def _name(param: object) -> str:
    """Return what a person writes for the option or the argument."""
    names: Sequence[str] = getattr(param, "opts", ())
    metavar: str | None = getattr(param, "metavar", None)
    return next((name for name in names if name.startswith("-")), metavar or "an argument")


def refuse_beside(option: str, others: Mapping[str, object]) -> None:
    """Refuse the options that have no effect beside another one: those with a value.

    >>> refuse_beside("--end", {"--for": None, "--json": False})
    """
    given = [name for name, value in others.items() if value is not None and value is not False]
    if given:
        names = " and ".join(given)
        complain(f"{names} would have no effect beside {option}: leave {names} out, or {option}")
        raise typer.Exit(MISUSED)
