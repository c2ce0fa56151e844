"""Where free ground ends: read on the level nearest to 16 pixels, told for each of its columns."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from tiny_model import tiny_card, tiny_navigator_card
from vit_perception.cards.raw_outputs import needed, ours
from vit_perception.heads.free_space import FreeSpaceHead
from vit_perception.heads.pyramid import PyramidConfig
from vit_perception.model import build_model
from vit_perception.training.navigation.losses import _free_space_loss

CONFIG = PyramidConfig((0,), width=32, fine_width=16)


@pytest.mark.parametrize(
    ("finest", "level", "channels"), [(4, "p4", 32), (8, "p3", 32), (3.5, "p4", 32), (16, "p2", 16)]
)
def test_it_reads_the_level_of_sixteen_pixels(finest, level, channels):
    strides = {f"p{number}": finest * 2 ** (number - 2) for number in range(2, 7)}
    head = FreeSpaceHead(CONFIG, strides)
    assert (head.level, head.channels) == (level, channels)
    assert head(torch.randn(2, channels, 9, 12)).shape == (2, 18, 12)


def test_it_learns_where_dark_meets_bright():
    """Places are from the top to the bottom, and columns do not get mixed up."""
    torch.manual_seed(0)
    head = FreeSpaceHead(PyramidConfig((0,), width=16, fine_width=16), {"p3": 16.0})
    optimiser = torch.optim.Adam(head.parameters(), 5e-3)
    generator = torch.Generator().manual_seed(1)

    def draw() -> tuple[torch.Tensor, torch.Tensor]:
        ends = torch.randint(1, 8, (8, 6), generator=generator)
        ground = torch.arange(8)[:, None] >= ends.unsqueeze(1)
        return ground.float().unsqueeze(1).expand(-1, 16, -1, -1), ends / 8

    for _ in range(120):
        level, rows = draw()
        loss = _free_space_loss(head(level), rows)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    level, rows = draw()
    found = (head(level).argmax(dim=1) + 0.5) / 16
    assert (found - rows).abs().max() < 0.1


def test_what_nobody_knows_teaches_nothing():
    logits = torch.randn(1, 8, 3, requires_grad=True)
    rows = torch.tensor([[0.5, torch.nan, 0.25]])
    _free_space_loss(logits, rows).backward()
    assert logits.grad[0, :, 0].abs().max() > 0
    assert not logits.grad[0, :, 1].any()
    assert _free_space_loss(logits, torch.full((1, 3), torch.nan)) == 0


def test_a_model_gives_it_where_its_card_says_so():
    card = tiny_navigator_card()
    assert "navigation_free_space" in ours(card)
    assert "navigation_free_space" in needed(card, ["navigation"])
    torch.manual_seed(0)
    model = build_model(card.architecture).eval()
    image = torch.randn(1, 3, 84, 112)
    with torch.no_grad():
        outputs = model(image)
    head = model.heads["navigation"].free_space
    stride = model.pyramid.strides[head.level]
    assert outputs["navigation_free_space"].shape == (1, round(2 * 84 / stride), round(112 / stride))
    assert "navigation_free_space" not in ours(tiny_card())
