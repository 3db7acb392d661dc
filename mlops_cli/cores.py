"""The cores that a process may use, a container's quota of CPU time counted in.

The quota is what cgroups tell; what starts more threads than it lets run waits for most of them.
"""

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_OURS = Path("/proc/self/cgroup")
_TREE = Path("/sys/fs/cgroup")


def available() -> int:
    """CPU cores that this process may use: those it may run on, or fewer by a container's quota."""
    if hasattr(os, "sched_getaffinity"):
        there = len(os.sched_getaffinity(0))
    else:
        there = os.cpu_count() or 1
    return min(there, by_quota() or there)


def by_quota(ours: Path = _OURS, tree: Path = _TREE) -> int | None:
    """How many cores this process's quota of CPU time comes to, rounded up.

    A quota above ours in the tree holds too: the least one counts.

    Args:
        ours: The file that names this process's groups.
        tree: Where the groups are mounted.

    Returns:
        At least 1; None where there is no quota, and no cgroups.
    """
    found = [share for group in _groups(ours, tree) if (share := _share(group)) is not None]
    return max(1, math.ceil(min(found))) if found else None


def _groups(ours: Path, tree: Path) -> Iterator[Path]:
    """The folders of our groups and of all above them, in both versions of cgroups."""
    try:
        lines = ours.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):  # Not on Linux.
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 1 has a tree for each set of controllers, which many systems also link as `cpu`.
        roots = [tree / name for name in dict.fromkeys((controllers, "cpu")) if controllers]
        # A container may be told its path on the host and see only its own group, at the top.
        below = PurePosixPath(path.lstrip("/"))
        for root in roots or [tree]:
            yield from (root / folder for folder in (below, *below.parents))


def _share(group: Path) -> float | None:
    """Cores that a group may use; None where it says nothing or has no limit."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = (group / "cpu.max").read_text("utf-8").split()
        return None if quota == "max" else float(quota) / float(period)
    with contextlib.suppress(OSError, ValueError):
        quota = (group / "cpu.cfs_quota_us").read_text("utf-8")
        period = (group / "cpu.cfs_period_us").read_text("utf-8")
        return float(quota) / float(period) if float(quota) > 0 else None
    return None
