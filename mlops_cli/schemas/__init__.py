"""Typed configs (one file per config group) and results: plain dataclasses, stdlib only."""
