"""``tocsin exec``: runs any command and reports how it went, without delaying or changing the command.

- The command starts at once. Modules imported before that are light: no attrs, no typing, no library; a test checks this. ``options``,
  ``signal_pipe`` and ``spawn`` are such modules, and ``command`` ties them together.
- Everything else is imported while the command runs: ``supervisor_loop`` forwards signals and waits, ``output_tee`` copies output if
  its tail is wanted, and ``notifier_thread`` sends notifications in a thread, so that nothing waits for a network.
- What tells is loaded only if there may be something to tell (``deferred``): most commands end well, and tell nobody.
- If anything of tocsin's fails, the command still runs, and its exit status is tocsin's.
"""
