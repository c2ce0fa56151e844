"""Prompts are checked, encoded once, kept beside the model, and changed between frames."""

import dataclasses
import logging
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from vit_perception.cards.card import load_card
from vit_perception.hub.build import build_public
from vit_perception.runtime.predictor import Predictor
from vit_perception.runtime.prompts import check_prompts, encode_prompts, keep_encoding

ROOT = Path(__file__).parents[2]
TINY = ROOT / "test" / "fixtures" / "tiny"
EXAMPLES = ("person", "forklift", "pallet")


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([], "at least one text"),
        ("cat", "give a list"),
        (None, "give a list"),
        (["cat", " "], "not empty"),
        (["cat", 3], "holds 3"),
        (["cat", "dog", "cat"], "'cat' twice"),
        ([str(number) for number in range(101)], "101 texts: give 100 at most"),
    ],
)
def test_what_is_no_list_of_prompts_is_refused(prompts, message):
    with pytest.raises(ValueError, match=message):
        check_prompts(prompts)


def test_a_model_with_a_vocabulary_of_its_own_takes_no_prompts():
    with pytest.raises(ValueError, match="takes no prompts"):
        Predictor(TINY, device="cpu", prompts=["cat"])
    predictor = Predictor(TINY, device="cpu")
    assert predictor.prompts == ()
    with pytest.raises(ValueError, match="takes no prompts"):
        predictor.set_prompts(["cat"])


@pytest.fixture(scope="module")
def adopted(tmp_path_factory):
    """The folder of a small CLIP, adopted."""
    pytest.importorskip("torch", reason="adopting a model needs torch")
    pytest.importorskip("transformers", reason="adopting a model needs transformers")
    pytest.importorskip("onnxruntime", reason="adopting a model compares its graph in ONNX Runtime")
    pytest.importorskip("openvino", reason="and in OpenVINO")
    from hub.small_clip import publish_clip
    from vit_perception.hub.obtain import obtain_model

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path_factory.mktemp("models")))
        return obtain_model(publish_clip(tmp_path_factory.mktemp("hub") / "clip"))


@pytest.fixture
def folder(adopted, tmp_path):
    return shutil.copytree(adopted, tmp_path / "clip")


def make(folder, **arguments):
    return Predictor(folder, "onnxruntime", "cpu", precision="fp32", build_public=build_public, **arguments)


def frame():
    return np.random.default_rng(0).integers(0, 256, (80, 100, 3), np.uint8)


def test_the_card_follows_the_prompts(folder):
    predictor = make(folder)
    assert predictor.prompts == predictor.card.labels == EXAMPLES
    predictor.set_prompts(["cat", "red helmet"])
    assert predictor.prompts == predictor.card.labels == ("cat", "red helmet")
    assert predictor.card.things == (0, 1)
    assert len(predictor(frame()).classification.scores) == 2
    assert load_card(folder).labels == EXAMPLES


def test_refused_prompts_leave_the_old(folder):
    predictor = make(folder, prompts=["cat"])
    with pytest.raises(ValueError, match="twice"):
        predictor.set_prompts(["dog", "dog"])
    assert predictor.prompts == ("cat",)
    assert len(predictor(frame()).classification.scores) == 1


class Gate:
    """An engine that waits before it looks at a frame."""

    def __init__(self, engine):
        self.engine, self.shapes = engine, engine.shapes
        self.inputs, self.outputs = engine.inputs, engine.outputs
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, *arguments):
        self.entered.set()
        assert self.open.wait(20)
        return self.engine(*arguments)


def test_a_frame_in_flight_keeps_its_prompts(folder):
    predictor = make(folder, prompts=["cat", "dog", "tree"])
    alone = predictor(frame()).classification
    gate = predictor.engine = Gate(predictor.engine)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(predictor(frame()).classification))
    thread.start()
    assert gate.entered.wait(20)
    predictor.set_prompts(["helmet"])
    assert predictor.prompts == ("helmet",)
    gate.open.set()
    thread.join(20)
    np.testing.assert_array_equal(answers[0].class_ids, alone.class_ids)
    np.testing.assert_array_equal(answers[0].scores, alone.scores)
    assert len(predictor(frame()).classification.scores) == 1


def test_threads_may_change_prompts_while_others_look(folder):
    choices = [("cat",), ("cat", "dog"), EXAMPLES]
    predictor = make(folder, prompts=choices[0])
    wrong, done = [], threading.Event()

    def look():
        try:
            while not done.is_set():
                scores = predictor(frame()).classification.scores
                if not np.isclose(scores.sum(), 1, atol=1e-5) or len(scores) not in (1, 2, 3):
                    wrong.append(scores)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(30):
        predictor.set_prompts(choices[number % 3])
    done.set()
    for thread in threads:
        thread.join(20)
    assert not wrong


def test_prompts_are_encoded_once(folder):
    card = load_card(folder)
    first = encode_prompts(card, ["cat", "dog"], build_public)
    (folder / "model.safetensors").unlink()  # whatever encodes needs it
    again = encode_prompts(card, ["cat", "dog"], build_public)
    np.testing.assert_array_equal(first["text"], again["text"])
    np.testing.assert_allclose(np.linalg.norm(first["text"], axis=1), 1, rtol=1e-5)
    with pytest.raises(FileNotFoundError):
        encode_prompts(card, ["dog", "cat"], build_public)


def test_a_damaged_encoding_is_made_anew(folder):
    card = load_card(folder)
    first = encode_prompts(card, ["cat"], build_public)
    for file in (folder / "prompts").iterdir():
        file.write_bytes(file.read_bytes()[:50])
    np.testing.assert_array_equal(encode_prompts(card, ["cat"], build_public)["text"], first["text"])


def test_a_folder_that_cannot_be_written_is_no_error(folder, caplog, monkeypatch):
    # A library of another test may have switched off the loggers that it found.
    monkeypatch.setattr(f"{encode_prompts.__module__}._LOG", logging.getLogger("of_this_test"))
    caplog.set_level(logging.WARNING)
    shutil.rmtree(folder / "prompts")
    (folder / "prompts").write_text("in the way of a folder")
    assert encode_prompts(load_card(folder), ["cat"], build_public)["text"].shape[0] == 1
    assert str(folder / "prompts") in caplog.text


def test_the_oldest_encodings_make_room(folder):
    card = load_card(folder)
    for number in range(105):
        keep_encoding(card, [str(number)], {"text": np.zeros((1, 2), np.float32)})
    assert len(list((folder / "prompts").iterdir())) == 100
    assert encode_prompts(card, ["104"])["text"].shape == (1, 2)


def without_torch(code, *arguments):
    begin = "import sys\nfor name in ('torch', 'transformers'): sys.modules[name] = None\n"
    return subprocess.run(
        [sys.executable, "-c", begin + code, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=100,
    )


def test_prompts_that_were_encoded_work_without_torch(folder):
    make(folder, prompts=["cat", "dog"])
    code = """
import numpy as np
from vit_perception.hub.build import build_public
from vit_perception.runtime.predictor import Predictor
predictor = Predictor(sys.argv[1], "onnxruntime", "cpu", precision="fp32", build_public=build_public)
predictor.set_prompts(["cat", "dog"])
print(predictor.prompts, len(predictor(np.zeros((50, 60, 3), np.uint8)).classification.scores))
try:
    predictor.set_prompts(["a", "b c"])
except ValueError as error:
    print(error)
"""
    result = without_torch(code, str(folder))
    assert result.returncode == 0, result.stderr
    answer, refusal = result.stdout.strip().splitlines()
    assert answer == "('cat', 'dog') 2"
    assert "were never encoded for clip" in refusal
    assert "needs torch: pip install" in refusal
    assert "`vit-perception models fetch clip --prompts 'a,b c' --to DIR`" in refusal


def test_the_card_refuses_nothing_that_prompts_may_be(folder):
    card = load_card(folder)
    prompts = check_prompts([f"ünïcode {number} 猫" for number in range(100)])
    assert dataclasses.replace(card, labels=prompts, things=tuple(range(100))).labels == prompts
