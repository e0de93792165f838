"""``python -m tocsin`` is the command ``tocsin``. Whatever runs this module goes on after it."""

from tocsin.cli import main

main()
