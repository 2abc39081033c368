"""`python -m watchcache`."""

import sys

from watchcache.cli import main as _main


def main() -> None:
    """The console script."""
    sys.exit(_main(sys.argv[1:]))


if __name__ == "__main__":
    main()
