"""``tocsin runs``: how the runs of each label ended, one label a row; or single runs, the newest last; or all of one run."""
