"""`mlops models deprecate`: a version, or a model, is taken out of use."""

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.commands.models._options import Message, Reference
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "deprecate"
EPILOG = epilog(
    "mlops models deprecate reviews@v1.0.0 --message 'trained on wrong labels'",
    "mlops models deprecate reviews",
)


def run(
    reference: Reference,
    *,
    message: Message = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Take a version out of use, or of a name alone the whole model. Nothing is deleted."""
    from mlops_cli import project

    with extra("train", "mlops models"):
        from mlops_cli.registry import names, placing

    out = Output(json_mode=json, quiet=quiet)
    done = placing.deprecate(project.find_root(), reference, message=message)
    out.result(
        f"Deprecated {done.model} {done.version or 'as a whole'}",
        done,
        next_step=names.pushing(done.remote),
    )
