"""Results as HTML for notebooks."""

from __future__ import annotations

from typing import Any, Optional

from ._engine import html as escape
from ._pictures import inline

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


def system(said: str, svg: str, rows: Optional[list[dict[str, Any]]]) -> str:
    """An analysis of a system, with its network and the table of what it has, if it has one."""
    shown = f"<p>{escape(said)}</p>{inline(svg)}"
    return shown if rows is None else shown + table(rows)
