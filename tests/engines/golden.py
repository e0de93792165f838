"""Golden files of what engines said, as our own records, and of what was told of it.

- ``tests/golden/engines/NAME.json`` has the release of the engine, and for each case the records in order (``said``) and the sentences
  that people got (``told``).
- Ids, times, hosts and links differ from run to run. ``normal`` replaces each by a placeholder, so that a real run is compared.
- An exception is kept as the name of its class and its text.
"""

import builtins
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from types import new_class
from typing import TypeVar

import attrs

from tocsin import Recording, interpreting, slack_notifier
from tocsin.core.effects import Effect, PostToSlack
from tocsin.core.messages.content import Content
from tocsin.core.text import type_name, worded
from tocsin.core.validation import invoke
from tocsin.core.values import Value
from tocsin.integrations.observer import Observer

FOLDER = Path(__file__).parent.parent / "golden" / "engines"

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
_R = TypeVar("_R")

_TIME, _SPAN = "2026-11-30T12:00:00+00:00", 1.5
_TOOK = re.compile(r"after (attempt|(?:less than )?\d[^:,]*)")
_CUT = re.compile(r"\S*… \(\d+ more characters\)")
_CUT_INSIDE = re.compile(r"^(.{80}).* … .*(.{40})$")  # both ends of what a cut in the middle surely leaves


@attrs.frozen
class Case:
    """What an engine said in a run, as JSON, and what was told."""

    said: tuple[Json, ...]
    told: tuple[str, ...]


def as_json(value: object) -> Json:
    """Return a record, or a fact of one, as JSON."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, BaseException):
        cause = None if value.__cause__ is None else as_json(value.__cause__)
        return {"error": type_name(value), "text": worded(value), "cause": cause}
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    assert isinstance(value, Value), value
    made: dict[str, Json] = {"record": type_name(value)}
    for field in attrs.fields(type(value)):
        made[field.name] = as_json(getattr(value, field.name))
    return made


def normal(said: Json, name: str = "") -> Json:
    """Return what an engine said with placeholders for what differs from run to run: a time, an id, a host, a link."""
    if isinstance(said, dict):
        return {key: normal(value, key) for key, value in said.items()}
    if isinstance(said, list):
        return [normal(each, name) for each in said]
    if said is None or said in {"", -1}:
        return said
    if name in {"at", "started", "ended", "until", "due", "start"}:
        return _TIME
    if name in {"took", "run_took", "duration"}:
        return _SPAN
    if name in {"run_id", "host", "link", "worker"} or name.endswith("_id"):
        return f"<{name}>"
    return said


def revive(value: Json, make: Callable[[str, Mapping[str, object]], object]) -> object:
    """Return a fact of a golden record as the constructor of the record takes it; ``make`` makes the records inside it."""
    if isinstance(value, dict) and "record" in value:
        return revived(value, make)
    if isinstance(value, dict) and "error" in value:
        known: object = getattr(builtins, str(value["error"]), None)
        base = known if isinstance(known, type) and issubclass(known, BaseException) else Exception
        made: object = new_class(str(value["error"]), (base,))(*([value["text"]] if value["text"] else []))
        cause = revive(value["cause"], make)
        assert isinstance(made, BaseException)
        made.__cause__ = cause if isinstance(cause, BaseException) else None
        return made
    return [revive(each, make) for each in value] if isinstance(value, list) else value


def revived(said: Json, make: Callable[[str, Mapping[str, object]], _R]) -> _R:
    """Return the record that was kept as JSON: ``make`` gets the name of its class and its facts, whose converters type them."""
    assert isinstance(said, dict)
    facts = {key: revive(value, make) for key, value in said.items() if key != "record"}
    return make(str(said["record"]), facts)


def kept(engine: str) -> Mapping[str, Case]:
    """Return the cases of the golden file of an engine."""
    found: dict[str, dict[str, list[Json]]] = json.loads((FOLDER / f"{engine}.json").read_text(encoding="utf-8"))["cases"]
    return {name: Case(tuple(case["said"]), tuple(map(str, case["told"]))) for name, case in found.items()}


def normal_sentence(sentence: str) -> str:
    """Return a sentence of a message without its durations, whose length decides where a long one is cut."""
    timeless = _TOOK.sub(lambda found: found[0] if found[1] == "attempt" else "after a while", _CUT.sub("…", sentence))
    return _CUT_INSIDE.sub(r"\1 … \2", timeless)


def keep(engine: str, version: str, cases: Mapping[str, tuple[Iterable[object], Iterable[str]]]) -> None:
    """Write the golden file of an engine: of each case the records and the sentences."""
    made = {
        name: {"said": [normal(as_json(each)) for each in said], "told": [normal_sentence(each) for each in told]}
        for name, (said, told) in cases.items()
    }
    text = json.dumps({"engine": engine, "version": version, "cases": made}, indent=1, ensure_ascii=False)
    (FOLDER / f"{engine}.json").write_text(f"{text}\n", encoding="utf-8")


@attrs.frozen
class Told:
    """A message about a golden record: its sentence, its colour, and the details that the engine told."""

    sentence: str
    kind: str
    color: str
    details: tuple[tuple[str, str], ...]


def replayed(engine: str, case: str) -> list[Told]:
    """Return what is told of the golden records of a case, by the translation as it is now."""
    module = import_module(f"tocsin.core.integrations.{engine}")
    with interpreting(Recording()) as recording:
        observer = Observer(module.ENGINE, [slack_notifier])
        for said in kept(engine)[case].said:
            record = revived(said, lambda name, facts: invoke(getattr(module, name), **facts))
            observer.observe(partial(_the, record))
    return [_told(effect) for effect in recording.effects]


def _the(record: object) -> object:
    return record


def _told(effect: Effect) -> Told:
    assert isinstance(effect, PostToSlack)
    assert isinstance(effect.content, Content)
    details = tuple((line.title, line.text) for line in effect.content.lines if line.title in {"Tasks", "Failed or not run"})
    return Told(normal_sentence(effect.content.sentence), effect.content.state, effect.content.color, details)
