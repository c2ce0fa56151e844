"""Executable `attention`: where the model looks."""

import sys

from vit_perception.nodes.executable import run
from vit_perception.tasks import ATTENTION


def main() -> int:
    return run("attention", (ATTENTION,))


if __name__ == "__main__":
    sys.exit(main())
