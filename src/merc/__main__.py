"""`python -m merc`: the command line."""

import sys

from merc.cli import main

if __name__ == "__main__":
    sys.exit(main())
