"""SAP HANA's error numbers, as far as a replica meets them."""

from __future__ import annotations

GENERAL, AUTHENTICATION_FAILED, LOCK_TIMEOUT = 2, 10, 131
INVALID_TABLE, INVALID_COLUMN, TOO_LARGE, DUPLICATE_TABLE = 259, 260, 274, 288
INVALID_VIEW, INVALID_TYPE, INVALID_SCHEMA, DUPLICATE_SCHEMA = 321, 339, 362, 386


class EngineError(Exception):
    """A statement fails: number and text as SAP HANA gives them."""

    def __init__(self, number: int, text: str) -> None:
        """Keep both."""
        super().__init__(text)
        self.number = number
