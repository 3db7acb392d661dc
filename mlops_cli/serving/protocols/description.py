"""`/openapi.json`: what the server offers, protocol by protocol."""

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

import mlops_cli
from mlops_cli.serving import http
from mlops_cli.serving.auth import OPEN
from mlops_cli.serving.openapi import Part, Schemas, document, refused
from mlops_cli.serving.protocols import (
    admin_paths,
    mlflow_paths,
    native,
    native_paths,
    open_inference_paths,
)
from mlops_cli.serving.refusals import Unauthorized, Unavailable
from mlops_cli.serving.service import Service


def routes(service: Service, *, secured: bool, administered: bool) -> list[BaseRoute]:
    """The one route.

    Args:
        service: What is served.
        secured: Whether an API key is needed.
        administered: Whether the admin endpoint is there.
    """
    return [Route("/openapi.json", _Description(service, secured, administered))]


class _Description:
    """Made anew whenever it is asked for: models come and go."""

    def __init__(self, service: Service, secured: bool, administered: bool) -> None:
        self.service = service
        self.secured, self.administered = secured, administered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        native.allow(scope, "GET", "HEAD")
        if not self.service.models:
            raise Unavailable("the server is starting", retry_after=1)
        schemas = Schemas()
        paths = await native_paths.paths(self.service, schemas)
        paths |= open_inference_paths.paths(self.service, schemas)
        paths |= mlflow_paths.paths(self.service, schemas)
        if self.administered:
            paths |= admin_paths.paths(self.service, schemas)
        if self.secured:
            _add_keys(paths)
        whole = document(paths, schemas, version=mlops_cli.__version__, secured=self.secured)
        await http.send_json(send, whole)


def _add_keys(paths: Part) -> None:
    """What is answered where a key is missing; and which paths need none."""
    for path, methods in paths.items():
        for one in methods.values():
            if path in OPEN:
                one["security"] = []
            else:
                problem = one["responses"]["400"]["content"]
                one["responses"]["401"] = refused(Unauthorized, problem)
