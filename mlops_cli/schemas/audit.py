"""Result of `mlops audit verify`."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with the audit log.

    Attributes:
        entry: Number of the entry, from 1; None where the whole log is meant.
        said: What is wrong.
    """

    entry: int | None
    said: str


@dataclass(frozen=True)
class AuditResult:
    """The audit log, checked.

    Attributes:
        entries: How many entries there are.
        tags: How many tags of git were held against them.
        head: Hash of the last entry; empty where there is none.
        problems: What is wrong, in order.
    """

    entries: int
    tags: int
    head: str
    problems: list[Problem] = field(default_factory=list)
