//! Outlines that several drawings share.

use std::f64::consts::TAU;

use crate::report::drawing::distance;

/// A place on a drawing.
pub(super) type At = (f64, f64);

/// A circle, which ends where it began.
pub(super) fn ring((x, y): At, radius: f64) -> Vec<At> {
    let angles = (0..=48).map(|k| TAU * f64::from(k) / 48.0);
    angles.map(|it| (x + radius * it.cos(), y + radius * it.sin())).collect()
}

/// A bow from one circle to another, bent to the right of its way by this part of it, so that the
/// way back does not cover it. It begins and ends so far from their middles.
pub(super) fn bow((x0, y0): At, (x1, y1): At, bend: f64, [leaves, arrives]: [f64; 2]) -> Vec<At> {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let (mx, my) = ((x0 + x1) / 2.0 - bend * dy, (y0 + y1) / 2.0 + bend * dx);
    let points = (0..=40).map(|k| f64::from(k) / 40.0).map(|t| {
        let (a, b, c) = ((1.0 - t).powi(2), 2.0 * t * (1.0 - t), t * t);
        (a * x0 + b * mx + c * x1, a * y0 + b * my + c * y1)
    });
    let outside = |it: &At| distance(*it, (x0, y0)) > leaves && distance(*it, (x1, y1)) > arrives;
    points.filter(outside).collect()
}

/// The direction from one place to another, of length 1.
pub(super) fn along(from: At, to: At) -> At {
    let length = distance(from, to).max(1e-9);
    ((to.0 - from.0) / length, (to.1 - from.1) / length)
}

/// The head of an arrow that comes from `before`: so long, and so wide on either side.
pub(super) fn head(before: At, tip: At, long: f64, half: f64) -> Vec<At> {
    let (ux, uy) = along(before, tip);
    let back = (tip.0 - long * ux, tip.1 - long * uy);
    vec![tip, (back.0 + half * uy, back.1 - half * ux), (back.0 - half * uy, back.1 + half * ux)]
}

/// The corners of the smallest convex outline around points, in order (Andrew's monotone chain).
pub(super) fn convex(mut points: Vec<At>) -> Vec<At> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let half = |points: &mut dyn Iterator<Item = At>| {
        let mut chain: Vec<At> = Vec::new();
        for point in points {
            while let [.., a, b] = chain[..] {
                let turn = (b.0 - a.0) * (point.1 - a.1) - (b.1 - a.1) * (point.0 - a.0);
                if turn > 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        chain.pop();
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hull_is_around_all_points_and_has_no_other() {
        let corners = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)];
        let with_inner = corners.into_iter().chain([(5.0, 5.0), (5.0, 0.0), (10.0, 5.0)]);
        let mut hull = convex(with_inner.collect());
        hull.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        assert_eq!(hull, [(0.0, 0.0), (0.0, 10.0), (10.0, 0.0), (10.0, 10.0)]);
    }
}
