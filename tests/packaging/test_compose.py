"""The compose file: what it starts, and a dashboard whose queries find what the server tells."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from own import served

from mlops_cli.packaging import compose

WORD = re.compile(r"\b(?:mlops|process)_[a-z0-9_]+")


def exported(server):
    """Names of all samples that the server tells."""
    for path in ("/predict", "/nowhere"):
        server.ask(path, {"inputs": ["The boy blamed himself."]})
    told = server.ask("/metrics")[2].decode()
    names = {line.split("{")[0].split(" ")[0] for line in told.splitlines() if line[:1] not in "#"}
    # A counter without a sample yet has its type told alone.
    return names | set(re.findall(r"^# TYPE (\S+) ", told, re.MULTILINE))


@pytest.mark.slow
def test_the_dashboard_asks_for_what_the_server_exports(trained, project):
    with served.serving(trained.path / "bundle", project.path) as server:
        names = exported(server)
    asked = {name for query in compose.queries() for name in WORD.findall(query)}
    assert len(asked) > 8
    assert not asked - names


def test_what_is_written_belongs_together(tmp_path):
    compose.write(tmp_path, "shop:v1", 9001)
    services = yaml.safe_load((tmp_path / compose.FILE).read_text("utf-8"))["services"]
    server = services["server"]
    assert server["image"] == "shop:v1"
    assert server["ports"] == ["127.0.0.1:8000:9001"]
    assert (server["read_only"], server["cap_drop"]) == (True, ["ALL"])
    scraped = yaml.safe_load((tmp_path / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    assert scraped[0]["static_configs"] == [{"targets": ["server:9001"]}]
    for service in services.values():
        for mounted in service.get("volumes", ()):
            source = mounted.split(":")[0]
            assert not source.startswith(".") or (tmp_path / source).exists()
    assert "PASSWORD" in json.dumps(services["grafana"]["environment"])
    board = json.loads((tmp_path / "grafana/dashboards/mlops.json").read_text("utf-8"))
    source = yaml.safe_load((tmp_path / "grafana/datasources/prometheus.yaml").read_text("utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert asked == compose.queries()
    uids = {panel["datasource"]["uid"] for panel in board["panels"]}
    assert uids == {source["datasources"][0]["uid"]}


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool (apt install prometheus)")
def test_prometheus_takes_its_settings_and_the_queries(tmp_path):
    compose.write(tmp_path, "shop:v1", 8000)
    rules = [{"record": f"one:{n}", "expr": query} for n, query in enumerate(compose.queries())]
    Path(tmp_path, "rules.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "a", "rules": rules}]})
    )
    for words in (("check", "config", "prometheus.yml"), ("check", "rules", "rules.yml")):
        done = subprocess.run(
            ["promtool", *words], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
