"""``tocsin config show``: each key, its value and its origin; then the files that were looked for."""

import os

from rich.table import Table

from tocsin.cli.stdout import write
from tocsin.cli.terminal import complain, console, json_line, plain_text, say
from tocsin.core.config.schema import DEFAULT, TABLE, shown, value_of, written
from tocsin.shell.config.load import Loaded, Place, here, loaded


def show(*, as_json: bool) -> int:
    """Show the configuration for this folder and return the exit status: 2 if it has problems, each of which is one line."""
    found = loaded(os.environ, here())
    if found.problems:
        for problem in found.problems:
            complain(str(problem))
        return 2
    if as_json:
        write(f"{json_line(_json(found))}\n")
    else:
        say(console(), _table(found), *(plain_text(_file(place), "dim") for place in found.places))
    return 0


def _json(found: Loaded) -> dict[str, object]:
    config = found.configuration
    keys = {key.name: {"value": shown(value_of(config, key)), "origin": config.origins[key.name]} for key in TABLE}
    files = [{"path": str(place.path), "project": place.project, "exists": place.exists} for place in found.places]
    return {"keys": keys, "files": files}


def _table(found: Loaded) -> Table:
    table = Table.grid(padding=(0, 2))
    for key in TABLE:
        origin = found.configuration.origins[key.name]
        style = "dim" if origin == DEFAULT else ""
        cells = (key.name, written(found.configuration, key), origin)
        table.add_row(*(plain_text(cell, style) for cell in cells))
    return table


def _file(place: Place) -> str:
    owner = "the project's file" if place.project else "your file"
    return f"{owner}: {place.path}{'' if place.exists else ' (there is none)'}"
