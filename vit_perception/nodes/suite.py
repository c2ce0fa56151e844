"""Executable `suite`: any set of tasks, in one forward pass a frame."""

import sys

from vit_perception.nodes.executable import run


def main() -> int:
    return run("perception")


if __name__ == "__main__":
    sys.exit(main())
