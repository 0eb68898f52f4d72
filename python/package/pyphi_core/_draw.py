"""Results as HTML and SVG for notebooks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any, Optional, Union

if TYPE_CHECKING:
    from . import iit3, iit4
    from ._network import Network

#: The longest table that a notebook shows.
MOST_ROWS = 64

#: The radius of a unit.
UNIT = 18.0


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
    return f"<p>{escape(sia._shown())}</p>{sia.to_svg()}{table(sia.ces._rows())}"


def system_html(sia: iit4.SystemIrreducibilityAnalysis) -> str:
    """φ_s of IIT 4.0 with the network."""
    return f"<p>{escape(sia._shown())}</p>{sia.to_svg()}"


def structure_html(structure: iit4.PhiStructure) -> str:
    """A Φ-structure with the network and the distinctions."""
    shown = f"<p>{escape(structure._shown())}</p>{structure.to_svg()}"
    return shown + table(structure.distinctions._rows())


def network_svg(
    network: Network,
    state: Optional[Iterable[int]],
    nodes: Optional[Iterable[int]],
    cut: Union[iit3.Cut, iit4.SystemPartition, None],
) -> str:
    """Units on a circle, filled if they are ON, in a dashed ring if they are outside the system; an
    arrow is a connection, dashed and struck through if the cut severs it. It needs no colours."""
    n = network.size
    on = set() if state is None else {it for it, value in enumerate(state) if value}
    inside = set(range(n)) if nodes is None else set(nodes)
    if cut is None:
        edges: set[tuple[int, int]] = set()
    elif hasattr(cut, "cut_edges"):
        edges = set(cut.cut_edges)
    else:
        edges = {(a, b) for a in cut.from_nodes for b in cut.to_nodes}
    radius = max(n * 3.6 * UNIT / math.tau, 60.0)
    middle = radius + 3.6 * UNIT
    side = 2 * middle

    def direction(unit: int) -> tuple[float, float]:
        angle = math.tau * unit / n - math.pi / 2
        return math.cos(angle), math.sin(angle)

    def at(unit: int) -> tuple[float, float]:
        x, y = direction(unit) if n > 1 else (0.0, 0.0)
        return middle + radius * x, middle + radius * y

    marks = []
    for source, row in enumerate(network.cm.tolist()):
        for target, connected in enumerate(row):
            if connected:
                marks.append(
                    _arrow(at(source), at(target), direction(source), (source, target) in edges)
                )
    for unit in range(n):
        x, y = at(unit)
        ink = "#222" if unit in inside else "#888"
        fill, text = (ink, "#fff") if unit in on else ("#fff", ink)
        name = network.labels((unit,))[0]
        words = escape(name)
        if state is not None:
            words += ": ON" if unit in on else ": OFF"
        marks.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{UNIT}" fill="{fill}" stroke="{ink}"'
            f' stroke-width="2"><title>{words}</title></circle>'
        )
        if unit not in inside:
            marks.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{UNIT + 4}" fill="none" stroke="{ink}"'
                ' stroke-dasharray="4 3"/>'
            )
        short = escape(name if len(name) <= 4 else name[:3] + "…")
        marks.append(
            f'<text x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="middle" font-size="13"'
            f' fill="{text}">{short}</text>'
        )
    inner = "".join(marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side:.0f} {side:.0f}"'
        f' width="{min(side, 480):.0f}" role="img" font-family="sans-serif">'
        f"<title>{escape(repr(network))}</title>{inner}</svg>"
    )


def _arrow(
    a: tuple[float, float], b: tuple[float, float], out: tuple[float, float], severed: bool
) -> str:
    if a == b:
        # A loop outside the circle.
        x, y = a[0] + 1.7 * UNIT * out[0], a[1] + 1.7 * UNIT * out[1]
        turn = math.atan2(-out[1], -out[0])
        angles = [turn + 0.75 + (math.tau - 1.5) * it / 24 for it in range(25)]
        points = [(x + UNIT * math.cos(it), y + UNIT * math.sin(it)) for it in angles]
    else:
        # Bent to the right of its way, so that the way back does not cover it.
        dx, dy = b[0] - a[0], b[1] - a[1]
        mx, my = (a[0] + b[0]) / 2 - 0.1 * dy, (a[1] + b[1]) / 2 + 0.1 * dx
        ts = [it / 40 for it in range(41)]
        points = [
            (
                (1 - t) ** 2 * a[0] + 2 * t * (1 - t) * mx + t * t * b[0],
                (1 - t) ** 2 * a[1] + 2 * t * (1 - t) * my + t * t * b[1],
            )
            for t in ts
        ]
        points = [
            it for it in points if math.dist(it, a) > UNIT + 2 and math.dist(it, b) > UNIT + 3
        ]
    if len(points) < 2:
        return ""
    ink, dash = ("#c33", ' stroke-dasharray="5 4"') if severed else ("#666", "")
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    (px, py), (tx, ty) = points[-2:]
    length = math.dist((px, py), (tx, ty)) or 1.0
    ux, uy = (tx - px) / length, (ty - py) / length
    head = " ".join(
        f"{x:.1f},{y:.1f}"
        for x, y in (
            (tx, ty),
            (tx - 9 * ux + 4 * uy, ty - 9 * uy - 4 * ux),
            (tx - 9 * ux - 4 * uy, ty - 9 * uy + 4 * ux),
        )
    )
    drawn = (
        f'<polyline points="{line}" fill="none" stroke="{ink}" stroke-width="1.6"{dash}/>'
        f'<polygon points="{head}" fill="{ink}"/>'
    )
    if severed:
        (ax, ay), (bx, by) = points[len(points) // 2 - 1], points[len(points) // 2]
        length = math.dist((ax, ay), (bx, by)) or 1.0
        ux, uy = (bx - ax) / length, (by - ay) / length
        drawn += (
            f'<line x1="{bx - 7 * uy:.1f}" y1="{by + 7 * ux:.1f}" x2="{bx + 7 * uy:.1f}"'
            f' y2="{by - 7 * ux:.1f}" stroke="{ink}" stroke-width="2.5"/>'
        )
    return drawn
