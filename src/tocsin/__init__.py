"""tocsin tells people on Slack and by email when the state of what they run changes.

A pure function decides which messages to send. An interpreter sends them, and can be swapped: the same flow posts for real, prints
what it would post, or records it for a test.

The module ``_public`` imports all public names. It is loaded on the first access to one of them, so that ``tocsin exec`` starts its
command at once, without the cost of a library that it may never need.
"""

TYPE_CHECKING = False  # type checkers treat it as typing.TYPE_CHECKING, without the import

if TYPE_CHECKING:
    from tocsin._public import *  # noqa: F403 - `_public` lists the names
    from tocsin._public import __all__ as __all__
else:

    def __getattr__(name):
        from importlib import import_module

        public = import_module("tocsin._public")  # it imports submodules through this function before it has an `__all__`
        if name == "__all__" or name in getattr(public, "__all__", ()):
            globals()[name] = getattr(public, name)
        elif name not in globals():  # a submodule is in globals() once it is loaded
            raise _missing(name)
        return globals()[name]

    def _missing(name):
        """Return the error for a name that is not here. Of an AttributeError `from tocsin import NAME` would not show the text."""
        import sys

        from tocsin.core.absent import instead

        why = instead("tocsin", name)
        if why is None:
            return AttributeError(f"module {__name__!r} has no attribute {name!r}")
        is_import = sys._getframe(2).f_code.co_name == "_handle_fromlist"  # the function of importlib
        return ImportError(why, name=__name__) if is_import else AttributeError(why, name=name)

    def __dir__():
        return sorted({*globals(), *__getattr__("__all__")})
