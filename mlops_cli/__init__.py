"""The command-line MLOps toolkit for single-project repositories."""

import os

__version__ = "0.1.0"

# onnxruntime reports to its maker what it runs on, and leaves an id on the disk; not for us.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
