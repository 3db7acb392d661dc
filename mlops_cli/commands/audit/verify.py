"""`mlops audit verify`: whether the log of what happened to models is what was written."""

from mlops_cli.commands._options import Json, Quiet, epilog
from mlops_cli.extras import extra
from mlops_cli.output import Output
from mlops_cli.wording import counted

NAME = "verify"
EPILOG = epilog("mlops audit verify", "mlops audit verify --json")


def run(json: Json = False, quiet: Quiet = False) -> None:
    """Find any entry of the audit log that was edited, removed, moved or made up.

    Each entry is chained to the last by hash; each tag of git names the hash of its entry, and
    points to what the entry says.
    """
    from mlops_cli import project

    with extra("train", "mlops audit"):
        from mlops_cli.registry import auditing

    out = Output(json_mode=json, quiet=quiet)
    found = auditing.run(project.find_root())
    if not found.problems or json:
        lines = [f"last entry {found.head[:12]}"]
        if found.older:
            lines.append(f"older than the log, and in no entry: {', '.join(found.older)}")
        entries = counted(found.entries, "entry", "entries")
        out.result(
            f"The audit log is whole: {entries}, each as its tag has it",
            found,
            lines="\n".join(lines),
            next_step="mlops models list",
        )
    else:
        for problem in found.problems:
            where = f"entry {problem.entry}" if problem.entry else "the log"
            out.info(f"{where}: {problem.said}")
    auditing.require(found)
