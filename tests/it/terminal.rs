use std::process::Command;

use crate::program::Place;

const STUDY: &str = "--topologies Dense,Star --sizes 6,7 --seeds 42 --jobs 1";
/// A second or so: long enough to be drawn.
const LONG_STUDY: &str = "--topologies Star,Random --sizes 6 --seeds 1,5 --jobs 1";

/// Returns the program's output on a terminal of that many columns, or `None` without a program
/// that makes one.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn on_a_terminal(
    place: &Place,
    environment: &str,
    columns: usize,
    arguments: &str,
) -> Option<String> {
    if !Command::new("script").arg("--version").output().is_ok_and(|it| it.status.success()) {
        eprintln!("skipped: util-linux's script, which makes a terminal, is not installed");
        return None;
    }
    let program = place.command("").get_program().to_owned();
    let program = program.to_str().unwrap();
    let inner = format!("stty cols {columns} rows 24; {environment} {program} {arguments}");
    let mut script = Command::new("script");
    script.args(["-qec", &inner, "/dev/null"]).current_dir(place.path("."));
    script.env_remove("CI").env_remove("NO_COLOR").env("TERM", "xterm-256color");
    let output = script.stdin(std::process::Stdio::null()).output().unwrap();
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The longest line of letters that was drawn, without what moves and colours.
fn longest_line(written: &str) -> usize {
    let mut plain = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once(|it: char| it.is_ascii_alphabetic()).map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    let drawn = plain.split(['\n', '\r']).filter(|it| it.contains('█') || it.contains("rows ·"));
    drawn.map(|it| it.chars().count()).max().unwrap_or(0)
}

#[test]
fn a_terminal_has_a_view_that_fits() {
    let place = Place::new();
    for columns in [60, 200] {
        let arguments = format!("{LONG_STUDY} --run at-{columns}");
        let Some(written) = on_a_terminal(&place, "", columns, &arguments) else { return };
        let longest = longest_line(&written);
        assert!((50..=columns).contains(&longest), "{longest} of {columns}\n{written}");
        assert!(written.contains("\u{1b}[2K") && written.contains("\u{1b}[36m"), "{written}");
        assert!(written.contains("last rows") && written.contains("memory  "), "{written}");
        // Nothing of it is left at the end, and the result follows.
        let end = written.rsplit("\u{1b}[2K").next().unwrap();
        assert!(!end.contains('█') && end.contains("everything in runs/"), "{end}");
    }
}

#[test]
fn colours_and_the_view_can_be_declined() {
    let place = Place::new();
    let run = |study: &str, name: &str, environment: &str, flag: &str| {
        on_a_terminal(&place, environment, 80, &format!("{study} --run {name} {flag}"))
    };
    let Some(plain) = run(LONG_STUDY, "plain", "NO_COLOR=1", "") else { return };
    assert!(plain.contains("\u{1b}[2K") && plain.contains('█'), "{plain}");
    assert!(!plain.contains("\u{1b}[36m") && !plain.contains("\u{1b}[2m"), "{plain}");
    for (name, environment, flag) in
        [("quiet", "", "--quiet"), ("ci", "CI=true", ""), ("dumb", "TERM=dumb", "")]
    {
        let written = run(STUDY, name, environment, flag).unwrap();
        assert!(!written.contains('\u{1b}') && !written.contains('█'), "{name}: {written}");
        assert!(written.contains("Verdict: "), "{name}: {written}");
    }
}

#[test]
fn concepts_fit_narrow_terminals() {
    let place = Place::new();
    place.write("net.json", crate::own_network::or_and_xor().to_string());
    let phi = |columns| on_a_terminal(&place, "", columns, "phi --network net.json");
    let (Some(narrow), Some(wide)) = (phi(60), phi(120)) else { return };
    let longest = |text: &str| {
        let concepts = text.lines().filter(|it| it.contains('×'));
        concepts.map(|it| it.trim_end().chars().count()).max().unwrap()
    };
    assert!(longest(&narrow) <= 60, "{narrow}");
    assert!((61..=120).contains(&longest(&wide)), "{wide}");
    assert!(narrow.contains("  cause  {A,B,C}  φ 0.500000  ∅/{C} × {A,B,C}/{A,B}"), "{narrow}");
    let concepts = |text: &str| text.matches('×').count();
    assert_eq!(concepts(&narrow), concepts(&wide));
}

#[test]
fn a_log_has_lines_only() {
    let place = Place::new();
    let finished = place.run(STUDY).succeeded();
    assert!(!finished.stderr.contains('\u{1b}') && !finished.stderr.contains('\r'));
    let first = "4 comparisons, 4 exact problems; 0 rows are done\n";
    assert!(finished.stderr.starts_with(first), "{}", finished.stderr);
}
