"""``python -m tocsin`` is the command ``tocsin``."""

import sys

from tocsin.cli import main

sys.exit(main())
