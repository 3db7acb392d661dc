"""What `mlops runs sync` returns."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Synced:
    """One tracker of one run, after what it lacked was sent.

    Attributes:
        run: Run id.
        tracker: The tracker.
        lines: Lines of metrics that were sent.
        attachments: Reports, bundle and weights that were sent.
        url: Where the tracker shows the run; None where it has no address.
        trouble: Why it still lacks something; empty when it has everything.
    """

    run: str
    tracker: str
    lines: int
    attachments: list[str]
    url: str | None
    trouble: str


@dataclass(frozen=True)
class SyncResult:
    """What was sent.

    Attributes:
        sent: The trackers that lacked something, run by run.
        complete: Trackers that had everything already.
        running: Runs that are being trained, whose trackers are being told anyway.
    """

    sent: list[Synced] = field(default_factory=list)
    complete: int = 0
    running: list[str] = field(default_factory=list)
