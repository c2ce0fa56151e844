"""Executable `navigator`: which way is free."""

import sys

from vit_perception.nodes.executable import run
from vit_perception.tasks import NAVIGATION


def main() -> int:
    return run("navigator", (NAVIGATION,))


if __name__ == "__main__":
    sys.exit(main())
