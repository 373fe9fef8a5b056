"""Sources of records through Ibis: read, validated, nothing dropped unseen."""

from evalkit.records.opening import open_records
from evalkit.records.source import Records, Rejected

__all__ = ["Records", "Rejected", "open_records"]
