"""The command line in a process of its own, forked where torch is loaded already: quick to kill."""

import multiprocessing
import os
import resource
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psutil


def start_apart(*words: str, folder: Path, spare_memory: int | None = None) -> ForkServerProcess:
    """Starts `mlops WORDS` in `folder`. What it says lies in `folder/said` afterwards.

    `spare_memory` is what it may take, in bytes, beyond what the imported libraries take.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlops_cli.training.resume", "mlops_cli.models.scratch"])
    process = context.Process(target=_main, args=(words, folder, spare_memory))
    process.start()
    return process


def ended(process: ForkServerProcess) -> int:
    """Exit code of a process that is waited for; where a signal ended it, minus the signal."""
    process.join(timeout=120)
    assert process.exitcode is not None, "still running"
    return process.exitcode


def run_apart(*words: str, folder: Path, spare_memory: int | None = None) -> int:
    """Runs `mlops WORDS` in `folder` to its end: see `start_apart` and `ended`."""
    return ended(start_apart(*words, folder=folder, spare_memory=spare_memory))


def _main(words: tuple[str, ...], folder: Path, spare_memory: int | None) -> None:
    from mlops_cli.cli import main

    if spare_memory is not None:
        limit = psutil.Process().memory_info().vms + spare_memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    os.chdir(folder)
    sys.argv = ["mlops", *words]
    with (folder / "said").open("w", encoding="utf-8") as said:
        sys.stdout = sys.stderr = said
        main()
