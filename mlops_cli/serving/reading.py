"""A bundle that is being checked while what else it takes to use it is done."""

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from mlops_cli.serving import bundle as bundles
from mlops_cli.serving.bundle import Bundle


@dataclass(frozen=True)
class Reading:
    """A bundle whose bytes are being checked.

    Both raise what `bundle.load` does.

    Attributes:
        usable: Done when `bundle.json` and all that the preferred graph needs are as exported.
        whole: Done when every byte of every file is.
    """

    usable: Future[Bundle]
    whole: Future[Bundle]


def begin(folder: Path) -> Reading:
    """Begins to check a bundle in a thread.

    One thread, so that it takes no core from whoever works meanwhile, and one that ends with the
    process: a command that was mistyped does not wait for it.
    """
    reading = Reading(Future(), Future())
    Thread(target=_check, args=(folder, reading), name="verifying", daemon=True).start()
    return reading


def _check(folder: Path, reading: Reading) -> None:
    try:
        bundle = bundles.listed(folder)
        optional = bundles.others(bundle.facts)
        files = bundles.expected(bundle)
        for name in files:
            if name not in optional:
                bundles.verify_file(bundle, name)
        reading.usable.set_result(bundle)
        for name in optional.intersection(files):
            bundles.verify_file(bundle, name)
        reading.whole.set_result(bundle)
    except BaseException as error:  # Whatever it is: who waits would wait for ever.
        for future in (reading.usable, reading.whole):
            if not future.done():
                future.set_exception(error)
