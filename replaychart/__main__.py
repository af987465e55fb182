"""``python -m replaychart`` runs the command ``replaychart``."""

import sys

from replaychart.command import main

if __name__ == "__main__":
    sys.exit(main())
