"""The command line in this process: what needs no live nodes."""

import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from vit_perception import cli

TINY = str(Path(__file__).parents[1] / "fixtures" / "tiny")


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8))
    return path


@pytest.fixture
def _engine():
    if not any(map(_is_installed, ("openvino", "onnxruntime"))):
        pytest.skip("neither openvino nor onnxruntime is installed")


def _is_installed(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True


@pytest.mark.usefixtures("_engine")
def test_predict_prints_every_task_and_draws(photo, tmp_path, capsys):
    drawn = tmp_path / "new" / "drawn.png"
    assert cli.main(["predict", str(photo), "--model", TINY, "--output", str(drawn)]) == 0
    printed = capsys.readouterr().out
    for task in ("classification", "detection", "segmentation", "navigation", "attention"):
        assert f"\n{task} " in f"\n{printed}"
    assert cv2.imread(str(drawn)).shape == (60, 80, 3)
    assert (cv2.imread(str(drawn)) != cv2.imread(str(photo))).any()


@pytest.mark.usefixtures("_engine")
def test_predict_only_what_was_asked_for(photo, capsys):
    assert cli.main(["predict", str(photo), "--model", TINY, "--tasks", "navigation,classification"]) == 0
    printed = capsys.readouterr().out
    assert "navigation" in printed
    assert "detection" not in printed


def test_models_lists_cards_or_says_there_are_none(monkeypatch, tmp_path, capsys):
    folder = tmp_path / "share" / "vit_perception" / "models" / "mine"
    folder.parent.mkdir(parents=True)
    folder.symlink_to(TINY)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert cli.main(["models"]) == 0
    assert "Apache-2.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["predict", "no.jpg", "--model", TINY], "there is no picture no.jpg"),
        (["predict", "no.jpg", "--model", "no_such_model"], "no model named 'no_such_model'"),
    ],
)
def test_errors_are_one_line(arguments, reason, photo, capsys):
    if "no_such_model" in arguments:
        arguments = [str(photo) if argument == "no.jpg" else argument for argument in arguments]
    assert cli.main(arguments) == 1
    printed = capsys.readouterr().err
    assert reason in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder / "nothing.mcap", "does not exist"),
        (lambda folder: folder, "no photographs in"),
    ],
)
def test_replay_refuses_before_it_starts_anything(tmp_path, make, reason, capsys):
    pytest.importorskip("rclpy", reason="replay needs ROS")
    path = make(tmp_path)
    assert cli.main(["replay", str(path), "--output", str(tmp_path / "out"), "--model", TINY]) == 1
    printed = capsys.readouterr().err
    assert reason in printed
    assert str(path) in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("rate", ["0", "-3", "nan", "5000"])
def test_replay_refuses_a_rate(photo, tmp_path, rate, capsys):
    pytest.importorskip("rclpy", reason="replay needs ROS")
    arguments = ["replay", str(photo), "--output", str(tmp_path / "out"), "--model", TINY, "--rate", rate]
    assert cli.main(arguments) == 1
    assert "frames a second" in capsys.readouterr().err


def test_results_do_not_replace_their_own_source(tmp_path, capsys):
    pytest.importorskip("rclpy", reason="replay needs ROS")
    (tmp_path / "results.mcap").write_bytes(b"precious")
    assert cli.main(["replay", str(tmp_path / "results.mcap"), "--output", str(tmp_path)]) == 1
    assert "would be overwritten" in capsys.readouterr().err
    assert (tmp_path / "results.mcap").read_bytes() == b"precious"


def test_unknown_task_is_named(photo, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["predict", str(photo), "--tasks", "detection,cooking"])
    assert caught.value.code == 2
    assert "unknown task 'cooking'" in capsys.readouterr().err


def test_help_imports_neither_torch_nor_ros():
    code = (
        "import sys\nfrom vit_perception.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print({'torch', 'transformers', 'rclpy', 'openvino', 'onnxruntime'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "set()"


def test_without_ros_the_remedy_is_named(photo, tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("vit_perception.replay")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rclpy", None)
    for name in [name for name in sys.modules if name.startswith("rclpy.")]:
        monkeypatch.delitem(sys.modules, name)
    assert cli.main(["replay", str(photo), "--output", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().err
    assert "rclpy is not installed" in printed
    assert "source your ROS 2 setup" in printed


@pytest.fixture
def clip(tmp_path, monkeypatch):
    """A model that takes prompts as its publisher makes it, and a store that is empty."""
    pytest.importorskip("torch", reason="public models are adopted with torch")
    pytest.importorskip("transformers", reason="the model's library, a test dependency")
    from hub.small_clip import publish_clip

    monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path / "store"))
    return publish_clip(tmp_path / "published" / "clip")


def test_models_fetch_makes_a_folder_for_a_robot(clip, tmp_path, capsys):
    (clip / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    robot = tmp_path / "for a robot"
    assert cli.main(["models", "fetch", str(clip), "--to", str(robot), "--prompts", "red helmet, cat"]) == 0
    printed = capsys.readouterr()
    (folder,) = robot.glob("[!.]*")
    assert f"model:='{folder}'" in printed.out
    assert "; OpenVINO, ONNX Runtime, PyTorch; CC-BY-NC-4.0; from " in printed.out
    assert "exporting clip" in printed.err
    assert "warning: clip: the licence CC-BY-NC-4.0 forbids commercial use" in printed.err
    assert not (tmp_path / "store").exists()
    prompts = len(list((folder / "prompts").iterdir()))
    assert cli.main(["models", "fetch", str(clip), "--to", str(robot), "--prompts", "dog"]) == 0
    assert len(list((folder / "prompts").iterdir())) == prompts + 1


def test_models_lists_what_was_adopted(clip, tmp_path, monkeypatch, capsys):
    assert cli.main(["models"]) == 0
    assert "none yet: `vit-perception models fetch hf:ORG/NAME` gets one" in capsys.readouterr().out
    assert cli.main(["models", "fetch", str(clip)]) == 0
    damaged = tmp_path / "store" / "damaged"
    damaged.mkdir()
    (damaged / "model.yaml").write_text("name: damaged")
    capsys.readouterr()
    assert cli.main(["models"]) == 0
    printed = capsys.readouterr().out
    source = f"from {clip}"
    assert f"clip: classification, attention; OpenVINO, ONNX Runtime, PyTorch; unknown; {source}" in printed
    assert f"model card {damaged / 'model.yaml'} lacks" in printed


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hff:org/name", "did you mean hf:org/name"),
        ("hf:org/name", "VIT_PERCEPTION_OFFLINE is set: unset it, or copy the folder"),
        ("org/name", "a model on the Hugging Face hub is called hf:org/name"),
        ("robot_vit_s14", "robot_vit_s14 is a model of this package, in "),
    ],
)
def test_models_fetch_refuses_in_one_line(name, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VIT_PERCEPTION_OFFLINE", "1")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert cli.main(["models", "fetch", name, "--to", str(tmp_path / "robot")]) == 1
    printed = capsys.readouterr().err
    assert reason in printed
    assert len(printed.splitlines()) == 1


def test_sigterm_leaves_through_finally(tmp_path):
    """So that a benchmark that is stopped leaves no nodes behind."""
    (tmp_path / "wait.py").write_text(
        "import sys, time\n"
        "from vit_perception import cli\n"
        "def run(options):\n"
        "    try:\n"
        "        print('begun', flush=True)\n"
        "        time.sleep(60)\n"
        "    finally:\n"
        "        print('ended', flush=True)\n"
        "cli.COMMANDS['bench'].run = run\n"
        "sys.exit(cli.main(['bench']))\n"
    )
    process = subprocess.Popen([sys.executable, tmp_path / "wait.py"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.terminate()
    assert process.communicate(timeout=30)[0] == "ended\n"
    assert process.returncode == 128 + signal.SIGTERM
