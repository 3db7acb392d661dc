"""OpenTelemetry traces: a span for each request, where the package is there and configured.

The environment configures it as OpenTelemetry documents: OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_TRACES_EXPORTER (otlp, console or none), OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and so on.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from starlette.types import Scope

from mlops_cli.serving.exchange import Exchange

_ASKS = (
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)
_CONTEXT = (b"traceparent", b"tracestate")


class Tracing:
    """Keeps a span for each request.

    Args:
        provider: OpenTelemetry's tracer provider.
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.provider = provider
        self._tracer = provider.get_tracer("mlops")
        self._propagator = TraceContextTextMapPropagator()
        self._kind, self._error = SpanKind.SERVER, StatusCode.ERROR

    def begin(self, scope: Scope) -> Any:
        """A span for a request, below the asker's where it tells of one."""
        sent = {n.decode(): v.decode("latin-1") for n, v in scope["headers"] if n in _CONTEXT}
        above = self._propagator.extract(sent)
        return self._tracer.start_span(scope["method"], context=above, kind=self._kind)

    def end(self, exchange: Exchange) -> None:
        """Notes what became of the request."""
        span, scope = exchange.span, exchange.scope
        model, version = exchange.names
        facts = {
            "http.request.method": scope["method"],
            "url.path": scope["path"][:200],
            "url.scheme": scope["scheme"],
            "http.response.status_code": exchange.status,
            "mlops.request.id": exchange.id.decode(),
        }
        if "endpoint" in scope:
            facts["http.route"] = _route(scope)
            span.update_name(f"{scope['method']} {facts['http.route']}")
        if model:
            facts |= {"mlops.model": model, "mlops.version": version}
        if exchange.reply:
            answer = exchange.reply.answer
            facts |= {
                "mlops.rows": len(answer.predictions),
                "mlops.batch_rows": answer.batch,
                "mlops.queue_seconds": answer.waited,
            }
        span.set_attributes(facts)
        if exchange.status >= 500:
            span.set_status(self._error)
        span.end()

    def close(self) -> None:
        """Sends what is kept."""
        self.provider.shutdown()


def configured(warn: Callable[[str], None]) -> Tracing | None:
    """Traces as the environment asks for them; None where it does not.

    Args:
        warn: Told in a line why there are none although they are asked for.
    """
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or exporter == "none"
    if off or not any(os.environ.get(name) for name in _ASKS):
        return None
    if exporter not in ("otlp", "console"):
        warn(f"no traces: OTEL_TRACES_EXPORTER={exporter} is none of otlp, console, none")
        return None
    try:
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        sink = _exporter(exporter)
    except ImportError:
        warn("no traces: OTEL_* asks for them; pip install 'mlops-cli[otel]'")
        return None
    name = os.environ.get("OTEL_SERVICE_NAME")
    resource = Resource.create({} if name else {SERVICE_NAME: "mlops"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(sink))
    return Tracing(provider)


def _exporter(name: str) -> Any:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _route(scope: Scope) -> str:
    """The path with the names of its parts in place of the parts."""
    parts = scope["path"].split("/")
    for name, value in scope.get("path_params", {}).items():
        if value in parts:
            parts[parts.index(value)] = f"{{{name}}}"
    return "/".join(parts)
