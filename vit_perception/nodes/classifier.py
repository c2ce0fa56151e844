"""Executable `classifier`: what each frame shows."""

import sys

from vit_perception.nodes.executable import run
from vit_perception.tasks import CLASSIFICATION


def main() -> int:
    return run("classifier", (CLASSIFICATION,))


if __name__ == "__main__":
    sys.exit(main())
