"""The native protocol: `POST /predict`, typed by the task; `GET /models`, `/livez`, `/readyz`."""

from typing import Any

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from mlops_cli.schemas.plain import plain
from mlops_cli.serving import http
from mlops_cli.serving.jobs import Answer
from mlops_cli.serving.refusals import Refusal, WrongMethod
from mlops_cli.serving.service import Service, Version


def routes(service: Service) -> list[BaseRoute]:
    """The routes, the busiest first."""
    predict = _Predict(service)
    return [
        Route("/predict", predict),
        Route("/models/{model}/predict", predict),
        Route("/models/{model}/versions/{version}/predict", predict),
        Route("/models", _Models(service)),
        Route("/livez", _Live()),
        Route("/readyz", _Ready(service)),
    ]


def problem(refusal: Refusal) -> dict[str, object]:
    """`{"error": …, "hint": …}`, as the command line says it."""
    return {"error": refusal.message, "hint": refusal.hint}


class _Predict:
    """Rows in, predictions out."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "POST")
        asked = scope["path_params"]
        body = await http.body(scope, receive, self.service.config)
        version = self.service.choose(asked.get("model"), asked.get("version"))
        question = version.contract.read(body)
        reply = await self.service.ask(question, version, deadline=http.deadline(scope))
        await http.send_json(send, shown(reply.answer, reply.version))


def shown(answer: Answer, version: Version) -> dict[str, Any]:
    """An answer as `Contract.response` has it."""
    return {
        "predictions": [plain(one) for one in answer.predictions],
        "model": {"name": version.model, "version": version.name},
    }


class _Models:
    """What is served."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        models = [
            {
                "name": model.name,
                "primary": model.primary,
                "versions": [_version(one) for one in model.versions.values()],
            }
            for model in self.service.models.values()
        ]
        await http.send_json(send, {"models": models})


def _version(version: Version) -> dict[str, Any]:
    facts = version.bundle.facts
    return {
        "name": version.name,
        "task": version.task.name,
        "labels": list(version.task.labels),
        "run": version.bundle.run,
        "digest": version.bundle.digest,
        "metrics": facts["metrics"],
    }


class _Live:
    """The process answers."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        await http.send_json(send, {"status": "live"})


class _Ready:
    """Models are loaded and warm, and the server is not stopping."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        self.service.require_ready()
        await http.send_json(send, {"status": "ready"})


def allow(scope: Scope, *methods: str) -> None:
    """Refuses other methods.

    Raises:
        WrongMethod: The request's is none of these.
    """
    if scope["method"] not in methods:
        raise WrongMethod(
            f"{scope['method']} is no method of {scope['path'][:200]}",
            methods=methods,
            hint=f"it takes {methods[0]}",
        )
