"""One replay from start to end: live nodes, frames through them, results into a bag, and a summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vit_perception.cards.card import Card, load_card
from vit_perception.cards.locate import DEFAULT_MODEL
from vit_perception.hub.obtain import obtain_model
from vit_perception.hub.report import to_stderr
from vit_perception.nodes.depth.settings import DepthSettings
from vit_perception.nodes.outputs.topics import topics_of_heads
from vit_perception.replay import processes
from vit_perception.replay.cdr import COMPRESSED_IMAGE
from vit_perception.replay.disk import names_a_full_disk
from vit_perception.replay.player import Player
from vit_perception.replay.progress import progress_bar
from vit_perception.replay.readiness import wait_until_ready
from vit_perception.replay.recorder import METADATA, Recorder
from vit_perception.replay.results import read_identity, read_warnings
from vit_perception.replay.scoreboard import Scoreboard
from vit_perception.replay.session import Session, needs_more
from vit_perception.replay.sources import Source, SourceError
from vit_perception.replay.sources.beside import CAMERA_INFO, COMPRESSED_DEPTH, DEPTH_INPUTS
from vit_perception.runtime.whole_file import write_whole
from vit_perception.tasks import DEPTH, TASKS, check_tasks

RESULTS = "results.mcap"
SUMMARY = "summary.json"
LOGS = "logs"

# Loading five models on two busy cores takes about half a minute.
_READY_SECONDS = 180.0
# In a node's warning that something in metres does not come.
_NOT_MEASURED = "until then there are no"


@dataclass(frozen=True)
class Options:
    """How to replay.

    Attributes:
        model: name or folder of a model, as the nodes' parameter.
        engine: as the nodes' parameter.
        device: as the nodes' parameter.
        precision: as the nodes' parameter.
        tasks: those to run, as far as the model was trained for them.
        prompts: what an open vocabulary looks for; without any, the model's examples.
        composed: all tasks in one node; otherwise a node for each.
        hz: frames a second in real time; None for lockstep.
        domain_id: ROS domain, 0 to 101; None takes a free one.

    Raises:
        ValueError: a value is not usable; the message says which.
    """

    model: str = DEFAULT_MODEL
    engine: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    tasks: tuple[str, ...] = TASKS
    prompts: tuple[str, ...] = ()
    composed: bool = True
    hz: float | None = None
    domain_id: int | None = None

    def __post_init__(self) -> None:
        check_tasks(self.tasks)
        if self.hz is not None and not 0 < self.hz <= 1000:
            raise ValueError(
                f"rate {self.hz} is not possible: give frames a second, more than 0 and at most 1000"
            )
        if self.domain_id is not None and not 0 <= self.domain_id <= 101:
            raise ValueError(f"domain id {self.domain_id} is not safe on Linux: give one from 0 to 101")


@dataclass(frozen=True)
class Run:
    """What came of a replay.

    Attributes:
        summary: the content of summary.json.
        names: of the frames, in the order they were played.
    """

    summary: dict[str, Any]
    names: list[str]


def replay(source: Source, folder: Path, options: Options, check: Callable[[], None]) -> Run:
    """Play `source` to live nodes, and write results.mcap, metadata.yaml and summary.json.

    Args:
        source: of the frames.
        folder: for the files and the nodes' logs; made if it is not there.
        options: how to replay.
        check: called at least every second; may raise to end early, which leaves bag and summary of what was
            played.

    Raises:
        SourceError: not one frame could be read.
        DiskFull: there is no more room in `folder`; bag and summary are of what was played.
        NodeDied: a node's process ended by itself; the message has the end of its log.
        NotReady: the nodes did not get ready in time.
        FileNotFoundError: there is no such model.
        ValueError: the model was trained for none of the tasks.
    """
    card = load_card(obtain_model(options.model, to_stderr).resolve())
    tasks = _trained(options.tasks, card)
    domain = processes.free_domain() if options.domain_id is None else options.domain_id
    beside = tuple(source.beside.topics) if source.beside is not None else ()
    parameters = _parameters(options, card, tasks, source.message_type, beside)
    nodes = {
        name: processes.node_command(executable, parameters)
        for name, executable in processes.plan(options.composed, tasks).items()
    }
    # A depth model gives depth to no other node.
    by_model = options.composed and DEPTH in tasks and card.decoding.depth.metric
    measurable = CAMERA_INFO in beside and (by_model or not set(DEPTH_INPUTS).isdisjoint(beside))
    folder.mkdir(parents=True, exist_ok=True)
    for stale in (RESULTS, METADATA, SUMMARY):
        (folder / stale).unlink(missing_ok=True)
    with (
        processes.isolated(domain) as environment,  # our own participant reads it too
        processes.Processes(nodes, environment, folder / LOGS) as running,
        Session(source.message_type, nodes, domain, beside, measurable) as session,
    ):

        def check_all() -> None:
            check()
            running.check()

        required = _required_topics(tasks, card)
        early = wait_until_ready(session, required, card.input_sizes, _READY_SECONDS, check_all)
        topics = session.topics.values()
        board = Scoreboard(
            {topic.name: topic.message_type for topic in topics},
            [topic.name for topic in topics if topic.per_frame and not needs_more(topic.name)],
            [topic.name for topic in topics if needs_more(topic.name)],
        )
        recorder = Recorder(folder / RESULTS)
        try:
            with recorder, progress_bar(len(source), "replay") as bar:
                _declare(recorder, session)
                tolerance = None if by_model else DepthSettings().tolerance
                player = Player(session, recorder, board, check_all, early, tolerance)
                if options.hz is None:
                    player.lockstep(source, bar.update)
                else:
                    player.real_time(source, options.hz, bar.update)
        finally:
            missing = source.beside.missing if source.beside is not None else ()
            summary = _summary(board, folder / RESULTS, missing, measurable)
            with names_a_full_disk(folder / SUMMARY):
                write_whole(folder / SUMMARY, (json.dumps(summary, indent=2) + "\n").encode())
    if not board.frames_in:
        raise SourceError(f"no frame of {source.description} could be read: {'; '.join(source.skipped[:3])}")
    return Run(summary, board.names)


def refuse_overwriting(source: Path, folder: Path) -> None:
    """SourceError if the results in `folder` would replace the bag they are made from."""
    own = {(folder / name).resolve() for name in ("", RESULTS, METADATA)}
    if source.resolve() in own:
        raise SourceError(
            f"{source} would be overwritten by the results: give another --output than {folder}"
        )


def _trained(tasks: tuple[str, ...], card: Card) -> list[str]:
    """The tasks that the model was trained for: the results of others would be waited for in vain."""
    trained = [task for task in tasks if task in card.tasks]
    if not trained:
        raise ValueError(
            f"model {card.name} was trained for none of {', '.join(tasks)}: it does {', '.join(card.tasks)}"
        )
    return trained


def _required_topics(tasks: list[str], card: Card) -> list[str]:
    """The topics that must carry a result for each frame: those of the tasks' trained heads."""
    heads = [head for head in card.trained if head.split(".")[0] in tasks]
    return [f"/{topic.name}" for topic in topics_of_heads(heads, card.decoding.depth.metric)]


def _parameters(
    options: Options, card: Card, tasks: list[str], frame_type: str, beside: tuple[str, ...]
) -> dict[str, str]:
    """Node parameters as YAML. JSON is YAML, and its quotes keep a text from being read as a number."""
    values: dict[str, str | bool | list[str]] = {
        "model": str(card.folder),
        "engine": options.engine,
        "precision": options.precision,
        "device": options.device,
        "compile_beside": options.hz is not None,  # else every frame has the answer that it always has
        "image_transport": "compressed" if frame_type == COMPRESSED_IMAGE else "raw",
    }
    if COMPRESSED_DEPTH in beside:
        values["depth_transport"] = "compressedDepth"
    if options.prompts:
        values["prompts"] = list(options.prompts)
    if options.composed:
        values["tasks"] = tasks
    return {name: json.dumps(value) for name, value in values.items()}


def _declare(recorder: Recorder, session: Session) -> None:
    for topic in (session.image, *session.topics.values()):
        recorder.add_topic(topic.name, topic.message_type, topic.qos)


def _summary(board: Scoreboard, results: Path, missing: tuple[str, ...], measurable: bool) -> dict[str, Any]:
    counted = board.summary()
    topics = counted.pop("topics")
    notes = []
    if missing:
        meaning = "" if measurable else ", so nothing is measured in metres"
        notes.append(f"The bag has {', '.join(missing)}{meaning}.")
    if without := board.without_depth:
        frames = f"{len(without)} of {board.frames_in} frames"
        notes.append(f"{frames} have no depth within {DepthSettings().tolerance:g} s, first {without[0]}.")
    if unmeasured := board.unmeasured:
        counts = ", ".join(f"{topic} for {count}" for topic, count in unmeasured.items())
        why = "; ".join(read_warnings(results, _NOT_MEASURED)) or "see /diagnostics"
        notes.append(f"Not answered in metres: {counts} of {board.frames_in} frames. {why}")
    return {**counted, **read_identity(results), "notes": notes, "topics": topics}
