"""The parameters that can change while a node runs, as one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vit_perception.nodes.depth.settings import DepthSettings
from vit_perception.nodes.navigation.settings import NavigationSettings
from vit_perception.runtime.request import Request


@dataclass(frozen=True)
class Settings:
    """The run-time parameters of a node.

    Attributes:
        request: the enabled tasks, thresholds and scales.
        overlay: whether the results are drawn on the frame and published.
        max_rate: highest rate at which frames of a camera are processed, in Hz; 0 is no limit.
        max_latency_ms: longest time from the arrival of a frame to its results; 0 is no limit.
        min_rate: rate of results below which to warn, in Hz; 0: half the rate at which frames are to be
            answered.
        max_age_ms: age of results, by the stamps of their frames, above which to warn; 0 is no limit.
        max_megapixels: of an image that is processed.
        classes: class ids to report, by task; a task that is missing reports all of its classes.
        prompts: what a model with an open vocabulary looks for; empty: what it looks for already.
        smoothing: weight of the answer before, 0 to less than 1.
        navigation: how a navigator drives; None for a node without the task.
        depth: how depth belongs to images, and what becomes of it.
    """

    request: Request
    overlay: bool
    max_rate: float
    max_latency_ms: float
    min_rate: float
    max_age_ms: float
    max_megapixels: float
    classes: Mapping[str, frozenset[int]]
    prompts: tuple[str, ...] = ()
    smoothing: float = 0.0
    navigation: NavigationSettings | None = None
    depth: DepthSettings = field(default_factory=DepthSettings)
