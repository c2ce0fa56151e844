"""A server on this machine that answers as the Hugging Face hub does, and fails when it is told to.

What `huggingface_hub` asks for to download files of one commit: the model's description, the head and the
content of each file. Large files come from another origin, as the hub's do. Ranges are served, for a download
that goes on; and other files by themselves, as PyTorch publishes its weights.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_of_the_owner"
_API = re.compile(r"/api/models/(?P<name>[^/]+/[^/]+)(/revision/(?P<revision>[^/]+))?")
_FILE = re.compile(r"/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
_CDN = re.compile(r"/cdn/(?P<name>[^/]+/[^/]+)/(?P<file>.+)")
_LARGE = (".safetensors", ".bin", ".onnx", ".h5")


@dataclass
class Hub(ThreadingHTTPServer):
    """Repositories by name; the attributes are how they fail.

    models: name → folder. files: name → content, under /files/. licence: what the models' cards say.
    private, gated: names that need TOKEN; a gated one tells what it is to all. status: with which everything
    is answered. cut: file → bytes after which the connection drops, once for each item of the list. short:
    file → bytes it has instead, and says that it has. changed: files with another byte at their end. asked:
    (method, path) of all requests so far.
    """

    models: dict[str, Path] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    licence: dict[str, Any] = field(default_factory=lambda: {"license": "apache-2.0"})
    private: set[str] = field(default_factory=set)
    gated: set[str] = field(default_factory=set)
    status: int | None = None
    cut: dict[str, list[int]] = field(default_factory=dict)
    short: dict[str, int] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    daemon_threads = True

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Hub:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.vanish()

    def vanish(self) -> None:
        """From now on nobody answers."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none of ours."""

    def downloaded(self) -> list[str]:
        """Names of the files whose content was asked for."""
        return [
            path.rsplit("/", 1)[-1] for method, path in self.asked if method == "GET" and "/api/" not in path
        ]

    def description(self, name: str) -> dict[str, Any]:
        """What the hub says of a model."""
        licence = self.licence.get("license")
        return {
            "id": name,
            "sha": COMMIT,
            "private": name in self.private,
            "gated": "auto" if name in self.gated else False,
            "tags": ["vision", *([f"license:{licence}"] if licence else [])],
            "cardData": self.licence,
            "siblings": [_sibling(file) for file in sorted(self.models[name].iterdir())],
        }


def _sibling(file: Path) -> dict[str, Any]:
    content = file.read_bytes()
    said: dict[str, Any] = {"rfilename": file.name, "size": len(content), "blobId": _etag(file.name, content)}
    if file.name.endswith(_LARGE):
        pointer = {"sha256": _etag(file.name, content), "size": len(content), "pointerSize": 130}
        said |= {"blobId": hashlib.sha1(b"pointer").hexdigest(), "lfs": pointer}
    return said


def _etag(name: str, content: bytes) -> str:
    if name.endswith(_LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append((self.command, path))
        if self.server.status is not None:
            self._refuse(self.server.status)
        elif match := _API.fullmatch(path):
            if self._may(match["name"], match["revision"], description=True):
                body = json.dumps(self.server.description(match["name"])).encode()
                self._answer(200, body, {"Content-Type": "application/json"})
        elif match := _FILE.fullmatch(path):
            if self._may(match["name"], match["revision"]):
                self._file(match["name"], match["file"])
        elif match := _CDN.fullmatch(path):
            # It signs its addresses, and no token may come this far.
            assert "Authorization" not in self.headers
            self._content(match["file"], (self.server.models[match["name"]] / match["file"]).read_bytes(), {})
        elif (name := path.removeprefix("/files/")) in self.server.files:
            self._content(name, self.server.files[name], {})
        else:
            self._refuse(404)

    def _may(self, name: str, revision: str | None, description: bool = False) -> bool:
        """Whether it may be read; else the client was told so."""
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if name not in self.server.models or (name in self.server.private and not known):
            # Who is unknown is not told what exists.
            self._refuse(404 if known else 401, "RepoNotFound", "Invalid username or password.")
        elif name in self.server.gated and not known and not description:
            self._refuse(401, "GatedRepo", "Access to this model is restricted.")
        elif revision not in (None, "main", COMMIT):
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            return True
        return False

    def _file(self, name: str, file: str) -> None:
        path = self.server.models[name] / file
        if not path.is_file():
            return self._refuse(404, "EntryNotFound", "Entry not found")
        content = path.read_bytes()
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_etag(file, content)}"'}
        if not file.endswith(_LARGE):
            return self._content(file, content, headers)
        headers |= {"X-Linked-Size": str(self._size(file, content)), "X-Linked-ETag": headers["ETag"]}
        headers["Location"] = f"http://localhost:{self.server.server_port}/cdn/{name}/{file}"
        return self._answer(302, b"", headers)

    def _size(self, file: str, content: bytes) -> int:
        return self.server.short.get(file, len(content))

    def _content(self, file: str, content: bytes, headers: dict[str, str]) -> None:
        content = content[: self._size(file, content)]
        if file in self.server.changed:
            content = content[:-1] + bytes([content[-1] ^ 1])
        start, status = 0, 200
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start, status = int(match[1]), 206
            headers = {**headers, "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        cuts = self.server.cut.get(file, [])
        stop = cuts.pop(0) if cuts and self.command == "GET" else None
        self._answer(status, content[start:], {**headers, "Accept-Ranges": "bytes"}, stop)

    def _refuse(self, status: int, code: str = "", message: str = "") -> None:
        self._answer(status, b"{}", {"X-Error-Code": code, "X-Error-Message": message} if code else {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str], stop: int | None = None) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:stop])
        if stop is not None:
            self.close_connection = True
