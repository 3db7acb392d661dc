"""Shell completion of settings and runs."""


def complete_override(incomplete: str) -> list[str]:
    """Completes a setting."""
    return []


def complete_run(incomplete: str) -> list[str]:
    """Completes a run."""
    return []


def complete_run_or_override(incomplete: str) -> list[str]:
    """Completes a run or a setting."""
    return []
