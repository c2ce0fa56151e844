"""Executable `segmenter`: what each pixel belongs to."""

import sys

from vit_perception.nodes.executable import run
from vit_perception.tasks import SEGMENTATION


def main() -> int:
    return run("segmenter", (SEGMENTATION,))


if __name__ == "__main__":
    sys.exit(main())
