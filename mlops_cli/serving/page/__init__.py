"""Pages for a browser: `/` to try a model, `/docs` for the API. Nothing comes from elsewhere.

The files beside this one are read when they are first asked for. What the form of `/` needs to
know of each model is at `/page/forms.json`.
"""

from functools import cache
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from mlops_cli.serving import http
from mlops_cli.serving.protocols.native import allow
from mlops_cli.serving.service import Service, Version
from mlops_cli.tasks.encoders.table import TableEncoder

FILES = {
    "/": "try.html",
    "/docs": "docs.html",
    "/page/page.css": "page.css",
    "/page/elements.js": "elements.js",
    "/page/try.js": "try.js",
    "/page/answers.js": "answers.js",
    "/page/docs.js": "docs.js",
    "/page/icon.svg": "icon.svg",
}
"""Path -> file. They hold no secret: no API key is needed for them."""

_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
)


def routes(service: Service) -> list[BaseRoute]:
    """The pages, and what they are made of."""
    files: list[BaseRoute] = [Route(path, _File(name)) for path, name in FILES.items()]
    return [*files, Route("/page/forms.json", _Forms(service))]


class _File:
    """One of the files."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        content, media_type = _read(self.name)
        await http.send_bytes(send, content, media_type, headers=_HEADERS)


@cache
def _read(name: str) -> tuple[bytes, bytes]:
    file = Path(__file__).with_name(name)
    return file.read_bytes(), _TYPES[file.suffix]


class _Forms:
    """What there is to fill in, for each version of each model."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        self.service.find()
        models = [
            {
                "name": model.name,
                "primary": model.primary,
                "versions": [_form(one) for one in list(model.versions.values())],
            }
            for model in list(self.service.models.values())
        ]
        await http.send_json(send, {"models": models}, headers=_HEADERS)


def _form(version: Version) -> dict[str, Any]:
    encoder = version.task.encoder
    example = version.contract.example_row(version.known)
    choices = _choices(version)
    return {
        "name": version.name,
        "task": version.task.name,
        "kind": version.task.head.kind,
        "labels": len(version.task.labels),
        "optional": encoder.optional,
        "columns": [
            {"name": name, "kind": kind, "example": example[name], "choices": choices.get(name)}
            for name, kind in encoder.cells.items()
        ],
    }


def _choices(version: Version) -> dict[str, list[str]]:
    """The known values of each column of categories."""
    encoder = version.task.encoder
    if not isinstance(encoder, TableEncoder):
        return {}
    return {part.name: list(part.values or ()) for part in encoder.categorical}
