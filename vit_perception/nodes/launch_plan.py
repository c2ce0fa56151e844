"""What `launch/perception.launch.py` starts, worked out without `launch`, `launch_ros` or rclpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vit_perception.runtime.locate import DEFAULT_MODEL
from vit_perception.tasks import (
    ATTENTION,
    CLASSIFICATION,
    DETECTION,
    NAVIGATION,
    SEGMENTATION,
    TASKS,
    check_tasks,
)

# The executable that answers each task; each names its node and its file in `config/`.
EXECUTABLES = {
    CLASSIFICATION: "classifier",
    DETECTION: "detector",
    SEGMENTATION: "segmenter",
    NAVIGATION: "navigator",
    ATTENTION: "attention",
}


@dataclass(frozen=True)
class Argument:
    """A launch argument; `choices` is empty where anything goes."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()


ARGUMENTS = (
    Argument(
        "device", "auto", "Where the network runs; auto takes CUDA if it works.", ("auto", "cpu", "cuda")
    ),
    Argument(
        "composed",
        "true",
        "true: all tasks in one node with one forward pass a frame (fast). false: one node a task.",
        ("true", "false"),
    ),
    Argument("tasks", ",".join(TASKS), "Tasks to run, separated by commas, from: " + ", ".join(TASKS) + "."),
    Argument(
        "model", DEFAULT_MODEL, "Name of an installed model, or path of a folder that holds model.yaml."
    ),
    Argument("namespace", "", "Namespace of the nodes and of all their topics, for example front."),
    Argument(
        "image_topic",
        "image",
        "Camera topic without its transport suffix. A relative name is inside the namespace; "
        "start with / to leave it.",
    ),
    Argument(
        "image_topics",
        "",
        "Topics of several cameras for one node, separated by commas, in place of image_topic. Answers to "
        "front/image_raw come out under front.",
    ),
    Argument(
        "image_transport",
        "raw",
        "raw: sensor_msgs/Image on image_topic. compressed: CompressedImage on image_topic/compressed.",
        ("raw", "compressed"),
    ),
    Argument(
        "params_file",
        "",
        "YAML parameter file laid over the packaged ones in config/. An argument above that differs "
        "from its default wins over this file.",
    ),
    Argument("rviz", "false", "true: open RViz with the images that matter.", ("true", "false")),
)


@dataclass(frozen=True)
class NodePlan:
    """One node to start. parameter_files: later ones win; parameters: win over all files."""

    executable: str
    name: str
    parameter_files: tuple[Path, ...]
    parameters: Mapping[str, str | list[str]]


def plan_nodes(values: Mapping[str, str], config: Path) -> list[NodePlan]:
    """The nodes that these argument values ask for.

    Args:
        values: every argument of `ARGUMENTS` by name. config: the folder with the packaged parameter files.

    Raises:
        ValueError: a task does not exist. FileNotFoundError: `params_file` does not exist.
    """
    tasks = parse_tasks(values["tasks"])
    files: tuple[Path, ...] = ()
    if values["params_file"]:
        params_file = Path(values["params_file"]).expanduser().absolute()
        if not params_file.is_file():
            raise FileNotFoundError(f"params_file {params_file} does not exist: give the path of a YAML file")
        files = (params_file,)
    # An argument left at its default leaves the choice to the parameter files.
    parameters: dict[str, str | list[str]] = {
        argument.name: values[argument.name]
        for argument in ARGUMENTS
        if argument.name in ("device", "model", "image_transport")
        and values[argument.name] != argument.default
    }
    if values["image_topics"]:
        parameters["image_topics"] = split_list(values["image_topics"])
    if values["composed"] == "true":
        if tasks != TASKS:
            parameters["tasks"] = list(tasks)
        return [NodePlan("suite", "perception", (config / "suite.yaml", *files), parameters)]
    return [
        NodePlan(
            EXECUTABLES[task], EXECUTABLES[task], (config / f"{EXECUTABLES[task]}.yaml", *files), parameters
        )
        for task in tasks
    ]


def parse_tasks(text: str) -> tuple[str, ...]:
    """`classification,detection` or `[classification, detection]` as task names in canonical order.

    Raises:
        ValueError: a name is not a task, or there is none.
    """
    return check_tasks(split_list(text))


def split_list(text: str) -> list[str]:
    """`a,b` or `[a, 'b']`, as people write lists on a command line."""
    names = (name.strip(" '\"") for name in text.strip("[] ").split(","))
    return [name for name in names if name]


def remappings(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """From the nodes' input names to the camera's topics, for either transport."""
    topic = values["image_topic"]
    if values["image_transport"] == "compressed":
        topic = topic.removesuffix("/compressed")  # image_transport adds it, but many paste the whole name
    return [("image", topic), ("image/compressed", f"{topic}/compressed")]
