"""What tocsin remembers from one run to the next, in the user's state folder."""
