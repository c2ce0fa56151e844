"""One call from a frame to its answers."""

import dataclasses
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from vit_perception.runtime import predictor as module
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.request import Request
from vit_perception.runtime.task_models import TaskModels
from vit_perception.tasks import TASKS

ROOT = Path(__file__).parents[2]
# What the tiny model answers.
OUR_TASKS = tuple(task for task in TASKS if task != "depth")
TINY = ROOT / "test" / "fixtures" / "tiny"


@pytest.fixture(scope="module")
def predictor():
    return Predictor(TINY, device="cpu")


def frame(height=120, width=160, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def assert_same(one, other):
    for task in OUR_TASKS:
        for field in dataclasses.fields(getattr(one, task)):
            values, others = (getattr(getattr(each, task), field.name) for each in (one, other))
            np.testing.assert_array_equal(values, others, err_msg=f"{task}.{field.name}")


@pytest.mark.parametrize("size", [(120, 160), (161, 120), (1, 1), (1, 300), (1080, 1920)])
def test_answers_have_the_size_of_the_frame(predictor, size):
    found = predictor(frame(*size), request=Request(thresholds={"detection": 0.0}))
    assert found.image_size == size
    assert found.segmentation.mask.shape == found.segmentation.confidence.shape == size
    assert found.attention.heatmap.shape == size
    boxes = found.detection.boxes
    assert (boxes >= 0).all()
    assert (boxes <= [size[1], size[0], size[1], size[0]]).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert found.navigation.action_scores.sum() == pytest.approx(1.0)
    assert found.navigation.goal_distance is None
    assert set(found.stage_ms) == {"preprocess", "inference", "decode"}
    assert all(value >= 0 for value in found.stage_ms.values())


def test_both_channel_orders_see_the_same_frame(predictor):
    image = frame()
    assert_same(predictor(image, "bgr"), predictor(image[..., ::-1], "rgb"))
    assert not np.array_equal(
        predictor(image, "bgr").classification.scores, predictor(image, "rgb").classification.scores
    )


def test_tasks_of_one_call(predictor):
    found = predictor(frame(), request=Request(("attention", "detection")))
    assert [task for task in TASKS if getattr(found, task) is not None] == ["detection", "attention"]


def test_tasks_of_the_predictor():
    predictor = Predictor(TINY, device="cpu", tasks=["segmentation"])
    assert predictor.tasks == ("segmentation",)
    assert predictor(frame()).classification is None
    with pytest.raises(ValueError, match="'detection' was not asked for when the predictor was made"):
        predictor(frame(), request=Request(("detection",)))


@pytest.mark.parametrize("task", ["classification", "detection"])
def test_thresholds_of_one_call(predictor, task):
    def scores(threshold):
        found = predictor(frame(), request=Request(thresholds={task: threshold}))
        return getattr(found, task).scores

    everything = scores(0.0)
    assert len(everything)
    cut = float(np.median(everything))
    assert 0 < len(scores(cut)) < len(everything)
    assert (scores(cut) >= cut).all()
    assert len(scores(1.0)) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"image": None}, "image is None"),
        ({"image": np.zeros((0, 5, 3), np.uint8)}, "holds no pixel"),
        ({"image": np.zeros((5, 5), np.uint8)}, "shape"),
        ({"image": np.full((5, 5, 3), np.nan)}, "float64"),
        ({"order": "rgba"}, "unknown channel order 'rgba'"),
    ],
)
def test_wrong_arguments_are_named_and_the_next_frame_works(predictor, arguments, says):
    with pytest.raises(ValueError, match=says):
        predictor(**({"image": frame()} | arguments))
    assert predictor(frame()).image_size == (120, 160)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"model": "no_such_model"}, FileNotFoundError),
        ({"engine": "tensorrt"}, ValueError),
        ({"device": "tpu"}, ValueError),
        ({"tasks": ["driving"]}, ValueError),
    ],
)
def test_wrong_choices(arguments, error):
    with pytest.raises(error, match=r"no_such_model|tensorrt|tpu|driving"):
        Predictor(**({"model": TINY} | arguments))


@pytest.mark.parametrize("name", ["hf:hustvl/yolos-tiny", "timm:vit_tiny_patch16", "torchvision:vit_b_16"])
def test_a_public_name_is_no_folder(name):
    """What would download is a command or a node that is configured, never a constructor."""
    remedy = f"{name} is the name of a public model, and a folder is needed here: get it with .*obtain_model"
    with pytest.raises(FileNotFoundError, match=remedy):
        Predictor(name)
    with pytest.raises(FileNotFoundError, match=remedy):
        TaskModels({"detection": name}, TINY)


def test_a_model_without_an_output_that_its_card_lists(monkeypatch):
    class Half:
        name, device, precision, outputs = "half", "cpu", "fp32", ("classification", "attention")

    monkeypatch.setattr(module, "make_engine", lambda *_: Half())
    with pytest.raises(
        ValueError, match="model tiny gives no output 'detection_boxes', though its card says so"
    ):
        Predictor(TINY)


def test_warm_up(predictor):
    predictor.warm_up(480, 640)


def test_threads_share_a_predictor(predictor):
    frames = [frame(120, 160, seed) for seed in range(4)]
    expected = [predictor(image) for image in frames]
    wrong = []

    def look(index):
        for _ in range(20):
            try:
                assert_same(predictor(frames[index]), expected[index])
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=look, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_no_torch_is_needed(engine):
    pytest.importorskip(engine, reason=f"{engine} is not installed")
    program = (
        "import sys, numpy as np\n"
        "for name in ('torch', 'torchvision', 'safetensors', 'onnx', 'rclpy'): sys.modules[name] = None\n"
        "from vit_perception.runtime.predictor import Predictor\n"
        f"predictor = Predictor({str(TINY)!r}, engine={engine!r})\n"
        "found = predictor(np.zeros((48, 64, 3), np.uint8))\n"
        "print(predictor.engine.name, found.segmentation.mask.shape)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.stdout == f"{engine} (48, 64)\n", result.stderr


def test_a_batch_is_its_frames_one_by_one(predictor):
    """Landscape, portrait and other sizes together; each answer belongs to its frame."""
    frames = [frame(120, 160, 1), frame(160, 120, 2), frame(90, 120, 3), frame(120, 160, 4)]
    orders = ["bgr", "rgb", "rgb", "bgr"]
    together = predictor.batch(frames, orders)
    assert [found.image_size for found in together] == [(120, 160), (160, 120), (90, 120), (120, 160)]
    for found, image, order in zip(together, frames, orders, strict=True):
        alone = predictor(image, order)
        np.testing.assert_array_equal(found.classification.class_ids, alone.classification.class_ids)
        np.testing.assert_allclose(found.classification.scores, alone.classification.scores, atol=2e-3)
        np.testing.assert_allclose(found.attention.heatmap, alone.attention.heatmap, atol=2e-2)
        assert np.mean(found.segmentation.mask == alone.segmentation.mask) > 0.99


def test_maps_of_the_size_that_is_asked_for(predictor):
    whole, half = predictor(frame(121, 160)), predictor(frame(121, 160), request=Request(map_scale=0.5))
    assert half.segmentation.mask.shape == half.segmentation.confidence.shape == (60, 80)
    assert half.attention.heatmap.shape == (60, 80)
    assert half.image_size == (121, 160)
    np.testing.assert_array_equal(half.detection.boxes, whole.detection.boxes)
    shrunk = whole.segmentation.mask[::2, ::2][:60]
    # Random weights on noise: a mask of specks, many of them at a border.
    assert np.mean(shrunk == half.segmentation.mask) > 0.75


def test_a_larger_input_sees_more_cells(predictor):
    seen = []
    engine = predictor.engine

    class Watching:
        inputs, outputs, shapes = engine.inputs, engine.outputs, engine.shapes

        def __call__(self, images, names, extra):
            seen.append(images.shape)
            return engine(images, names, extra)

    predictor.engine = Watching()
    try:
        for scale in (0.5, 1.0, 1.5):
            predictor(frame(), request=Request(input_scale=scale))
    finally:
        predictor.engine = engine
    assert seen == [(1, 42, 56, 3), (1, 84, 112, 3), (1, 126, 168, 3)]
