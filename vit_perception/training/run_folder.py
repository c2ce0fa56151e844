"""The files of a run: where it stands, its best model, and its log."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vit_perception.runtime.whole_file import whole_file
from vit_perception.training.config import TrainingConfig, read_config, write_config

LAST, BEST, LOG, CONFIG = "last.pt", "best.pt", "log.jsonl", "config.yaml"
# How the log calls the metrics of the pictures that choose.
SCORES = "chosen_by"


@dataclass
class Standing:
    """Where a run stands.

    Attributes:
        step: optimiser steps done.
        minutes: of work so far, over all restarts.
        best: highest quality so far, see `loop.quality`.
        best_step: after which it was found.
        worse: validations since then.
    """

    step: int = 0
    minutes: float = 0.0
    best: float = -1.0
    best_step: int = 0
    worse: int = 0


class RunFolder:
    """A folder with `config.yaml`, `last.pt`, `best.pt` and `log.jsonl`.

    A kill at any moment leaves a folder from which a run goes on: files are replaced whole.

    Args:
        path: of the folder, made if need be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def keep_config(self, config: TrainingConfig) -> None:
        """Write the config, or check that the run that is here has the same.

        Raises:
            ValueError: it has another one; the message names the fields.
        """
        path = self.path / CONFIG
        if path.exists() and (self.path / LAST).exists():
            before = read_config(path)
            changed = [
                each.name
                for each in dataclasses.fields(config)
                if getattr(config, each.name) != getattr(before, each.name)
            ]
            if changed:
                raise ValueError(
                    f"{self.path} holds a run with another {', '.join(changed)}: give the same values to go "
                    "on with it, or another --output"
                )
        write_config(config, path)

    def save(self, standing: Standing, state: Mapping[str, Any]) -> None:
        """Replace `last.pt`."""
        self._replace(LAST, {"standing": dataclasses.asdict(standing), **state})

    def load(self, device: torch.device) -> tuple[Standing, dict[str, Any]] | None:
        """What `save` wrote last; None where there is nothing to go on from.

        Raises:
            ValueError: `last.pt` is damaged.
        """
        path = self.path / LAST
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
            return Standing(**state.pop("standing")), state
        except Exception as error:
            raise ValueError(f"{path} is damaged or of another version: delete it to start over") from error

    def save_best(self, model: Mapping[str, Any], step: int, scores: Mapping[str, float]) -> None:
        """Replace `best.pt`."""
        self._replace(BEST, {"model": dict(model), "step": step, "scores": dict(scores)})

    def load_best(self) -> dict[str, Any]:
        """What `save_best` wrote last, on the CPU."""
        best: dict[str, Any] = torch.load(self.path / BEST, map_location="cpu", weights_only=True)
        return best

    def _replace(self, name: str, content: Mapping[str, Any]) -> None:
        with whole_file(self.path / name) as file:
            torch.save(dict(content), file)

    def log(self, entries: list[dict[str, Any]]) -> None:
        """Append lines to the log."""
        with (self.path / LOG).open("a", encoding="utf-8") as log:
            log.writelines(json.dumps(entry) + "\n" for entry in entries)

    def entries(self) -> Iterator[dict[str, Any]]:
        """The lines of the log; one that a kill cut off is left out."""
        path = self.path / LOG
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def cut_log(self, step: int) -> None:
        """Drop what the log has of later steps than this: a restarted run takes them again."""
        kept = [entry for entry in self.entries() if entry["step"] <= step]
        (self.path / LOG).write_text("".join(json.dumps(entry) + "\n" for entry in kept), encoding="utf-8")
