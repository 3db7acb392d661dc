"""`GET /metrics`: what the server counts, in the words of Prometheus or OpenMetrics."""

import asyncio
import importlib
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from mlops_cli.serving import http
from mlops_cli.serving.metrics import Histogram, Metrics
from mlops_cli.serving.protocols.native import allow
from mlops_cli.serving.service import Model, Service

_VERSION = ("model", "version")


def routes(service: Service, metrics: Metrics) -> list[BaseRoute]:
    """The route."""
    return [Route("/metrics", _Exposition(service, metrics))]


class _Exposition:
    """Writes what was counted when it is asked for."""

    def __init__(self, service: Service, metrics: Metrics) -> None:
        self.service, self.metrics = service, metrics
        self.registry: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allow(scope, "GET", "HEAD")
        if self.registry is None:
            # Beside the loop, for its import takes as long as many answers.
            await asyncio.to_thread(importlib.import_module, "prometheus_client")
            from prometheus_client import CollectorRegistry, ProcessCollector

            self.registry = CollectorRegistry()
            self.registry.register(self)
            ProcessCollector(registry=self.registry)
        from prometheus_client.exposition import choose_encoder

        encode, kind = choose_encoder(http.header(scope, b"accept") or "")
        await http.send_bytes(send, encode(self.registry), kind.encode())

    def describe(self) -> Iterable[Any]:
        """Nothing: names are told by `collect`."""
        return []

    def collect(self) -> Iterator[Any]:
        """Every metric, as prometheus-client's collectors give them."""
        yield from self._requests()
        yield from self._answers()
        yield from self._predictions()
        yield from self._models()
        yield from self._rollouts()

    def _requests(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily

        labels = ["protocol", *_VERSION]
        requests = CounterMetricFamily(
            "mlops_requests", "Requests by HTTP status of the answer.", labels=[*labels, "status"]
        )
        for (*names, status), count in self.metrics.requests.items():
            requests.add_metric([*names, str(status)], count)
        yield requests
        yield _histograms(
            "mlops_request_duration_seconds",
            "Time from a request's first byte to its answer's last.",
            labels,
            self.metrics.seconds.items(),
        )
        refused = CounterMetricFamily(
            "mlops_refused_requests",
            "Requests that got no answer because of overload, their deadline, or start and stop.",
            labels=["model", "reason"],
        )
        for refusal, count in self.metrics.refused.items():
            refused.add_metric(refusal, count)
        yield refused

    def _answers(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily

        figures = self.metrics.versions.items()
        rows = CounterMetricFamily("mlops_rows", "Rows that were answered.", labels=_VERSION)
        for names, one in figures:
            rows.add_metric(names, one.rows)
        yield rows
        yield _histograms(
            "mlops_batch_rows",
            "Rows of the largest batch that a request was answered in.",
            _VERSION,
            ((names, one.batches) for names, one in figures),
        )
        yield _histograms(
            "mlops_queue_duration_seconds",
            "Time that a request waited for its first batch.",
            _VERSION,
            ((names, one.waits) for names, one in figures),
        )

    def _predictions(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily

        figures = self.metrics.versions.items()
        given = CounterMetricFamily(
            "mlops_predictions", "How often each label was given.", labels=[*_VERSION, "label"]
        )
        for names, one in figures:
            for label, count in one.labels.items():
                given.add_metric([*names, label], count)
        yield given
        yield _histograms(
            "mlops_prediction_score",
            "Scores of the answers.",
            _VERSION,
            ((names, one.scores) for names, one in figures if any(one.scores.counts)),
        )
        yield _histograms(
            "mlops_prediction_value",
            "Answers that are numbers, in the buckets of the training data.",
            _VERSION,
            ((names, one.values) for names, one in figures if any(one.values.counts)),
        )

    def _models(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        labels = [*_VERSION, "task", "run", "digest", "role"]
        info = GaugeMetricFamily("mlops_model_info", "Versions that are loaded.", labels=labels)
        waiting = GaugeMetricFamily("mlops_queue_rows", "Rows that wait.", labels=_VERSION)
        for model in list(self.service.models.values()):
            for version in list(model.versions.values()):
                names, bundle = [model.name, version.name], version.bundle
                facts = [version.task.name, bundle.run, bundle.digest, _role(model, version.name)]
                info.add_metric([*names, *facts], 1)
                waiting.add_metric(names, version.engine.waiting)
        yield info
        yield waiting
        yield GaugeMetricFamily(
            "mlops_event_loop_delay_seconds",
            "How late the event loop was of late; requests have less time by twice that.",
            value=self.service.pulse.delay,
        )

    def _rollouts(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        back = CounterMetricFamily(
            "mlops_rollbacks", "Canaries taken off because of how they did.", labels=["model"]
        )
        share, failed, differing = (
            GaugeMetricFamily(f"mlops_canary_{name}", told, labels=_VERSION)
            for name, told in (
                ("share", "Of the requests that name no version, how many the canary gets."),
                ("failed_ratio", "Of its latest requests, at how many the canary failed."),
                ("differing_ratio", "Of its latest rows, how many the primary answers otherwise."),
            )
        )
        shadow = GaugeMetricFamily(
            "mlops_shadow_differing_ratio",
            "Of the latest rows, how many the shadow would have answered otherwise.",
            labels=_VERSION,
        )
        for model in list(self.service.models.values()):
            back.add_metric([model.name], model.rollbacks)
            rollout = model.rollout
            if rollout is not None and rollout.canary is not None and rollout.trial is not None:
                names, trial = [model.name, rollout.canary.name], rollout.trial
                share.add_metric(names, trial.share)
                failed.add_metric(names, trial.own.failed / max(1, trial.own.requests))
                differing.add_metric(names, trial.agreement.share)
            if rollout is not None and rollout.shadow is not None:
                names = [model.name, rollout.shadow.version.name]
                shadow.add_metric(names, rollout.shadow.agreement.share)
        yield from (back, share, failed, differing, shadow)


def _role(model: Model, version: str) -> str:
    if version == model.primary:
        return "primary"
    rollout = model.rollout
    if rollout is None or not rollout.uses(version):
        return "loaded"
    return "canary" if rollout.canary and rollout.canary.name == version else "shadow"


def _histograms(
    name: str, told: str, labels: Iterable[str], found: Iterable[tuple[Any, Histogram]]
) -> Any:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(name, told, labels=list(labels))
    for names, one in found:
        ends = [*(f"{edge:.12g}" for edge in one.edges), "+Inf"]
        buckets = list(zip(ends, accumulate(one.counts), strict=True))
        family.add_metric(list(names), buckets=buckets, sum_value=one.total)
    return family
