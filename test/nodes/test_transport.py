"""Which environment makes large images arrive, also in a container with little shared memory."""

import xml.etree.ElementTree as ElementTree

import pytest

from vit_perception.nodes import transport


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for name in (*transport.VARIABLES, "RMW_IMPLEMENTATION"):
        monkeypatch.delenv(name, raising=False)


def test_profile_is_shipped_and_says_what_is_meant(monkeypatch):
    monkeypatch.setattr(transport, "_free_bytes", lambda folder: 1 << 30)
    environment = transport.large_image_environment()
    assert set(environment) == set(transport.PROFILES)
    (path,) = set(environment.values())
    root = ElementTree.parse(path).getroot()
    (segment,) = root.iter("{http://www.eprosima.com}segment_size")
    # The profile's size has to fit the least free memory with which it is chosen.
    assert 4 * 1024 * 1024 < int(segment.text) <= transport._LEAST_SHARED_MEMORY


def test_little_shared_memory_falls_back_to_sockets_that_the_kernel_allows(monkeypatch):
    monkeypatch.setattr(transport, "_free_bytes", lambda folder: 64 << 20)
    monkeypatch.setattr(transport, "_kernel_limit", lambda path: 212_992)
    assert transport.large_image_environment() == {
        transport.TRANSPORTS: "LARGE_DATA?max_msg_size=212992B&sockets_size=425984B&non_blocking=true"
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (transport.TRANSPORTS, "UDPv4"),
        (transport.PROFILES[0], "/mine.xml"),
        (transport.PROFILES[1], "/mine.xml"),
        ("RMW_IMPLEMENTATION", "rmw_cyclonedds_cpp"),
    ],
)
def test_a_users_own_choice_wins(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert transport.large_image_environment() == {}


def test_no_shared_memory_at_all(tmp_path):
    assert transport._free_bytes(tmp_path / "missing") == 0
