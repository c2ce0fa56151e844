"""docs/models.md has a row for every backbone."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="backbones need torch: make test installs it")
for _engine in ("onnxruntime", "openvino"):
    pytest.importorskip(_engine, reason="the tool measures in it")

from measure_models import native_size, sources
from vit_perception.backbones.registry import VARIANTS, make_backbone

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text()
ROWS = {cells[1].strip(" `"): cells for line in PAGE.splitlines() if len(cells := line.split("|")) == 11}


def test_the_table_has_every_backbone_in_order() -> None:
    assert list(ROWS)[2:] == list(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_row_is_of_its_backbone(name: str) -> None:
    with torch.device("meta"):
        backbone = make_backbone(VARIANTS[name])
    parameters = sum(parameter.numel() for parameter in backbone.parameters())
    _, side, size, *_, checkpoints = (cell.strip() for cell in ROWS[name][1:-1])
    assert (side, size) == (f"{native_size(name)}²", f"{parameters / 1e6:.1f}")
    assert checkpoints == sources(name)
