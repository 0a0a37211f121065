"""Markdown that Dagster's web UI shows as metadata.

Belongs here: what several rooms put into such pages. Does not belong here: the pages.
"""

from __future__ import annotations

import base64


def embedded_picture(image: bytes, what: str) -> str:
    """A PNG within Markdown.

    Args:
        image: The file's content.
        what: Its name, for whoever cannot see it.
    """
    return f"![{what}](data:image/png;base64,{base64.b64encode(image).decode()})"
