"""Who may see the page: a token, and no page of anybody else."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from vit_perception.view.settings import ViewSettings, is_loopback

COOKIE = "vit_perception_view"


def refusal(settings: ViewSettings, host: str, origin: str | None, tokens: Iterable[str | None]) -> str:
    """Why a request is refused; empty if it is not.

    A page of another site that a user has open could otherwise open a WebSocket to the robot, since browsers
    allow that to every page. Where there is no token, the name by which the page was asked for has to be one
    of this machine: a site that lets its own name point here (DNS rebinding) would pass for the same origin.

    Args:
        settings: of the server.
        host: of the request, as the browser sends it, with a port.
        origin: of the page that makes it; None if it is no browser.
        tokens: that came with it.
    """
    if origin is not None and urlsplit(origin).netloc != host:
        return f"a page of {origin} must not read this one"
    if settings.token:
        # A token of another length is found out sooner; the time says nothing about its letters.
        given = [token.encode() for token in tokens if token]
        if not any(hmac.compare_digest(token, settings.token.encode()) for token in given):
            return "open the address that vit-perception view printed: its token is missing or wrong"
    elif not is_loopback(urlsplit(f"//{host}").hostname or ""):
        return f"this page is served to this machine alone, not as {host}"
    return ""
