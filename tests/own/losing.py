"""A node of a cluster that is lost in the middle of a training, and comes back."""

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
