"""Installs the package for `ros2 run` and `ros2 launch` (colcon), and for pip."""

import sys
from pathlib import Path

from setuptools import find_packages, setup

NAME = "vit_perception"
SHARE = f"share/{NAME}"
EXECUTABLES = ("classifier", "detector", "segmenter", "navigator", "depth", "attention", "suite")


def share_files() -> list[tuple[str, list[str]]]:
    """(folder in the prefix, files) of all that is installed beside the code.

    An editable installation gets none: the checkout itself is where its launch files, parameters
    and models are, and a copy of them would only grow old.
    """
    if "editable_wheel" in sys.argv:
        return []
    files = [
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (SHARE, ["package.xml", "LICENSE"]),
    ]
    for top in ("launch", "config", "models"):
        folders = sorted({path.parent for path in Path(top).rglob("*") if path.is_file()})
        for folder in folders:
            if folder.name != "__pycache__":
                names = sorted(str(path) for path in folder.iterdir() if path.is_file())
                files.append((f"{SHARE}/{folder}", names))
    return files


setup(
    name=NAME,
    version="0.1.0",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    data_files=share_files(),
    package_data={NAME: ["py.typed", "nodes/fast_dds.xml", "checkpoints/catalog.yaml"]},
    install_requires=["setuptools"],
    extras_require={
        # What adopting a public model needs, once; running it does not.
        "hub": [
            "torch",
            "torchvision",
            "transformers>=5",
            "timm",
            "huggingface_hub",
            "safetensors",
            "onnx",
            "onnxruntime",
            # What some tokenizers are made of.
            "sentencepiece",
            "protobuf",
        ],
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
            f"vit-perception = {NAME}.cli:main",
        ],
    },
)
