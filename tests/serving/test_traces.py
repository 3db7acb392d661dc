"""Traces by OpenTelemetry's own SDK, and the log of what went wrong."""

import asyncio
import logging

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import app, traces
from mlops_cli.serving.auth import Keys
from mlops_cli.serving.service import Service

ABOVE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def service(trained):
    service = Service(ServeConfig(sessions=1))
    service.load(trained.path / "bundle", model="model")
    yield service
    service.close()


def asked(application, path, body, **headers):
    async def ask():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.post(path, json=body, headers=headers)

    return asyncio.run(ask())


def test_a_request_is_a_span_below_the_askers(service, trained):
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    application = app.build(service, Keys(), tracing=traces.Tracing(provider))
    path = f"/models/model/versions/{trained.run}/predict"
    answer = asked(application, path, {"inputs": ["a", "b"]}, traceparent=ABOVE)
    asked(application, "/nowhere/secret", {})
    span, lost = kept.get_finished_spans()
    assert span.name == "POST /models/{model}/versions/{version}/predict"
    assert span.kind == SpanKind.SERVER
    assert f"{span.context.trace_id:032x}" == ABOVE.split("-")[1]
    assert f"{span.parent.span_id:016x}" == ABOVE.split("-")[2]
    assert span.status.status_code == StatusCode.UNSET
    expected = {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "mlops.model": "model",
        "mlops.version": trained.run,
        "mlops.rows": 2,
        "mlops.request.id": answer.headers["x-request-id"],
    }
    assert expected.items() <= dict(span.attributes).items()
    assert lost.name == "POST"
    assert lost.parent is None


def test_a_defect_is_answered_and_logged_without_what_was_asked(service, monkeypatch, caplog):
    async def broken(question, *_, **__):
        raise ValueError(f"could not read {question.inputs}")

    monkeypatch.setattr(service, "ask", broken)
    application = app.build(service, Keys())
    for path, key in (("/predict", "error"), ("/invocations", "message")):
        answer = asked(application, path, {"inputs": ["a secret"]})
        assert (answer.status_code, answer.json()[key]) == (500, "internal error")
        told = caplog.records[-1]
        assert told.levelno == logging.ERROR
        assert answer.headers["x-request-id"] in told.getMessage()
        assert "in broken" in told.ecs["error.stack_trace"]
        assert "secret" not in told.getMessage() + told.ecs["error.stack_trace"]
    service.config.log_inputs = True
    asked(application, "/predict", {"inputs": ["a secret"]})
    assert "could not read {'text': ['a secret']}" in caplog.records[-1].ecs["error.stack_trace"]


def test_what_was_asked_is_logged_where_the_config_allows_it(service, caplog):
    caplog.set_level(logging.INFO, "mlops.serving.access")
    for allowed in (False, True):
        service.config.log_inputs = allowed
        asked(app.build(service, Keys()), "/predict", {"inputs": ["a secret"]})
        found = caplog.records[-1].ecs.get("mlops.inputs")
        assert found == ({"text": ["a secret"]} if allowed else None)


def test_the_environment_says_whether_there_are_traces(monkeypatch):
    warned = []
    assert traces.configured(warned.append) is None
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    assert traces.configured(warned.append) is None
    assert "none of otlp, console, none" in warned[0]
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    tracing = traces.configured(warned.append)
    assert tracing.provider.resource.attributes["service.name"] == "mlops"
    tracing.close()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert traces.configured(warned.append) is None
    assert len(warned) == 1
