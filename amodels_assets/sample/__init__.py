"""The synthetic SGMI source directory: invented bank, invented warehouse, known truth.

Belongs here: generating dumps, job exports, scripts and rows together with what a perfect reader
or model would find in them. Does not belong here: reading any of it back (room ``sgmi``), or
anything about Dagster. Public: :func:`write_sample` and :class:`SampleSummary`.
"""

from __future__ import annotations

from amodels_assets.sample.profiles import Profile
from amodels_assets.sample.writer import SampleError, SampleSummary, write_sample

__all__ = ["Profile", "SampleError", "SampleSummary", "write_sample"]
