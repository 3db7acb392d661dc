"""What Prometheus is told, read by prometheus-client's own parser."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlops_cli.serving.metrics import Histogram


@pytest.fixture
def samples(server):
    def read():
        status, headers, text = server.ask("/metrics")
        assert status == 200
        assert headers["content-type"].startswith("text/plain; version=")
        return {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
        }

    return read


def grown(before, after, name, **labels):
    """By how much the samples of a name with these labels grew together."""
    return sum(
        value - before.get(key, 0)
        for key, value in after.items()
        if key[0] == name and set(labels.items()) <= set(key[1:])
    )


def test_requests_rows_and_answers_are_counted(server, samples, trained):
    before = samples()
    body = {"inputs": ["The boy blamed himself.", "Every plant.", " "]}
    answers = server.ask(body=body)[2]["predictions"]
    server.ask("/invocations", {"inputs": ["a"]}, headers={"Content-Type": "application/json"})
    server.ask(body={"inputs": [1]})
    server.ask("/models/nobody/predict", body)
    after = samples()
    names = {"model": "model", "version": trained.run}
    for protocol in ("native", "mlflow"):
        asked = {"protocol": protocol, "status": "200", **names}
        assert grown(before, after, "mlops_requests_total", **asked) == 1
    for status in ("404", "422"):
        asked = {"model": "", "status": status}
        assert grown(before, after, "mlops_requests_total", **asked) == 1
    assert grown(before, after, "mlops_request_duration_seconds_count", **names) == 2
    assert grown(before, after, "mlops_batch_rows_count", **names) == 2
    assert grown(before, after, "mlops_rows_total", **names) == 4
    for one in answers[:2]:
        assert grown(before, after, "mlops_predictions_total", label=one["label"], **names) >= 1
    assert grown(before, after, "mlops_predictions_total", **names) == 3
    assert grown(before, after, "mlops_prediction_score_count", **names) == 3
    labels = {value for key in after for name, value in key[1:] if name == "label"}
    assert labels <= {"acceptable", "unacceptable"}
    assert not any("nobody" in str(key) for key in after)
    small = grown(before, after, "mlops_batch_rows_bucket", le="4", **names)
    assert small == grown(before, after, "mlops_batch_rows_bucket", le="+Inf", **names) == 2


def test_what_is_served_and_the_process_are_told(server, samples, trained):
    found = samples()
    facts = json.loads((trained.path / "bundle" / "bundle.json").read_text("utf-8"))
    labels = {
        "model": "model",
        "version": trained.run,
        "task": "text_classification",
        "run": trained.run,
        "digest": facts["digest"],
        "role": "primary",
    }
    assert found["mlops_model_info", *sorted(labels.items())] == 1
    names = {"model": "model", "version": trained.run}
    assert found["mlops_queue_rows", *sorted(names.items())] == 0
    assert found["mlops_event_loop_delay_seconds",] < 5
    assert found["process_resident_memory_bytes",] > 1e7


def test_what_is_refused_for_lack_of_time_is_counted(server, samples):
    before = samples()
    body = {"inputs": ["The boy near the queen blamed himself. " * 50] * 200}
    status = server.ask(body=body, headers={"X-Timeout-Ms": "1"})[0]
    assert status == 504
    after = samples()
    assert grown(before, after, "mlops_refused_requests_total", reason="late", model="model") == 1


def test_a_value_on_an_edge_belongs_below_it():
    histogram = Histogram((1, 2))
    for value in (0.5, 1, 1.5, 2, 3):
        histogram.add(value)
    assert (histogram.counts, histogram.total) == ([2, 2, 1], 8.0)
