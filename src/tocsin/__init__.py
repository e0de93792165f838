"""tocsin tells people on Slack and by email when the state of what they run changes.

It decides *what* to tell as a pure function, and tells it through an interpreter that can be swapped: the same flow posts for real,
prints what it would post, or records it for a test.

The names stand in ``public``, which is loaded when the first of them is asked for: ``tocsin exec`` is to start its command at once,
and shall not pay for a library that it may never need.
"""

TYPE_CHECKING = False  # what ``typing`` has under this name; type checkers know it without the import

if TYPE_CHECKING:
    from tocsin._public import *  # noqa: F403 - the names are listed there, once
    from tocsin._public import __all__ as __all__
else:

    def __getattr__(name):
        from importlib import import_module

        public = import_module("tocsin._public")  # which asks us for modules of ours, before it has a list of names
        if name == "__all__" or name in getattr(public, "__all__", ()):
            globals()[name] = getattr(public, name)
        elif name not in globals():  # where a module of ours is once it was loaded
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return globals()[name]

    def __dir__():
        return sorted({*globals(), *__getattr__("__all__")})
