"""What the door may load: help, version, completion and config mistakes stay quick."""

import os
import subprocess
import sys

import pytest

HEAVY = [
    "torch",
    "transformers",
    "datasets",
    "pytorch_lightning",
    "wandb",
    "onnx",
    "onnxruntime",
    "dvc",
    "hydra",
    "omegaconf",
    "numpy",
    "copier",
    "matplotlib",
    "pandas",
    "pyarrow",
    "tokenizers",
    "rich",
]
MOST_MODULES = 345

TELL = """
import contextlib, io, sys
sys.argv = {argv}
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    {code}
print(" ".join(sys.modules))
"""


def loaded_modules(code, *words):
    """The modules that a fresh interpreter holds after running `code`."""
    script = TELL.format(argv=["mlops", *words], code=code)
    # A measured interpreter would hold the modules of coverage as well.
    environment = {name: value for name, value in os.environ.items() if "COVERAGE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stdout, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        ("train", "--help"),
        ("config", "--help"),
        ("config", "show", "--help"),
        ("predict", "--help"),
        ("runs", "list", "--help"),
        ("--nonsense",),
    ],
    ids=" ".join,
)
def test_the_door_is_light(words):
    modules = loaded_modules("from mlops_cli.cli import main; main()", *words)
    assert not {name.split(".")[0] for name in modules} & set(HEAVY)
    assert len(modules) <= MOST_MODULES


@pytest.mark.parametrize("words", [("serve", "--help"), ("runs", "list", "--help")], ids=" ".join)
def test_only_the_command_that_is_typed_is_loaded(words):
    modules = loaded_modules("from mlops_cli.cli import main; main()", *words)
    below = {name.split(".")[2] for name in modules if name.startswith("mlops_cli.commands.")}
    assert {name for name in below if not name.startswith("_")} == {words[0]}


def test_importing_the_door_is_lighter_still():
    modules = loaded_modules("import mlops_cli.cli")
    assert not {name.split(".")[0] for name in modules} & set(HEAVY)
    assert len(modules) <= MOST_MODULES


@pytest.mark.parametrize("words", [("list",), ("show",), ("compare", "a", "b"), ("delete", "a")])
def test_looking_at_runs_loads_nothing_of_training(project, words):
    modules = loaded_modules("from mlops_cli.cli import main; main()", "runs", *words)
    loaded = {name.split(".")[0] for name in modules}
    assert not loaded & {"torch", "transformers", "pytorch_lightning", "numpy", "hydra", "dvc"}


@pytest.mark.parametrize("mistake", ["lrr=1", "model=brt", "epochs=-1", "lr=abc"])
def test_a_config_mistake_loads_nothing_of_training(project, mistake):
    modules = loaded_modules("from mlops_cli.cli import main; main()", "train", mistake)
    loaded = {name.split(".")[0] for name in modules}
    assert not loaded & {"torch", "transformers", "datasets", "pytorch_lightning", "wandb", "dvc"}
