import pytest

torch = pytest.importorskip("torch", reason="training needs torch: make test installs it")
pytest.importorskip("torchvision", reason="training needs torchvision: make test installs it")

from vit_perception.training.losses import assign, detection_loss, known_bce, segmentation_loss, total_loss
from vit_perception.training.targets import IGNORE, Batch

GRID = (
    torch.stack(torch.meshgrid(torch.arange(8), torch.arange(8), indexing="xy"), -1).reshape(-1, 2) * 10.0 + 5
)


def cells(half):
    return torch.cat([GRID - half, GRID + half], dim=1)


def test_objects_get_cells_inside_them_and_overlap_decides():
    truth = torch.tensor([[0.0, 0.0, 30.0, 30.0], [50.0, 50.0, 70.0, 70.0]])
    boxes = cells(5.0)
    boxes[9] = truth[0]  # the cell at (15, 15) already answers the first object exactly
    owner, soft = assign(torch.full((64, 3), 0.5), boxes, GRID, truth, torch.tensor([1, 2]))
    inside = (GRID < 30).all(1)
    assert set(owner[inside].tolist()) <= {0, -1}
    assert (owner[~inside] != 0).all()
    assert set(GRID[owner == 1].flatten().tolist()) == {55.0, 65.0}
    assert owner[9] == 0
    assert soft[9] == pytest.approx(1.0)
    assert (soft[owner < 0] == 0).all()


def test_object_smaller_than_a_cell_is_not_lost():
    truth = torch.tensor([[21.0, 21.0, 23.0, 23.0]])
    owner, _ = assign(torch.full((64, 1), 0.5), cells(5.0), GRID, truth, torch.tensor([0]))
    assert GRID[owner == 0].tolist() == [[25.0, 25.0]]


def batch(boxes, class_ids):
    count = len(boxes)
    return Batch(
        image=torch.zeros(count, 3, 14, 14),
        semantic=torch.full((count, 4, 4), 255),
        boxes=boxes,
        class_ids=class_ids,
        present=torch.full((count, 12), float("nan")),
        action=torch.full((count,), IGNORE),
        blocked=torch.full((count,), float("nan")),
    )


def test_right_answer_costs_less_than_any_wrong_one():
    truth = [torch.tensor([[0.0, 0.0, 30.0, 30.0]])]
    labels = batch(truth, [torch.tensor([1])])
    inside = (GRID < 30).all(1)
    right_boxes = torch.where(inside[:, None], truth[0], cells(5.0))[None]
    right_scores = torch.full((1, 64, 3), -6.0)
    right_scores[0, inside, 1] = 6.0

    def cost(boxes, scores):
        return float(sum(detection_loss(boxes, scores, GRID, labels).values()))

    good = cost(right_boxes, right_scores)
    assert good < cost(cells(5.0)[None], right_scores)
    assert good < cost(right_boxes, right_scores.roll(1, dims=2))
    assert good < cost(right_boxes, torch.full((1, 64, 3), 0.0))


def test_picture_without_objects_teaches_silence():
    labels = batch([torch.zeros(0, 4)], [torch.zeros(0, dtype=torch.long)])
    loud = detection_loss(cells(5.0)[None], torch.full((1, 64, 3), 3.0), GRID, labels)
    still = detection_loss(cells(5.0)[None], torch.full((1, 64, 3), -6.0), GRID, labels)
    assert loud["scores"] > still["scores"]
    assert loud["boxes"] == 0


def test_unknown_labels_cost_nothing_and_give_finite_gradients():
    outputs = {
        "detection_boxes": cells(5.0)[None].requires_grad_(),
        "detection_scores": torch.zeros(1, 64, 6, requires_grad=True),
        "detection_centres": GRID,
        "segmentation": torch.randn(1, 12, 4, 4, requires_grad=True),
        "classification": torch.randn(1, 12, requires_grad=True),
        "navigation_action": torch.randn(1, 4, requires_grad=True),
        "navigation_collision": torch.randn(1, 1, requires_grad=True),
    }
    labels = batch([torch.zeros(0, 4)], [torch.zeros(0, dtype=torch.long)])
    loss, parts = total_loss(outputs, labels, torch.ones(12))
    assert parts["mask"] == parts["dice"] == parts["present"] == parts["blocked"] == 0
    assert "action" not in parts
    loss.backward()
    assert all(v.grad is None or v.grad.isfinite().all() for v in outputs.values())


def test_mask_loss_is_small_for_the_truth():
    truth = torch.randint(0, 3, (2, 6, 6))
    truth[0, 0] = 255
    logits = torch.nn.functional.one_hot(truth.clamp(max=2), 3).permute(0, 3, 1, 2) * 20.0
    good, bad = (
        segmentation_loss(logits, truth, torch.ones(3)),
        segmentation_loss(-logits, truth, torch.ones(3)),
    )
    assert good["mask"] < 1e-3 < bad["mask"]
    assert good["dice"] < 0.05 < bad["dice"]


def test_known_bce_skips_nan():
    logits = torch.tensor([[4.0, 100.0]])
    assert known_bce(logits, torch.tensor([[1.0, float("nan")]])) < 0.02
