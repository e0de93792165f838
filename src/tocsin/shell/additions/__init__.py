"""What the body of a run adds to its message: notes, tables, files and a link, by the run that is open around it."""
