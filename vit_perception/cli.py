"""`vit-perception`: look at one picture, replay recordings through live nodes, list models, see the demo."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from vit_perception.bench import PARTS
from vit_perception.runtime.draw import COLOUR_MAPS
from vit_perception.runtime.engines.select import DEVICES, ENGINES, PRECISIONS
from vit_perception.runtime.locate import DEFAULT_MODEL
from vit_perception.tasks import TASKS, check_tasks

# Modules that a ROS installation brings and pip alone does not.
_ROS = ("rclpy", "vision_msgs", "sensor_msgs", "std_msgs", "diagnostic_msgs", "rosidl_runtime_py")


# What only making and measuring a model needs.
_TOOLS = {"torch": "PyTorch", "nncf": "NNCF", "pycocotools": "pycocotools"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the process's exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        return options.run(options)
    except ModuleNotFoundError as error:
        root = (error.name or "").split(".")[0]
        if root in _TOOLS:
            return _fail(f"this needs {_TOOLS[root]}, which running a model does not: pip install {root}")
        if root not in _ROS:
            raise
        return _fail(
            f"{root} is not installed in {sys.executable}: source your ROS 2 setup, or run `make setup`"
        )
    except (ValueError, OSError, RuntimeError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return 130


def _fail(reason: str) -> int:
    print(f"vit-perception: {reason}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vit-perception", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    replay = _command(
        commands, "replay", _replay, "play frames over DDS to live nodes and record their answers"
    )
    replay.add_argument(
        "input", type=Path, help="a rosbag2 (mcap, sqlite3), a video, a photograph or a folder of them"
    )
    replay.add_argument(
        "--output", type=Path, required=True, help="folder for results.mcap, summary.json and overlays/"
    )
    replay.add_argument("--topic", help="which images of a bag that has several image topics")
    processes = replay.add_mutually_exclusive_group()
    processes.add_argument(
        "--composed", action="store_true", default=True, help="all tasks in one node (the default)"
    )
    processes.add_argument("--separate", dest="composed", action="store_false", help="one node a task")
    pace = replay.add_mutually_exclusive_group()
    pace.add_argument(
        "--lockstep", action="store_true", help="a frame when the last is answered (the default)"
    )
    pace.add_argument(
        "--rate", type=float, metavar="HZ", help="in real time, counting the frames that are dropped"
    )
    replay.add_argument(
        "--no-overlays", dest="overlays", action="store_false", help="leave out the drawn pictures"
    )
    replay.add_argument("--domain-id", type=int, help="ROS domain to play in; a free one unless given")
    _add_model(replay)

    demo = _command(
        commands, "demo", _demo, "replay photographs that scikit-image ships and draw a contact sheet"
    )
    demo.add_argument(
        "--output", type=Path, default=Path("out", "demo"), help="folder for the results (out/demo)"
    )
    _add_model(demo)

    predict = _command(commands, "predict", _predict, "look at one picture, without ROS")
    predict.add_argument("image", type=Path, help="any picture that OpenCV reads")
    predict.add_argument(
        "--output", type=Path, metavar="PNG", help="write the picture with the answers drawn on it"
    )
    _add_model(predict)

    explain = _command(commands, "explain", _explain, "show where a model looks in one picture")
    explain.add_argument("image", type=Path, help="any picture that OpenCV reads")
    _add_model_name(explain)
    explain.add_argument(
        "--method",
        default="attention",
        choices=("attention", "heads", "rollout", "gradient"),
        help="of one block, head by head, through all blocks, or for one class (attention)",
    )
    explain.add_argument("--output", type=Path, required=True, metavar="PNG", help="the picture to write")
    explain.add_argument("--class", dest="label", metavar="NAME", help="of gradient; the most likely one")
    explain.add_argument("--block", type=int, default=-1, help="of attention and heads (-1, the last)")
    explain.add_argument("--start", type=int, help="first block of rollout (the middle one) and gradient (0)")
    explain.add_argument(
        "--clip",
        type=float,
        default=3.0,
        help="in a rollout no patch is read more than this times the median one; inf for no limit (3)",
    )
    explain.add_argument("--colour-map", default="inferno", choices=sorted(COLOUR_MAPS))
    explain.add_argument("--opacity", type=float, default=0.5, help="of the heat map, 0 to 1 (0.5)")

    quantize = _command(commands, "quantize", _quantize, "give a model an int8 graph for OpenVINO")
    quantize.add_argument("model", help="name or folder of a model")
    _add_frames(quantize, 128)
    quantize.add_argument("--output", type=Path, metavar="FOLDER", help="a copy; the model's own folder")
    quantize.add_argument(
        "--keep",
        nargs="*",
        metavar="PART",
        help="leave these in higher precision: patch_embed, first_block, attention, pyramid, heads; "
        "unless given, those for which it pays",
    )

    compress = _command(
        commands, "compress", _compress, "make a smaller model: fewer heads, narrower MLPs, int8"
    )
    compress.add_argument("model", help="name or folder of a model whose backbone is a plain ViT")
    _add_frames(compress, 64)
    compress.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="of the smaller model")
    compress.add_argument("--heads", type=int, help="attention heads to keep in each block; as it is")
    compress.add_argument(
        "--mlp-ratio", type=float, help="width of the MLPs, in widths of the tokens; as it is"
    )
    compress.add_argument("--int8", action="store_true", help="an int8 graph, too, that shares the weights")

    bench = _command(
        commands, "bench", _bench, "measure the nodes on this machine, live, against the targets"
    )
    bench.add_argument("--json", action="store_true", help="print all results as JSON")
    bench.add_argument("--output", type=Path, metavar="FILE", help="write them as JSON, too")
    bench.add_argument(
        "--only",
        nargs="+",
        metavar="PART",
        choices=PARTS,
        help="some of " + ", ".join(PARTS),
    )
    bench.add_argument("--data", type=Path, help="labelled photographs to compare int8 with fp32 on")
    bench.add_argument("--seconds", type=float, default=60.0, help="of the main run (60)")
    bench.add_argument("--brief", type=float, default=15.0, help="of each other run (15)")
    bench.add_argument("--overload", type=float, default=600.0, help="of the camera that is too fast (600)")
    _add_model(bench)

    models = _command(commands, "models", _models, "list the models here and the public checkpoints")
    fetch = _command(
        models.add_subparsers(metavar="fetch"), "fetch", _fetch, "download public models and adopt them"
    )
    fetch.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="hf:ORG/NAME[@REVISION], timm:NAME, torchvision:NAME[/WEIGHTS], or a publisher's folder",
    )
    fetch.add_argument("--to", type=Path, metavar="DIR", help="where to put their folders; the user's cache")
    fetch.add_argument(
        "--prompts", type=_prompts, metavar="A,B", help="what to look for, encoded for robots without PyTorch"
    )
    return parser


def _command(
    commands: argparse._SubParsersAction, name: str, run: Callable[[argparse.Namespace], int], help: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=f"{help[0].upper()}{help[1:]}."
    )
    parser.set_defaults(run=run)
    return parser


def _add_model_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"name or folder of a model ({DEFAULT_MODEL})")


def _add_frames(parser: argparse.ArgumentParser, count: int) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="frames of your camera; with boxes/ and panoptic.json, accuracy is measured before and after",
    )
    parser.add_argument("--frames", type=int, default=count, help=f"how many of them to measure on ({count})")


def _add_model(parser: argparse.ArgumentParser) -> None:
    _add_model_name(parser)
    parser.add_argument("--engine", default="auto", choices=("auto", *ENGINES))
    parser.add_argument("--device", default="auto", choices=("auto", *DEVICES))
    parser.add_argument("--precision", default="auto", choices=("auto", *PRECISIONS))
    parser.add_argument("--tasks", type=_tasks, default=TASKS, help="some of " + ",".join(TASKS))
    parser.add_argument(
        "--prompts", type=_prompts, metavar="A,B", help="what a model with an open vocabulary looks for"
    )


def _prompts(text: str) -> tuple[str, ...]:
    return tuple(prompt.strip() for prompt in text.split(",") if prompt.strip())


def _tasks(text: str) -> tuple[str, ...]:
    try:
        return check_tasks(name.strip() for name in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _replay(options: argparse.Namespace) -> int:
    from vit_perception.replay.command import run_replay

    return run_replay(options)


def _demo(options: argparse.Namespace) -> int:
    from vit_perception.replay.command import run_demonstration

    return run_demonstration(options)


def _predict(options: argparse.Namespace) -> int:
    from vit_perception.runtime.adopt import obtain_model, to_stderr
    from vit_perception.runtime.describe import describe_perception, labels_by_task
    from vit_perception.runtime.draw import draw_overlay
    from vit_perception.runtime.pictures import read_picture, write_picture
    from vit_perception.runtime.predictor import Predictor

    image = read_picture(options.image)
    predictor = Predictor(
        obtain_model(options.model, to_stderr),
        options.engine,
        options.device,
        options.tasks,
        options.precision,
        options.prompts,
    )
    # The first call compiles, which is not what the times below are about.
    predictor.warm_up(*image.shape[:2])
    perception = predictor(image, order="rgb")
    print(describe_perception(perception, predictor.card))
    stages = ", ".join(f"{stage} {milliseconds:.1f}" for stage, milliseconds in perception.stage_ms.items())
    engine = predictor.engine
    print(f"{'ms':<16}{stages} ({predictor.card.name} on {engine.name}, {engine.device}, {engine.precision})")
    if options.output is not None:
        write_picture(options.output, draw_overlay(image, perception, labels_by_task(predictor.card)))
        print(f"Drawn in {options.output}")
    return 0


def _explain(options: argparse.Namespace) -> int:
    from vit_perception.explain.command import run_explain

    return run_explain(options)


def _quantize(options: argparse.Namespace) -> int:
    from vit_perception.training.quantize_command import run_quantize

    return run_quantize(options)


def _bench(options: argparse.Namespace) -> int:
    from vit_perception.bench.command import run_bench

    return run_bench(options)


def _compress(options: argparse.Namespace) -> int:
    from vit_perception.training.compress_command import run_compress

    return run_compress(options)


def _models(options: argparse.Namespace) -> int:
    from vit_perception.runtime.models_command import print_models

    print_models()
    print(f"\nPublic checkpoints, to start a model of your own from (load_backbone):\n\n{_checkpoints()}")
    return 0


def _checkpoints() -> str:
    try:
        from vit_perception.checkpoints.catalog import describe_catalog
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        return "they need PyTorch, which running a model does not: pip install torch"
    return describe_catalog()


def _fetch(options: argparse.Namespace) -> int:
    from vit_perception.runtime.models_command import run_fetch

    return run_fetch(options)


if __name__ == "__main__":
    sys.exit(main())
