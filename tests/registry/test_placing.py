"""Stages: what lets a version in, what brings the last one back, what takes one out of use."""

import json
import shutil
import subprocess
import sys

import pytest
from own import held
from own.bundles import keyword_bundle
from own.versions import WORDS, refused


def stage(mlops, name="production"):
    models = mlops("models", "list", json=True).json["models"]
    return models[0]["stages"].get(name)


def test_a_better_version_goes_in_and_a_worse_one_does_not(register, promote, mlops):
    for name in ("fair", "better", "worse"):
        register(name)
    first = promote("shop@v1.0.0", "production", "--message", "a start")
    assert first["before"] is None
    assert [check["name"] for check in first["checks"]] == ["bytes", "parity"]
    second = promote("shop@v1.1.0", "production")
    assert second["before"] == "v1.0.0"
    checks = {check["name"]: check for check in second["checks"]}
    assert list(checks) == ["bytes", "parity", "signature", "mcc"]
    assert checks["mcc"]["bound"] == 0.0
    assert checks["mcc"]["value"] == pytest.approx(0.5774, abs=1e-4)
    assert "4 rows of validation" in checks["mcc"]["said"]

    worse = mlops("models", "promote", "shop@v1.2.0", "production")
    assert "failed: mcc: " in worse.stderr
    assert "passed: signature: " in worse.stderr
    last = worse.stderr.splitlines()[-2:]
    assert worse.exit_code == 6
    assert last[0].startswith("error: shop@v1.2.0 does not go to production: mcc: -")
    assert "registry.max_metric_loss=0" in last[0]
    assert "--force --message WHY" in last[1]
    assert stage(mlops) == "v1.1.0"
    allowed = ("shop@v1.2.0", "production", "registry.max_metric_loss=2")
    assert promote(*allowed)["before"] == "v1.1.0"


def test_force_needs_a_reason_and_is_written_down(registry, register, promote, mlops):
    register("better")
    register("odd")
    promote("shop@v1.0.0", "production")
    odd = ("models", "promote", "shop@v1.1.0", "production")
    done = mlops(*odd)
    assert done.exit_code == 6
    assert "signature: no label pos; new label fine (as shop@v1.0.0" in done.stderr
    refused(mlops(*odd, "--force"), 2, "--force passes over gates", "--force --message WHY")
    forced = mlops(*odd, "--force", "-m", "new labels, as agreed", json=True)
    assert forced.exit_code == 0, forced.stderr
    assert forced.json["forced"] is True
    log = registry.git("show", "mlops-registry:models/audit.jsonl").splitlines()
    entry = json.loads(log[-1])
    assert (entry["action"], entry["from"], entry["to"]) == ("promote", "v1.0.0", "v1.1.0")
    assert (entry["forced"], entry["why"]) == (True, "new labels, as agreed")
    assert [gate["passed"] for gate in entry["gates"]] == [True, True, False]
    assert "though a gate failed" not in mlops("models", "rollback", "shop").stdout


def test_conditions_of_the_config_are_gates_too(registry, register, mlops):
    register("fair")
    done = mlops("models", "promote", "shop", "production", "gates.accuracy=>= 0.9")
    assert done.exit_code == 6
    assert "accuracy: 0.5000, must be >= 0.9" in done.stderr
    done = mlops("models", "promote", "shop", "production", "gates.accuracy=>= 0.5", json=True)
    assert done.json["checks"][-1]["name"] == "accuracy"


def test_both_answer_the_data_that_is_asked_for(registry, register, promote, mlops):
    register("best")
    register("better")
    promote("shop@v1.0.0", "production")
    same = mlops("models", "promote", "shop", "production")
    assert same.exit_code == 6
    assert "of shop@v1.0.0, 4 rows of validation; registry.max_metric_loss=0" in same.stderr
    (registry.root / "new.csv").write_text("text,label\ngood film,pos\nbad plot,neg\n", "utf-8")
    check = promote("shop", "production", "data.validation_path=new.csv")["checks"][-1]
    assert check["bound"] == 1.0
    assert check["said"].endswith(
        "2 rows of validation; shop@v1.0.0 was trained with another split of data: it may know "
        "some of these rows"
    )


def test_a_version_that_was_trained_on_another_split_is_said_to_know_the_rows(
    registry, register, promote, mlops
):
    """The candidate's own validation rows are those that the version in production learnt."""
    register("better")
    promote("shop", "production")
    swapped = ["data=file", "data.path=validation.csv", "data.validation_path=train.csv"]
    made = keyword_bundle(registry.root, WORDS["best"], data=[*swapped, "data.test_fraction=0"])
    assert mlops("models", "register", made.run).exit_code == 0
    done = mlops("models", "promote", "shop", "production")
    assert done.exit_code == 6
    assert "shop@v1.0.0 was trained with another split of data: it may know some" in done.stderr


@pytest.mark.parametrize("compared", [True, False], ids=["with another", "with bars only"])
def test_a_version_that_may_have_learnt_the_rows_itself_is_warned_of(
    registry, register, promote, mlops, compared
):
    """As where the rows of the data file were shuffled: its own validation had other ones."""
    register("best")
    if compared:
        promote("shop", "production")
        register("better")
    name = "shop@v1.1.0" if compared else "shop@v1.0.0"
    # What it was judged on as it was trained is no reason to warn.
    bar, lenient = "gates.accuracy=>= 0.1", "registry.max_metric_loss=1"
    first = mlops("models", "promote", name, "staging", bar)
    assert (first.exit_code, "may know" in first.stderr) == (0, False)
    rows = registry.root / "validation.csv"
    head, *lines = rows.read_text("utf-8").splitlines(keepends=True)
    rows.write_text(head + "".join(lines[:-1]) + "a good film,pos\n", "utf-8")
    known = f"{name} was trained with another split of data: it may know some of these rows"
    done = mlops("models", "promote", name, "production", lenient if compared else bar)
    assert done.exit_code == 0, done.stderr
    assert f"warning: {known}" in done.stderr
    log = registry.git("show", "mlops-registry:models/audit.jsonl").splitlines()
    gates = {one["name"]: one for one in json.loads(log[-1])["gates"]}
    assert (gates["data"]["passed"], gates["data"]["said"]) == (True, known)


def test_a_version_for_staging_is_compared_with_production_where_that_is_asked(
    register, promote, mlops
):
    for name in ("fair", "better", "best"):
        register(name)
    against = "registry.against=production"
    promote("shop@v1.0.0", "staging")
    first = promote("shop@v1.1.0", "staging", against)["checks"]
    assert "shop@v1.0.0" in first[-1]["said"]  # Nothing is in production yet.

    promote("shop@v1.2.0", "production")
    promote("shop@v1.0.0", "staging", "registry.max_metric_loss=1")
    worse = mlops("models", "promote", "shop@v1.1.0", "staging", against)
    assert worse.exit_code == 6
    assert "1.0000 of shop@v1.2.0 in production, 4 rows of validation" in worse.stderr
    assert promote("shop@v1.1.0", "staging")["before"] == "v1.0.0"
    # What is in that stage itself is held against what it replaces, not against itself.
    itself = mlops("models", "promote", "shop@v1.1.0", "production", "registry.against=staging")
    assert itself.exit_code == 6
    assert "1.0000 of shop@v1.2.0, 4 rows of validation" in itself.stderr
    unknown = mlops("models", "promote", "shop@v1.0.0", "staging", "registry.against=prodution")
    refused(unknown, 5, "there is no stage 'prodution'", "did you mean production?")


def test_data_that_is_not_here(registry, register, promote, mlops):
    register("fair")
    register("better")
    promote("shop@v1.0.0", "production")
    (registry.root / "validation.csv").unlink()
    done = mlops("models", "promote", "shop", "production")
    assert done.exit_code == 5
    assert "validation.csv" in done.stderr
    forced = ("shop", "production", "--force", "-m", "the data is elsewhere")
    assert promote(*forced)["checks"][0]["name"] == "comparison"


def test_a_version_without_figures_of_its_export(registry, register, mlops):
    from mlops_cli.serving import bundle as bundles

    folder = registry.bundle("fair")
    facts = json.loads((folder / "bundle.json").read_text("utf-8"))
    bundles.write(folder, facts | {"parity": {}})
    register("fair")
    done = mlops("models", "promote", "shop", "staging")
    assert done.exit_code == 6
    assert "parity: the bundle has no figures of its export" in done.stderr


def test_again_changes_nothing(register, promote, mlops):
    register("fair")
    promote("shop", "production")
    again = promote("shop", "production")
    assert (again["changed"], again["tag"]) == (False, None)
    assert mlops("audit", "verify", json=True).json["entries"] == 2


@pytest.mark.parametrize(
    ("words", "code", "message", "hint"),
    [
        (("shop", "prodution"), 5, "there is no stage 'prodution'", "did you mean production?"),
        (("shop", "qa"), 5, "there is no stage 'qa'", "registry.stages=[staging,production,qa]"),
        (("shop", "Q A"), 2, "'Q A' is no name of a stage", "such as q-a"),
        (("shop@", "staging"), 2, "'shop@' names no version", "shop@v1.0.0"),
        (
            ("shop", "staging", "registry.split=val"),
            3,
            "registry.split must be one of",
            "validation",
        ),
        (
            ("shop", "staging", "registry.max_metric_loss=-1"),
            3,
            "registry.max_metric_loss must",
            "",
        ),
    ],
)
def test_what_cant_be_promoted(register, mlops, words, code, message, hint):
    register("fair")
    refused(mlops("models", "promote", *words), code, message, hint)
    assert stage(mlops) is None


def test_rollback_goes_one_version_further_back_each_time(register, promote, mlops):
    for name in ("fair", "better", "best"):
        register(name)
        promote("shop", "production")
    refused(mlops("models", "rollback", "shop", "staging"), 5, "no version of shop ever was in")
    refused(
        mlops("models", "rollback", "shop", "prod"), 5, "no version", "did you mean production?"
    )
    done = mlops("models", "rollback", "shop", "nosuch")
    refused(done, 5, "no version of shop ever was in", "stages: staging, production")
    back = mlops("models", "rollback", "shop", "-m", "wrong answers", json=True)
    assert back.exit_code == 0, back.stderr
    assert (back.json["version"], back.json["before"]) == ("v1.1.0", "v1.2.0")
    assert mlops("models", "rollback", "shop", json=True).json["version"] == "v1.0.0"
    done = mlops("models", "rollback", "shop")
    refused(done, 5, "nothing to roll back to: production of shop has v1.0.0", "history")
    promote("shop@v1.2.0", "production")
    assert mlops("models", "rollback", "shop", json=True).json["version"] == "v1.0.0"
    events = mlops("models", "history", "shop", json=True).json["events"]
    assert [(one["action"], one["version"]) for one in events if one["stage"]] == [
        ("promote", "v1.0.0"), ("promote", "v1.1.0"), ("promote", "v1.2.0"),
        ("rollback", "v1.1.0"), ("rollback", "v1.0.0"), ("promote", "v1.2.0"),
        ("rollback", "v1.0.0"),
    ]  # fmt: skip
    assert events[-1]["before"] == "v1.2.0"
    assert [one["why"] for one in events if one["why"]] == ["wrong answers"]
    assert [one["at"] for one in events] == sorted(one["at"] for one in events)


def test_what_is_out_of_use_is_neither_promoted_nor_rolled_back_to(register, promote, mlops):
    for name in ("fair", "better", "best"):
        register(name)
        promote("shop", "production")
    refused(mlops("models", "deprecate", "shop@v1.2.0"), 5, "shop@v1.2.0 is in production")
    gone = mlops("models", "deprecate", "shop@v1.1.0", "-m", "wrong labels", json=True)
    assert gone.json["tag"] == "shop@v1.1.0!"
    refused(mlops("models", "deprecate", "shop@v1.1.0"), 5, "shop@v1.1.0 is deprecated already")
    refused(
        mlops("models", "promote", "shop@v1.1.0", "staging"), 5, "shop@v1.1.0 is deprecated",
        "mlops models history shop says why",
    )  # fmt: skip
    assert mlops("models", "rollback", "shop", json=True).json["version"] == "v1.0.0"
    assert mlops("models", "deprecate", "shop").exit_code == 0
    refused(mlops("models", "promote", "shop", "staging"), 5, "shop is deprecated")
    assert mlops("audit", "verify", json=True).json["entries"] == 9


def test_a_rollback_does_not_bring_a_deprecated_model_back(register, promote, mlops):
    for name in ("fair", "better"):
        register(name)
        promote("shop", "production")
    assert mlops("models", "deprecate", "shop").exit_code == 0
    refused(mlops("models", "rollback", "shop"), 5, "shop is deprecated", "models history shop")
    assert mlops("models", "list", json=True).json["models"][0]["deprecated"] is True


def test_bytes_that_are_damaged_or_gone(registry, register, promote, mlops):
    register("fair")
    register("better")
    promote("shop@v1.0.0", "production")
    assert mlops("push").exit_code == 0
    place = registry.root / ".mlops" / "registry" / "shop" / "v1.0.0"
    assert (place / "model.onnx").is_file()
    held.damage(place / "model.onnx")
    cache = held.stored(registry.root / ".dvc" / "cache")
    for path in cache.values():
        held.damage(path)
    # From the remote again, the folder and the cache.
    found = mlops("models", "verify", "shop", "--all", json=True)
    assert [one["status"] for one in found.json["versions"]] == ["fetched", "fetched"]
    assert held.wrong(registry.root / ".dvc" / "cache") == []
    assert mlops("predict", "--run", "shop@production", "good").exit_code == 0

    for path in held.stored(registry.root / ".dvc-storage").values():
        held.damage(path)
    shutil.rmtree(registry.root / ".dvc" / "cache")
    shutil.rmtree(registry.root / ".mlops")
    damaged = mlops("models", "verify", "shop@v1.0.0")
    assert damaged.exit_code == 5
    assert "error: shop@v1.0.0: the bytes of shop@v1.0.0 can't be had: " in damaged.stderr
    assert "damaged in the remote storage" in damaged.stderr
    shutil.rmtree(registry.root / ".dvc-storage")
    for command in (("verify", "shop"), ("promote", "shop", "production"), ("promote", "shop",
                    "production", "--force", "-m", "x")):  # fmt: skip
        done = mlops("models", *command)
        assert done.exit_code == 5, done.stderr
        assert "shop@v1.1.0 can't be had" in done.stderr
    assert stage(mlops) == "v1.0.0"


def test_a_record_is_not_believed_over_other_bytes(registry, register, mlops):
    """Whoever changes the record on the branch can't make other bytes pass for a version."""
    register("fair")
    tag = registry.git("rev-parse", "shop@v1.0.0^{commit}").strip()
    record = registry.git("show", f"{tag}:models/shop.json")
    digest = json.loads(record)["bundle"]["digest"]
    place = registry.root / ".mlops" / "registry" / "shop" / "v1.0.0"
    shutil.copytree(registry.bundle("better"), place)
    assert mlops("predict", "--run", "shop@v1.0.0", "good").exit_code == 0
    facts = json.loads((place / "bundle.json").read_text("utf-8"))
    assert facts["digest"] == digest


def test_diff_shows_what_two_versions_differ_in(register, mlops):
    register("fair")
    register("better")
    register("odd", "--name", "topics")
    found = mlops("models", "diff", "shop@v1.0.0", "v1.1.0", json=True).json
    assert (found["before"], found["after"]) == ("shop@v1.0.0", "shop@v1.1.0")
    parts = {(one["part"], one["name"]): one for one in found["changes"]}
    assert parts["metrics", "accuracy"]["before"] == 0.5
    assert parts["metrics", "accuracy"]["after"] == 0.75
    other = mlops("models", "diff", "shop@v1.1.0", "topics", json=True).json["changes"]
    names = {(one["part"], one["name"]) for one in other}
    assert ("signature", "labels") in names
    assert ("config", "data.path") in names
    assert ("data", "fingerprints.train") in names
    assert "differ in" in mlops("models", "diff", "shop@v1.0.0", "v1.1.0").stdout
    assert mlops("models", "diff", "shop", "shop", json=True).json["same"] is True
    refused(mlops("models", "diff", "shop", "v9.0.0"), 5, "shop has no version v9.0.0")


def test_a_server_takes_registered_names(registry, register, promote, mlops):
    from mlops_cli import bundle_lookup

    register("fair")
    promote("shop", "production")
    place = registry.root / ".mlops" / "registry" / "shop" / "v1.0.0"
    for words in ("shop@production", "shop@v1.0.0", "shop@latest"):
        assert bundle_lookup.called(registry.root, words) == place
        assert bundle_lookup.find(registry.root, None, words) == place
    assert mlops("predict", "--model", "shop@production", "good", json=True).exit_code == 0
    both = mlops("predict", "--model", "shop@production", "--run", "best", "good")
    refused(both, 2, "--bundle, --run and --model each name a bundle", "give one of them")


def test_what_asks_for_no_registered_name_loads_nothing_of_the_registry(registry):
    code = (
        "import sys; from pathlib import Path\n"
        "from mlops_cli import bundle_lookup, prediction, serving_plan\n"
        "root, run = Path.cwd(), sys.argv[1]\n"
        "prediction.open_bundle(bundle_lookup.called(root, run))\n"
        "heavy = {'gto', 'dvc', 'dvc_data', 'scmrepo', 'mlops_cli.registry', 'torch'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)\n"
    )
    words = [sys.executable, "-c", code, registry.runs["fair"]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_shell_completes_models_versions_and_stages(registry, register, promote):
    from mlops_cli import completion

    register("fair")
    register("better")
    promote("shop@v1.0.0", "production")

    def names(complete, word):
        return [name for name, _ in complete(word)]

    assert names(completion.complete_model, "s") == ["shop"]
    assert names(completion.complete_version, "sh") == ["shop"]
    found = names(completion.complete_version, "shop@")
    assert found == ["shop@v1.1.0", "shop@v1.0.0", "shop@production"]
    assert names(completion.complete_stage, "") == ["production", "staging"]
