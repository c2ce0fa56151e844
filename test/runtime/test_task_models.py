"""Several models that answer as one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="adopting a model needs torch")
pytest.importorskip("transformers", reason="adopting a model needs transformers")
pytest.importorskip("skimage", reason="its photographs are what the models look at")

from hub.publish import photographs
from hub.small_clip import publish_clip
from hub.small_models import publish_vit, publish_yolos
from vit_perception.hub.build import build_public
from vit_perception.hub.obtain import obtain_model
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.task_models import TaskModels

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("hub")
    return {
        "yolos": str(obtain_model(publish_yolos(folder / "yolos"))),
        "vit": str(obtain_model(publish_vit(folder / "vit"))),
        "clip": str(obtain_model(publish_clip(folder / "clip"))),
    }


def test_tasks_of_one_model_share_a_forward_pass(hub: dict[str, str]) -> None:
    models = TaskModels({"detection": hub["yolos"], "attention": hub["yolos"]}, TINY, device="cpu")
    assert [predictor.tasks for predictor in models.predictors] == [
        ("classification", "segmentation", "navigation"),
        ("detection", "attention"),
    ]
    assert models.tasks == ("classification", "detection", "segmentation", "navigation", "attention")
    assert models.unanswered == ("depth",)
    assert models.card("detection").labels[3] == "table"
    assert models.labels["classification"][0] == "person"


def test_the_answers_are_those_of_each_model(hub: dict[str, str]) -> None:
    models = TaskModels({"detection": hub["yolos"]}, TINY, ["detection", "segmentation"], device="cpu")
    picture = photographs()["landscape"]
    everything = Request(thresholds={"detection": 0.0})
    (found,) = models.batch([picture], ["rgb"], everything)
    detector = Predictor(hub["yolos"], device="cpu", tasks=["detection"])
    boxes = detector(picture, "rgb", everything).detection
    mask = Predictor(TINY, device="cpu", tasks=["segmentation"])(picture, "rgb").segmentation
    assert boxes is not None
    assert mask is not None
    assert found.detection is not None
    assert found.segmentation is not None
    assert len(boxes.boxes)
    np.testing.assert_array_equal(found.detection.boxes, boxes.boxes)
    np.testing.assert_array_equal(found.segmentation.mask, mask.mask)
    assert found.classification is None
    assert all(value > 0 for value in found.stage_ms.values())


def test_some_tasks_ask_some_models(hub: dict[str, str]) -> None:
    models = TaskModels({"detection": hub["yolos"]}, TINY, device="cpu")
    (found,) = models.batch([photographs()["square"]], ["rgb"], Request(("navigation",)))
    assert found.navigation is not None
    assert found.detection is None
    (nothing,) = models.batch([photographs()["square"]], ["rgb"], Request(("depth",)))
    assert nothing.image_size == (240, 240)


def test_a_model_of_one_input_size_leaves_the_scale_alone(hub: dict[str, str]) -> None:
    models = TaskModels({"classification": hub["vit"]}, TINY, ["classification", "detection"], device="cpu")
    assert models.scalable
    picture = photographs()["square"]
    whole, half = (models.batch([picture], ["rgb"], Request(input_scale=scale))[0] for scale in (1.0, 0.5))
    assert whole.classification is not None
    assert half.classification is not None
    np.testing.assert_array_equal(whole.classification.scores, half.classification.scores)
    assert not TaskModels({}, hub["vit"], device="cpu").scalable


def test_a_task_that_its_model_does_not_answer(hub: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"segmentation\.model: .*yolos answers detection, attention, not"):
        TaskModels({"segmentation": hub["yolos"]}, TINY, device="cpu")
    with pytest.raises(
        ValueError, match="model vit answers classification, attention, and none of detection"
    ):
        TaskModels({}, hub["vit"], ["detection"], device="cpu")


def test_prompts_go_to_the_models_that_take_them(hub: dict[str, str]) -> None:
    models = TaskModels(
        {"classification": hub["clip"]},
        TINY,
        device="cpu",
        prompts=["a cup", "a cat"],
        build_public=build_public,
    )
    assert models.takes_prompts
    assert models.labels["classification"] == {0: "a cup", 1: "a cat"}
    assert models.labels["detection"][0] == "person"
    models.set_prompts(["forklift"])
    assert models.labels["classification"] == {0: "forklift"}
    with pytest.raises(ValueError, match=r"tiny has a vocabulary of its own and takes no prompts"):
        TaskModels({}, TINY, device="cpu", prompts=["a cup"])
