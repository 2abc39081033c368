"""What can be wrong with what the user asked for."""

from __future__ import annotations


class BenchProblem(Exception):
    """The run cannot be done as asked; the text is one line for the user."""
