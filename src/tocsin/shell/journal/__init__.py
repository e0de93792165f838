"""What tocsin remembers from one run to the next, in the user's state folder: the runs that are open, and how the others ended."""
