"""What the launch file starts for which arguments, without launch_ros; and the files that it hands over."""

from pathlib import Path

import pytest
import yaml

from vit_perception.hub.presets import find_preset
from vit_perception.nodes.launch_plan import ARGUMENTS, EXECUTABLES, parse_tasks, plan_nodes, remappings
from vit_perception.tasks import TASKS

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"


def values(**changes):
    return {argument.name: argument.default for argument in ARGUMENTS} | changes


def test_the_arguments_and_their_defaults():
    assert values() == {
        "device": "auto",
        "composed": "true",
        "tasks": "",
        "model": "robot_vit_s14",
        **{f"{task}_model": "" for task in TASKS},
        "preset": "",
        "prompts": "",
        "namespace": "",
        "image_topic": "image",
        "image_topics": "",
        "image_transport": "raw",
        "depth_topic": "depth_image",
        "depth_transport": "raw",
        "params_file": "",
        "rviz": "false",
    }
    for argument in ARGUMENTS:
        assert argument.description
        assert not argument.choices or argument.default in argument.choices


def test_composed_is_one_node_for_all_tasks():
    (node,) = plan_nodes(values(), CONFIG)
    assert (node.executable, node.name) == ("suite", "perception")
    assert node.parameter_files == (CONFIG / "suite.yaml",)
    assert node.parameters == {}


def test_composed_with_some_tasks():
    (node,) = plan_nodes(values(tasks="navigation,detection"), CONFIG)
    assert node.parameters == {"tasks": ["detection", "navigation"]}


def test_separate_is_one_node_a_task():
    nodes = plan_nodes(values(composed="false"), CONFIG)
    assert [node.executable for node in nodes] == [EXECUTABLES[task] for task in TASKS if task != "depth"]
    for node in nodes:
        assert node.name == node.executable
        assert node.parameter_files == (CONFIG / f"{node.executable}.yaml",)
        assert "tasks" not in node.parameters
    nodes = plan_nodes(values(composed="false", tasks="[segmentation, detection]"), CONFIG)
    assert [node.executable for node in nodes] == ["detector", "segmenter"]


def test_a_model_a_task_and_prompts():
    wanted = {
        "detection_model": "hf:google/owlv2-base-patch16",
        "depth_model": "hf:org/depth",
        "prompts": "a cat,dog",
    }
    (node,) = plan_nodes(values(**wanted), CONFIG)
    assert node.parameters == {
        "detection.model": "hf:google/owlv2-base-patch16",
        "depth.model": "hf:org/depth",
        "prompts": ["a cat", "dog"],
    }
    nodes = {
        node.executable: node.parameters for node in plan_nodes(values(composed="false", **wanted), CONFIG)
    }
    assert list(nodes) == ["classifier", "detector", "segmenter", "navigator", "depth", "attention"]
    assert nodes["depth"]["model"] == "hf:org/depth"
    assert "model" not in nodes["segmenter"]


def test_a_preset_chooses_models_and_tasks():
    models = {task: model.model for task, model in find_preset("cpu").models.items()}
    assert list(models) == ["classification", "detection"]
    (node,) = plan_nodes(values(preset="cpu"), CONFIG)
    assert node.parameters == {
        "tasks": ["classification", "detection"],
        **{f"{task}.model": model for task, model in models.items()},
    }
    nodes = plan_nodes(values(preset="cpu", composed="false"), CONFIG)
    assert {node.executable: node.parameters for node in nodes} == {
        EXECUTABLES[task]: {"model": model} for task, model in models.items()
    }


def test_arguments_override_a_preset():
    chosen = {"preset": "cpu", "detection_model": "hf:org/mine", "depth_model": "hf:org/depth"}
    (node,) = plan_nodes(values(**chosen), CONFIG)
    assert node.parameters["tasks"] == ["classification", "detection", "depth"]
    assert node.parameters["detection.model"] == "hf:org/mine"
    assert node.parameters["depth.model"] == "hf:org/depth"
    # The default model has the tasks that the preset leaves out.
    (node,) = plan_nodes(values(preset="cpu", tasks="navigation,detection"), CONFIG)
    assert node.parameters["tasks"] == ["detection", "navigation"]
    assert [name for name in node.parameters if name.endswith(".model")] == ["detection.model"]


@pytest.mark.parametrize("composed", ["true", "false"])
def test_the_device_of_a_preset(composed):
    for node in plan_nodes(values(preset="gpu", composed=composed), CONFIG):
        assert node.parameters["device"] == "cuda"
    for node in plan_nodes(values(preset="gpu", composed=composed, device="cpu"), CONFIG):
        assert node.parameters["device"] == "cpu"


def test_the_prompts_of_a_preset_are_for_its_own_models():
    prompts = list(find_preset("open_vocabulary").prompts)
    (node,) = plan_nodes(values(preset="open_vocabulary"), CONFIG)
    assert node.parameters["prompts"] == prompts
    chosen = {"preset": "open_vocabulary", "composed": "false"}
    others = {"tasks": "classification,detection,segmentation", "detection_model": "hf:org/fixed"}
    nodes = {node.executable: node.parameters for node in plan_nodes(values(**chosen, **others), CONFIG)}
    assert nodes["classifier"]["prompts"] == prompts
    assert nodes["detector"] == {"model": "hf:org/fixed"}
    assert nodes["segmenter"] == {}
    for node in plan_nodes(values(**chosen, prompts="crane"), CONFIG):
        assert node.parameters["prompts"] == ["crane"]


def test_a_model_beside_a_preset_needs_a_task():
    with pytest.raises(
        ValueError, match=r"model:=mine would not be used.*tasks:=classification,detection,nav"
    ):
        plan_nodes(values(preset="cpu", model="mine"), CONFIG)
    (node,) = plan_nodes(values(preset="cpu", model="mine", tasks="detection,segmentation"), CONFIG)
    assert node.parameters["model"] == "mine"


def test_separate_nodes_of_a_model_that_is_not_here_need_their_tasks(tmp_path, monkeypatch):
    monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path))
    chosen = {"composed": "false", "model": "hf:hustvl/yolos-tiny"}
    with pytest.raises(
        ValueError, match=r"hf:hustvl/yolos-tiny is not on this machine yet.*tasks:=detection"
    ):
        plan_nodes(values(**chosen), CONFIG)
    (node,) = plan_nodes(values(**chosen, tasks="detection"), CONFIG)
    assert node.parameters == {"model": "hf:hustvl/yolos-tiny"}


def test_the_users_file_is_laid_over_ours_and_arguments_over_both(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("/**: {ros__parameters: {model: other}}\n")
    (node,) = plan_nodes(values(params_file=str(file), device="cpu"), CONFIG)
    assert node.parameter_files == (CONFIG / "suite.yaml", file)
    # Not the model, which was left at its default: the file decides.
    assert node.parameters == {"device": "cpu"}


def test_a_file_below_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "mine.yaml").touch()
    monkeypatch.chdir(tmp_path)
    (node,) = plan_nodes(values(params_file="mine.yaml"), CONFIG)
    assert node.parameter_files[-1] == tmp_path / "mine.yaml"


def test_wrong_values_are_named():
    with pytest.raises(FileNotFoundError, match=r"params_file /no/such\.yaml does not exist"):
        plan_nodes(values(params_file="/no/such.yaml"), CONFIG)
    with pytest.raises(ValueError, match="unknown task 'driving': choose from"):
        plan_nodes(values(tasks="driving"), CONFIG)
    with pytest.raises(ValueError, match="no preset is named 'cpuu': did you mean cpu"):
        plan_nodes(values(preset="cpuu"), CONFIG)


@pytest.mark.parametrize(
    "text",
    [
        "detection,attention",
        "attention, detection",
        "[detection, attention]",
        "['detection', \"attention\"]",
        "detection,attention,detection,",
    ],
)
def test_lists_of_tasks_as_people_write_them(text):
    assert parse_tasks(text) == ("detection", "attention")


@pytest.mark.parametrize("text", ["", "[]", " , "])
def test_no_task(text):
    with pytest.raises(ValueError, match="no task given"):
        parse_tasks(text)


@pytest.mark.parametrize(
    ("changes", "image", "compressed"),
    [
        ({}, "image", "image/compressed"),
        ({"image_topic": "/camera/image_raw"}, "/camera/image_raw", "/camera/image_raw/compressed"),
        (
            {"image_topic": "/camera/image_raw/compressed", "image_transport": "compressed"},
            "/camera/image_raw",
            "/camera/image_raw/compressed",
        ),
    ],
)
def test_the_camera_for_either_transport(changes, image, compressed):
    assert remappings(values(**changes))[:2] == [("image", image), ("image/compressed", compressed)]


@pytest.mark.parametrize(
    ("image", "info"),
    [
        ("image", "camera_info"),
        ("/camera/color/image_raw", "/camera/color/camera_info"),
        ("front/image", "front/camera_info"),
        ("/image", "/camera_info"),
    ],
)
def test_the_calibration_is_beside_the_image(image, info):
    found = remappings(values(image_topic=image, depth_topic="/camera/depth/image"))
    depth = ("depth_image/compressedDepth", "/camera/depth/image/compressedDepth")
    assert found[2:] == [("camera_info", info), ("depth_image", "/camera/depth/image"), depth]


@pytest.mark.parametrize("executable", ["suite", *EXECUTABLES.values()])
def test_every_node_has_a_parameter_file(executable):
    content = yaml.safe_load((CONFIG / f"{executable}.yaml").read_text())
    # In any namespace, under any name.
    assert list(content) == ["/**"]
    parameters = content["/**"]["ros__parameters"]
    assert parameters["model"] == values()["model"]
    assert ("tasks" in parameters) == (executable == "suite")


def test_rviz_shows_what_matters():
    layout = yaml.safe_load((CONFIG / "perception.rviz").read_text())
    displays = layout["Visualization Manager"]["Displays"]
    shown = {display["Topic"]["Value"] for display in displays if display["Enabled"]}
    assert {"image", "overlay", "segmentation/mask", "attention/overlay"} <= shown
    for display in displays:
        assert display["Class"] in ("rviz_default_plugins/Image", "rviz_default_plugins/PointCloud2")
        # Best effort gets images from reliable publishers and from best-effort ones.
        assert display["Topic"]["Reliability Policy"] == "Best Effort"
        # Relative, so that RViz in a namespace shows that camera.
        assert not display["Topic"]["Value"].startswith("/")


def test_several_cameras_for_one_node():
    (plan,) = plan_nodes(values(image_topics="[front/image_raw, 'rear/image_raw']"), CONFIG)
    assert plan.parameters["image_topics"] == ["front/image_raw", "rear/image_raw"]
