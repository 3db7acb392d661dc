"""What the server writes to standard error: for people, or as JSON in the fields of ECS.

Nothing of what is asked stands in a line, unless `serve.log_inputs` allows it.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import msgspec

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving.exchange import Exchange

_log = logging.getLogger("mlops.serving")
_access = logging.getLogger("mlops.serving.access")
_changes = logging.getLogger("mlops.serving.changes")
_encoder = msgspec.json.Encoder()
_LONGEST_PATH = 200
_ECS = "8.11.0"


def configure(config: ServeConfig) -> None:
    """Sends what `mlops` and uvicorn log to standard error, as `serve.log` says."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(_Json() if config.log == "json" else text)
    for name in ("mlops", "uvicorn"):
        logging.getLogger(name).handlers[:] = [handler]
    for logger in (_access, _changes):
        logger.setLevel(logging.WARNING if config.log == "errors" else logging.INFO)


def warner(config: ServeConfig, plain: Callable[[str], None]) -> Callable[[str], None]:
    """What tells a person's warnings: as all else on standard error where that is JSON.

    Args:
        config: Says so.
        plain: Tells them otherwise.
    """
    if config.log != "json":
        return plain
    configure(config)
    return lambda said: _log.warning("%s", said)


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "@timestamp": f"{moment}.{int(record.msecs):03d}Z",
            "log.level": record.levelname.lower(),
            "message": record.getMessage(),
            "ecs.version": _ECS,
            "log.logger": record.name,
            **getattr(record, "ecs", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error.type"] = record.exc_info[0].__name__
            line["error.stack_trace"] = self.formatException(record.exc_info)
        return _encoder.encode(line).decode()


def request(exchange: Exchange, seconds: float, *, inputs: bool) -> None:
    """A line about a request that has ended, where the config wants one.

    Args:
        exchange: The request.
        seconds: How long it took.
        inputs: Whether to tell what was asked.
    """
    if not _access.isEnabledFor(logging.INFO):
        return
    scope = exchange.scope
    path = scope["path"][:_LONGEST_PATH]
    facts = _facts(exchange) | {
        "http.response.status_code": exchange.status,
        "event.duration": round(seconds * 1e9),
    }
    if exchange.refusal:
        facts["error.type"] = type(exchange.refusal).__name__
    if exchange.refusal and inputs:
        facts["error.message"] = exchange.refusal.message
    if exchange.question:
        facts["mlops.rows"] = exchange.question.rows
        if inputs:
            facts["mlops.inputs"] = exchange.question.inputs
    line = f"{scope['method']} {path} {exchange.status} {seconds * 1000:.1f} ms"
    # A path may hold what breaks a line, and a person reads lines.
    _access.info("%s %s", ascii(line)[1:-1], exchange.id.decode(), extra={"ecs": facts})


def defect(exchange: Exchange, error: Exception, *, inputs: bool) -> None:
    """A failure that is our fault, with where it happened.

    Args:
        exchange: The request.
        error: What it failed with; its words may repeat what was asked.
        inputs: Whether to tell them.
    """
    words = traceback.format_exception(error) if inputs else _places(error)
    facts = _facts(exchange) | {
        "error.type": type(error).__name__,
        "error.stack_trace": "".join(words),
    }
    _log.error(
        "%s %s failed with %s, request %s%s",
        exchange.scope["method"],
        ascii(exchange.scope["path"][:_LONGEST_PATH])[1:-1],
        type(error).__name__,
        exchange.id.decode(),
        "" if _is_json() else "\n" + "".join(words).rstrip(),
        extra={"ecs": facts},
    )


def _places(error: BaseException) -> list[str]:
    """Where an error and its causes came from, without their words."""
    cause = error.__cause__ or error.__context__
    before = [*_places(cause), "then:\n"] if cause else []
    return [*before, *traceback.format_tb(error.__traceback__), f"{type(error).__name__}\n"]


def _is_json() -> bool:
    handlers = logging.getLogger("mlops").handlers
    return any(isinstance(handler.formatter, _Json) for handler in handlers)


def _facts(exchange: Exchange) -> dict[str, Any]:
    scope = exchange.scope
    model, version = exchange.names
    facts = {
        "http.request.id": exchange.id.decode(),
        "http.request.method": scope["method"],
        "url.path": scope["path"][:_LONGEST_PATH],
    }
    if scope.get("client"):
        facts["client.ip"] = scope["client"][0]
    if scope.get("mlops.key"):
        facts["user.name"] = scope["mlops.key"].name
    if model:
        facts |= {"mlops.model": model, "mlops.version": version}
    if exchange.span is not None:
        context = exchange.span.get_span_context()
        facts |= {"trace.id": f"{context.trace_id:032x}", "span.id": f"{context.span_id:016x}"}
    return facts
