"""What a command holds in memory at most, measured from outside."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path


def most_held(*words):
    """MiB of its own that `mlops WORDS` had at once; mapped files are none of them. Linux only."""
    command = [sys.executable, "-m", "mlops_cli", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        held = 0
        while process.poll() is None:
            with suppress(OSError, KeyError):
                text = Path(f"/proc/{process.pid}/status").read_text("utf-8")
                lines = dict(line.split(":", 1) for line in text.splitlines())
                held = max(held, int(lines["RssAnon"].split()[0]))
            time.sleep(0.02)
        assert process.returncode == 0
    return held / 1024
