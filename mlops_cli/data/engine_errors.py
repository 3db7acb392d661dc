"""What the engine raises, told apart."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from mlops_cli.errors import Interrupted, MlopsError


class EngineError(Exception):
    """The engine can't read a file."""


@contextmanager
def understood() -> Iterator[None]:
    """Translates what a query raises.

    Raises:
        EngineError: A file is at fault.
        MlopsError: There is not enough memory or disk.
        Interrupted: The user stopped it.
    """
    try:
        yield
    except duckdb.InterruptException as error:
        raise Interrupted("interrupted") from error
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise MlopsError(
            f"not enough memory or disk: {first_line(error)}",
            hint="free some, or look at fewer columns or rows",
        ) from error
    except (duckdb.DataError, duckdb.InvalidInputException) as error:
        raise EngineError(*error.args) from error
    except RuntimeError as error:
        if str(error) != "Query interrupted":  # What becomes of Ctrl-C within a query.
            raise
        raise Interrupted("interrupted") from error


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name if it says nothing."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
