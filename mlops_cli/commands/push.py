"""`mlops push`: send data and models to a remote."""

from mlops_cli.commands._options import Json, Quiet, RemoteName, Targets, epilog
from mlops_cli.extras import extra
from mlops_cli.output import Output

NAME = "push"
EPILOG = epilog(
    "mlops push", "mlops push data/reviews.csv", "mlops push --remote lab", "mlops push --json"
)


def run(
    targets: Targets = None,
    remote: RemoteName = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Send what DVC tracks, and registered models, to a remote.

    Interrupted, it goes on where it stopped.
    """
    from mlops_cli import project

    with extra("train", "mlops push"):
        from mlops_cli.registry import holding
        from mlops_cli.versioning import push
        from mlops_cli.versioning.transfer import files, megabytes
    out = Output(json_mode=json, quiet=quiet)
    root = project.find_root()
    registered = [] if targets else holding.held(root)
    sent = push.run(root, out, targets=targets or [], remote=remote, beside=registered)
    headline = (
        f"Pushed {sent.sent} of {files(sent.files)}, {megabytes(sent.bytes)}, to {sent.remote}"
        if sent.sent
        else f"Nothing to push: {sent.remote} has it all ({files(sent.files)})"
    )
    lines = f"  {sent.repaired} of them were damaged there before" if sent.repaired else None
    out.result(headline, sent, lines=lines, next_step="mlops status")
