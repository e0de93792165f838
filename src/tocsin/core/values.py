"""What all values of the core have in common: equal by their fields, and printed as they are written.

attrs would write these methods anew for each class. There are some ninety classes, and that would be half of the time that
``import tocsin`` takes; so they stand here once, and the classes say ``@attrs.frozen(eq=False, repr=False)``.
"""

import attrs


@attrs.frozen(eq=False, repr=False)
class Value:
    """A frozen value: equal to another of its class with equal fields, but for those with ``eq=False``."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._compared())

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self._compared())))

    def __repr__(self) -> str:
        shown = (f"{field.name}={getattr(self, field.name)!r}" for field in attrs.fields(type(self)) if field.repr)
        return f"{type(self).__name__}({', '.join(shown)})"

    @classmethod
    def _compared(cls) -> tuple[str, ...]:
        return tuple(field.name for field in attrs.fields(cls) if field.eq)
