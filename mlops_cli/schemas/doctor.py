"""What `mlops doctor` finds."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "absent", "warning", "error", "fixed"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        area: What it belongs to, such as git.
        name: What was looked at.
        status: ok; absent: not there, and nothing has asked for it; warning: something will go
            wrong, or be missed; error: commands fail because of it; fixed: it was, until now.
        detail: What was found, in a few words. No secret is ever part of it.
        remedy: What to type or change; empty where there is nothing to do.
        exit_code: That of the commands which fail because of an error; 0 otherwise.
    """

    area: str
    name: str
    status: Status
    detail: str
    remedy: str = ""
    exit_code: int = 0


@dataclass(frozen=True)
class DoctorResult:
    """Everything that was looked at.

    Attributes:
        findings: In the order of the areas.
        errors: How many of them stop commands.
        warnings: How many of them deserve a look.
        fixed: How many were mended in this call.
    """

    findings: list[Finding]
    errors: int
    warnings: int
    fixed: int
