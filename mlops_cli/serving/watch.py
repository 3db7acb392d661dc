"""Sees every request come and go, and tells metrics, log and traces of it."""

import time

from starlette.types import Scope

from mlops_cli.schemas.serve import ServeConfig
from mlops_cli.serving import logs, protocols
from mlops_cli.serving.exchange import Exchange, current, request_id
from mlops_cli.serving.metrics import Metrics
from mlops_cli.serving.traces import Tracing


class Watch:
    """Tells of requests.

    Args:
        config: What may be told.
        tracing: Keeps traces; None for none.
    """

    def __init__(self, config: ServeConfig, tracing: Tracing | None = None) -> None:
        self.config = config
        self.metrics = Metrics()
        self.tracing = tracing

    def begin(self, scope: Scope) -> Exchange:
        """A request has come."""
        exchange = Exchange(scope, request_id(scope))
        if self.tracing:
            exchange.span = self.tracing.begin(scope)
        current.set(exchange)
        return exchange

    def end(self, exchange: Exchange) -> None:
        """It has been answered."""
        seconds = time.perf_counter() - exchange.began
        self.metrics.add(exchange, protocols.name(exchange.scope["path"]), seconds)
        logs.request(exchange, seconds, inputs=self.config.log_inputs)
        if self.tracing:
            self.tracing.end(exchange)
