"""Sources of records through Ibis: read, validated, nothing dropped unseen."""

from evalkit.records.source import Records, Rejected, open_records

__all__ = ["Records", "Rejected", "open_records"]
