"""Stamps of messages as seconds."""

from __future__ import annotations

from std_msgs.msg import Header


def seconds_of(header: Header) -> float:
    return float(header.stamp.sec + header.stamp.nanosec / 1e9)
