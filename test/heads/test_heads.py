import pytest

torch = pytest.importorskip("torch", reason="the core needs torch: make test installs it")

from vit_perception.backbones.vit import VisionTransformer, ViTConfig
from vit_perception.heads.detection import DetectionHead, cell_centres
from vit_perception.heads.picodet import PicoDetHead
from vit_perception.heads.pyramid import PyramidConfig, SimpleFeaturePyramid

PYRAMID = PyramidConfig(layers=(0, 1), width=16, fine_width=8)
PATCH = 8


@pytest.fixture(scope="module")
def features():
    torch.manual_seed(0)
    backbone = VisionTransformer(
        ViTConfig(patch_size=PATCH, embed_dim=16, depth=2, num_heads=2, pos_grid=(3, 5))
    )
    return backbone.eval()(torch.randn(2, 3, 24, 40), layers=(0, 1))


@pytest.fixture(scope="module")
def levels(features):
    return SimpleFeaturePyramid(PYRAMID, 16, PATCH).eval()(features)


def test_pyramid_without_layers_is_refused():
    with pytest.raises(ValueError, match="pyramid layers is empty"):
        PyramidConfig(layers=())


def test_cell_centres_are_x_then_y_in_raster_order():
    assert cell_centres(torch.zeros(1, 1, 2, 3), 4.0).tolist() == [
        [2, 2],
        [6, 2],
        [10, 2],
        [2, 6],
        [6, 6],
        [10, 6],
    ]


def test_detection_boxes_hold_their_cell(levels):
    head = DetectionHead(PYRAMID, {"p3": 4.0, "p4": 8.0, "p5": 16.0}, num_things=6).eval()
    out = head(levels)
    cells = 6 * 10 + 3 * 5 + 2 * 3
    assert out["detection_scores"].shape == (2, cells, 6)
    boxes = out["detection_boxes"]
    assert boxes.shape == (2, cells, 4)
    centres = torch.cat([cell_centres(levels[level], stride) for level, stride in head.strides.items()])
    assert (boxes[..., :2] < centres).all()
    assert (boxes[..., 2:] > centres).all()
    assert out["detection_scores"].sigmoid().mean() < 0.03, "objects are rare before training, too"


def test_a_distance_of_picodet_is_the_mean_of_a_distribution_over_cells():
    head = PicoDetHead(num_things=2).eval()
    # Left, up, right, down: for certain 1 and 2 cells, between 3 and 4, and any of 0 to 7.
    certain = torch.full((4, 8), -30.0)
    certain[0, 1] = certain[1, 2] = certain[2, 3] = certain[2, 4] = 30.0
    certain[3] = 0.0
    for distances in head.distances.values():
        torch.nn.init.zeros_(distances.weight)
        distances.bias.data = certain.flatten()
    levels = {level: torch.zeros(1, 96, 1, 1) for level in head.strides}
    boxes = head(levels)["detection_boxes"][0]
    for box, stride in zip(boxes, head.strides.values(), strict=True):
        centre = stride / 2
        expected = [centre - stride, centre - 2 * stride, centre + 3.5 * stride, centre + 3.5 * stride]
        torch.testing.assert_close(box, torch.tensor(expected))
