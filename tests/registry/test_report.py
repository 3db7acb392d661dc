"""`mlops report`: a run beside another, or beside the version that is in production."""

import json
import shutil

import pytest


@pytest.fixture
def production(register, promote):
    """The fair model in production."""
    register("fair", "--name", "shop")
    promote("shop", "production")


def figures(report):
    return {(one["split"], one["name"]): one for one in report["figures"]}


def record_curve(registry, name):
    """Lines as a training writes them."""
    lines = [{"step": step, "epoch": 0, "val/mcc": step / 10} for step in range(5)]
    path = registry.root / "runs" / registry.runs[name] / "metrics.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_a_run_alone(registry, mlops):
    name = registry.runs["fair"]
    record_curve(registry, "fair")
    done = mlops("report", name)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"## Run {name}")
    for part in ("### Facts", "### Metrics", "### Export, compared with PyTorch", "mermaid"):
        assert part in done.stdout
    told = mlops("report", name, json=True).json
    assert told["compared"] is None
    exported = json.loads((registry.bundle("fair") / "bundle.json").read_text())["metrics"]
    mine = figures(told)["validation", told["monitor"]]
    assert mine["value"] == pytest.approx(exported[told["monitor"]])
    assert (mine["other"], mine["better"]) == (None, None)


@pytest.mark.parametrize("words", ["production", "shop@production", "shop@v1.0.0"])
def test_a_version_is_compared_with_although_its_run_is_elsewhere(
    registry, production, mlops, words
):
    before = figures(mlops("report", registry.runs["fair"], json=True).json)
    shutil.rmtree(registry.root / "runs" / registry.runs["fair"])
    told = mlops("report", registry.runs["better"], "--compare", words, json=True)
    assert told.exit_code == 0, told.stderr
    report = told.json
    assert report["compared"].startswith("shop@v1.0.0")
    monitor = report["monitor"]
    one = figures(report)["validation", monitor]
    assert one["other"] == pytest.approx(before["validation", monitor]["value"], abs=1e-6)
    assert one["better"] is (one["value"] > one["other"])
    assert report["same_data"]["validation"] is True


def test_markdown_keeps_its_tables_whatever_is_in_the_cells(registry, mlops):
    name = registry.runs["fair"]
    path = registry.root / "runs" / name / "overrides.yaml"
    path.write_text("- \"data.note='a|b`<script>'\"\n")
    done = mlops("report", name)
    assert done.exit_code == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("| typed"))
    assert line.replace("\\|", "").count("|") == 3
    assert "<script>" not in done.stdout


def test_a_page_needs_nothing_from_elsewhere(registry, production, mlops, tmp_path):
    record_curve(registry, "better")
    page = tmp_path / "report.html"
    words = ("--compare", "production", "--format", "html", "--output", str(page))
    done = mlops("report", registry.runs["better"], *words)
    assert done.exit_code == 0, done.stderr
    text = page.read_text()
    assert "<polyline" in text
    assert "<script" not in text
    assert "http" not in text
    named = mlops("report", registry.runs["better"], "--format", "html")
    assert named.exit_code == 0
    assert (registry.root / "reports" / f"{registry.runs['better']}.html").is_file()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nothing"], 5, "no run 'nothing'"),
        (["--compare", "shop@staging"], 5, "no version of shop is in stage 'staging'"),
        (["--compare", "staging"], 5, "no run 'staging'"),
        (["--format", "html", "--output", "report.md"], 2, "end it in .html"),
        (["--output", "report.html"], 2, "end it in .md"),
    ],
)
def test_mistakes_end_in_one_line(registry, production, mlops, words, code, said):
    done = mlops("report", *words)
    assert done.exit_code == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
