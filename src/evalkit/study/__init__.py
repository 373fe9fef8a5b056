"""The study file: read, validated, all its mistakes told at once, and frozen."""

from evalkit.study.load import find, load
from evalkit.study.model import Study
from evalkit.study.paths import resolve

__all__ = ["Study", "find", "load", "resolve"]
