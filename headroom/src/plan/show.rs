//! The display of checks, verdicts and plans.

use super::{
    Fit, Plan, Rung, Source,
    preflight::{Check, Preflight, Status},
    strategy::Strategy,
};
use crate::{
    console::{BOLD, CYAN, Console, GREEN, RED, YELLOW, table::table},
    escape::terminal,
    machine::resources::Resources,
    numbers::{bytes, duration},
};

/// The checks, one a line.
pub fn checks_shown(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let (style, word) = match check.status {
            Status::Pass => (GREEN, "pass"),
            Status::Warn => (YELLOW, "warn"),
            Status::Fail => (RED, "FAIL"),
        };
        let message = terminal(&check.message);
        text += &format!("{:<20} {style}{word}{style:#}  {message}\n", check.name);
        if let Some(hint) = &check.hint {
            text += &format!("{:<20}       hint: {}\n", "", terminal(hint));
        }
    }
    text
}

impl Preflight {
    /// Verdict on a build: it may start or not, and why.
    pub(crate) fn verdict(&self, plan: &Plan) -> String {
        let reason = terminal(&plan.reason);
        if self.ready {
            return format!("{GREEN}ready{GREEN:#}: {reason}\n");
        }
        let failed = self.checks.iter().filter(|it| it.status == Status::Fail);
        let failed: Vec<&str> = failed.map(|it| it.name).collect();
        format!("{RED}not ready{RED:#}: {} ({reason})\n", failed.join(", "))
    }

    /// For commands whose result is something else: what did not pass. `verdict` adds whether a
    /// build may start.
    pub(crate) fn say_briefly(&self, plan: &Plan, verdict: bool, console: &Console) {
        let passed = |it: &&Check| it.status == Status::Pass;
        let n_passed = self.checks.iter().filter(passed).count();
        let others: Vec<Check> = self.checks.iter().filter(|it| !passed(it)).cloned().collect();
        console.note(&format!("preflight: {n_passed} of {} checks pass", self.checks.len()));
        console.say(&checks_shown(&others));
        if !self.ready && verdict {
            console.say(&self.verdict(plan));
        }
    }
}

impl Plan {
    /// Every way to build with its figures, and what would be tried.
    pub(crate) fn shown(&self, resources: &Resources) -> String {
        let columns = [
            "option", "jobs", "peak", "need", "fits", "build", "run", "figures", "", "memory",
            "build", "run",
        ];
        // What a person has estimated for the program of the host says nothing of another one.
        let has_estimates = self.rungs.iter().any(|it| it.run_seconds.is_some());
        let n_columns = if has_estimates { columns.len() } else { 8 };
        let rows = self.rungs.iter().enumerate().map(|(index, it)| {
            let known = it.expected.source != Source::Prior;
            let mark = match self.order.iter().position(|rung| *rung == index) {
                Some(at) => format!(" {}.", at + 1),
                None => String::new(),
            };
            vec![
                format!("{}{mark}", it.strategy.name()),
                it.jobs.to_string(),
                if known { bytes(it.expected.peak_bytes) } else { "?".into() },
                if known { bytes(it.need_bytes) } else { "?".into() },
                match it.fit {
                    _ if !it.on_ladder => "by name".into(),
                    Fit::Fits => "yes".into(),
                    Fit::Guarded => "under guard".into(),
                    Fit::WithSwap => "with swap".into(),
                    Fit::No => "no".into(),
                },
                it.expected.build_seconds.map_or("?".into(), |it| duration(it.round() as u64)),
                match (it.run_seconds, it.strategy) {
                    (Some(seconds), _) => duration(seconds),
                    // The user's estimate for code that is not optimised.
                    (None, Strategy::B) => "10 x".into(),
                    (None, _) => "1 x".into(),
                },
                match it.expected.source {
                    Source::Measured => "measured",
                    Source::Compilers => "compilers",
                    Source::Shipped => "shipped",
                    Source::Derived => "derived",
                    Source::Prior if has_estimates => "estimate",
                    Source::Prior => "none yet",
                }
                .into(),
                "|".into(),
                it.prior.memory.into(),
                it.prior.build.into(),
                it.prior.run.into(),
            ]
        });
        let mut rows: Vec<Vec<String>> =
            [columns.map(String::from).to_vec()].into_iter().chain(rows).collect();
        rows.iter_mut().for_each(|it| it.truncate(n_columns));
        let right = match has_estimates {
            true => "left: for this workspace; right: the user's estimates for a larger tree; ",
            false => "",
        };
        let mut text = format!(
            "\n{BOLD}Ways to build{BOLD:#} ({right}on {} CPUs)\n{}",
            resources.n_cpus,
            table(&rows, &[1, 2, 3, 5, 6])
        );
        text += "d: pause or stop processes that you choose, then a. \"need\" is the peak with a \
            reserve\n\n";
        for rung in &self.rungs {
            let name = rung.strategy.name();
            let finding = terminal(&rung.finding);
            text += &format!("{name:<12} {}; {finding}\n", rung.strategy.description());
            for command in rung.commands() {
                text += &format!("{:<12} {CYAN}${CYAN:#} {}\n", "", terminal(&command));
            }
        }
        let order: Vec<&str> = self.ladder().map(|it| it.strategy.name()).collect();
        let order = if order.is_empty() { "nothing".into() } else { order.join(", then ") };
        text + &format!("\nwould try {BOLD}{order}{BOLD:#}: {}\n", terminal(&self.reason))
    }

    /// The next way to build is tried.
    pub(crate) fn say_step_down(&self, to: &Rung, price_hint: &str, console: &Console) {
        let (name, description) = (to.strategy.name(), to.strategy.description());
        console.note(&format!("next is option {name} ({description})"));
        self.say_price(to, price_hint, console);
    }

    /// Says how much longer the run takes after a slow build. `hint` is the alternative.
    pub(crate) fn say_price(&self, rung: &Rung, hint: &str, console: &Console) {
        if rung.strategy != Strategy::B {
            return;
        }
        let fastest = &self.rungs[0];
        let price = match (rung.slowdown(fastest), rung.run_seconds) {
            (Some(factor), Some(seconds)) => format!(
                "the run after a debug build takes about {} instead of {} ({factor:.1} times as \
                 long)",
                duration(seconds),
                duration(fastest.run_seconds.unwrap_or_default())
            ),
            _ => "a program built without optimisation runs several times slower".into(),
        };
        console.warning(&price, hint);
    }
}
