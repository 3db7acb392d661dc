"""The wheel carries everything, and the base install does what it promises without torch."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from mlops_cli.serving import page

REPOSITORY = Path(__file__).resolve().parent.parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

pytestmark = pytest.mark.slow


def run(*words, cwd, check=True):
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=ENVIRONMENT,
        check=check,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built the way `python -m build` does, from the files of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, cwd=REPOSITORY)
    return next(folder.glob("*.whl"))


def install(folder, wheel):
    """A new environment that holds the wheel, and of the running one the dependencies only."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", wheel, cwd=folder)
    return python, site


def test_the_wheel_carries_configs_template_and_types(wheel):
    shipped = set(zipfile.ZipFile(wheel).namelist())
    for source, target in (("configs", "_configs"), ("template", "_template")):
        files = [path for path in (REPOSITORY / source).rglob("*") if path.is_file()]
        names = {f"mlops_cli/{target}/{path.relative_to(REPOSITORY / source)}" for path in files}
        assert not {name for name in names if "__pycache__" not in name} - shipped
    assert "mlops_cli/py.typed" in shipped
    assert {f"mlops_cli/serving/page/{name}" for name in page.FILES.values()} <= shipped
    assert any(name.endswith("licenses/LICENSE") for name in shipped)
    assert not [name for name in shipped if name.startswith(("tests/", "mlops_cli/configs"))]


def test_init_and_train_from_the_wheel_outside_the_repository(wheel, tmp_path):
    python, site = install(tmp_path / "env", wheel)
    # Its own copy of the package comes first; only the dependencies come from the running one.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    mlops = python.with_name("mlops")
    told = run(python, "-c", "import mlops_cli; print(mlops_cli.__file__)", cwd=tmp_path)
    assert Path(told.stdout.strip()).is_relative_to(site)

    run(mlops, "init", "shop", "--yes", cwd=tmp_path)
    done = run(mlops, "train", "experiment=smoke", "--json", cwd=tmp_path / "shop")
    trained = json.loads(done.stdout)
    assert (tmp_path / "shop" / "runs" / trained["run"] / "model" / "model.safetensors").is_file()


@pytest.fixture(scope="module")
def base(wheel, tmp_path_factory):
    """The folder of programs of an environment with the base install alone."""
    folder = tmp_path_factory.mktemp("base")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pins = REPOSITORY / "constraints.txt"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "-qq")
    run(*pip, "-c", pins, wheel, cwd=folder)
    return folder / "bin"


def test_the_base_install_has_no_training_stack(base):
    script = "import importlib.util as u; print([n for n in {!r} if u.find_spec(n)])"
    heavy = ["torch", "transformers", "datasets", "pytorch_lightning", "wandb", "dvc", "onnx"]
    assert run(base / "python", "-c", script.format(heavy), cwd=base).stdout == "[]\n"


def test_help_and_config_work_in_the_base_install(base, tmp_path):
    assert "train" in run(base / "mlops", "--help", cwd=tmp_path).stdout
    shown = run(base / "mlops", "config", "show", "model=bert", cwd=tmp_path).stdout
    assert "google-bert/bert-base-uncased" in shown


def test_a_bundle_predicts_in_the_base_install(base, trained, tmp_path):
    words = ("predict", "--bundle", trained.path / "bundle", "--json", "the cat sleeps", "hello")
    done = run(base / "mlops", *words, cwd=tmp_path)
    assert len(json.loads(done.stdout)["predictions"]) == 2


@pytest.mark.parametrize("words", [("train",), ("init", "shop", "--yes")], ids=["train", "init"])
def test_a_command_without_its_extra_says_so_in_one_sentence(base, tmp_path, words):
    done = run(base / "mlops", *words, cwd=tmp_path, check=False)
    assert done.returncode == 4, done.stderr
    error, hint = done.stderr.splitlines()
    assert error.startswith(f"error: mlops {words[0]} needs the package ")
    assert hint == "hint: pip install 'mlops-cli[train]'"
    assert not list(tmp_path.iterdir())
