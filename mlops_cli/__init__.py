"""The command-line MLOps toolkit for single-project repositories."""

__version__ = "0.1.0"
