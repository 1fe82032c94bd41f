"""`python -m ilo` is `ilo`."""

import sys

from ilo.cli import main

sys.exit(main())
