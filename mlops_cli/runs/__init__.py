"""Stages of `mlops runs`: find, compare, make again and remove recorded runs."""
