"""`vit-perception replay`."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.commands.arguments import add_model

if TYPE_CHECKING:
    from vit_perception.replay.run import Run

HELP = "play frames over DDS to live nodes and record their answers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", type=Path, help="a rosbag2 (mcap, sqlite3), a video, a photograph or a folder of them"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="folder for results.mcap, summary.json and overlays/"
    )
    parser.add_argument("--topic", help="which image topic of a bag to play, where it has several")
    found = "(found by type and name)"
    parser.add_argument("--depth-topic", help=f"depth of a bag, registered to its images {found}")
    parser.add_argument("--camera-info-topic", help=f"camera_info of a bag {found}")
    parser.add_argument("--odom-topic", help=f"odometry of a bag {found}")
    parser.add_argument("--goal-topic", help=f"goals of a bag, for a navigator {found}")
    processes = parser.add_mutually_exclusive_group()
    processes.add_argument(
        "--composed", action="store_true", default=True, help="all tasks in one node (the default)"
    )
    processes.add_argument("--separate", dest="composed", action="store_false", help="one node a task")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument(
        "--lockstep", action="store_true", help="send a frame when the one before is answered (the default)"
    )
    pace.add_argument(
        "--rate", type=float, metavar="HZ", help="play in real time and count the frames that are dropped"
    )
    parser.add_argument(
        "--no-overlays", dest="overlays", action="store_false", help="leave out the drawn pictures"
    )
    parser.add_argument("--domain-id", type=int, help="ROS domain to play in (a free one)")
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Replay `options.input` into `options.output`; the exit code is not 0 if lockstep lost a frame."""
    from vit_perception.replay.console import finish, node_options
    from vit_perception.replay.overlays import OVERLAYS, write_overlays
    from vit_perception.replay.progress import progress_bar
    from vit_perception.replay.run import RESULTS, refuse_overwriting, replay
    from vit_perception.replay.sources import open_source
    from vit_perception.replay.sources.beside import CAMERA_INFO, DEPTH_IMAGE, GOAL, ODOM

    refuse_overwriting(options.input, options.output)
    named = {
        DEPTH_IMAGE: options.depth_topic,
        CAMERA_INFO: options.camera_info_topic,
        ODOM: options.odom_topic,
        GOAL: options.goal_topic,
    }
    given = {what: topic for what, topic in named.items() if topic is not None}
    source = open_source(options.input, options.topic, given)
    settings = dataclasses.replace(
        node_options(options), composed=options.composed, hz=options.rate, domain_id=options.domain_id
    )

    def play(check: Callable[[], None]) -> Run:
        print(f"Replaying {source.description}")
        run = replay(source, options.output, settings, check)
        for reason in source.skipped:
            print(f"skipped {reason}", file=sys.stderr)
        if options.overlays:
            with progress_bar(run.summary["frames_in"], "overlays") as bar:

                def drawn() -> None:
                    check()
                    bar.update()

                write_overlays(options.output / RESULTS, run.names, options.output / OVERLAYS, drawn)
        return run

    return finish(play, options.output, lost_fails=options.rate is None)
