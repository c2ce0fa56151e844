"""Names of public models: hf:ORG/NAME[@REVISION], timm:NAME, torchvision:NAME[/WEIGHTS]. Imports no torch."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from vit_perception.cards.locate import PUBLIC_SCHEMES

FORMS = "hf:ORG/NAME[@REVISION], timm:NAME or torchvision:NAME[/WEIGHTS]"
_PAGE = re.compile(
    r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/(?P<name>[^/]+/[^/?#]+)(?:/(?:tree|blob)/(?P<revision>[^/?#]+))?.*"
)
# A drive, a path or a remote has something else before its colon.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+_-]+")
# What folders in a store are called at first while they are written.
DRAFT = ".draft-"
# What each is made of; a name becomes a folder and a part of a URL, so nothing else is let through.
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_PATTERNS = {
    "hf": re.compile(rf"(?P<name>{_PART}/{_PART})(@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]*))?"),
    "timm": re.compile(rf"(?P<name>{_PART})(@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]*))?"),
    "torchvision": re.compile(rf"(?P<name>{_PART})(/(?P<revision>{_PART}))?"),
}
_LIBRARIES = {
    "hf": ("transformers", "huggingface_hub"),
    "timm": ("timm", "huggingface_hub"),
    "torchvision": ("torchvision",),
}


@dataclass(frozen=True)
class PublicName:
    """A parsed name.

    Attributes:
        scheme: one of PUBLIC_SCHEMES.
        name: `ORG/NAME` on the Hugging Face hub, else the library's name of the model.
        revision: branch, tag or commit; of torchvision, the weights; None for the default.
    """

    scheme: str
    name: str
    revision: str | None = None

    def __str__(self) -> str:
        mark = "/" if self.scheme == "torchvision" else "@"
        return f"{self.scheme}:{self.name}{mark + self.revision if self.revision else ''}"

    @property
    def folder(self) -> str:
        """Its folder in a store."""
        return re.sub(r"[/@:]", "--", str(self))

    @property
    def libraries(self) -> tuple[str, ...]:
        """What adopting it imports."""
        return _LIBRARIES[self.scheme]


def parse_name(text: str) -> PublicName | None:
    """The public model that `text` names; None if it has no scheme, as a name or path of ours.

    Raises:
        ValueError: it has one, but none that is known, or not the form that goes with it.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        return None
    match = _PATTERNS[scheme].fullmatch(rest) if scheme in PUBLIC_SCHEMES else None
    # The hub has no such names; here they would make one folder of two models.
    if match is None or ".." in rest or "--" in match["name"]:
        meant = _meant(scheme, rest)
        hint = f"did you mean {meant}" if meant else f"give {FORMS}"
        raise ValueError(f"{text!r} is not the name of a public model: {hint}")
    return PublicName(scheme, match["name"], match["revision"])


def suggest(text: str) -> str | None:
    """How to call what may be a repository on the Hugging Face hub; None if it cannot be one."""
    return f"hf:{text}" if _PATTERNS["hf"].fullmatch(text) else None


def _meant(scheme: str, rest: str) -> str | None:
    """A well-formed name that is near, of a URL or a scheme with a typing error."""
    if page := _PAGE.fullmatch(f"{scheme}:{rest}"):
        return f"hf:{page['name']}{'@' + page['revision'] if page['revision'] else ''}"
    near = "hf" if scheme.lower() == "huggingface" else scheme.lower()
    for known in difflib.get_close_matches(near, PUBLIC_SCHEMES, n=1, cutoff=0.6):
        name = rest.strip("/")
        if _PATTERNS[known].fullmatch(name) and ".." not in name and "--" not in name:
            return f"{known}:{name}"
    return None
