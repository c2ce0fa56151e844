"""Bags as written, read back with an independent reader."""

import json
from pathlib import Path

import pytest
import yaml
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from replay.material import picture
from vit_perception.nodes.outputs.topics import TOPICS, Qos
from vit_perception.replay import definitions
from vit_perception.replay.cdr import IMAGE, serialize_bgr, stamp_ns, with_stamp
from vit_perception.replay.recorder import Recorder

FIXTURE = Path(__file__).parents[1] / "fixtures" / "vision_msgs-4.1.1.json"
VISION_MSGS = json.loads(FIXTURE.read_text())["messages"]
LATCHED = Qos(transient_local=True, depth=1)


@pytest.fixture(scope="module", autouse=True)
def _needs_definitions():
    try:
        definitions.definition(IMAGE)
    except FileNotFoundError as error:
        pytest.skip(f"message definitions are not installed: {error}")


def record(path, stamps):
    with Recorder(path) as recorder:
        recorder.add_topic("/image", IMAGE, Qos())
        recorder.add_topic("/label", IMAGE, LATCHED)
        recorder.add_topic("/image", IMAGE, Qos())  # again: nothing happens
        for index, stamp in enumerate(stamps, start=1):
            cdr = with_stamp(serialize_bgr(picture(index), "camera"), stamp)
            recorder.write("/image", cdr, log_ns=stamp + 5, publish_ns=stamp, frame=index)


@pytest.mark.parametrize("as_folder", [True, False])
def test_bag_reads_back(tmp_path, as_folder):
    record(tmp_path / "results.mcap", [100, 200, 300])
    with Reader(tmp_path if as_folder else tmp_path / "results.mcap") as reader:
        assert reader.message_count == 3
        assert {name: info.msgtype for name, info in reader.topics.items()} == {
            "/image": IMAGE,
            "/label": IMAGE,
        }
        messages = list(reader.messages())
        assert [when for _, when, _ in messages] == [105, 205, 305]
        assert [stamp_ns(bytes(data)) for _, _, data in messages] == [100, 200, 300]
        (latched,) = reader.topics["/label"].connections[0].ext.offered_qos_profiles
        assert latched.durability.name == "TRANSIENT_LOCAL"
        assert latched.depth == 1
    get_typestore(Stores.ROS2_JAZZY).deserialize_cdr(bytes(messages[0][2]), IMAGE)


def test_metadata_says_the_same_inside_and_beside(tmp_path):
    record(tmp_path / "results.mcap", [100, 200])
    beside = yaml.safe_load((tmp_path / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    with (tmp_path / "results.mcap").open("rb") as stream:
        reader = make_reader(stream)
        assert reader.get_header().profile == "ros2"
        (metadata,) = reader.iter_metadata()
        assert yaml.safe_load(metadata.metadata["serialized_metadata"]) == beside
        (sequence, *_) = [message.sequence for _, _, message in reader.iter_messages()]
        assert sequence == 1
    assert beside["relative_file_paths"] == ["results.mcap"]
    assert beside["message_count"] == 2
    assert beside["starting_time"]["nanoseconds_since_epoch"] == 105
    assert beside["duration"]["nanoseconds"] == 100


def test_error_inside_leaves_a_whole_bag(tmp_path):
    path = tmp_path / "results.mcap"

    def stop_half_way():
        with Recorder(path) as recorder:
            recorder.add_topic("/image", IMAGE, Qos())
            recorder.write("/image", serialize_bgr(picture(0), "camera"), log_ns=1, publish_ns=1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_half_way()
    with Reader(path) as reader:
        assert reader.message_count == 1


def test_the_type_hash_is_in_file_and_metadata(tmp_path):
    record(tmp_path / "results.mcap", [100])
    _, type_hash = definitions.definition(IMAGE)
    with (tmp_path / "results.mcap").open("rb") as stream:
        channels = make_reader(stream).get_summary().channels.values()
    assert {channel.metadata["topic_type_hash"] for channel in channels} == {type_hash}
    with Reader(tmp_path) as reader:
        assert {connection.digest for connection in reader.connections} == {type_hash}


def test_definition_holds_nested_types_once():
    text, _ = definitions.definition(IMAGE)
    assert text.count("MSG: std_msgs/Header") == 1
    assert text.count("MSG: builtin_interfaces/Time") == 1
    assert text.index("uint32 height") < text.index("MSG: std_msgs/Header")


@pytest.mark.parametrize("message_type", sorted({topic.message_type for topic in TOPICS.values()}))
def test_definitions_are_those_that_readers_expect(message_type):
    """The definition parses, and its hash is that of the released messages."""
    try:
        text, type_hash = definitions.definition(message_type)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    types = get_types_from_msg(text, message_type)
    store = get_typestore(Stores.EMPTY)
    store.register(types)
    assert store.hash_rihs01(message_type) == type_hash
    package, _, name = message_type.split("/")
    if package == "vision_msgs":
        assert type_hash == VISION_MSGS[name]["type_hash"]
    elif name != "Range":  # Humble's has no variance
        assert type_hash == get_typestore(Stores.ROS2_JAZZY).hash_rihs01(message_type)


def test_unknown_package_is_named():
    with pytest.raises(FileNotFoundError, match="no_such_msgs"):
        definitions.definition("no_such_msgs/msg/Thing")
