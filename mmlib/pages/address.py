"""The address of the page in the browser, kept in step with what the page shows."""

from __future__ import annotations

import os
from pathlib import Path

import anywidget
import traitlets


class Address(anywidget.AnyWidget):
    """Writes the query of the address on the dashboard; does nothing inside JupyterLab.

    Attributes:
        query: what stands behind the question mark.
    """

    _esm = (Path(__file__).parent / "front" / "address.js").read_text(encoding="utf-8")
    query = traitlets.Unicode("").tag(sync=True)


def on_dashboard() -> bool:
    """Say whether this kernel serves a page of the dashboard, rather than a notebook."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


def given_query() -> str:
    """Give the query with which the page was opened; empty inside a notebook."""
    return os.environ.get("QUERY_STRING", "") if on_dashboard() else ""
