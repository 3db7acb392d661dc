"""`mlops config`: show, list, check and own the config tree."""

from typing import Annotated

import typer

from mlops_cli.commands._options import Json, Overrides, Quiet, epilog
from mlops_cli.completion import complete_choice, complete_packaged
from mlops_cli.output import Output
from mlops_cli.wording import counted

app = typer.Typer(no_args_is_help=True, help="Show, list, check and own the config tree.")


@app.command(
    epilog=epilog(
        "mlops config show",
        "mlops config show model=bert lr=3e-5 --source",
        "mlops config show experiment=smoke --json",
    )
)
def show(
    overrides: Overrides = None,
    source: Annotated[
        bool, typer.Option("--source", help="Tell which file or word each value comes from.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show the config that a command with these settings gets."""
    from mlops_cli import config, project

    out, root = Output(json_mode=json, quiet=quiet), project.find_root()
    if source:
        from mlops_cli.commands._config_tables import source_table

        _, found = config.load_with_sources(overrides or [], root=root)
        table = source_table(found)
        out.result("The config and where it comes from", {"values": found}, lines=table)
        return
    loaded = config.load(overrides or [], root=root)
    if json:
        out.result("", loaded)
    else:
        out.data(config.to_yaml(loaded), language="yaml")


@app.command(
    "list",
    epilog=epilog("mlops config list", "mlops config list model", "mlops config list model/bert"),
)
def list_(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="GROUP[/NAME]",
            help="A group for its choices, or a choice for its keys.",
            autocompletion=complete_choice,
            show_default=False,
        ),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the groups, the choices of a group, or the keys of a choice."""
    from mlops_cli import project
    from mlops_cli.commands import _config_tables as tables
    from mlops_cli.config import catalogue

    out, root = Output(json_mode=json, quiet=quiet), project.find_root()
    if name is None:
        whole = catalogue.overview(root)
        out.result(
            f"{len(whole.groups)} groups, and {len(whole.shortcuts)} settings without one",
            whole,
            lines=tables.overview(whole),
            next_step="mlops config list model",
        )
    elif "/" in name or "=" in name:
        keys = catalogue.keys(root, name)
        out.result(
            f"{counted(len(keys), 'key')} of {name}", {"keys": keys}, lines=tables.key_table(keys)
        )
    else:
        group = catalogue.group(root, name)
        first = next((choice.name for choice in group.choices), "NAME")
        out.result(
            f"{len(group.choices)} choices of {group.name}: {group.description}",
            group,
            lines=tables.choice_table(group),
            next_step=f"mlops config list {group.name}/{first}",
        )


@app.command(epilog=epilog("mlops config check", "mlops config check model=bert lr=3e-5"))
def check(overrides: Overrides = None, json: Json = False, quiet: Quiet = False) -> None:
    """Check every YAML file of the project and the config they compose to."""
    from mlops_cli import config, project
    from mlops_cli.errors import ConfigError

    out, root = Output(json_mode=json, quiet=quiet), project.find_root()
    found = config.problems(overrides or [], root=root)
    if json and found:
        listed = [{"error": problem.message, "hint": problem.hint} for problem in found]
        out.result("", {"problems": listed, "files": config.own_files(root)})
    elif len(found) > 1:
        out.data("\n".join(f"{problem.message}\n  hint: {problem.hint}" for problem in found))
    if found:
        raise found[0] if len(found) == 1 else ConfigError(f"{len(found)} problems in the config")
    files = config.own_files(root)
    out.result(
        f"The config is right ({counted(len(files), 'file')} of the project's own)",
        {"problems": [], "files": files},
        next_step=" ".join(["mlops train", *(overrides or [])]),
    )


@app.command(epilog=epilog("mlops config eject model/bert", "mlops config eject trainer/default"))
def eject(
    name: Annotated[
        str,
        typer.Argument(
            metavar="GROUP/NAME",
            help="The choice whose packaged file to copy.",
            autocompletion=complete_packaged,
            show_default=False,
        ),
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Copy a packaged file into the project's configs/, to change it."""
    from mlops_cli import project
    from mlops_cli.config.eject import eject as eject_choice

    out, root = Output(json_mode=json, quiet=quiet), project.find_root()
    ejected = eject_choice(name, root=root, force=force)
    out.result(
        f"{ejected.path.relative_to(root)} is yours now, and lies over the packaged one",
        ejected,
        next_step="mlops config check",
    )
