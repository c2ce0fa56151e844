"""How the page is served, and to whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

# Pictures a second of each camera that are encoded, at most.
_MOST_HZ = 60.0
_SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class ViewSettings:
    """Settings of `vit-perception view`.

    Attributes:
        host: address to serve on.
        port: 0 is a free one.
        token: that every request must have; empty: none, on a loopback address alone.
        control: whether the page may set parameters and record.
        output: folder for recorded bags.
        rate: pictures a second of each camera, at most.

    Raises:
        ValueError: a value is out of its range, or others could reach the page without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8070
    token: str = ""
    control: bool = False
    output: Path = Path("out/view")
    rate: float = 15.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port is {self.port}: give 0 to 65535")
        if not 0 < self.rate <= _MOST_HZ:
            raise ValueError(f"rate is {self.rate:g}: give pictures a second, up to {_MOST_HZ:g}")
        if not is_loopback(self.host) and len(self.token) < _SHORTEST_TOKEN:
            raise ValueError(
                f"{self.host} can be reached from other machines: that needs a token of at least "
                f"{_SHORTEST_TOKEN} letters"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address, or a name that a browser sends as that of the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
