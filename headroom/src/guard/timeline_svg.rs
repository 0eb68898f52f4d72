//! The record as a figure: memory over time, and below it which compiler ran when. An SVG that
//! stands by itself.
//!
//! Time runs to the right; both parts share it. Text and lines follow the reader's colour scheme.

use std::fmt::{self, Write as _};

use super::{
    guard_record::{CompilerRun, GuardRecord, RunEnd},
    policy::Millis,
};
use crate::{build_ledger::UnitKind, escape::xml, numbers::bytes};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 20.0;
const MEMORY_HEIGHT: f64 = 180.0;
const LANE: f64 = 14.0;
/// Compilers that have a lane: the longest ones.
const N_LANES: usize = 40;

const STYLE: &str = "<style>text{font:11px system-ui,sans-serif;fill:#222}\
    .t{font-weight:600;font-size:13px}.a{stroke:#888;fill:none}\
    .free{fill:#d9d9d9}.build{fill:#4477aa}.other{fill:#bbccdd}\
    .floor{stroke:#aa3344;stroke-dasharray:4 3}.wait{fill:#cccccc}\
    .succeeded{fill:#4477aa}.failed{fill:#aa3344}.evicted{fill:#dd8833}.killed{fill:#aa3344}\
    .abandoned{fill:#999933}\
    @media(prefers-color-scheme:dark){text{fill:#ddd}.wait{fill:#555}.other{fill:#445566}}</style>";

/// Draws records, one below the other, each under its title.
pub(crate) fn draw(parts: &[(String, &GuardRecord)]) -> String {
    let mut svg = String::new();
    let mut y = 10.0;
    for (title, record) in parts {
        // Writing into a String does not fail.
        y = draw_one(&mut svg, title, record, y).unwrap_or(y);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" role=\"img\" \
         aria-label=\"Memory and compilers over time\">{STYLE}{svg}</svg>\n"
    )
}

fn draw_one(
    svg: &mut String,
    title: &str,
    record: &GuardRecord,
    top: f64,
) -> Result<f64, fmt::Error> {
    let details = &record.details;
    let last = |it: Option<Millis>| it.unwrap_or(0);
    let end = last(details.timeline.last().map(|it| it.at_ms))
        .max(last(details.runs.iter().map(|it| it.ended_ms).max()))
        .max(1);
    let x = |at: Millis| LEFT + (WIDTH - LEFT - RIGHT) * at as f64 / end as f64;
    let room = record.room_bytes.max(1);
    // Of a machine with much room only what the build comes near to.
    let used = |headroom: u64| room.saturating_sub(headroom);
    let used_most = details.timeline.iter().map(|it| used(it.headroom_bytes)).max().unwrap_or(0);
    let build_most = details.timeline.iter().map(|it| it.build_bytes).max().unwrap_or(0);
    let most = used_most.max(build_most).max(1);
    let shown = if most > room / 2 { room.max(most) } else { most + most / 4 };
    let base = top + 30.0 + MEMORY_HEIGHT;
    let y = |n: u64| base - MEMORY_HEIGHT * n.min(shown) as f64 / shown as f64;

    let (peak, floor) = (bytes(record.peak_bytes), bytes(record.floor_bytes));
    writeln!(
        svg,
        "<text class=\"t\" x=\"{LEFT}\" y=\"{:.1}\">{}: {} at the start, peak of the build \
         {peak}, kept free {floor}, {} stopped, {} ended for room</text>",
        top + 14.0,
        xml(title),
        bytes(record.room_bytes),
        record.n_suspensions,
        record.n_evictions
    )?;
    let area = |svg: &mut String, class: &str, value: &dyn Fn(usize) -> u64| {
        write!(svg, "<path class=\"{class}\" d=\"M{LEFT} {base}")?;
        for (index, point) in details.timeline.iter().enumerate() {
            let next = details.timeline.get(index + 1).map_or(end, |it| it.at_ms);
            let height = y(value(index));
            write!(svg, "L{:.1} {height:.1}L{:.1} {height:.1}", x(point.at_ms), x(next))?;
        }
        writeln!(svg, "L{:.1} {base}Z\"/>", x(end))
    };
    area(svg, "other", &|it| used(details.timeline[it].headroom_bytes))?;
    area(svg, "build", &|it| details.timeline[it].build_bytes)?;
    if room <= shown {
        let line = y(room.saturating_sub(record.floor_bytes));
        writeln!(svg, "<path class=\"a floor\" d=\"M{LEFT} {line:.1}H{:.1}\"/>", x(end))?;
    }
    writeln!(svg, "<path class=\"a\" d=\"M{LEFT} {:.1}V{base}H{:.1}\"/>", y(shown), x(end))?;
    for part in [0, 1, 2] {
        let n = shown / 2 * part;
        let at = y(n) + 4.0;
        writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{at:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            bytes(n)
        )?;
        let at = end / 2 * part;
        let seconds = at as f64 / 1000.0;
        let below = base + 14.0;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">{seconds:.1} s</text>",
            x(at)
        )?;
    }

    let mut lanes: Vec<&CompilerRun> = details.runs.iter().collect();
    lanes.sort_by_key(|it| std::cmp::Reverse(it.ended_ms - it.asked_ms));
    lanes.truncate(N_LANES);
    lanes.sort_by_key(|it| (it.asked_ms, it.started_ms));
    let mut lane = base + 24.0;
    for run in lanes {
        let bar = |class: &str, from: Millis, to: Millis| {
            let width = (x(to) - x(from)).max(0.5);
            format!(
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{lane:.1}\" width=\"{width:.1}\" \
                height=\"{:.1}\"/>",
                x(from),
                LANE - 4.0
            )
        };
        let class = match run.end {
            RunEnd::Succeeded => "succeeded",
            RunEnd::Failed => "failed",
            RunEnd::Evicted => "evicted",
            RunEnd::KernelKilled => "killed",
            RunEnd::Abandoned => "abandoned",
            RunEnd::NotTold => "its end was not told",
        };
        if run.started_ms > run.asked_ms {
            svg.push_str(&bar("wait", run.asked_ms, run.started_ms));
        }
        svg.push_str(&bar(class, run.started_ms, run.ended_ms));
        let text = format!("{} {}", shown_name(run), bytes(run.peak_bytes));
        // Beside the bar, on the side where there is room.
        let (at, anchor) = if x(run.ended_ms) < WIDTH * 0.75 {
            (x(run.ended_ms) + 4.0, "start")
        } else {
            (x(run.asked_ms) - 4.0, "end")
        };
        let below = lane + LANE - 5.0;
        writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{below:.1}\" text-anchor=\"{anchor}\">{}</text>",
            xml(&text)
        )?;
        lane += LANE;
    }
    Ok(lane + 20.0)
}

fn shown_name(run: &CompilerRun) -> String {
    match run.kind {
        UnitKind::BuildScriptCompile => format!("{} (build script)", run.package),
        UnitKind::Run => format!("{} (running)", run.crate_name),
        _ => run.crate_name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::guard_record::Point;

    fn run(
        name: &str,
        asked_ms: Millis,
        started_ms: Millis,
        ended_ms: Millis,
        end: RunEnd,
    ) -> CompilerRun {
        CompilerRun {
            package: name.into(),
            version: "1.0.0".into(),
            crate_name: name.into(),
            kind: UnitKind::Lib,
            asked_ms,
            started_ms,
            ended_ms,
            peak_bytes: 100 << 20,
            end,
        }
    }

    #[test]
    fn every_compiler_has_a_bar_where_it_waited_and_where_it_ran() {
        let mut record =
            GuardRecord { room_bytes: 300 << 20, floor_bytes: 10 << 20, ..GuardRecord::default() };
        record.details.timeline = (0..10)
            .map(|it| Point {
                at_ms: it * 100,
                headroom_bytes: (300 - 20 * it) << 20,
                build_bytes: (20 * it) << 20,
                swap_headroom_bytes: 0,
                pressure: 0.0,
                n_running: 1,
                n_suspended: 0,
                n_waiting: 0,
            })
            .collect();
        record.details.runs = vec![
            run("a<b", 0, 0, 500, RunEnd::Evicted),
            run("a<b", 500, 700, 1000, RunEnd::Succeeded),
        ];
        let svg = draw(&[("full & more".into(), &record)]);
        assert!(svg.starts_with("<svg xmlns") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("full &amp; more") && svg.contains("a&lt;b") && !svg.contains("a<b"));
        let bars: Vec<(&str, f64, f64)> = svg
            .split("<rect class=\"")
            .skip(1)
            .map(|it| {
                let number = |name: &str| {
                    let rest = &it[it.find(name).unwrap() + name.len()..];
                    rest[..rest.find('"').unwrap()].parse::<f64>().unwrap()
                };
                (&it[..it.find('"').unwrap()], number(" x=\""), number("width=\""))
            })
            .collect();
        // 850 pixels for a second.
        let expected =
            [("evicted", 90.0, 425.0), ("wait", 515.0, 170.0), ("succeeded", 685.0, 255.0)];
        assert_eq!(bars, expected);
    }

    #[test]
    fn nothing_to_draw_is_drawn_as_nothing() {
        assert!(draw(&[]).starts_with("<svg"));
        let svg = draw(&[("a".into(), &GuardRecord::default())]);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
