"""The part of `/openapi.json` that MLflow's protocol and Prometheus' have."""

from typing import Any

import msgspec

from mlops_cli.serving.openapi import (
    REQUEST_ID,
    TIMEOUT,
    Part,
    Problem,
    Schemas,
    content,
    name_of,
    operation,
)
from mlops_cli.serving.refusals import (
    Late,
    Overloaded,
    TooLarge,
    Unavailable,
    Unprocessable,
    WrongType,
)
from mlops_cli.serving.service import Service

_REFUSED = (TooLarge, WrongType, Unprocessable, Overloaded, Unavailable, Late)
_TAG = "mlflow"


class Split(msgspec.Struct):
    """Rows of values, and the names of their columns."""

    data: list[list[Any]]
    columns: list[str] | None = None


class Invocation(msgspec.Struct):
    """Rows in one of four forms."""

    dataframe_records: list[dict[str, Any]] | None = None
    dataframe_split: Split | None = None
    instances: Any = None
    inputs: Any = None
    params: dict[str, Any] | None = None


class Predictions(msgspec.Struct):
    """An answer for each row, as `/predict` gives them."""

    predictions: list[dict[str, Any]]


class Refused(msgspec.Struct):
    """Why a request got no answer, in MLflow's words."""

    error_code: str
    message: str


def paths(service: Service, schemas: Schemas) -> Part:
    """The paths of `mlflow.routes`, and `/metrics`."""
    request, response, problem = schemas.refer(Invocation, Predictions, Refused)
    version = service.find()
    row = version.contract.example_row(version.known)
    invocations = operation(
        name_of(_TAG, "invocations"),
        "Predict as MLflow's servers do",
        body=content(request, {"dataframe_records": [row]})
        | content({"type": "string"}, media_type="text/csv"),
        answer=content(response),
        problem=content(problem),
        refusals=_REFUSED,
        parameters=[TIMEOUT, REQUEST_ID],
        tag=_TAG,
    )
    empty: Part = {"application/json": {}}  # A line without anything, as MLflow answers.
    text = content({"type": "string"}, media_type="text/plain")
    told = content(problem)
    return {
        "/invocations": {"post": invocations},
        "/ping": _get("ping", "The model answers", empty, told, Unavailable),
        "/health": _get("health", "The model answers", empty, told, Unavailable),
        "/version": _get("version", "Version of the server", text, told),
        "/metrics": {
            "get": operation(
                "metrics",
                "What was counted, for Prometheus",
                answer=text
                | content({"type": "string"}, media_type="application/openmetrics-text"),
                problem=content(schemas.refer(Problem)[0]),
                tag="metrics",
            )
        },
    }


def _get(name: str, summary: str, answer: Part, problem: Part, *refusals: Any) -> Part:
    made = operation(
        name_of(_TAG, name), summary, answer=answer, problem=problem, refusals=refusals, tag=_TAG
    )
    return {"get": made}
