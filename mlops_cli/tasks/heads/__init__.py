"""Heads: model outputs to answers, one file per kind of target. No torch here."""
