"""Executable `detector`: which things are where."""

import sys

from vit_perception.nodes.executable import run
from vit_perception.tasks import DETECTION


def main() -> int:
    return run("detector", (DETECTION,))


if __name__ == "__main__":
    sys.exit(main())
