"""Labels in bags, written with rosbags' own writer: no ROS is needed."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.material import HEIGHT, SIZE, WIDTH
from vit_perception.data.formats import bag_messages
from vit_perception.data.formats.bag_index import _OTHER_IMAGES as OTHER_IMAGES
from vit_perception.data.formats.bag_index import LABEL_TOPICS, NAME_TOPICS
from vit_perception.data.formats.bag_messages import COMPRESSED_IMAGE, DETECTIONS, IMAGE, LABELS
from vit_perception.data.open import open_dataset

rosbag2 = pytest.importorskip("rosbags.rosbag2")

STORE = bag_messages._typestore()
HASHES = Path(__file__).parents[1] / "fixtures" / "vision_msgs-4.1.1.json"
SECOND = 1_000_000_000
NAMES = {0: "person", 1: "car", 2: "sky"}


def make(name, **fields):
    return STORE.types[name](**fields)


def header(stamp):
    time = make("builtin_interfaces/msg/Time", sec=stamp // SECOND, nanosec=stamp % SECOND)
    return make("std_msgs/msg/Header", stamp=time, frame_id="camera")


def image(stamp, pixels, encoding, padding=0):
    rows = np.ascontiguousarray(pixels).reshape(len(pixels), -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    return make(
        IMAGE,
        header=header(stamp),
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=rows.shape[1],
        data=rows.ravel(),
    )


def detection(stamp, box, class_id, score, identity=""):
    point = make("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0)
    turn = make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
    pose = make(
        "geometry_msgs/msg/PoseWithCovariance",
        pose=make("geometry_msgs/msg/Pose", position=point, orientation=turn),
        covariance=np.zeros(36),
    )
    hypothesis = make("vision_msgs/msg/ObjectHypothesis", class_id=class_id, score=score)
    left, top, right, bottom = map(float, box)
    centre = make("vision_msgs/msg/Point2D", x=(left + right) / 2, y=(top + bottom) / 2)
    bbox = make(
        "vision_msgs/msg/BoundingBox2D",
        center=make("vision_msgs/msg/Pose2D", position=centre, theta=0.0),
        size_x=right - left,
        size_y=bottom - top,
    )
    result = make("vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=hypothesis, pose=pose)
    return make("vision_msgs/msg/Detection2D", header=header(stamp), results=[result], bbox=bbox, id=identity)


def detections(stamp, *found):
    return make(DETECTIONS, header=header(stamp), detections=[detection(stamp, *one) for one in found])


def label_info(names=NAMES):
    classes = [
        make("vision_msgs/msg/VisionClass", class_id=one, class_name=name) for one, name in names.items()
    ]
    return make(LABELS, header=header(0), class_map=classes, threshold=0.3)


def write_bag(path, messages, storage="mcap"):
    """Messages (topic, type, message, time of recording)."""
    plugin = {"mcap": rosbag2.StoragePlugin.MCAP, "sqlite3": rosbag2.StoragePlugin.SQLITE3}[storage]
    with rosbag2.Writer(path, version=9, storage_plugin=plugin) as writer:
        connections = {}
        for topic, message_type, message, time in messages:
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, message_type, typestore=STORE)
            writer.write(connections[topic], time, STORE.serialize_cdr(message, message_type))
    return path


PIXELS = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8)
MASK = np.full((HEIGHT // 2, WIDTH // 2), 2, np.uint8)
MASK[5:10, 5:10] = 0
MASK[0] = 255
INSTANCES = np.where(MASK == 0, 7, 0).astype(np.uint16)
DEPTH = np.full((HEIGHT // 2, WIDTH // 2), 2.5, np.float32)
DEPTH[0, 0] = np.nan


def recorded():
    """Three frames, of which the second has no labels and the third no boxes."""
    yield "/label_info", LABELS, label_info(), 1
    yield "/segmentation/label_info", LABELS, label_info({**NAMES, 3: "road"}), 1
    for place, stamp in enumerate((5 * SECOND, 6 * SECOND, 7 * SECOND + 5)):
        yield "/image", IMAGE, image(stamp, PIXELS[..., ::-1], "bgr8", padding=3), 10 * place + 10
        # Others of the same size, which are no pictures of the camera.
        yield "/overlay", IMAGE, image(stamp, PIXELS, "rgb8"), 10 * place + 11
        if place == 0:
            boxes = ((10, 8, 30, 32), "0", 0.75, "7"), ((40, 20, 56, 30), "car", 0.5)
            yield "/detections", DETECTIONS, detections(stamp, *boxes), 13
            yield "/segmentation/instances", IMAGE, image(stamp, INSTANCES, "mono16"), 14
            yield "/depth", IMAGE, image(stamp, DEPTH, "32FC1"), 14
        if place == 2:
            yield "/detections", DETECTIONS, detections(stamp), 35
        if place != 1:
            yield "/segmentation/mask", IMAGE, image(stamp, MASK, "mono8"), 10 * place + 16


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_labels_are_paired_by_stamp(tmp_path, storage):
    dataset = open_dataset(write_bag(tmp_path / "bag", recorded(), storage))
    assert (dataset.format, len(dataset)) == ("bag", 2)
    assert [dataset.name(index) for index in range(2)] == ["5000000000", "7000000005"]
    assert dataset.space.names == ("person", "car", "sky", "road")
    assert (dataset.box_labels, dataset.mask_labels) == ({0, 1}, {0, 1, 2, 3})
    assert dataset.space.things == (0, 1)
    assert (dataset.picture(0) == PIXELS).all()
    assert dataset.picture_file(0) is None
    found = dataset.annotation(0)
    assert found.boxes.tolist() == [[10, 8, 30, 32], [40, 20, 56, 30]]
    assert (found.class_ids.tolist(), found.scores.tolist()) == ([0, 1], [0.75, 0.5])
    assert found.semantic.shape == found.instances.shape == found.depth.shape == SIZE
    assert (found.semantic[0, 0], found.semantic[12, 12], found.semantic[40, 40]) == (255, 0, 2)
    assert (found.instances[12, 12], found.instances[40, 40]) == (1, 0)
    assert np.isnan(found.depth[0, 0])
    assert found.depth[40, 40] == 2.5
    last = pickle.loads(pickle.dumps(dataset)).annotation(1)
    assert (len(last.boxes), last.instances, last.depth) == (0, None, None)
    assert last.semantic is not None
    assert list(dataset.faults()) == []


def test_two_cameras_and_compressed_images(tmp_path):
    jpeg = cv2.imencode(".png", PIXELS[..., ::-1])[1].ravel()

    def messages():
        for camera in ("front", "rear"):
            for stamp in (1, 2):
                picture = make(COMPRESSED_IMAGE, header=header(stamp), format="png", data=jpeg)
                yield f"/{camera}/image/compressed", COMPRESSED_IMAGE, picture, stamp
                found = detections(stamp, ((1, 2, 3, 4), "1", 0.5))
                yield f"/{camera}/detections", DETECTIONS, found, stamp
            yield f"/{camera}/label_info", LABELS, label_info(), 9

    dataset = open_dataset(write_bag(tmp_path / "bag", messages()))
    assert [dataset.name(index) for index in range(4)] == ["front/1", "front/2", "rear/1", "rear/2"]
    assert (dataset.picture(3) == PIXELS).all()
    assert dataset.annotation(3).class_ids.tolist() == [1]


def test_faults(tmp_path):
    def messages():
        yield "/label_info", LABELS, label_info({0: "person"}), 1
        yield "/image", IMAGE, image(1, PIXELS, "rgb8"), 1
        yield (
            "/detections",
            DETECTIONS,
            detections(1, ((1, 2, 300, 4), "0", 0.5), ((1, 2, 3, 4), "9", 0.5)),
            1,
        )
        yield "/segmentation/mask", IMAGE, image(1, MASK, "mono8"), 1
        yield "/depth", IMAGE, image(1, PIXELS, "rgb8"), 1

    found = "\n".join(map(str, open_dataset(write_bag(tmp_path / "bag", messages())).faults()))
    for reason in (
        "depth, image 1: an image has encoding 'rgb8'",
        "detections, image 1: a detection has class '9', which label_info does not name",
        "segmentation/mask, image 1: the mask has value 2, which label_info does not name",
        "the box from 1, 2, 300, 4 is outside the picture",
    ):
        assert reason in found, reason
    assert len(found.splitlines()) == 4


def test_bags_that_are_refused(tmp_path):
    images = [("/image", IMAGE, image(1, PIXELS, "rgb8"), 1)]
    with pytest.raises(ValueError, match=r"no image with labels of the same stamp: .*it has /image$"):
        open_dataset(write_bag(tmp_path / "images", images))
    boxes = ("/detections", DETECTIONS, detections(1), 1)
    with pytest.raises(ValueError, match="labels but no names for them: record label_info"):
        open_dataset(write_bag(tmp_path / "nameless", [*images, boxes]))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/a.mcap").write_bytes(b"x" * 100)
    with pytest.raises(ValueError, match="cannot be read as a rosbag2"):
        open_dataset(tmp_path / "broken")


def test_topics_are_those_of_the_nodes():
    from vit_perception.nodes.outputs.topics import TOPICS

    for name, message_type in {**LABEL_TOPICS, **NAME_TOPICS}.items():
        assert TOPICS[name].message_type == message_type, name
    images = {name for name, topic in TOPICS.items() if topic.message_type == IMAGE and not topic.is_input}
    assert images == {name for name, kind in LABEL_TOPICS.items() if kind == IMAGE} | set(OTHER_IMAGES)


def test_messages_are_those_of_vision_msgs():
    hashes = json.loads(HASHES.read_text())
    for name in bag_messages._VISION:
        assert STORE.hash_rihs01(f"vision_msgs/msg/{name}") in json.dumps(hashes), name


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8", "mono8"])
def test_colours(encoding):
    code = {"bgr8": cv2.COLOR_RGB2BGR, "rgba8": cv2.COLOR_RGB2RGBA, "bgra8": cv2.COLOR_RGB2BGRA}.get(encoding)
    grey = np.repeat(PIXELS[..., :1], 3, axis=2)
    pixels = grey[..., 0] if encoding == "mono8" else PIXELS if code is None else cv2.cvtColor(PIXELS, code)
    found = bag_messages.colours(image(1, pixels, encoding, padding=5), IMAGE)
    assert (found == (grey if encoding == "mono8" else PIXELS)).all()


def test_damaged_images():
    whole = image(1, PIXELS, "rgb8")
    whole.data = whole.data[:-1]
    with pytest.raises(ValueError, match="an image of 64 x 48 pixels has 9215 bytes: it is damaged"):
        bag_messages.colours(whole, IMAGE)
    with pytest.raises(ValueError, match="an image has encoding 'bayer_rggb8'"):
        bag_messages.colours(image(1, PIXELS, "bayer_rggb8"), IMAGE)
    big = image(1, np.array([[256]], np.uint16), "16UC1")
    big.is_bigendian = 1
    assert bag_messages.numbers(big).tolist() == [[1]]
