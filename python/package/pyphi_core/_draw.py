"""Results as HTML for notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from ._pictures import inline

if TYPE_CHECKING:
    from . import iit3, iit4

#: The longest table that a notebook shows.
MOST_ROWS = 64


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as a table."""
    if not rows:
        return "<p>none</p>"

    def cell(value: Any) -> str:
        return escape(f"{value:.6g}" if isinstance(value, float) else str(value))

    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{cell(it)}</td>" for it in row.values()) + "</tr>"
        for row in rows[:MOST_ROWS]
    )
    more = f"<p>… and {len(rows) - MOST_ROWS} more</p>" if len(rows) > MOST_ROWS else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def sia_html(sia: iit3.SystemIrreducibilityAnalysis) -> str:
    """Φ of IIT 3.0 with the network and the concepts."""
    return f"<p>{escape(sia._shown())}</p>{inline(sia.to_svg())}{table(sia.ces._rows())}"


def system_html(sia: iit4.SystemIrreducibilityAnalysis) -> str:
    """φ_s of IIT 4.0 with the network."""
    return f"<p>{escape(sia._shown())}</p>{inline(sia.to_svg())}"


def structure_html(structure: iit4.PhiStructure) -> str:
    """A Φ-structure with the network and the distinctions."""
    shown = f"<p>{escape(structure._shown())}</p>{inline(structure.to_svg())}"
    return shown + table(structure.distinctions._rows())
