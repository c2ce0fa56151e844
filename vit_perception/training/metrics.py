"""Metrics of a model on labelled photographs, in percent."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vit_perception.data.classes import ACTIONS, LABELS, THINGS
from vit_perception.data.coco import Photograph, visible_classes
from vit_perception.runtime.results import UNLABELLED, Detection, Perception
from vit_perception.tasks import CLASSIFICATION, DETECTION
from vit_perception.training.targets import PRESENT, way_ahead

# Average precision integrates over all scores; a cut at a working threshold would lose its tail.
LOWEST_SCORE = 0.005
METRIC_THRESHOLDS = {CLASSIFICATION: 0.0, DETECTION: LOWEST_SCORE}


def average_precision(photographs: Sequence[Photograph], detections: Sequence[Detection]) -> dict[str, float]:
    """COCO's average precision (pycocotools), in percent.

    Args:
        photographs: The truth.
        detections: One for each photograph, in its pixels, with scores from `LOWEST_SCORE` up.

    Returns:
        `ap50`, `ap` (the mean over IoU 0.50 to 0.95), and `ap50/<label>` for each thing.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image_id, (photograph, found) in enumerate(zip(photographs, detections, strict=True), start=1):
        for box, class_id in zip(photograph.boxes.tolist(), photograph.class_ids.tolist(), strict=True):
            w, h = box[2] - box[0], box[3] - box[1]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": class_id,
                    "bbox": [box[0], box[1], w, h],
                    "area": w * h,
                    "iscrowd": 0,
                }
            )
        for box, class_id, score in zip(
            found.boxes.tolist(), found.class_ids.tolist(), found.scores, strict=True
        ):
            results.append(
                {
                    "image_id": image_id,
                    "category_id": class_id,
                    "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                    "score": float(score),
                }
            )
    scores = {"ap50": 0.0, "ap": 0.0} | {f"ap50/{LABELS[class_id]}": 0.0 for class_id in THINGS}
    if not results:
        return scores
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": i + 1} for i in range(len(photographs))],
        "annotations": annotations,
        "categories": [{"id": class_id, "name": LABELS[class_id]} for class_id in THINGS],
    }
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its own table
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][..., 0, 2]  # (IoU, recall, class) over all areas, 100 detections

    def mean(values: np.ndarray) -> float:
        known = values[values >= 0]  # -1 where a class is absent from the truth
        return round(100 * float(known.mean()), 2) if known.size else 0.0

    scores = {"ap50": mean(precision[0]), "ap": mean(precision)}
    return scores | {
        f"ap50/{LABELS[class_id]}": mean(precision[0, :, i]) for i, class_id in enumerate(THINGS)
    }


def mask_scores(photographs: Sequence[Photograph], masks: Sequence[np.ndarray]) -> dict[str, float]:
    """Accuracy and intersection over union of masks, in percent.

    Args:
        photographs: The truth; unlabelled pixels count for nothing.
        masks: (H, W) uint8 class ids, one for each photograph.

    Returns:
        `pixel_accuracy`, `mean_accuracy` (over the classes), `miou`, and `iou/<label>` of each class.
    """
    confusion = np.zeros((len(LABELS), len(LABELS) + 1), np.int64)
    for photograph, mask in zip(photographs, masks, strict=True):
        known = photograph.semantic != UNLABELLED
        predicted = np.minimum(mask[known], len(LABELS)).astype(np.int64)
        pairs = photograph.semantic[known].astype(np.int64) * confusion.shape[1] + predicted
        confusion += np.bincount(pairs, minlength=confusion.size).reshape(confusion.shape)
    right = np.diag(confusion[:, :-1])
    union = confusion.sum(1) + confusion[:, :-1].sum(0) - right
    iou = np.where(union > 0, right / np.maximum(union, 1), np.nan)
    accuracy = right.sum() / max(confusion.sum(), 1)
    present = confusion.sum(1) > 0
    recalls = right[present] / confusion.sum(1)[present]
    scores = {
        "pixel_accuracy": round(100 * float(accuracy), 2),
        "mean_accuracy": round(100 * float(recalls.mean()), 2) if present.any() else 0.0,
        "miou": round(100 * float(np.nanmean(iou)), 2),
    }
    return scores | {f"iou/{label}": round(100 * float(v), 2) for label, v in zip(LABELS, iou, strict=True)}


def presence_ap(photographs: Sequence[Photograph], scores: np.ndarray) -> float:
    """Mean average precision of multi-label classification, in percent; scores (P, C), 0 to 1."""
    from sklearn.metrics import average_precision_score

    present = np.zeros(scores.shape, bool)
    for row, photograph in enumerate(photographs):
        present[row] = visible_classes(photograph.semantic, PRESENT)
        present[row, photograph.class_ids] = True
    columns = [c for c in range(len(LABELS)) if present[:, c].any()]
    return round(
        100 * float(np.mean([average_precision_score(present[:, c], scores[:, c]) for c in columns])), 2
    )


def evaluate(
    photographs: Sequence[Photograph], predict: Callable[[np.ndarray], Perception]
) -> dict[str, float]:
    """All metrics of a model.

    Args:
        photographs: The truth.
        predict: RGB picture (H, W, 3) uint8 → results, with scores from `METRIC_THRESHOLDS` up.

    Returns:
        The metrics of `average_precision` and `mask_scores`, `classification_map`, and how often the action
        and whether the way is blocked are right (`action_accuracy`, `collision_accuracy`), in percent.
    """
    answers = [predict(photograph.rgb) for photograph in photographs]
    labelled = [(p, a) for p, a in zip(photographs, answers, strict=True) if p.labelled]
    masks = [a.segmentation.mask for _, a in labelled if a.segmentation]
    scores = np.zeros((len(labelled), len(LABELS)), np.float32)
    right, blocked, ways = 0, 0, 0
    for row, (photograph, answer) in enumerate(labelled):
        if answer.classification:
            scores[row, answer.classification.class_ids] = answer.classification.scores
        way, navigation = way_ahead(photograph.semantic), answer.navigation
        if way and navigation and navigation.action_scores is not None and navigation.collision is not None:
            ways += 1
            right += ACTIONS[way[0]] == navigation.actions[int(navigation.action_scores.argmax())]
            blocked += way[1] == (navigation.collision >= 0.5)
    results = average_precision(photographs, [a.detection for a in answers if a.detection])
    results |= mask_scores([p for p, _ in labelled], masks)
    results["classification_map"] = presence_ap([p for p, _ in labelled], scores)
    results["action_accuracy"] = round(100 * right / max(ways, 1), 2)
    results["collision_accuracy"] = round(100 * blocked / max(ways, 1), 2)
    return results
