"""The interpreters: ``live`` sends, ``dry_run`` does not, and the others wrap interpreters."""
