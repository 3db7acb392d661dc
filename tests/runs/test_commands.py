"""`mlops runs`: what a person sees and a program reads."""

import json

import pytest


@pytest.fixture
def two(project, recorded):
    return [
        recorded("20260101-000001-tiny-aaaa", mcc=0.2, lr=1e-3),
        recorded("20260101-000002-bert-bbbb", mcc=0.6, lr=3e-5, model="bert"),
    ]


def test_list_shows_a_table_with_the_best_marked(two, mlops):
    done = mlops("runs", "list", "--sort", "val/mcc")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "✓ 2 runs"
    assert lines[2].startswith("20260101-000002-bert-bbbb  finished")
    assert "0.6*" in lines[2]
    assert lines[-1] == (
        "next: mlops runs compare 20260101-000002-bert-bbbb 20260101-000001-tiny-aaaa"
    )


def test_list_takes_a_condition_columns_and_a_limit(two, mlops):
    done = mlops("runs", "list", "--where", "mcc > 0", "--columns", "lr,seed", "--columns",
                 "val/mcc", "--limit", "1", json=True)  # fmt: skip
    assert done.json["matching"] == 2
    assert done.json["columns"] == ["lr", "seed", "val/mcc"]
    assert done.json["runs"] == [
        {
            "run": "20260101-000002-bert-bbbb",
            "status": "finished",
            "overrides": ["lr=3e-05"],
            "values": {"lr": 3e-05, "seed": 0, "val/mcc": 0.6},
        }
    ]


def test_people_see_twenty_and_programs_all(project, recorded, mlops):
    for number in range(25):
        recorded(f"20260101-0000{number:02d}-tiny-{number:04x}", points=1)
    done = mlops("runs", "list")
    assert done.stdout.startswith("✓ 25 runs, the first 20 shown\n")
    assert len(mlops("runs", "list", json=True).json["runs"]) == 25
    assert len(mlops("runs", "list", "--all").stdout.splitlines()) == 28


def test_a_limit_and_all_exclude_each_other(two, mlops):
    done = mlops("runs", "list", "--limit", "1", "--all")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: --limit and --all don't go together\n")
    assert not done.stdout


def test_a_mistake_in_a_condition_is_pointed_at(two, mlops):
    done = mlops("runs", "list", "--where", "lr < 1 and val/mc > 0")
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "error: --where: no run has a 'val/mc'",
        "  lr < 1 and val/mc > 0",
        "             ^",
        "hint: did you mean val/mcc?",
    ]


def test_no_runs_lead_to_training(project, mlops):
    done = mlops("runs", "list")
    assert (done.exit_code, done.stdout) == (0, "✓ No runs yet\nnext: mlops train\n")


def test_show_tells_everything_and_how_to_go_on(two, mlops, evaluated):
    evaluated(two[1], "test", {"mcc": 0.55})
    done = mlops("runs", "show", "best")
    assert done.exit_code == 0
    for words in (
        "Run 20260101-000002-bert-bbbb: bert on quickstart, finished",
        "lr 3e-05 (default 0.001)",
        "mcc 0.6 0.55",
        "val/mcc 0.6 │",
        "step 30",
        "last.ckpt 1.00 MB",
        "next: mlops export --onnx 20260101-000002-bert-bbbb",
    ):
        assert words in " ".join(done.stdout.split())
    said = mlops("runs", "show", "best", json=True).json
    assert said["curves"]["val/mcc"][-1] == {"step": 30, "value": 0.6}
    assert said["evaluation"] == {"test": {"mcc": 0.55}}
    assert {"key": "lr", "value": 3e-05, "default": 0.001} in said["settings"]


@pytest.mark.parametrize(
    ("status", "next_step"),
    [
        ("interrupted", "mlops runs resume"),
        ("finished", "mlops evaluate"),
        ("failed", "mlops train"),
    ],
)
def test_the_next_step_suits_the_status(project, recorded, mlops, status, next_step):
    recorded("20260101-000001-tiny-aaaa", status=status)
    assert f"next: {next_step}" in mlops("runs", "show").stdout


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_curves_are_drawn_into_a_file(two, mlops, tmp_path, kind):
    file = tmp_path / f"curves.{kind}"
    assert mlops("runs", "compare", "latest", two[0].id, "--plot", str(file)).exit_code == 0
    start = file.read_bytes()[:200]
    assert start.startswith(b"\x89PNG") if kind == "png" else b"<?xml" in start
    assert mlops("runs", "show", "--plot", str(file)).exit_code == 0


def test_a_picture_of_another_kind_is_refused(two, mlops):
    done = mlops("runs", "show", "--plot", "curves.pdf")
    assert (done.exit_code, "pictures are .png or .svg" in done.stderr) == (2, True)


@pytest.mark.parametrize("content", [None, "lr: [", "just words"])
@pytest.mark.parametrize("words", [("show",), ("compare", "latest"), ("rerun",)])
def test_a_config_that_cannot_be_read_says_what_to_do(two, mlops, monkeypatch, words, content):
    run = two[0]
    run.update(git=None)
    if content is None:
        run.config_path.unlink()
    else:
        run.config_path.write_text(content)
    done = mlops("runs", *words, run.id)
    assert done.exit_code == 5
    assert f"config.yaml of run {run.id}" in done.stderr or "readable config.yaml" in done.stderr
    hint = done.stderr.splitlines()[-1]
    assert hint.startswith(f"hint: put back a copy of {run.config_path}")
    assert f"mlops runs delete {run.id}" in hint


def test_a_cut_record_does_not_cost_the_weights(two, mlops):
    run = two[0]
    (run.path / "run.json").write_text('{"id": "a", "sta')
    done = mlops("runs", "show", run.id)
    assert done.exit_code == 5
    assert "hint: put back a copy of run.json" in done.stderr
    run.model.mkdir()
    (run.model / "task.json").write_text("{}")
    assert f"hint: its model is still in {run.model}: put" in mlops("runs", "show", run.id).stderr

    # Without any record it is no run, which is told where runs are listed.
    (run.path / "run.json").unlink()
    (two[0].path.parent / "notes").mkdir()
    done = mlops("runs", "list", json=True)
    assert [row["run"] for row in done.json["runs"]] == [two[1].id]
    assert done.json["unrecorded"] == [run.id]
    assert (
        f"not listed for want of a run.json below runs: {run.id}\n" in mlops("runs", "list").stderr
    )


def test_compare_shows_what_differs(two, mlops):
    done = mlops("runs", "compare", two[0].id, "latest")
    assert done.stdout.startswith("✓ Compared 2 runs: 2 settings differ\n")
    assert "lr            0.001    3e-05" in done.stdout
    assert "val/mcc     0.2    0.6*" in done.stdout
    assert "trainer.weight_decay" not in done.stdout
    assert "trainer.weight_decay" in mlops("runs", "compare", two[0].id, "latest", "--all").stdout
    said = mlops("runs", "compare", two[0].id, "latest", json=True).json
    assert said["best"]["val/mcc"] == 1
    assert [len(points) for points in said["curves"]["val/mcc"]] == [3, 3]


def test_compare_takes_two_different_runs(two, mlops):
    done = mlops("runs", "compare", "latest", "best")
    assert (done.exit_code, "comparing takes two runs" in done.stderr) == (2, True)


def test_delete_asks_and_without_anybody_needs_a_yes(two, mlops):
    done = mlops("runs", "delete", "--where", "model=bert")
    assert done.exit_code == 2
    assert "20260101-000002-bert-bbbb  finished, 1.0 MB" in done.stderr
    assert "--yes" in done.stderr
    assert two[1].path.exists()
    done = mlops("runs", "delete", "--where", "model=bert", "--yes", json=True)
    assert (done.exit_code, done.json["done"], two[1].path.exists()) == (0, True, False)
    assert mlops("runs", "delete", "--where", "model=bert", "--yes").stdout.startswith(
        "✓ Nothing to delete"
    )


def test_resume_refuses_a_finished_run(two, mlops):
    two[1].model.mkdir()
    (two[1].model / "task.json").write_text("{}")
    done = mlops("runs", "resume", "latest")
    assert (done.exit_code, "is finished" in done.stderr) == (2, True)


def test_an_unknown_run_is_told_with_the_nearest(two, mlops):
    for command in ("show", "rerun", "resume", "delete"):
        done = mlops("runs", command, "20260101-00001", json=True)
        assert done.exit_code == 5
        assert "did you mean" in json.loads(done.stderr)["hint"]
