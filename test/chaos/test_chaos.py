"""A minute of chaos that the suite survives; and that nothing wrong passes unseen."""

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import (
    Classification,
    Detection2D,
    Detection2DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
)

from vit_perception.cards.card import load_card
from vit_perception.chaos import observer as observer_module
from vit_perception.chaos import run as run_module
from vit_perception.chaos.cameras import Behaviour, Cameras, Sent
from vit_perception.chaos.faults import FAULTS, draw, impossible
from vit_perception.chaos.files import HOSTILE_FILES, as_file
from vit_perception.chaos.full_disk import can_mount, on_full_disk
from vit_perception.chaos.images import ENCODINGS, HOSTILE, SHAPES, good_image
from vit_perception.chaos.observer import Observer
from vit_perception.chaos.report import table
from vit_perception.chaos.run import _memory_problems, run_chaos
from vit_perception.chaos.setup import SEVERAL, TRANSPORTS, Setup
from vit_perception.nodes import parameter_checks
from vit_perception.nodes.images import codec
from vit_perception.nodes.images.header import read_size
from vit_perception.replay.processes import free_domain, isolated

TINY = Path(__file__).parents[1] / "fixtures" / "tiny"
HEADER = Header(frame_id="camera")
KEY = (0, 0, "camera")


def test_the_suite_survives_a_minute(tmp_path):
    command = ["-m", "vit_perception.cli", "chaos", "--seconds", "60", "--seed", "129"]
    arguments = ["--model", str(TINY), "--output", str(tmp_path)]
    done = subprocess.run([sys.executable, *command, *arguments], capture_output=True, text=True)
    log = (tmp_path / "suite.log").read_text(errors="replace")[-3000:]
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-2000:]}\n{log}"
    outcome = json.loads((tmp_path / "outcome.json").read_text())
    assert sum(outcome["faults"].values()) >= 8
    assert outcome["answered"] > 0
    assert outcome["faults"]["other cameras"]
    assert "nothing is wrong" in done.stdout


def test_a_suite_that_dies_is_seen(monkeypatch, tmp_path):
    def killed(scene):
        os.kill(scene.suite.pid, signal.SIGKILL)
        scene.suite._process.wait()

    monkeypatch.setattr(run_module, "FAULTS", {"killed": killed})
    monkeypatch.setattr(run_module, "draw", lambda *_: "killed")
    outcome = run_chaos(5.0, 0, tmp_path, TINY, 2000.0)
    assert outcome.faults == {"killed": 1}
    assert any("exit code -9" in problem for problem in outcome.problems)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_images_are_no_good_ones(name):
    rng = np.random.default_rng(0)
    good, spoilt = (good_image(HEADER, (48, 64), "bgr8", np.random.default_rng(0)) for _ in range(2))
    HOSTILE[name](spoilt, rng)
    assert spoilt != good


@pytest.mark.parametrize("name", HOSTILE_FILES)
@pytest.mark.parametrize("encoding", ["bgr8", "mono16"], ids=["jpeg", "png"])
def test_hostile_files_are_no_good_ones(name, encoding):
    good = as_file(good_image(HEADER, (96, 128), encoding, np.random.default_rng(0)))
    data = bytes(good.data)
    spoilt = CompressedImage(header=HEADER, format=good.format, data=good.data)
    HOSTILE_FILES[name](spoilt, np.random.default_rng(0))
    assert bytes(spoilt.data) != data
    assert bytes(good.data) == data, "the next frame is good again"


@pytest.mark.parametrize("encoding", ["bgr8", "mono16"], ids=["jpeg", "png"])
def test_a_file_lies_about_its_size(encoding):
    image = good_image(HEADER, (96, 128), encoding, np.random.default_rng(0))
    for name, fits in (("vast", lambda side: side == 65535), ("another size", lambda side: side < 96)):
        message = as_file(image)
        (spoil,) = (each for title, each in HOSTILE_FILES.items() if name in title)
        spoil(message, np.random.default_rng(0))
        width, height = read_size(bytes(message.data))
        assert width == height
        assert fits(width)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_good_images_can_be_read(shape, encoding):
    image = good_image(HEADER, shape, encoding, np.random.default_rng(0))
    assert codec.decode(image).shape == (*shape, 3)
    file = codec.decode_compressed(as_file(image))
    assert file.shape == (*shape, 3)
    assert np.abs(file.astype(int) - codec.decode(image)).mean() < 8, "the same picture"


def detections(x, y, width, height, score=0.5):
    detection = Detection2D()
    detection.bbox.center.position.x, detection.bbox.center.position.y = x, y
    detection.bbox.size_x, detection.bbox.size_y = width, height
    hypothesis = ObjectHypothesis(class_id="0", score=score)
    detection.results.append(ObjectHypothesisWithPose(hypothesis=hypothesis))
    return Detection2DArray(header=HEADER, detections=[detection])


def classification(score):
    return Classification(header=HEADER, results=[ObjectHypothesis(class_id="0", score=score)])


def heat(value):
    return codec.encode(np.full((48, 64), value, np.float32), "32FC1", HEADER)


WRONG = [
    ("detections", detections(60.0, 20.0, 20.0, 10.0), "outside"),
    ("detections", detections(10.0, 20.0, math.nan, 10.0), "not finite"),
    ("detections", detections(10.0, 20.0, 5.0, 10.0, math.inf), "not finite"),
    ("classification", classification(1.5), "no probability"),
    ("attention/heatmap", heat(math.nan), "not in 0..1"),
    ("attention/heatmap", heat(1.5), "not in 0..1"),
    ("segmentation/mask", codec.encode(np.zeros((96, 64), np.uint8), "mono8", HEADER), "larger"),
    ("segmentation/mask", Image(header=HEADER, height=4, width=4, step=4), "another size"),
    (
        "detections",
        Detection2DArray(header=Header(frame_id="other")),
        "a header that no image of its camera had",
    ),
]
RIGHT = [
    ("detections", detections(32.0, 24.0, 64.0, 48.0)),
    ("detections", Detection2DArray(header=HEADER)),
    ("classification", classification(1.0)),
    ("attention/heatmap", heat(0.5)),
    ("segmentation/mask", codec.encode(np.zeros((24, 32), np.uint8), "mono8", HEADER)),
]


@pytest.fixture(scope="module")
def watch():
    with isolated(free_domain()), Cameras("/watch", 0) as camera:
        camera.behaviour = Behaviour(hz=0.0)
        with Observer(camera, "/watch") as observer:
            yield camera, observer


def problems(watch, name, message):
    camera, observer = watch
    camera.sent[KEY] = Sent(48, 64, True)
    observer.problems.clear()
    observer._receiver(name)(message)
    return dict(observer.problems)


@pytest.mark.parametrize(("name", "message", "reason"), WRONG)
def test_what_is_wrong_is_seen(watch, name, message, reason):
    (problem,) = problems(watch, name, message)
    assert reason in problem


@pytest.mark.parametrize(("name", "message"), RIGHT)
def test_what_is_right_passes(watch, name, message):
    assert problems(watch, name, message) == {}


def test_the_header_of_another_camera_is_seen(watch):
    camera, observer = watch
    camera.sent[KEY] = Sent(48, 64, True, "front")
    observer.problems.clear()
    observer._receiver("detections", "front")(Detection2DArray(header=HEADER))
    assert not observer.problems
    observer._receiver("detections", "rear")(Detection2DArray(header=HEADER))
    assert observer.problems


def test_ok_without_answers_is_a_lie(watch, monkeypatch):
    camera, observer = watch
    monkeypatch.setattr(observer_module, "_LIE_SECONDS", 0.0)
    observer.problems.clear()
    observer.hushed_until = observer.last_answer[""] = 0.0
    for level, lies in ((DiagnosticStatus.WARN, 0), (DiagnosticStatus.OK, 1)):
        camera.good_since = 0.0
        observer._diagnosed(DiagnosticArray(status=[DiagnosticStatus(level=level)]))
        assert sum(observer.problems.values()) == lies


def test_cameras_come_and_go_with_their_setup(watch):
    """On the topics that a suite of this setup subscribes to."""
    camera, _ = watch
    several = Setup("compressed", SEVERAL)

    def publishers(topic, names=SEVERAL):
        return [len(camera._node.get_publishers_info_by_topic(f"/watch/{name}/{topic}")) for name in names]

    camera.setup = several
    for absent, expected in ((), [1, 1]), (("front",), [0, 1]), (SEVERAL, [0, 0]):
        camera.behaviour = Behaviour(hz=0.0, absent=absent)
        deadline = time.monotonic() + 10
        while publishers("image/compressed") != expected and time.monotonic() < deadline:
            time.sleep(0.02)
        assert publishers("image/compressed") == expected
    assert publishers("image") == [0, 0]
    assert parameter_checks.topics(json.loads(several.parameters["image_topics"])) is None
    camera.setup = Setup()


def test_a_setup_is_one_that_exists():
    for arguments in ("theora", SEVERAL), ("raw", ("left",)), ("raw", ()):
        with pytest.raises(ValueError, match="no suite is set up"):
            Setup(*arguments)


def test_a_full_disk_is_full_for_one_process_alone(tmp_path):
    if not can_mount(tmp_path):
        pytest.skip("no file system can be mounted here: that needs unshare and user namespaces")
    start = on_full_disk(tmp_path)
    script = "import os, pathlib; print(os.getpid(), flush=True); "
    script += "pathlib.Path(os.environ['ROS_LOG_DIR'], 'log').write_text('x')"
    command = [*start.before, sys.executable, "-c", script]
    with subprocess.Popen(command, env={**os.environ, **start.environment}, stdout=-1, stderr=-1) as process:
        output, errors = process.communicate()
    assert int(output) == process.pid, "signals reach it"
    assert b"No space left on device" in errors
    assert not list(tmp_path.iterdir())


def test_what_cannot_happen_is_said(tmp_path, monkeypatch):
    closed = load_card(TINY)
    assert "the model takes none" in impossible(closed, tmp_path)["other prompts"]
    assert "other prompts" not in impossible(dataclasses.replace(closed, open_vocabulary=True), tmp_path)
    monkeypatch.setenv("PATH", "")
    assert "no file system" in impossible(closed, tmp_path)["disk full"]
    outcome = run_module.Outcome(0, impossible=impossible(closed, tmp_path))
    assert "never: disk full, since no file system" in table(outcome)


def test_memory_that_grows_or_is_too_much_is_seen():
    assert _memory_problems([300.0] * 9, 400.0) == {}
    assert _memory_problems([300.0] * 6 + [390.0] * 3, 400.0)
    assert _memory_problems([300.0, 500.0], 400.0)


def test_every_fault_of_a_list_is_drawn():
    rng = np.random.default_rng(0)
    drawn = {each: {draw(rng, each, ["disk full"]) for _ in range(2000)} for each in TRANSPORTS}
    assert drawn["raw"] | drawn["compressed"] == set(FAULTS) - {"disk full"}
    assert drawn["raw"] - drawn["compressed"] == set(HOSTILE)
    assert drawn["compressed"] - drawn["raw"] == set(HOSTILE_FILES)
