"""The folder of a closed loop: what was asked for, a file for each drive that is done, and the results."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from vit_perception.runtime.whole_file import write_image, write_whole
from vit_perception.sim.driving import POLICIES
from vit_perception.sim.driving.conditions import CONDITIONS
from vit_perception.sim.driving.episode import Episode
from vit_perception.sim.driving.map_view import MapView
from vit_perception.sim.world import KINDS, World

SUMMARY, ASKED = "summary.json", "drives.json"


@dataclass(frozen=True)
class Job:
    """One drive.

    Attributes:
        condition: one of CONDITIONS.
        policy: one of POLICIES.
        seed: of the world.
    """

    condition: str
    policy: str
    seed: int

    @property
    def name(self) -> str:
        """Unlike that of any other drive; a part of a path."""
        return f"{self.condition}/{self.policy}/{self.seed}"


@dataclass(frozen=True)
class Asked:
    """Which drives.

    Attributes:
        worlds: how many.
        seed: of the first world; the others follow.
        kinds: of worlds, which take turns.
        conditions: of CONDITIONS.
        policies: of POLICIES; the first is the one that is judged.
        model: name or folder, that the navigator runs.

    Raises:
        ValueError: a value is not usable; the message says which.
    """

    worlds: int
    seed: int
    kinds: tuple[str, ...] = KINDS
    conditions: tuple[str, ...] = ("still", "people")
    policies: tuple[str, ...] = POLICIES[:2]
    model: str = ""

    def __post_init__(self) -> None:
        if self.worlds < 1:
            raise ValueError(f"{self.worlds} worlds are too few: give 1 or more")
        for what, names, known in (
            ("kind", self.kinds, KINDS),
            ("condition", self.conditions, CONDITIONS),
            ("policy", self.policies, POLICIES),
        ):
            wrong = [name for name in names if name not in known]
            if wrong or not names:
                given = repr(wrong[0]) if wrong else "none"
                raise ValueError(f"{given} is no {what}: choose from {', '.join(known)}")

    @property
    def jobs(self) -> list[Job]:
        """All drives; those of a world beside each other, so that a run that ends early compares the same."""
        return [
            Job(condition, policy, self.seed + place)
            for place in range(self.worlds)
            for condition in self.conditions
            for policy in self.policies
        ]

    def kind(self, seed: int) -> str:
        """Of the world of this seed."""
        return self.kinds[(seed - self.seed) % len(self.kinds)]


class Folder:
    """Holds the drives of one `Asked`.

    Args:
        path: of the folder; made if it is not there.
        asked: for the drives.

    Raises:
        ValueError: it holds the drives of another.
    """

    def __init__(self, path: Path, asked: Asked) -> None:
        self.path = path
        own = json.loads(json.dumps(dataclasses.asdict(asked)))
        file = path / ASKED
        if file.exists():
            before = json.loads(file.read_text())
            # More worlds may be added.
            changed = [name for name in own if name != "worlds" and before.get(name) != own[name]]
            if changed:
                name = changed[0]
                raise ValueError(
                    f"{path} has drives with {name} {before.get(name)!r}, not {own[name]!r}: "
                    "give another folder"
                )
        write_whole(file, (json.dumps(own, indent=2) + "\n").encode())

    def done(self, job: Job) -> Episode | None:
        """The drive, if it has been done."""
        file = self._file(job)
        return Episode(**json.loads(file.read_text())) if file.exists() else None

    def keep(self, job: Job, episode: Episode, world: World) -> None:
        """Write a drive down, and draw it."""
        picture = cv2.cvtColor(MapView(world).whole(episode), cv2.COLOR_RGB2BGR)
        write_image(self.path / "maps" / f"{job.name}.png", picture)
        # Last: a drive is done when this file is there.
        write_whole(self._file(job), json.dumps(dataclasses.asdict(_rounded(episode))).encode())

    def write_summary(self, results: dict[str, Any]) -> None:
        """Write summary.json."""
        write_whole(self.path / SUMMARY, (json.dumps(results, indent=2) + "\n").encode())

    def bag(self, job: Job) -> Path:
        """Folder for what went over the topics in a drive."""
        return self.path / "bags" / job.name

    def _file(self, job: Job) -> Path:
        return self.path / "drives" / f"{job.name}.json"


def _rounded(episode: Episode) -> Episode:
    """The same with places to the millimetre."""
    return dataclasses.replace(
        episode,
        track=[(round(x, 3), round(y, 3), round(yaw, 4)) for x, y, yaw in episode.track],
        hits=[(round(x, 3), round(y, 3)) for x, y in episode.hits],
        people=[[(round(x, 3), round(y, 3)) for x, y in places] for places in episode.people],
    )
