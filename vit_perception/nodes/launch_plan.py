"""The arguments of `launch/perception.launch.py` and the nodes it starts. Does not import launch or rclpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vit_perception.cards.card import load_card
from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.hub.obtain import local_model
from vit_perception.hub.presets import Preset, find_preset, preset_files
from vit_perception.nodes.camera_names import (
    compressed,
    compressed_depth,
    topic_beside,
    without_transport,
)
from vit_perception.nodes.depth.settings import TRANSPORTS
from vit_perception.nodes.executables import EXECUTABLES, SUITE, SUITE_NODE
from vit_perception.tasks import NAVIGATION, TASKS, check_tasks


@dataclass(frozen=True)
class Argument:
    """A launch argument.

    Attributes:
        name: as in `name:=value`.
        default: its value where none is given.
        description: for `ros2 launch --show-args`.
        choices: the values it takes; empty: any.
    """

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()


ARGUMENTS = (
    Argument(
        "device",
        "auto",
        "Processor that runs the model; auto takes CUDA where it works.",
        ("auto", "cpu", "cuda"),
    ),
    Argument(
        "composed",
        "true",
        "true: one node for all tasks, with one forward pass for each frame. false: a node for each task.",
        ("true", "false"),
    ),
    Argument(
        "tasks",
        "",
        f"Tasks to compute, separated by commas, from: {', '.join(TASKS)}. Empty: all that the models can.",
    ),
    Argument(
        "model",
        DEFAULT_MODEL,
        "Model to run: the name of an installed model, the path of a model's folder, or a public model "
        "(hf:ORG/NAME[@REVISION], timm:NAME or torchvision:NAME[/WEIGHTS]), which is downloaded once.",
    ),
    *(Argument(f"{task}_model", "", f"Model for {task}. Empty: the one in model.") for task in TASKS),
    Argument(
        "preset",
        "",
        "Set of public models, one for each of its tasks, see docs/zoo.md. The arguments tasks, prompts and "
        "device and the models of single tasks override it.",
        ("", *preset_files()),
    ),
    Argument(
        "prompts",
        "",
        "What to look for, in words separated by commas, for a model with an open vocabulary: "
        "forklift,pallet.",
    ),
    Argument("namespace", "", "Namespace of the nodes and of their topics, such as front."),
    Argument(
        "image_topic",
        "image",
        "Image topic of the camera, without the suffix of a transport. A name that does not begin with / is "
        "inside the namespace.",
    ),
    Argument(
        "image_topics",
        "",
        "Image topics of several cameras for one node, separated by commas, in place of image_topic. Results "
        "for front/image_raw are published under front/.",
    ),
    Argument(
        "image_transport",
        "raw",
        "How images arrive. raw: as sensor_msgs/Image on image_topic. compressed: as "
        "sensor_msgs/CompressedImage on image_topic/compressed.",
        ("raw", "compressed"),
    ),
    Argument(
        "depth_topic",
        "depth_image",
        "Image topic of a depth camera, registered to image_topic: 32FC1 metres or 16UC1 millimetres. It may "
        "be one that nobody publishes. With image_topics, it is depth_image beside each of them.",
    ),
    Argument(
        "depth_transport",
        TRANSPORTS[0],
        "How depth arrives. raw: as sensor_msgs/Image on depth_topic. compressedDepth: as "
        "sensor_msgs/CompressedImage on depth_topic/compressedDepth.",
        TRANSPORTS,
    ),
    Argument(
        "params_file",
        "",
        "YAML file with parameters, which override those of the package's config/. An argument above that "
        "differs from its default overrides this file.",
    ),
    Argument("rviz", "false", "true: also start RViz, with the images of the results.", ("true", "false")),
)


@dataclass(frozen=True)
class NodePlan:
    """One node to start.

    Attributes:
        executable: of this package.
        name: of the node.
        parameter_files: a later one overrides the earlier ones.
        parameters: override all files.
    """

    executable: str
    name: str
    parameter_files: tuple[Path, ...]
    parameters: Mapping[str, str | bool | list[str]]


def plan_nodes(values: Mapping[str, str], config: Path) -> list[NodePlan]:
    """The nodes that these argument values ask for.

    Args:
        values: every argument of `ARGUMENTS` by name.
        config: the folder with the package's parameter files.

    Raises:
        ValueError: a task or the preset does not exist, the model's tasks are not known yet, or `model` would
            not be used beside a preset.
        FileNotFoundError: `params_file` does not exist.
    """
    preset = find_preset(values["preset"]) if values["preset"] else None
    if preset is not None:
        values = _completed(values, preset)
    tasks = parse_tasks(values["tasks"]) if values["tasks"] else ()
    files = user_files(values["params_file"])
    # An argument at its default is not passed on, so that the parameter files decide.
    parameters: dict[str, str | bool | list[str]] = {
        argument.name: values[argument.name]
        for argument in ARGUMENTS
        if argument.name in ("device", "model", "image_transport", "depth_transport")
        and values[argument.name] != argument.default
    }
    if values["image_topics"]:
        parameters["image_topics"] = split_list(values["image_topics"])
    models = {task: values[f"{task}_model"] for task in TASKS if values[f"{task}_model"]}
    prompts: dict[str, list[str]] = {}
    if values["prompts"]:
        prompts = dict.fromkeys(TASKS, split_list(values["prompts"]))
    elif preset is not None and preset.prompts:
        # Only for its own models: another one may take no prompts, and its node would refuse them.
        own = (task for task, model in preset.models.items() if models.get(task) == model.model)
        prompts = {task: list(preset.prompts) for task in own}
    if values["composed"] == "true":
        if tasks:
            parameters["tasks"] = list(tasks)
        parameters |= {f"{task}.model": model for task, model in models.items()}
        if prompts:
            parameters["prompts"] = next(iter(prompts.values()))
        return [NodePlan(SUITE, SUITE_NODE, (config / f"{SUITE}.yaml", *files), parameters)]
    return [
        NodePlan(
            EXECUTABLES[task],
            EXECUTABLES[task],
            (config / f"{EXECUTABLES[task]}.yaml", *files),
            parameters
            | ({"model": models[task]} if task in models else {})
            | ({"prompts": prompts[task]} if task in prompts else {}),
        )
        for task in tasks or _answered(values["model"], models)
    ]


def user_files(params_file: str) -> tuple[Path, ...]:
    """The file of the argument `params_file`; nothing where it is empty.

    Raises:
        FileNotFoundError: it does not exist.
    """
    if not params_file:
        return ()
    file = Path(params_file).expanduser().absolute()
    if not file.is_file():
        raise FileNotFoundError(f"params_file {file} does not exist: give the path of a YAML file")
    return (file,)


def _completed(values: Mapping[str, str], preset: Preset) -> dict[str, str]:
    """Argument values with those of a preset where none was given.

    Raises:
        ValueError: a task does not exist, or `model` is given and would not be used.
    """
    given = {task for task in TASKS if values[f"{task}_model"]}
    tasks = parse_tasks(values["tasks"]) if values["tasks"] else check_tasks({*given, *preset.models})
    own = {task: model.model for task, model in preset.models.items() if task in tasks and task not in given}
    if values["model"] != DEFAULT_MODEL and all(task in own or task in given for task in tasks):
        raise ValueError(
            f"model:={values['model']} would not be used, because preset {preset.name} has a model for "
            f"{', '.join(preset.models)}: leave one of the two out, or name more tasks, as in "
            f"tasks:={','.join([*preset.models, NAVIGATION])}"
        )
    return {
        **values,
        **{f"{task}_model": model for task, model in own.items()},
        "tasks": ",".join(tasks),
        "device": preset.device if values["device"] == "auto" else values["device"],
    }


def _answered(model: str, models: Mapping[str, str]) -> tuple[str, ...]:
    """The tasks of an installed model, and those that have a model of their own.

    Raises:
        ValueError: the model is not installed, and each node would download it.
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
    """The items of `a,b` or `[a, 'b']`, as lists are written on a command line."""
    names = (name.strip(" '\"") for name in text.strip("[] ").split(","))
    return [name for name in names if name]


def remappings(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Remappings of the nodes' input topics to the cameras', for all transports.

    `camera_info` is taken from beside the image, where camera drivers publish it.
    """
    topic, depth = values["image_topic"], values["depth_topic"]
    if values["image_transport"] == "compressed":
        topic = without_transport(topic)
    return [
        ("image", topic),
        ("image/compressed", compressed(topic)),
        ("camera_info", topic_beside(topic, "camera_info")),
        ("depth_image", depth),
        ("depth_image/compressedDepth", compressed_depth(depth)),
    ]
