"""What type checkers make of tocsin: files that are checked, and never executed."""
