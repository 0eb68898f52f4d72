//! Time and memory: figures of the run and of its build.
//!
//! The run's come from its timeline, or from the journal where there is none; the build's from its
//! record, of which only what is known here is read. Sessions, and the attempts of a build, stand
//! one after the other.

use phi_protocol::{BuildPoint, BuildRecord};

use crate::report::drawing::{Anchor, Drawing, Ink, Mark};
use crate::report::figures::Figure;
use crate::report::plot::{Axis, Plot, label};
use crate::run::store::Contents;
use crate::run::timeline::Sample;

const WIDTH: f64 = 760.0;
const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_073_741_824.0;

/// The curve of one panel over time.
struct Course {
    label: &'static str,
    /// Seconds and values.
    points: Vec<(f64, f64)>,
}

/// Rows and memory over the time that the run took. Without rows and samples there is none.
pub fn course(contents: &Contents, samples: &[Sample]) -> Option<Figure> {
    let (courses, of_what) = if samples.is_empty() {
        (from_journal(contents), "the most memory used so far in each session")
    } else {
        (from_samples(samples), "the memory of the process, and what the machine could still give")
    };
    let n = contents.sessions.len();
    let sessions = if n == 1 { "one session".to_owned() } else { format!("{n} sessions") };
    let caption = format!(
        "The run over time ({sessions}, one after the other, pauses left out): rows finished, \
         {of_what}."
    );
    figure("course", "The run over time", caption, &courses)
}

fn from_samples(samples: &[Sample]) -> Vec<Course> {
    let mut samples: Vec<&Sample> = samples.iter().collect();
    // Runs merged from several have their sessions side by side.
    samples.sort_by(|a, b| a.session.cmp(&b.session).then(a.elapsed_ms.total_cmp(&b.elapsed_ms)));
    let times = one_after_the_other(samples.iter().map(|it| (it.session, it.elapsed_ms / 1e3)));
    let course = |label, value: &dyn Fn(&Sample) -> Option<f64>| Course {
        label,
        points: times.iter().zip(&samples).filter_map(|(x, it)| Some((*x, value(it)?))).collect(),
    };
    vec![
        course("rows finished", &|it| Some(it.rows_done as f64)),
        course("memory of the run (MiB)", &|it| it.memory_bytes.map(|it| it as f64 / MIB)),
        course("available memory (GiB)", &|it| it.available_bytes.map(|it| it as f64 / GIB)),
    ]
}

fn from_journal(contents: &Contents) -> Vec<Course> {
    let mut entries: Vec<_> = contents.session_of.iter().zip(&contents.entries).collect();
    entries.sort_by(|a, b| a.0.cmp(b.0).then(a.1.elapsed_ms.total_cmp(&b.1.elapsed_ms)));
    let times =
        one_after_the_other(entries.iter().map(|(session, it)| (**session, it.elapsed_ms / 1e3)));
    let rows = times.iter().enumerate().map(|(row, x)| (*x, (row + 1) as f64)).collect();
    let memory = times.iter().zip(&entries);
    let memory =
        memory.filter_map(|(x, (_, it))| Some((*x, it.peak_memory_bytes? as f64 / MIB))).collect();
    vec![
        Course { label: "rows finished", points: rows },
        Course { label: "peak memory (MiB)", points: memory },
    ]
}

/// Times of several sessions as times of one: each begins where the one before ended.
fn one_after_the_other(times: impl Iterator<Item = (usize, f64)>) -> Vec<f64> {
    let (mut before, mut last, mut session) = (0.0, 0.0, None);
    times
        .map(|(of, time)| {
            if session.replace(of).is_some_and(|it| it != of) {
                before = last;
            }
            last = before + time;
            last
        })
        .collect()
}

/// Memory and compilers over the time that the build took, if its record has a timeline.
pub fn build(record: &BuildRecord) -> Option<Figure> {
    let details = record.attempts.iter().flat_map(|it| &it.details);
    let points = details.enumerate().flat_map(|(part, it)| {
        let is_possible = |it: &&BuildPoint| is_possible(it.at_ms as f64);
        it.timeline.iter().filter(is_possible).map(move |it| (part, it))
    });
    let points: Vec<(usize, &BuildPoint)> = points.collect();
    let times = one_after_the_other(points.iter().map(|(part, it)| (*part, it.at_ms as f64 / 1e3)));
    let course = |label, value: &dyn Fn(&BuildPoint) -> f64, unit: f64| {
        let values = points.iter().map(|(_, it)| value(it));
        let points = times.iter().zip(values).filter(|(_, it)| is_possible(*it));
        Course { label, points: points.map(|(x, y)| (*x, y / unit)).collect() }
    };
    let courses = [
        course("compilers running", &|it| it.n_running.into(), 1.0),
        course("memory of the build (MiB)", &|it| it.build_bytes as f64, MIB),
        course("headroom (GiB)", &|it| it.headroom_bytes as f64, GIB),
    ];
    let caption = "The build over time: compilers running at once, the memory they held together, \
                   and what could still be given.";
    figure("build", "The build over time", caption.to_owned(), &courses)
}

/// A number of milliseconds or bytes that a build can have: the record comes from another program,
/// and a figure of what cannot be would show nothing.
fn is_possible(number: f64) -> bool {
    (0.0..=1e15).contains(&number)
}

/// Panels side by side on one axis of time; `None` if there is nothing to show.
fn figure(name: &'static str, title: &str, caption: String, courses: &[Course]) -> Option<Figure> {
    let times = courses.iter().flat_map(|it| it.points.iter().map(|(x, _)| *x));
    times.clone().next()?;
    let x = Axis::fitting("time (s)", times.chain([0.0]), false);
    let width = (WIDTH - 10.0) / courses.len() as f64;
    let mut marks = Vec::new();
    for (panel, Course { label: name, points }) in courses.iter().enumerate() {
        let left = panel as f64 * width;
        let area = [left + 66.0, 20.0, left + width - 8.0, 230.0];
        let y = Axis::fitting(name, points.iter().map(|it| it.1).chain([0.0]), false);
        let plot = Plot { area, x: x.clone(), y };
        marks.extend(plot.axes(""));
        if points.is_empty() {
            let middle = ((area[0] + area[2]) / 2.0, 125.0);
            marks.push(label(middle, "not known", 12.0, Anchor::Middle, Ink::Muted));
        }
        let points = points.iter().map(|(x, y)| plot.at(*x, *y)).collect();
        marks.push(Mark::Line { points, ink: Ink::Series(1), width: 2.0, dashed: false });
    }
    let drawing = Drawing { width: WIDTH, height: 280.0, title: title.to_owned(), marks };
    Some(Figure { name: name.to_owned(), caption, drawing, names_at: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{finish, suite, temporary};
    use crate::report::drawing::Theme;
    use crate::run::store::RunFolder;

    /// The lines of a figure's data, by panel.
    fn lines(figure: &Figure) -> Vec<Vec<(f64, f64)>> {
        let data = figure.drawing.marks.iter().filter_map(|mark| match mark {
            Mark::Line { points, ink: Ink::Series(1), .. } => Some(points.clone()),
            _ => None,
        });
        data.collect()
    }

    #[test]
    fn sessions_stand_one_after_the_other() {
        let times = [(1, 1.0), (1, 3.0), (2, 0.5), (2, 1.0), (3, 2.0)];
        assert_eq!(one_after_the_other(times.into_iter()), [1.0, 3.0, 3.5, 4.0, 6.0]);
    }

    #[test]
    fn a_run_is_drawn_from_its_timeline_or_else_from_its_journal() {
        let folder = temporary();
        let folder = folder.path().join("run");
        let mut run = RunFolder::open(&folder, &suite()).unwrap();
        assert!(course(run.contents(), &[]).is_none());
        finish(&mut run, &suite());
        let figure = course(run.contents(), &[]).unwrap();
        assert_eq!(lines(&figure)[0].len(), 4);
        let sample = |session, elapsed_ms, memory_bytes| Sample {
            session,
            elapsed_ms,
            rows_done: 1,
            memory_bytes,
            available_bytes: None,
        };
        let samples = [
            sample(2, 500.0, Some(3 << 20)),
            sample(1, 0.0, Some(1 << 20)),
            sample(1, 900.0, None),
        ];
        let figure = course(run.contents(), &samples).unwrap();
        let lines = lines(&figure);
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2, 0]);
        assert!(lines[0].is_sorted_by(|a, b| a.0 < b.0), "{lines:?}");
        let says_so = figure.drawing.svg_file(Theme::Light);
        assert!(says_so.contains("available memory (GiB)") && says_so.contains("not known"));
    }

    #[test]
    fn a_build_is_drawn_from_its_record() {
        let point = |at_ms: u64, bytes: u64| {
            serde_json::json!({"at_ms": at_ms, "build_bytes": bytes, "headroom_bytes": 0,
                "n_running": 2, "new": "field"})
        };
        let attempt = |details: serde_json::Value| {
            serde_json::json!({"strategy": "a", "commands": [], "outcome": "built", "seconds": 1.5,
                "peak_bytes": 1, "details": details})
        };
        let record = serde_json::json!({"version": 1, "reason": "it fits", "attempts": [
            attempt(serde_json::json!([{"timeline": [point(0, 0), point(1000, 1 << 20)]}])),
            attempt(serde_json::json!([])),
            attempt(serde_json::json!([{"timeline": [point(500, 2 << 20), point(u64::MAX, 1)]},
                {"timeline": []}])),
        ]});
        let figure = build(&serde_json::from_value(record).unwrap()).unwrap();
        let lines = lines(&figure);
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3]);
        assert!(lines[1].is_sorted_by(|a, b| a.0 < b.0 && a.1 > b.1), "{lines:?}");
        let attempts = [attempt(serde_json::json!([]))];
        let nothing = serde_json::json!({"version": 1, "reason": "", "attempts": attempts});
        assert!(build(&serde_json::from_value(nothing).unwrap()).is_none());
    }
}
