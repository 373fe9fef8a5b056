"""A first study file, proposed from the person's own records: `evalkit init`."""

from evalkit.starter.start import Started, start

__all__ = ["Started", "start"]
