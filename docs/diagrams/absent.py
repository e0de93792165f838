"""The table of what the first generation of Prefect had and tocsin has not."""

from docs.diagrams.markdown import table

from tocsin.core.absent import ABSENT

_WORDS = {
    "tocsin": "`from tocsin import`",
    "Task": "a task: arguments and attributes",
    "Flow": "a flow: arguments and attributes",
    "Flow.run": "`flow.run()`: arguments",
    "a report": "what `flow.run()` returns",
}


def absent_table() -> str:
    """What is absent, in Markdown, by what would have it; names with the same text stand in one row."""
    rows: list[tuple[str, ...]] = []
    for owner, names in ABSENT.items():
        for text in dict.fromkeys(names.values()):
            those = ", ".join(f"`{name}`" for name, what in names.items() if what == text)
            rows.append((_WORDS.get(owner, owner), those, text))
    return table(("Of", "What is not here", "What to write"), iter(rows))
