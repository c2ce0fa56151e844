"""Executable `depth`: how far everything is."""

import sys

from vit_perception.nodes.executable import run
from vit_perception.tasks import DEPTH


def main() -> int:
    return run("depth", (DEPTH,))


if __name__ == "__main__":
    sys.exit(main())
