"""Every parameter of the nodes: its default, what it means, when it can change, and which values it takes."""

from __future__ import annotations

from collections.abc import Iterator

from vit_perception.cards.card import THRESHOLDS
from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.nodes import parameter_checks as checks
from vit_perception.nodes.depth.parameter_specs import depth_specs
from vit_perception.nodes.navigation.parameter_specs import navigation_specs
from vit_perception.nodes.parameter_spec import Change, ParameterSpec, number
from vit_perception.runtime.engines.select import DEVICES, ENGINES, PRECISIONS
from vit_perception.runtime.request import INPUT_SCALES, MAP_SCALES
from vit_perception.tasks import CLASSIFICATION, DETECTION, TASKS

TRANSPORTS = ("raw", "compressed")
# Tasks whose results can be restricted to some classes.
FILTERED = (CLASSIFICATION, DETECTION)
_RATES_HZ = (0.0, 1000.0)
_LATENCIES_MS = (0.0, 60_000.0)
_AGES_MS = (0.0, 3_600_000.0)
# With more, a mask would follow what moves after seconds.
_WEIGHTS = (0.0, 0.95)
# From an image of a few cells to more than any camera sends.
_MEGAPIXELS = (0.001, 1000.0)


def _specs() -> Iterator[ParameterSpec]:
    yield ParameterSpec(
        "model",
        DEFAULT_MODEL,
        "Model to run: the name of an installed model, the path of a model's folder, or a public model "
        "(hf:ORG/NAME[@REVISION], timm:NAME or torchvision:NAME[/WEIGHTS]), which is downloaded once.",
        Change.UNCONFIGURED,
    )
    yield ParameterSpec(
        "engine",
        "auto",
        f"Inference library: auto, {', '.join(ENGINES)}. auto takes the fastest one that is installed and "
        "can run the model.",
        Change.UNCONFIGURED,
        checks.one_of("auto", *ENGINES),
    )
    yield ParameterSpec(
        "device",
        "auto",
        f"Processor that runs the model: auto, {', '.join(DEVICES)}. auto takes CUDA where it works.",
        Change.UNCONFIGURED,
        checks.one_of("auto", *DEVICES),
    )
    yield ParameterSpec(
        "precision",
        "auto",
        f"Number format of the computation: auto, {', '.join(PRECISIONS)}. auto takes the fastest one that "
        "engine, device and model support.",
        Change.UNCONFIGURED,
        checks.one_of("auto", *PRECISIONS),
    )
    yield ParameterSpec(
        "compile_beside",
        True,
        "While the model is compiled for an input of another size: true, frames go on at a size that is "
        "compiled; false, they wait, so that a recording always has the same results.",
        Change.UNCONFIGURED,
    )
    yield ParameterSpec(
        "image_transport",
        "raw",
        "How images arrive. raw: as sensor_msgs/Image on the topic image. compressed: as "
        "sensor_msgs/CompressedImage on the topic image/compressed.",
        Change.NEVER,
        checks.one_of(*TRANSPORTS),
    )
    yield ParameterSpec(
        "image_topics",
        [],
        "Image topics of several cameras, whose frames are processed together. Results for front/image_raw "
        "are published under front/. Empty: one camera, on the topic image.",
        Change.NEVER,
        checks.topics,
        is_list=True,
    )
    yield ParameterSpec(
        "autostart",
        True,
        "Whether the node configures and activates itself. false: a lifecycle manager does so.",
        Change.NEVER,
    )
    yield ParameterSpec(
        "tasks",
        list(TASKS),
        f"Tasks that the node can compute, from: {', '.join(TASKS)}.",
        Change.NEVER,
        checks.task_list,
        is_list=True,
        suite_only=True,
    )
    yield ParameterSpec(
        "enabled_tasks",
        None,
        "Tasks that are computed now, among those in tasks.",
        check=checks.task_list,
        is_list=True,
        suite_only=True,
        default_note="the same as tasks",
    )
    for task in TASKS:
        yield ParameterSpec(
            f"{task}.model",
            "",
            f"Model for {task}. Tasks with the same model share one forward pass. Empty: the one in model.",
            Change.UNCONFIGURED,
            suite_only=True,
            tasks=(task,),
        )
    yield ParameterSpec(
        "overlay",
        None,
        "Whether to publish overlay, an image with all results drawn on the frame.",
        default_note="true for the suite, false for the others",
    )
    yield number(
        "max_rate",
        0.0,
        "Highest rate at which frames of a camera are processed, in Hz, on average. The others are dropped "
        "when they arrive. 0: no limit.",
        _RATES_HZ,
        "a rate: give frames a second, 0 for no limit",
    )
    yield number(
        "max_latency_ms",
        0.0,
        "Longest time from the arrival of a frame to its results, in milliseconds. While it is exceeded, the "
        "node shrinks the network's input step by step and finally drops stale frames; it returns to the "
        "full input when there is time. 0: no limit.",
        _LATENCIES_MS,
        "a time: give milliseconds, 0 for no limit",
    )
    yield number(
        "min_rate",
        0.0,
        "Rate of results, in Hz, below which /diagnostics warns. 0: half the rate at which frames arrive, or "
        "half of max_rate if that is less.",
        _RATES_HZ,
        "a rate: give frames a second, 0 for half of those that arrive",
    )
    yield number(
        "max_age_ms",
        1000.0,
        "Age of results, in milliseconds from the stamp of the frame by the node's clock, above which "
        "/diagnostics warns; also for stamps that far ahead of the clock. 0: no limit.",
        _AGES_MS,
        "an age: give milliseconds, 0 for no limit",
    )
    yield number(
        "input_scale",
        1.0,
        "Scale of the network's input relative to the model's own input size, {:g} to {:g}. A larger input "
        "finds smaller objects and costs more time.".format(*INPUT_SCALES),
        INPUT_SCALES,
        "a size: give it in input sizes of the model",
    )
    yield number(
        "map_scale",
        1.0,
        "Scale of masks, depth images and heat maps relative to the camera image, {:g} to {:g}. Smaller ones "
        "cost less time and bandwidth.".format(*MAP_SCALES),
        MAP_SCALES,
        "a size: give it in sizes of the image",
    )
    yield number(
        "smoothing",
        0.0,
        "Weight of the answer before in masks, actions and collisions, {:g} to {:g}: they flicker less, and "
        "notice later. 0: each frame speaks for itself.".format(*_WEIGHTS),
        _WEIGHTS,
        "a weight: give a share, 0 for none",
    )
    yield number(
        "max_megapixels",
        50.0,
        "Largest image that is processed, in megapixels. A larger one is an error and is not even decoded: a "
        "compressed file of some kilobytes can fill the memory.",
        _MEGAPIXELS,
        "a size of images: give it in megapixels",
    )
    yield ParameterSpec(
        "prompts",
        [],
        "What to look for, in words, for a model with an open vocabulary. Empty: the examples on its card.",
        check=checks.prompts,
        is_list=True,
    )
    for task in THRESHOLDS:
        yield ParameterSpec(
            f"{task}.threshold",
            None,
            f"Lowest score at which {task} reports a result, 0 to 1.",
            check=checks.threshold(task),
            limits=(0.0, 1.0),
            tasks=(task,),
            from_model=True,
            default_note="the model's",
        )
    for task in FILTERED:
        yield ParameterSpec(
            f"{task}.classes",
            [],
            f"Names of the classes that {task} reports. The name of a group, such as vehicle, stands for all "
            "its classes. Empty: all classes.",
            check=checks.labels,
            is_list=True,
            tasks=(task,),
            from_model=True,
        )
    yield from depth_specs()
    yield from navigation_specs()


PARAMETERS = {spec.name: spec for spec in _specs()}
