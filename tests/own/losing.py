"""A node of a cluster that is lost in the middle of its work."""

import threading
import time


def node_in_training(project, cluster, node, pause):
    """Takes a node away once the run has a checkpoint, and starts it again.

    Args:
        project: The project that is trained in.
        cluster: `cluster("kill", node)`, as the cluster's script takes it.
        node: Its name.
        pause: Seconds it stays away.

    Returns:
        The thread that does it.
    """

    def lose():
        until = time.monotonic() + 180
        while time.monotonic() < until:
            if any((project.path / "runs").glob("*/checkpoints/last.ckpt")):
                cluster("kill", node)
                time.sleep(pause)
                cluster("start", node)
                return
            time.sleep(0.1)

    thread = threading.Thread(target=lose)
    thread.start()
    return thread


def node_in_writing(target, cluster, node):
    """Takes a node away once a command has written some of a file.

    Args:
        target: The file.
        cluster: As above.
        node: Its name.

    Returns:
        The thread that does it, and an event that is set where it came in time.
    """
    lost = threading.Event()

    def lose():
        until = time.monotonic() + 180
        while time.monotonic() < until and not target.exists():
            if any(part.stat().st_size for part in target.parent.glob(f".{target.name}.writing-*")):
                cluster("kill", node)
                if not target.exists():
                    lost.set()
                return
            time.sleep(0.05)

    thread = threading.Thread(target=lose)
    thread.start()
    return thread, lost
