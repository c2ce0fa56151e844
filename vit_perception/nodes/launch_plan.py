"""What `launch/perception.launch.py` starts, worked out without `launch`, `launch_ros` or rclpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vit_perception.cards.card import load_card
from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.hub.obtain import local_model
from vit_perception.nodes.executables import EXECUTABLES, SUITE, SUITE_NODE
from vit_perception.tasks import TASKS, check_tasks


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
    Argument(
        "tasks",
        "",
        f"Tasks to run, separated by commas, from: {', '.join(TASKS)}. Unless given, what the models answer.",
    ),
    Argument(
        "model",
        DEFAULT_MODEL,
        "Name of an installed model, path of a model's folder, or a public one: hf:ORG/NAME[@REVISION], "
        "timm:NAME, torchvision:NAME[/WEIGHTS].",
    ),
    *(Argument(f"{task}_model", "", f"Model for {task}, in place of model.") for task in TASKS),
    Argument(
        "prompts", "", "What a model with an open vocabulary looks for, separated by commas: forklift,pallet."
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
    tasks = parse_tasks(values["tasks"]) if values["tasks"] else ()
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
    if values["prompts"]:
        parameters["prompts"] = split_list(values["prompts"])
    models = {task: values[f"{task}_model"] for task in TASKS if values[f"{task}_model"]}
    if values["composed"] == "true":
        if tasks:
            parameters["tasks"] = list(tasks)
        parameters |= {f"{task}.model": model for task, model in models.items()}
        return [NodePlan(SUITE, SUITE_NODE, (config / f"{SUITE}.yaml", *files), parameters)]
    return [
        NodePlan(
            EXECUTABLES[task],
            EXECUTABLES[task],
            (config / f"{EXECUTABLES[task]}.yaml", *files),
            parameters | ({"model": models[task]} if task in models else {}),
        )
        for task in tasks or _answered(values["model"], models)
    ]


def _answered(model: str, models: Mapping[str, str]) -> tuple[str, ...]:
    """The tasks that a model here answers, and those that have one of their own.

    Raises:
        ValueError: the model is not here yet, and a node a task would each download it.
    """
    folder = local_model(model)
    if folder is None:
        raise ValueError(
            f"model {model} is not on this machine yet, so what it answers is not known: name the tasks, as "
            f"in tasks:=detection, or first run vit-perception models fetch {model}"
        )
    return tuple(task for task in TASKS if task in load_card(folder).tasks or task in models)


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
    """From the nodes' input names to the camera's topics, for either transport; `camera_info` is beside the
    image, where drivers have it."""
    topic = values["image_topic"]
    if values["image_transport"] == "compressed":
        topic = topic.removesuffix("/compressed")  # image_transport adds it, but many paste the whole name
    beside = topic.rpartition("/")[0]
    info = f"{beside}/camera_info" if "/" in topic else "camera_info"
    return [("image", topic), ("image/compressed", f"{topic}/compressed"), ("camera_info", info)]
