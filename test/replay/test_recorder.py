"""Bags as written, read back with an independent reader."""

import pytest
import yaml
from mcap.reader import make_reader
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore

from replay.material import picture
from vit_perception.replay import definitions
from vit_perception.replay.cdr import IMAGE, serialize_bgr, stamp_ns, with_stamp
from vit_perception.replay.recorder import Qos, Recorder

LATCHED = Qos(transient_local=True, depth=1)


@pytest.fixture(scope="module", autouse=True)
def _needs_definitions():
    try:
        definitions.definition(IMAGE)
    except FileNotFoundError as error:
        pytest.skip(f"message definitions are not installed: {error}")


def record(path, stamps):
    with Recorder(path) as recorder:
        recorder.add_topic("/image", IMAGE, Qos(), "RIHS01_x")
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


def test_definition_holds_nested_types_once():
    text = definitions.definition(IMAGE)
    assert text.count("MSG: std_msgs/Header") == 1
    assert text.count("MSG: builtin_interfaces/Time") == 1
    assert text.index("uint32 height") < text.index("MSG: std_msgs/Header")


def test_unknown_package_is_named():
    with pytest.raises(FileNotFoundError, match="no_such_msgs"):
        definitions.definition("no_such_msgs/msg/Thing")
