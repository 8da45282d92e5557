"""`python -m hdaemon`: the command line, where the script `hdaemon` is not on the PATH."""

from __future__ import annotations

import sys

from hdaemon.cli import main

if __name__ == "__main__":
    sys.exit(main())
