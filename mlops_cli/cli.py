"""The door: the Typer app, the list of commands, and errors turned into exit codes."""

import sys
from importlib import import_module
from typing import Annotated, NoReturn

import typer

from mlops_cli import __version__
from mlops_cli.commands import COMMANDS, GROUPS
from mlops_cli.errors import Interrupted, MlopsError, UsageError, refused_by_system
from mlops_cli.interrupts import reader_left, treat_termination_as_interrupt
from mlops_cli.output import Output, reopen_closed_streams


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mlops {__version__}")
        raise typer.Exit


_VERSION = typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")


def _root(_: Annotated[bool, _VERSION] = False) -> None:
    """From an empty folder to a verified model: one command line, one config tree.

    Settings are typed as KEY=VALUE: mlops train model=bert lr=3e-5
    """


def application(word: str = "") -> typer.Typer:
    """The command line: with all its commands, or with one of them alone.

    To load and build all of them takes longer than many a command itself.

    Args:
        word: The first one that was typed. Where it names a command, only that one is loaded.
    """
    app = typer.Typer(
        name="mlops",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        rich_markup_mode=None,  # Rich would double the time and the modules of --help.
    )
    app.callback()(_root)
    every = (*COMMANDS, *GROUPS)
    for name in (word,) if word in every else every:
        module = import_module(f"mlops_cli.commands.{name}")
        if name in GROUPS:
            app.add_typer(module.app, name=name)
        else:
            app.command(name=module.NAME, epilog=module.EPILOG)(module.run)
    return app


def main() -> None:
    """Runs the command line. Exit codes: `errors.py`, and 141 where our reader went away."""
    treat_termination_as_interrupt()
    reopen_closed_streams()
    try:
        app = application(next(iter(sys.argv[1:]), ""))
        if (code := app(prog_name="mlops", standalone_mode=False)) == Interrupted.exit_code:
            raise KeyboardInterrupt  # Typer took it for an exit.
        sys.stdout.flush()
    except MlopsError as error:
        _fail(error)
    except typer.TyperException as error:
        _refuse(error)
    except (KeyboardInterrupt, typer.Abort):
        _fail(Interrupted("interrupted"))
    except (OSError, SystemExit) as stop:
        if not reader_left(stop):
            _fail(refused_by_system(stop))
        code = 141
    sys.exit(code)


def _refuse(error: typer.TyperException) -> NoReturn:
    message = error.format_message()
    if message.startswith("Usage:"):  # A command was left out, and this is the help.
        typer.echo(message, err=True)
        sys.exit(UsageError.exit_code)
    # Of some errors Typer does not say in which command they are.
    typed = [word for word in sys.argv[1:2] if word in (*COMMANDS, *GROUPS)]
    path = getattr(getattr(error, "ctx", None), "command_path", " ".join(["mlops", *typed]))
    _fail(UsageError(message, hint=f"{path} --help"))


def _fail(error: MlopsError) -> NoReturn:
    Output(json_mode="--json" in sys.argv).error(error)
    sys.exit(error.exit_code)
