"""A compose file: the server, Prometheus that scrapes it, Grafana with a dashboard of it."""

import json
from pathlib import Path
from typing import Any

import yaml

FILE = "compose.yaml"
PROMETHEUS, GRAFANA = "prom/prometheus:v3.5.0", "grafana/grafana:12.1.0"
_Panel = tuple[str, str, tuple[tuple[str, str], ...]]
"""Title, unit, and queries with what each line is called."""


def _rate(metric: str, by: str = "") -> str:
    return f"sum {f'by ({by}) ' if by else ''}(rate({metric}[5m]))"


def _quantile(share: float, histogram: str) -> str:
    return f"histogram_quantile({share}, {_rate(f'{histogram}_bucket', 'le')})"


_REQUESTS, _SECONDS = "mlops_requests_total", "mlops_request_duration_seconds"
_WAITS, _SCORES = "mlops_queue_duration_seconds", "mlops_prediction_score"
_ERRORS = _rate(_REQUESTS + '{status=~"5.."}')
_FAILED = f"({_ERRORS} or vector(0))"
_LABELS = _rate("mlops_predictions_total", "label")
_PANELS: tuple[_Panel, ...] = (
    ("Requests a second, by status", "reqps", ((_rate(_REQUESTS, "status"), "{{status}}"),)),
    ("Requests that failed", "percentunit", ((f"{_FAILED} / {_rate(_REQUESTS)}", "5xx"),)),
    (
        "Time to an answer",
        "s",
        tuple((_quantile(share, _SECONDS), f"p{share:.0%}"[:-1]) for share in (0.5, 0.95, 0.99)),
    ),
    (
        "Requests that were refused, by reason",
        "reqps",
        ((_rate("mlops_refused_requests_total", "reason"), "{{reason}}"),),
    ),
    ("Rows answered a second", "ops", ((_rate("mlops_rows_total", "version"), "{{version}}"),)),
    (
        "Answers by label",
        "percentunit",
        ((f"{_LABELS} / scalar({_rate('mlops_predictions_total')})", "{{label}}"),),
    ),
    (
        "Mean score of the answers",
        "percentunit",
        ((f"{_rate(f'{_SCORES}_sum')} / {_rate(f'{_SCORES}_count')}", "score"),),
    ),
    ("Wait for a batch", "s", ((_quantile(0.95, _WAITS), "p95"),)),
    ("Rows that wait", "none", (("sum by (version) (mlops_queue_rows)", "{{version}}"),)),
    ("Delay of the event loop", "s", (("mlops_event_loop_delay_seconds", "{{instance}}"),)),
    ("Versions that are loaded", "none", (("mlops_model_info", "{{version}} ({{role}})"),)),
    ("Memory of the server", "bytes", (("process_resident_memory_bytes", "{{instance}}"),)),
)


def queries() -> list[str]:
    """Every query of the dashboard."""
    return [query for _, _, targets in _PANELS for query, _ in targets]


def write(folder: Path, image: str, port: int) -> None:
    """Writes the compose file and what it mounts into a folder."""
    files = {
        FILE: _HEAD + _yaml(_services(image, port)),
        "prometheus.yml": _yaml(
            {
                "global": {"scrape_interval": "15s"},
                "scrape_configs": [
                    {"job_name": "mlops", "static_configs": [{"targets": [f"server:{port}"]}]}
                ],
            }
        ),
        "grafana/datasources/prometheus.yaml": _yaml(
            {
                "apiVersion": 1,
                "datasources": [
                    {
                        "name": "Prometheus",
                        "uid": "prometheus",
                        "type": "prometheus",
                        "url": "http://prometheus:9090",
                        "isDefault": True,
                    }
                ],
            }
        ),
        "grafana/dashboards/mlops.yaml": _yaml(
            {
                "apiVersion": 1,
                "providers": [
                    {
                        "name": "mlops",
                        "type": "file",
                        "options": {"path": "/etc/grafana/provisioning/dashboards"},
                    }
                ],
            }
        ),
        "grafana/dashboards/mlops.json": json.dumps(_dashboard(image), indent=2) + "\n",
    }
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


_HEAD = """\
# The server, Prometheus that scrapes its /metrics, Grafana with a dashboard of it.
#   GRAFANA_PASSWORD=... docker compose up --detach
# All of it is reached from this machine alone. API keys, if the server is to have some, are told by
# MLOPS_API_KEYS; Prometheus then needs serve.open_metrics=true, or a key in prometheus.yml.
"""


def _services(image: str, port: int) -> dict[str, Any]:
    return {
        "services": {
            "server": {
                "image": image,
                "restart": "unless-stopped",
                "read_only": True,
                "tmpfs": ["/tmp"],
                "cap_drop": ["ALL"],
                "security_opt": ["no-new-privileges:true"],
                "environment": {"MLOPS_API_KEYS": "${MLOPS_API_KEYS:-}"},
                "stop_grace_period": "30s",
                "ports": [f"127.0.0.1:8000:{port}"],
            },
            "prometheus": {
                "image": PROMETHEUS,
                "restart": "unless-stopped",
                "depends_on": ["server"],
                "volumes": [
                    "./prometheus.yml:/etc/prometheus/prometheus.yml:ro",
                    "prometheus:/prometheus",
                ],
                "ports": ["127.0.0.1:9090:9090"],
            },
            "grafana": {
                "image": GRAFANA,
                "restart": "unless-stopped",
                "depends_on": ["prometheus"],
                "environment": {
                    "GF_SECURITY_ADMIN_PASSWORD": "${GRAFANA_PASSWORD:?set GRAFANA_PASSWORD}"
                },
                "volumes": [
                    "./grafana/datasources:/etc/grafana/provisioning/datasources:ro",
                    "./grafana/dashboards:/etc/grafana/provisioning/dashboards:ro",
                    "grafana:/var/lib/grafana",
                ],
                "ports": ["127.0.0.1:3000:3000"],
            },
        },
        "volumes": {"prometheus": {}, "grafana": {}},
    }


def _dashboard(image: str) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "prometheus"}
    panels = [
        {
            "id": number + 1,
            "title": title,
            "type": "timeseries",
            "datasource": source,
            "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
            "targets": [
                {"refId": "ABC"[place], "datasource": source, "expr": query, "legendFormat": legend}
                for place, (query, legend) in enumerate(targets)
            ],
        }
        for number, (title, unit, targets) in enumerate(_PANELS)
    ]
    return {
        "uid": "mlops",
        "title": f"mlops serve: {image.partition(':')[0]}",
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "15s",
        "panels": panels,
    }


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
