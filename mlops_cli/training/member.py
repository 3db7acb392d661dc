"""One of the other processes of a training on one machine: see `members`."""

import sys

from mlops_cli import training
from mlops_cli.errors import MlopsError
from mlops_cli.interrupts import treat_termination_as_interrupt
from mlops_cli.reporting import SilentReporter
from mlops_cli.schemas.trainer import TrainerConfig
from mlops_cli.training import members, processes


def main() -> None:
    """Trains along; what it fails with is told by the process that leads."""
    treat_termination_as_interrupt()
    members.follow_parent()
    try:
        with processes.joined(TrainerConfig(), SilentReporter()):
            training.follow()
    except MlopsError as error:
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
