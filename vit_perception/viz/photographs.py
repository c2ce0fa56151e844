"""The photographs that scikit-image ships, where it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from vit_perception.install_hint import pip_install

# Only files inside its wheel: its others are downloaded on first use.
PHOTOGRAPHS = {
    "cat": "chelsea.png",
    "astronaut": "astronaut.png",
    "coffee": "coffee.png",
    "motorcycle": "motorcycle_left.png",
    "rocket": "rocket.jpg",
}


def photograph_paths() -> dict[str, Path]:
    """The photographs by name.

    Raises:
        FileNotFoundError: scikit-image is not installed, or has no pictures.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the photographs come with scikit-image: {pip_install('scikit-image')}")
    data = Path(spec.origin).parent / "data"
    paths = {name: data / file for name, file in PHOTOGRAPHS.items() if (data / file).is_file()}
    if not paths:
        raise FileNotFoundError(
            f"scikit-image has no photographs in {data}: {pip_install('--force-reinstall scikit-image')}"
        )
    return paths
