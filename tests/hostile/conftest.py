"""The command line as a child process for every hostile test."""

from child import cli

__all__ = ["cli"]
