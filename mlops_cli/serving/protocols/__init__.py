"""The protocols that the server speaks, one module each; all ask `Service`.

A module offers

    routes(service: Service) -> list[BaseRoute]
    problem(refusal: Refusal) -> dict[str, object]

where `problem` is the JSON body of a request that is refused. Whatever a handler raises is
answered by `app.Door`, in the words of the protocol that the path belongs to. Beside each of them
a module NAME_paths has its part of `/openapi.json`.
"""

from types import ModuleType

from mlops_cli.serving.protocols import mlflow, native, open_inference

ALL = (native, open_inference, mlflow)
"""Every protocol, the busiest first."""


def of(path: str) -> ModuleType:
    """The protocol that a path belongs to; the native one where it is none's."""
    if path == "/v2" or path.startswith("/v2/"):
        return open_inference
    return mlflow if path in mlflow.PATHS else native


def name(path: str) -> str:
    """The name of the protocol that a path belongs to."""
    return of(path).__name__.rpartition(".")[2]
