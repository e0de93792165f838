"""``tocsin exec``: runs any command, and tells how it went, without standing in its way.

- The command starts at once. What is imported before that is light: no attrs, no typing, no library; a test looks. ``options``,
  ``listening``, ``routes`` and ``start`` are such modules, and ``command`` ties them together.
- Everything else is imported while the command runs: ``supervising`` passes signals on and waits, ``pumping`` copies output where its
  tail is wanted, and ``background`` has people told, in a thread of its own, so that nothing waits for a network.
- Whatever fails of ours, the command runs, and its exit status is ours.
"""
