"""What a navigator gives beside an action: the path, the scan, its token, and what it looked at."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from vit_perception.heads.navigation_config import NavigationConfig
from vit_perception.runtime.decode.free_space import free_space
from vit_perception.runtime.navigation_input import NavigationInput
from vit_perception.runtime.preprocess import Geometry
from vit_perception.runtime.results import Navigation


def navigator(
    found: Navigation,
    raw: Mapping[str, np.ndarray],
    config: NavigationConfig,
    given: NavigationInput,
    geometry: Geometry,
    maps: Geometry | None,
) -> Navigation:
    """Add what a navigator knows to `found`; a field is None where its output is absent or not finite.

    Args:
        found: see `decode.navigation`.
        raw: those that the model has of `navigation_path` (N, 2), `navigation_scan` (K,),
            `navigation_free_space` (R, W), `navigation_token` (width,) and `navigation_attention`
            (2, gh, gw).
        config: of the model.
        given: what it got; without a goal, the distance to it is None.
        geometry: how the picture lies in the network's input.
        maps: geometry of the map of attention; None for no such map.
    """
    scan = _finite(raw.get("navigation_scan"))
    attention = _finite(raw.get("navigation_attention"))
    ends = _finite(raw.get("navigation_free_space"))
    if attention is not None and maps is not None:
        rows, columns = maps.cells((attention.shape[1], attention.shape[2]))
        peak = max(float(attention[:, :rows, :columns].max()), 1e-12)
        heat = np.stack([maps.map_to_source(each / peak) for each in attention])
    else:
        heat = None
    return dataclasses.replace(
        found,
        goal_distance=None if given.goal is None else found.goal_distance,
        path=_finite(raw.get("navigation_path")),
        scan=scan,
        scan_angles=None if scan is None else np.array(config.angles, np.float32),
        free_space=None if ends is None else free_space(ends, geometry),
        token=_finite(raw.get("navigation_token")),
        depth_share=None if attention is None else float(attention[1].sum() / max(attention.sum(), 1e-12)),
        attention=heat,
    )


def _finite(values: np.ndarray | None) -> np.ndarray | None:
    """A copy of its own, for an engine may use its memory again; None where it is absent or not finite."""
    return values.astype(np.float32) if values is not None and np.isfinite(values).all() else None
