"""Which announcement something is: the name by which an effect, its outcome and its messages know each other."""

import attrs

from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Key(Value):
    """Which announcement this is: no two have the same key.

    Names are not unique, one notifier may be attached twice, and a loop repeats an edge; so the key counts instead: the run,
    the object's slug in it, its map index, the ordinal of the change in the run of that object (from 0), and the position of
    the handler in its list (from 0).
    """

    run_id: str
    slug: str
    map_index: int | None
    ordinal: int
    position: int

    def __str__(self) -> str:
        parts = (self.run_id, self.slug, "" if self.map_index is None else self.map_index, self.ordinal, self.position)
        return ".".join(str(part) for part in parts)
