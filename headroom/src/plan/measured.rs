//! The cost of building and running one program, measured once and shipped with it.
//!
//! These figures are second to the ledger, and never used for another program.

use crate::{
    numbers::{as_f64, round, times},
    plan::strategy::Strategy,
};

/// The factor by which figures measured here may be exceeded elsewhere: another machine, linker and
/// rustc shift them.
pub(crate) const SAFETY: f64 = 1.5;

/// The cost of one strategy.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Peak of the whole process tree with one job, MiB of its own pages.
    pub peak_mib: u32,
    /// Time from an empty target folder with one job.
    pub build_seconds: u32,
    /// CPU time of the program's usual run.
    pub run_cpu_seconds: u32,
}

/// The effect of more than one job.
#[derive(Clone, Copy, Debug)]
pub struct Parallel {
    /// The memory that every further job adds to the peak.
    pub further_job_mib: u32,
    /// The peak at which it stops growing: the dependency graph is only so wide.
    pub most_mib: u32,
    /// Build time with two jobs on two CPUs.
    pub two_jobs_seconds: u32,
}

/// The figures of a program.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// A plain release build, with as many jobs as there are CPUs, is this and `parallel`.
    pub a: Figure,
    /// One job without LTO.
    pub no_lto: Figure,
    /// The library first.
    pub c: Figure,
    /// The debug build.
    pub b: Figure,
    /// More than one job.
    pub parallel: Parallel,
    /// Size of the target folder after the largest of the builds.
    pub target_mib: u32,
}

impl Figures {
    /// The disk space by which the target folder may grow.
    pub(crate) fn disk_bytes(&self) -> u64 {
        times(u64::from(self.target_mib) << 20, SAFETY)
    }

    pub(crate) fn of(&self, strategy: Strategy) -> &Figure {
        match strategy {
            Strategy::Full | Strategy::Fewer | Strategy::A => &self.a,
            Strategy::NoLto | Strategy::NoDebuginfo => &self.no_lto,
            Strategy::C => &self.c,
            Strategy::B => &self.b,
        }
    }

    pub(crate) fn peak_bytes(&self, strategy: Strategy, jobs: usize) -> u64 {
        let one = u64::from(self.of(strategy).peak_mib);
        let further = u64::try_from(jobs - 1).unwrap_or(u64::MAX);
        let sum =
            u64::from(self.parallel.further_job_mib).saturating_mul(further).saturating_add(one);
        sum.min(u64::from(self.parallel.most_mib).max(one)) << 20
    }

    /// Amdahl's law through the times with one and with two jobs.
    pub(crate) fn build_seconds(&self, strategy: Strategy, jobs: usize) -> f64 {
        let one = f64::from(self.of(strategy).build_seconds);
        let serial = (2.0 * f64::from(self.parallel.two_jobs_seconds) - one).max(0.0);
        if jobs == 1 { one } else { serial + (one - serial) / as_f64(jobs) }
    }

    /// The parts of a run share nothing, so they divide among the CPUs.
    pub(crate) fn run_seconds(&self, strategy: Strategy, n_cpus: usize) -> u64 {
        round(f64::from(self.of(strategy).run_cpu_seconds) / as_f64(n_cpus))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Figures of a real program, with a graph of 64 packages.
    pub(crate) const STUDY_FIGURES: Figures = Figures {
        a: Figure { peak_mib: 458, build_seconds: 88, run_cpu_seconds: 13 },
        no_lto: Figure { peak_mib: 460, build_seconds: 80, run_cpu_seconds: 15 },
        c: Figure { peak_mib: 453, build_seconds: 97, run_cpu_seconds: 13 },
        b: Figure { peak_mib: 432, build_seconds: 81, run_cpu_seconds: 16 },
        parallel: Parallel { further_job_mib: 116, most_mib: 1079, two_jobs_seconds: 54 },
        target_mib: 315,
    };

    /// Made-up figures, round so that the tests can be read: 400 MiB for one job, 100 for each
    /// further one.
    pub(crate) fn figures() -> Figures {
        let figure = |peak_mib| Figure { peak_mib, build_seconds: 100, run_cpu_seconds: 1000 };
        Figures {
            a: figure(400),
            no_lto: figure(350),
            c: figure(400),
            b: Figure { run_cpu_seconds: 3000, ..figure(300) },
            parallel: Parallel { further_job_mib: 100, most_mib: 2000, two_jobs_seconds: 60 },
            target_mib: 200,
        }
    }

    #[test]
    fn expected_times_follow_jobs_and_cpus() {
        let figures = figures();
        // 100 s with one job and 60 with two: 20 s cannot be divided.
        for (jobs, expected) in [(1, 100.0), (2, 60.0), (8, 30.0)] {
            assert_eq!(figures.build_seconds(Strategy::Full, jobs), expected);
        }
        assert_eq!(figures.run_seconds(Strategy::Full, 8), 125);
        assert_eq!(figures.run_seconds(Strategy::B, 8), 375);
        assert_eq!(figures.peak_bytes(Strategy::Full, 4), 700 << 20);
        assert_eq!(figures.peak_bytes(Strategy::Full, 32), 2000 << 20);
    }
}
