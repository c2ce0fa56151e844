"""Exporting a model takes ten seconds, but a graph holds no weights: one serves all of an architecture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import pytest

from vit_perception.export import export as export_module


@contextmanager
def kept_graphs() -> Iterator[None]:
    """Exports of an architecture after the first one use its graph. Each is compared with torch as ever."""
    made: dict[tuple[str, tuple[int, int]], onnx.ModelProto] = {}
    trace = export_module.graph_of

    def graph_of(model, size):
        key = repr(model), size
        if key not in made:
            made[key] = trace(model, size)
        graph = onnx.ModelProto()
        graph.CopyFrom(made[key])
        return graph

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_module, "graph_of", graph_of)
        yield
