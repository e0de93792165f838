"""The diagram of the packages, and the figures of the modules: read from the imports in the source, whatever its layout is.

``python -m docs.diagrams.modules`` prints the figures.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from statistics import median

import attrs
from docs.diagrams.style import HEAD, ink

import tocsin

SOURCE = Path(tocsin.__file__).parent
ROOT = "tocsin"
SPLIT = frozenset({"core", "shell"})
"""The layers that are drawn folder by folder."""

COLORS: Mapping[str, str] = {
    "core": "#28a745",
    "shell": "#7ebdff",
    "flows": "#ffdf5d",
    "watching": "#ffdf5d",
    "testing": "#f6c199",
    "cli": "#f6c199",
    ROOT: "#d5dbe3",
}
"""By layer. A layer that has no colour of its own is drawn like the public names."""


@attrs.frozen
class Module:
    """One module of the source."""

    name: str
    lines: int
    imports: frozenset[str]

    @property
    def layer(self) -> str:
        """The first folder; the public names are in none."""
        return self.folder.partition("/")[0]

    @property
    def folder(self) -> str:
        """The node that it is drawn in: the layer, or for a layer that is split the folder in it."""
        parts = self.name.split(".")[1:]
        depth = 2 if parts and parts[0] in SPLIT else 1
        return "/".join(parts[: min(depth, len(parts) - 1)]) or ROOT


@cache
def modules(source: Path = SOURCE) -> tuple[Module, ...]:
    """All modules, by name. A package counts as the module ``__init__`` in it."""
    paths = {_name(path, source): path for path in sorted(source.rglob("*.py"))}
    return tuple(_read(name, path, frozenset(paths)) for name, path in paths.items())


def _name(path: Path, source: Path) -> str:
    return ".".join((ROOT, *path.relative_to(source).with_suffix("").parts))


def _read(name: str, path: Path, known: frozenset[str]) -> Module:
    text = path.read_text(encoding="utf-8")
    found = {_module(target, known) for target in _targets(ast.parse(text), name)}
    return Module(name, text.count("\n"), frozenset(module for module in found if module is not None and module != name))


def _targets(tree: ast.Module, name: str) -> Iterator[str]:
    """What is imported, as dotted names: modules, and names in modules."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                yield from (alias.name for alias in aliases)
            case ast.ImportFrom(module=module, level=level, names=aliases):
                base = name.split(".")[:-level] if level else []
                start = ".".join([*base, *([module] if module else [])])
                yield from (f"{start}.{alias.name}" for alias in aliases)
            case _:
                pass


def _module(target: str, known: frozenset[str]) -> str | None:
    """The module of ours that a dotted name is, or is in; None for what is not ours."""
    parts = target.split(".")
    for end in range(len(parts), 0, -1):
        for candidate in (".".join(parts[:end]), ".".join((*parts[:end], "__init__"))):
            if candidate in known:
                return candidate
    return None


def inside(found: tuple[Module, ...]) -> tuple[tuple[str, str], ...]:
    """Which folder imports from which other one of its layer, in order."""
    folders = {module.name: module for module in found}
    pairs = {(module, folders[target]) for module in found for target in module.imports}
    return tuple(
        sorted({(one.folder, other.folder) for one, other in pairs if one.layer == other.layer and one.folder != other.folder})
    )


def between(found: tuple[Module, ...]) -> tuple[tuple[str, str], ...]:
    """Which layer imports from which, in order, without what follows from two other arrows."""
    layers = {module.name: module.layer for module in found}
    pairs = {(module.layer, layers[target]) for module in found for target in module.imports if layers[target] != module.layer}
    reached = _closure(pairs)
    return tuple(
        sorted(
            (start, end)
            for start, end in pairs
            if not any(
                (start, other) in pairs and (other, end) in reached and (end, other) not in reached and (other, start) not in reached
                for other in {*layers.values()} - {start, end}
            )
        )
    )


def _closure(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """From where there is a way to where."""
    reached = set(pairs)
    while further := {(start, end) for start, middle in reached for other, end in pairs if middle == other} - reached:
        reached |= further
    return reached


def packages(source: Path = SOURCE) -> str:
    """The diagram of the packages, as DOT text."""
    found = modules(source)
    lines = ["digraph modules {", "  compound=true;", HEAD.format(ranksep=0.5), *_nodes(found), *_edges(found)]
    return "\n".join([*lines, "}"]) + "\n"


def _folders(found: tuple[Module, ...]) -> Mapping[str, tuple[str, ...]]:
    """The folders of each layer, in order."""
    pairs = sorted({(module.layer, module.folder) for module in found})
    return {layer: tuple(folder for other, folder in pairs if other == layer) for layer, _ in pairs}


def _nodes(found: tuple[Module, ...]) -> Iterator[str]:
    for layer, folders in _folders(found).items():
        if len(folders) > 1:
            yield f'  subgraph "cluster_{layer}" {{ style="rounded,filled"; color="#eef1f5"; label="{layer}"; fontsize=15;'
        color = COLORS.get(layer, COLORS[ROOT])
        yield from (
            f'  "{folder}" [label="{_label(folder, found)}", fillcolor="{color}", fontcolor="{ink(color)}"];' for folder in folders
        )
        if len(folders) > 1:
            yield "  }"


def _label(folder: str, found: tuple[Module, ...]) -> str:
    held = [module for module in found if module.folder == folder]
    return f"{folder}\\n{len(held)} modules, {sum(module.lines for module in held):,} lines"


def _edges(found: tuple[Module, ...]) -> Iterator[str]:
    pairs = inside(found)
    for start, end in pairs:
        mutual = (end, start) in pairs
        if not mutual or start < end:
            yield f'  "{start}" -> "{end}" [{"dir=both" if mutual else "dir=forward"}];'
    folders = _folders(found)
    for start, end in between(found):
        (tail, *more_tails), (head, *more_heads) = folders[start], folders[end]
        ends = [f'ltail="cluster_{start}"'] * bool(more_tails) + [f'lhead="cluster_{end}"'] * bool(more_heads)
        yield f'  "{tail}" -> "{head}" [{", ".join(["penwidth=2.5", *ends])}];'


@attrs.frozen
class Figures:
    """How large the source is, and how finely it is cut."""

    modules: int
    lines: int
    median_lines: float
    one_importer: int


def figures(source: Path = SOURCE) -> Figures:
    """The figures of the source. An ``__init__`` counts as a module, and as an importer."""
    found = modules(source)
    importers = Counter(target for module in found for target in module.imports)
    return Figures(
        modules=len(found),
        lines=sum(module.lines for module in found),
        median_lines=median(module.lines for module in found),
        one_importer=sum(1 for module in found if importers[module.name] == 1),
    )


if __name__ == "__main__":
    now = figures()
    print(
        f"modules: {now.modules}\nlines: {now.lines}\nmedian lines: {now.median_lines:g}\nmodules with one importer: {now.one_importer}"
    )
