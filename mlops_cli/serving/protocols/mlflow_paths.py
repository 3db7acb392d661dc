"""MLflow's protocol's part of `/openapi.json`."""

from typing import Any

import msgspec

from mlops_cli.serving.openapi import (
    PREDICTING,
    REQUEST_ID,
    TIMEOUT,
    Part,
    Schemas,
    content,
    look,
    name_of,
    operation,
)
from mlops_cli.serving.refusals import Unavailable
from mlops_cli.serving.service import Service

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
    """The paths of `mlflow.routes`."""
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
        refusals=PREDICTING,
        parameters=[TIMEOUT, REQUEST_ID],
        tag=_TAG,
    )
    empty: Part = {"application/json": {}}  # A line without anything, as MLflow answers.
    text = content({"type": "string"}, media_type="text/plain")

    def get(name: str, summary: str, answer: Part, *refusals: type[Unavailable]) -> Part:
        named = name_of(_TAG, name)
        return look(named, summary, answer, content(problem), *refusals, tag=_TAG)

    return {
        "/invocations": {"post": invocations},
        "/ping": get("ping", "The model answers", empty, Unavailable),
        "/health": get("health", "The model answers", empty, Unavailable),
        "/version": get("version", "Version of the server", text),
    }
