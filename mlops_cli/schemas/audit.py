"""The audit log, and the tags that it is held against: result of `mlops audit verify`."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Signpost:
    """A tag of the registry, as git has it.

    Attributes:
        tag: Its name.
        model: The model that it is of; empty where it is of none.
        version: The version that it registers; empty where it does something else.
        entry: Hash of the entry in the audit log that it names; empty where it names none.
        target: What it points to.
        at: Its time, in seconds.
        newest: Hash of the newest entry in the audit log of its commit; empty without one.
        stray: Whether that commit is made up: it looks like one of the registry's branch, which has
            not got it.
    """

    tag: str
    model: str
    version: str
    entry: str
    target: str
    at: int
    newest: str = ""
    stray: bool = False


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with the audit log.

    Attributes:
        entry: Number of the entry, from 1; None where the whole log is meant.
        said: What is wrong.
        tag: The tag that is wrong; empty where it is not the tag.
    """

    entry: int | None
    said: str
    tag: str = ""


@dataclass(frozen=True)
class AuditResult:
    """The audit log, checked.

    Attributes:
        entries: How many entries there are.
        tags: How many tags of git were held against them.
        head: Hash of the last entry; empty where there is none.
        problems: What is wrong, in order.
        older: Tags that no entry knows, as they are older than the log.
    """

    entries: int
    tags: int
    head: str
    problems: list[Problem] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
