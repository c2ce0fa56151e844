"""Public models behind one parameter, live: other people's checkpoints on our topics."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("vision_msgs", reason="needs vision_msgs")
pytest.importorskip("torch", reason="adopting a model needs torch")
pytest.importorskip("transformers", reason="adopting a model needs transformers")
pytest.importorskip("skimage", reason="its photographs are what the models look at")
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Classification, Detection2DArray, Detection3DArray, LabelInfo

from hub.publish import photographs
from hub.small_clip import publish_clip
from hub.small_models import publish_depth_anything, publish_mask2former, publish_vit, publish_yolos
from ros.graph import LATCHED, TRANSITIONS, values, wait_until
from vit_perception.hub.names import parse_name
from vit_perception.hub.obtain import obtain_model
from vit_perception.hub.presets import find_preset
from vit_perception.nodes.images import codec
from vit_perception.nodes.launch_plan import ARGUMENTS, plan_nodes
from vit_perception.nodes.outputs.topics import TOPICS


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    return {
        "yolos": str(publish_yolos(folder / "yolos")),
        "vit": str(publish_vit(folder / "vit")),
        "clip": str(publish_clip(folder / "clip")),
        "depth": str(publish_depth_anything(folder / "depth")),
        "relative": str(publish_depth_anything(folder / "relative", metric=False)),
        "instances": str(publish_mask2former(folder / "mask2former-instance")),
    }


def photograph(graph, shape="landscape"):
    return graph.image(photographs()[shape][..., ::-1])


def labels(graph, topic):
    received = graph.listen(topic, LabelInfo, LATCHED)
    message = wait_until(lambda: received, topic)[-1]
    return [entry.class_name for entry in message.class_map]


def assert_published(graph, namespace, *names):
    """These are among a node's topics, and all of them are as in the table."""
    published = graph.published(namespace)
    assert set(names) <= set(published)
    for name, found in published.items():
        assert found == (TOPICS[name].message_type, TOPICS[name].qos), name


def test_a_model_for_one_task_beside_ours(graph, hub):
    with graph.node("/mixed", detection__model=hub["yolos"]):
        assert graph.set("/mixed/perception", detection__threshold=0.0).successful
        message = photograph(graph)
        topics = {"detections": Detection2DArray, "classification": Classification, "overlay": Image}
        answers = graph.ask("/mixed", message, topics)
        assert answers["detections"].detections
        assert {each.results[0].hypothesis.class_id for each in answers["detections"].detections} <= set(
            "01234"
        )
        assert_published(graph, "/mixed", "label_info", "classification/label_info")
        assert labels(graph, "/mixed/label_info") == ["cup", "crane", "crane", "table", "chair"]
        assert labels(graph, "/mixed/classification/label_info")[0] == "person"
        assert values(graph.status("/mixed/perception"))["model"] == "tiny, yolos"
        # Two classes have this name, and a filter by name means both.
        assert graph.set("/mixed/perception", detection__classes=["crane"]).successful
        found = graph.ask("/mixed", photograph(graph), {"detections": Detection2DArray})["detections"]
        assert {each.results[0].hypothesis.class_id for each in found.detections} <= {"1", "2"}
        refusal = graph.set("/mixed/perception", detection__classes=["Chairs"])
        assert not refusal.successful
        assert "did you mean 'chair'?" in refusal.reason


def test_a_preset(graph, hub, tmp_path, monkeypatch):
    """Small models in the store, under the names of those that the preset chooses."""
    segmenter, depth = find_preset("depth_and_instances").names
    for name, published in ((segmenter, "instances"), (depth, "relative")):
        obtain_model(hub[published], where=tmp_path).rename(tmp_path / parse_name(name).folder)
    monkeypatch.setenv("VIT_PERCEPTION_MODELS", str(tmp_path))
    arguments = {argument.name: argument.default for argument in ARGUMENTS} | {
        "preset": "depth_and_instances"
    }
    (plan,) = plan_nodes(arguments, tmp_path)
    given = {name.replace(".", "__"): value for name, value in plan.parameters.items()}
    with graph.node("/preset", **given):
        topics = {"detections": Detection2DArray, "segmentation/instances": Image, "depth/relative": Image}
        graph.ask("/preset", photograph(graph), topics)
        assert_published(graph, "/preset", *topics)
        assert "classification" not in graph.published("/preset")


def test_prompts_change_while_the_node_runs(graph, hub):
    node = "/prompted/perception"
    with graph.node("/prompted", model=hub["clip"], prompts=["a cup", "a cat"]):
        received = graph.listen("/prompted/label_info", LabelInfo, LATCHED)
        answer = graph.ask("/prompted", photograph(graph), {"classification": Classification})[
            "classification"
        ]
        assert {result.class_id for result in answer.results} <= {"0", "1"}
        assert graph.set(
            node, classification__threshold=0.0, prompts=["forklift", "pallet", "person"]
        ).successful
        answer = graph.ask("/prompted", photograph(graph), {"classification": Classification})[
            "classification"
        ]
        assert {result.class_id for result in answer.results} == {"0", "1", "2"}
        assert sum(result.score for result in answer.results) == pytest.approx(1, abs=1e-3)
        wait_until(
            lambda: (
                [entry.class_name for entry in received[-1].class_map] == ["forklift", "pallet", "person"]
            ),
            "the new prompts in label_info",
        )
        for wrong in (["a cat", "a cat"], [""], []):
            assert not graph.set(node, prompts=wrong).successful
        # Of a change that is refused, nothing is done.
        assert not graph.set(node, prompts=["a dog"], max_rate=-1.0).successful
        answer = graph.ask("/prompted", photograph(graph), {"classification": Classification})[
            "classification"
        ]
        assert len(answer.results) == 3


def test_a_model_without_an_open_vocabulary_refuses_prompts(graph):
    with graph.node("/fixed"):
        result = graph.set("/fixed/perception", prompts=["a cup"])
    assert not result.successful
    assert "tiny has a vocabulary of its own" in result.reason


def test_one_input_size_refuses_another(graph, hub):
    with graph.node("/one_size", model=hub["vit"]):
        result = graph.set("/one_size/perception", input_scale=2.0)
    assert not result.successful
    assert "only one input size" in result.reason


@pytest.mark.parametrize(("name", "topic"), [("depth", "depth"), ("relative", "depth/relative")])
def test_depth_in_metres_or_under_another_name(graph, hub, name, topic):
    namespace = f"/{name}_depth"
    with graph.node(namespace, depth__model=hub[name]):
        message = photograph(graph, "portrait")
        answer = graph.ask(namespace, message, {topic: Image})[topic]
        assert answer.header == message.header
        assert answer.encoding == "32FC1"
        values = codec.decode(answer, "32FC1")
        assert values.shape == photographs()["portrait"].shape[:2]
        assert np.isfinite(values).all()
        assert_published(graph, namespace, topic)
        others = {"depth", "depth/relative"} - {topic}
        assert not any(graph.client.count_publishers(f"{namespace}/{other}") for other in others)


def test_boxes_in_metres_with_a_depth_model_and_a_calibrated_camera(graph, hub):
    models = {"detection__model": hub["yolos"], "depth__model": hub["depth"]}
    with graph.node("/space", tasks=["detection", "depth"], **models):
        assert graph.set("/space/perception", detection__threshold=0.0).successful
        message = photograph(graph)
        height, width = message.height, message.width
        calibration = CameraInfo(height=height, width=width)
        calibration.k = [300.0, 0.0, width / 2, 0.0, 300.0, height / 2, 0.0, 0.0, 1.0]
        publisher = graph.client.create_publisher(CameraInfo, "/space/camera_info", 10)
        received = graph.listen("/space/detections_3d", Detection3DArray)
        images = graph.client.create_publisher(Image, "/space/image", 10)
        graph.status(
            "/space/perception", lambda status: "/space/camera_info: nothing arrives" in status.message
        )

        def show():
            publisher.publish(calibration)
            images.publish(message)

        (answer, *_) = wait_until(
            lambda: [each for each in received if each.detections], "boxes in space", show
        )
        graph.destroy(publisher, images)
        assert_published(graph, "/space", "detections_3d")
        assert answer.header == message.header
        flat = graph.ask("/space", photograph(graph), {"detections": Detection2DArray})["detections"]
        assert len(answer.detections) <= len(flat.detections)
        for detection in answer.detections:
            assert 0 < detection.bbox.center.position.z <= 20  # the model's largest depth
            assert detection.bbox.size.x > 0


def test_instances_and_detections_have_the_same_ids(graph, hub):
    with graph.node("/instances", model=hub["instances"]):
        assert graph.set("/instances/perception", detection__threshold=0.0).successful
        topics = {"segmentation/mask": Image, "segmentation/instances": Image, "detections": Detection2DArray}
        answers = graph.ask("/instances", photograph(graph), topics)
        assert_published(graph, "/instances", "segmentation/instances")
        ids = codec.decode(answers["segmentation/instances"], codec.PASSTHROUGH)
        mask = codec.decode(answers["segmentation/mask"], "mono8")
        assert answers["segmentation/instances"].encoding == "mono16"
        assert ids.shape == mask.shape == photographs()["landscape"].shape[:2]
        for detection in answers["detections"].detections:
            inside = ids == int(detection.id)
            assert inside.any()
            class_id = int(detection.results[0].hypothesis.class_id)
            assert (mask[inside] == class_id).all()


def spoil(folder, target, change):
    copy = shutil.copytree(folder, target)
    change(copy)
    return str(copy)


def _without_processor(folder):
    (folder / "preprocessor_config.json").unlink()


def _pickle(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _truncated(folder):
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])


def _remote_code(folder):
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_mine.MyModel"}
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_without_processor, "preprocessor_config.json"),
        (_pickle, "a pickle, which can run code and is not opened"),
        (_truncated, "download"),
        (_remote_code, "Python code of its own"),
    ],
    ids=["no processor", "pickle", "truncated", "remote code"],
)
def test_a_damaged_model_leaves_the_node_up_and_it_takes_another(graph, hub, tmp_path, change, reason):
    namespace = f"/damaged{change.__name__}"
    node = f"{namespace}/perception"
    damaged = spoil(hub["yolos"], tmp_path / "damaged", change)
    with graph.node(namespace, ("detection",), autostart=False, model=damaged):
        assert not graph.transition(node, TRANSITIONS["configure"])
        assert graph.state(node) == "unconfigured"
        status = graph.status(node, lambda status: status.level == DiagnosticStatus.ERROR)
        assert reason in status.message
        assert "\n" not in status.message
        assert graph.set(node, model=hub["yolos"]).successful
        assert graph.transition(node, TRANSITIONS["configure"])
        assert graph.transition(node, TRANSITIONS["activate"])
        refusal = graph.set(node, model=damaged)
        assert not refusal.successful
        assert "read-only while the node is configured" in refusal.reason
        assert graph.ask(namespace, photograph(graph), {"detections": Detection2DArray})


def test_a_model_that_answers_something_else(graph, hub):
    node = "/wrong_task/detector"
    with graph.node("/wrong_task", ("detection",), name="detector", autostart=False, model=hub["vit"]):
        assert not graph.transition(node, TRANSITIONS["configure"])
        message = graph.status(node, lambda status: status.level == DiagnosticStatus.ERROR).message
    assert "model vit answers classification, attention, and none of detection" in message
