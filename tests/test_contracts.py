"""Every file of a room keeps the room's contract; every name leads to its file."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import mlops_cli
from mlops_cli import data, errors, targets
from mlops_cli.cli import application
from mlops_cli.config.keys import GROUPS, SHORTCUTS, keys_of, schemas_of
from mlops_cli.config.yaml_file import load_text
from mlops_cli.project import packaged_configs
from mlops_cli.schemas.target import TargetConfig

PACKAGE = Path(mlops_cli.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
COMMAND_FILES = [
    name for name in FILES if name.startswith("commands/") and "/_" not in name.replace("/__", "/")
]
NARROWED = "if type(error) is not Exception:\n    raise"
LONGEST_FILE, LONGEST_FUNCTION = 300, 60


def tree_of(name):
    return ast.parse((PACKAGE / name).read_text("utf-8"))


def modules_named(group):
    """Each module that a shipped YAML file of the group names, by the file's name."""
    files = sorted((packaged_configs() / group).glob("*.yaml"))
    contents = {path.stem: load_text(path.read_text("utf-8"), path.name) or {} for path in files}
    return {name: text.get("module") or text.get("name") for name, text in contents.items()}


@pytest.mark.parametrize(("choice", "module"), modules_named("model").items())
def test_a_model_can_be_built_and_read_back(choice, module):
    family = importlib.import_module(f"mlops_cli.models.{module}")
    assert list(inspect.signature(family.build).parameters) == ["config", "splits", "reporter"]
    assert list(inspect.signature(family.load).parameters) == ["folder"]


@pytest.mark.parametrize(("choice", "module"), modules_named("data").items())
def test_a_data_source_can_be_loaded(choice, module):
    source = data.source(module)
    assert list(inspect.signature(source.load).parameters) == ["config", "reporter"]


@pytest.mark.parametrize(("choice", "module"), modules_named("target").items())
def test_a_target_can_be_deployed_to(choice, module):
    found = targets.module(TargetConfig(name=choice))
    assert found.__name__ == f"mlops_cli.targets.{module}"
    for name in ("where", "check", "files", "deploy", "status", "withdraw", "destroy"):
        wanted = list(inspect.signature(getattr(targets.Target, name)).parameters)[1:]
        assert list(inspect.signature(getattr(found, name)).parameters) == wanted
    flags = {name: getattr(found, name) for name in ("RUNS", "PULLS", "CANARY", "CARD")}
    assert all(isinstance(flag, bool) for flag in flags.values()), flags


@pytest.mark.parametrize("group", ["data", "model", "tracker", "target"])
def test_settings_of_a_module_belong_to_a_module_that_a_choice_names(group):
    assert set(schemas_of(group)) <= set(modules_named(group).values())


@pytest.mark.parametrize("group", [group for group, schema in GROUPS.items() if schema])
def test_every_setting_tells_what_it_is(group):
    for schema in (GROUPS[group], *schemas_of(group).values()):
        for key in keys_of(schema).values():
            assert key.help.endswith("."), f"{group}.{key.name}"
    assert all(key.help for key in SHORTCUTS.values())


def test_the_name_of_a_command_is_the_name_of_its_file():
    app = application()
    names = {command.name for command in app.registered_commands}
    for group in app.registered_groups:
        names.add(group.name)
        if (PACKAGE / "commands" / group.name).is_dir():
            inside = group.typer_instance.registered_commands
            names |= {f"{group.name}/{command.name}" for command in inside}
    paths = {name.removeprefix("commands/").removesuffix(".py") for name in COMMAND_FILES}
    paths = {path.removesuffix("/__init__").replace("_", "-") for path in paths}
    assert paths - {"--init--"} == names


def every_command():
    app = application()
    for command in app.registered_commands:
        yield command.name, command
    for group in app.registered_groups:
        for command in group.typer_instance.registered_commands:
            yield f"{group.name} {command.name or command.callback.__name__}", command


@pytest.mark.parametrize(("name", "command"), list(every_command()))
def test_every_command_speaks_json_can_be_quiet_and_has_examples(name, command):
    assert {"json", "quiet"} <= set(inspect.signature(command.callback).parameters)
    assert f"mlops {name}" in command.epilog
    assert command.callback.__doc__


def test_every_error_has_its_exit_code_in_the_drawn_tree():
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        line = next(line for line in errors.__doc__.splitlines() if f" {name} " in f"{line} ")
        assert f" {kind.exit_code} " in line


@pytest.mark.parametrize("name", [name for name in FILES if name != "errors.py"])
def test_no_error_of_ours_is_declared_elsewhere(name):
    ours = {error for error in vars(errors) if error.endswith("Error") or error == "Interrupted"}
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.ClassDef):
            assert not {base.id for base in node.bases if isinstance(base, ast.Name)} & ours


@pytest.mark.parametrize("name", FILES)
def test_files_and_functions_stay_short(name):
    assert len((PACKAGE / name).read_text("utf-8").splitlines()) <= LONGEST_FILE
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.FunctionDef):
            work = node.body[1:] if ast.get_docstring(node) else node.body
            length = node.end_lineno - work[0].lineno + 1 if work else 0
            assert length <= LONGEST_FUNCTION, node.name


DOORS = {"cli.py", "__main__.py", "training/member.py", "training/members.py"}
"""Where a process of ours begins; and what ends one whose parent is gone."""


@pytest.mark.parametrize("name", [name for name in FILES if name not in DOORS])
def test_only_the_door_ends_the_process(name):
    calls = (node.func for node in ast.walk(tree_of(name)) if isinstance(node, ast.Call))
    called = {ast.unparse(function) for function in calls}
    assert not called & {"sys.exit", "exit", "quit", "os._exit"}


BOUNDARIES = {"serving/app.py", "serving/jobs.py", "serving/reading.py"}
"""Where what fails, through whatever, in a request or a thread, is told to those who wait for it."""


@pytest.mark.parametrize("name", [name for name in FILES if name not in BOUNDARIES])
def test_nothing_is_caught_that_is_not_understood(name):
    for node in ast.walk(tree_of(name)):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            # Some libraries raise bare Exceptions; whoever translates them lets all others pass.
            narrowed = ast.unparse(node.body[0]) == NARROWED
            assert narrowed or caught not in ("", "Exception", "BaseException"), node.lineno
