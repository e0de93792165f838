"""Golden messages of real failures, as Slack takes them, as mail and as plain text, each with a picture in the docs.

``python -m tests.golden.night`` writes all files again. Read the difference, and look at the pictures, before you commit them.
"""
