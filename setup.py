"""Installs the package for `ros2 run` and `ros2 launch` (colcon), and for pip."""

import sys
from pathlib import Path

from setuptools import find_packages, setup

NAME = "vit_perception"
SHARE = f"share/{NAME}"
# In a workspace of colcon, setup.py runs in the build folder, where it is a link.
ROOT = Path(__file__).resolve().parent
EXECUTABLES = ("classifier", "detector", "segmenter", "navigator", "depth", "attention", "suite")


def data_files() -> list[tuple[str, list[str]]]:
    """(folder in the prefix, files) of all that is installed beside the code.

    An editable installation gets none: its launch files, parameters and models are those of the
    checkout, and copies would become stale.
    """
    if "editable_wheel" in sys.argv:
        return []
    files = [
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (SHARE, ["package.xml", "LICENSE"]),
    ]
    if "bdist_wheel" not in sys.argv:  # pip makes the command itself
        files.append(("bin", ["bin/vit-perception"]))
    for top in ("launch", "config", "models", "examples"):
        folders = sorted({path.parent for path in Path(top).rglob("*") if path.is_file()})
        for folder in folders:
            if folder.name != "__pycache__":
                names = sorted(str(path) for path in folder.iterdir() if path.is_file())
                files.append((f"{SHARE}/{folder}", names))
    return files


def requirements(file: str) -> list[str]:
    """The lines of a requirements file that are not comments."""
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


setup(
    name=NAME,
    version="0.1.0",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    data_files=data_files(),
    package_data={
        NAME: [
            "py.typed",
            "nodes/fast_dds.xml",
            "view/page/*",
            "checkpoints/catalog.yaml",
            "data/labels/*.yaml",
            "data/teachers/*.yaml",
            "data/teachers/*.txt",
        ]
    },
    install_requires=["setuptools"],
    extras_require={
        "docs": requirements("docs.txt"),
        "hub": requirements("adopt.txt"),
        "ray": requirements("ray.txt"),
        "sim": requirements("sim.txt"),
        "view": requirements("view.txt"),
    },
    python_requires=">=3.10",
    zip_safe=False,
    maintainer="vit_perception maintainers",
    maintainer_email="maintainers@vit-perception.invalid",
    description="One Vision Transformer that looks at each camera frame once and answers five ROS 2 tasks.",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            *(f"{name} = {NAME}.nodes.executables:{name}" for name in EXECUTABLES),
            f"simulator = {NAME}.sim.node:main",
            f"vit-perception = {NAME}.cli:main",
        ],
    },
)
