"""Real commands, under ``tocsin exec`` as a real process."""
