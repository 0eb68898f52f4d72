//! Macro systems of IIT 3.0 straight from their definition: slow, short, and meant to be read
//! beside Marshall, Albantakis, Tononi 2018. Concepts and distances are those of the slow reference
//! for IIT 3.0.

use crate::oracle::{Mask, System, TOLERANCE, Ties, elements, mean, size};

/// A grain of a network in its state. All masks are of units of the network, and all of these are
/// in the system but for `background`.
#[derive(Clone, Debug)]
pub(crate) struct Grain {
    pub(crate) tpm: Vec<Vec<f64>>,
    pub(crate) cm: Vec<Vec<u8>>,
    pub(crate) state: Vec<u8>,
    pub(crate) units: Mask,
    pub(crate) time_scale: u32,
    /// Boxes and their outputs.
    pub(crate) boxes: Option<(Vec<Mask>, Mask)>,
    /// Groups, each with the numbers of ON units for which it is OFF.
    pub(crate) groups: Option<Vec<(Mask, Vec<usize>)>>,
}

/// The connections from some units to others that are severed.
type Cut = (Mask, Mask);

/// P(ON) of the units of the system by the state of the network: only the units of the system
/// matter.
type Columns = Vec<Vec<f64>>;

impl Grain {
    fn n_states(&self) -> usize {
        self.tpm.len()
    }

    fn now(&self) -> Mask {
        self.state.iter().enumerate().map(|(i, &on)| usize::from(on) << i).sum()
    }

    /// Averages a function of the state over units.
    fn averaged(&self, of: &[f64], over: Mask) -> Vec<f64> {
        let all = 0..self.n_states();
        let same = |s: Mask| mean(all.clone().filter(|t| (s ^ t) & !over == 0).map(|t| of[t]));
        all.clone().map(same).collect()
    }

    fn connects(&self, from: usize, to: usize, cut: Cut) -> bool {
        let is_severed = cut.0 >> from & 1 == 1 && cut.1 >> to & 1 == 1;
        self.cm[from][to] == 1 && !is_severed
    }

    /// Returns the dynamics of the micro units: the background as it is, severed connections
    /// averaged over.
    fn micro(&self, cut: Cut) -> Columns {
        let background = (self.n_states() - 1) & !self.units;
        let column = |j: usize| {
            let at = |s: Mask| self.tpm[s & self.units | self.now() & background][j];
            let column: Vec<f64> = (0..self.n_states()).map(at).collect();
            let unheard = elements(self.units).filter(|&i| !self.connects(i, j, cut));
            self.averaged(&column, unheard.map(|i| 1 << i).sum())
        };
        (0..self.cm.len()).map(column).collect()
    }

    /// By state of the units of a set (and any of the others): the distribution over the next ones.
    fn matrix(&self, columns: &Columns) -> Vec<Vec<f64>> {
        let p = |s: Mask, t: Mask| -> f64 {
            let unit = |j: usize| match t >> j & 1 {
                1 => columns[j][s],
                _ => 1.0 - columns[j][s],
            };
            elements(self.units).map(unit).product()
        };
        let states = self.states();
        states.iter().map(|&s| states.iter().map(|&t| p(s, t)).collect()).collect()
    }

    /// The states of the system, the others as they are.
    fn states(&self) -> Vec<Mask> {
        let background = self.now() & !self.units;
        (0..self.n_states()).filter(|s| s & !self.units == background).collect()
    }

    /// The macro system; `None` if its units depend on each other given the past and it is not cut,
    /// or its state is unreachable.
    fn system(&self, cut: Option<Cut>) -> Option<System> {
        let severed = cut.unwrap_or((0, 0));
        let mut columns = self.micro(severed);
        let states = self.states();
        let mut seen = self.units;
        let mut cm: Option<Vec<Vec<u8>>> = None;
        if let Some((boxes, outputs)) = &self.boxes {
            let box_of = |j: usize| *boxes.iter().find(|it| *it >> j & 1 == 1).unwrap();
            for j in elements(self.units) {
                columns[j] = self.averaged(&columns[j], self.units & !outputs & !box_of(j));
            }
            let mut later = columns.clone();
            for j in elements(self.units) {
                later[j] = self.averaged(&later[j], outputs & !box_of(j));
            }
            let (mut all, one) = (self.matrix(&columns), self.matrix(&later));
            for _ in 1..self.time_scale {
                let cell = |row: &Vec<f64>, t: usize| -> f64 {
                    row.iter().zip(&one).map(|(p, then)| p * then[t]).sum()
                };
                let n = states.len();
                all = all.iter().map(|row| (0..n).map(|t| cell(row, t)).collect()).collect();
            }
            for j in elements(self.units) {
                let on = |s: usize| -> f64 {
                    let is_on = |it: &(usize, &f64)| states[it.0] >> j & 1 == 1;
                    all[s].iter().enumerate().filter(is_on).map(|it| it.1).sum()
                };
                states.iter().enumerate().for_each(|(at, &s)| columns[j][s] = on(at));
                let hidden = self.units & !outputs;
                columns[j] = self.averaged_in_system(&columns[j], hidden);
            }
            seen = *outputs;
            let connected = |from: usize, to: usize| {
                let units = elements(box_of(to));
                u8::from({ units }.any(|unit| self.connects(from, unit, severed)))
            };
            let outputs: Vec<usize> = elements(seen).collect();
            let row = |&from: &usize| outputs.iter().map(|&to| connected(from, to)).collect();
            cm = Some(outputs.iter().map(row).collect());
        }
        let units: Vec<usize> = elements(seen).collect();
        let now = |j: &usize| self.state[*j];
        let Some(groups) = &self.groups else {
            let of_units = |from: &usize| {
                let connects = |to: &usize| u8::from(self.connects(*from, *to, severed));
                units.iter().map(connects).collect()
            };
            let cm = cm.unwrap_or_else(|| units.iter().map(of_units).collect());
            let state: Vec<u8> = units.iter().map(now).collect();
            let row = |s: usize| {
                let placed = (0..units.len()).filter(|k| s >> k & 1 == 1).map(|k| 1 << units[k]);
                let at = placed.sum::<Mask>() | self.now() & !self.units;
                units.iter().map(|&j| columns[j][at]).collect()
            };
            let tpm: Vec<Vec<f64>> = (0..1usize << units.len()).map(row).collect();
            return System::new(&tpm, &cm, &state, &(0..units.len()).collect::<Vec<_>>());
        };
        let macro_state = |s: Mask| -> usize {
            let on = |(k, (units, off)): (usize, &(Mask, Vec<usize>))| {
                usize::from(!off.contains(&size(s & units))) << k
            };
            groups.iter().enumerate().map(on).sum()
        };
        // States of what is seen, hidden units being as they are: nothing depends on them.
        let of_seen: Vec<Mask> =
            states.iter().copied().filter(|s| (s ^ self.now()) & self.units & !seen == 0).collect();
        let n = 1usize << groups.len();
        let (mut sums, mut counts) = (vec![vec![0.0; n]; n], vec![0.0; n]);
        for &s in &of_seen {
            counts[macro_state(s)] += 1.0;
            for &t in &of_seen {
                let unit = |&j: &usize| match t >> j & 1 {
                    1 => columns[j][s],
                    _ => 1.0 - columns[j][s],
                };
                sums[macro_state(s)][macro_state(t)] += units.iter().map(unit).product::<f64>();
            }
        }
        for (row, count) in sums.iter_mut().zip(&counts) {
            row.iter_mut().for_each(|p| *p /= count);
        }
        let on = |row: &Vec<f64>, k: usize| -> f64 {
            row.iter().enumerate().filter(|(t, _)| t >> k & 1 == 1).map(|it| it.1).sum()
        };
        let tpm: Vec<Vec<f64>> =
            sums.iter().map(|row| (0..groups.len()).map(|k| on(row, k)).collect()).collect();
        if cut.is_none() {
            for (row, on) in sums.iter().zip(&tpm) {
                for (t, p) in row.iter().enumerate() {
                    let unit = |(k, p): (usize, &f64)| if t >> k & 1 == 1 { *p } else { 1.0 - p };
                    if (on.iter().enumerate().map(unit).product::<f64>() - p).abs() > 1e-8 {
                        return None;
                    }
                }
            }
        }
        let cm = vec![vec![1; groups.len()]; groups.len()];
        let whole = macro_state(self.now());
        let state: Vec<u8> = (0..groups.len()).map(|k| (whole >> k & 1) as u8).collect();
        System::new(&tpm, &cm, &state, &(0..groups.len()).collect::<Vec<_>>())
    }

    fn averaged_in_system(&self, of: &[f64], over: Mask) -> Vec<f64> {
        let states = self.states();
        let mut averaged = of.to_vec();
        for &s in &states {
            let same = states.iter().filter(|&&t| (s ^ t) & !over == 0);
            averaged[s] = mean(same.map(|&t| of[t]));
        }
        averaged
    }

    /// The micro units of each macro unit.
    fn of_macro_units(&self) -> Vec<Mask> {
        let seen = self.boxes.as_ref().map_or(self.units, |it| it.1);
        let with_box = |seen: Mask| match &self.boxes {
            None => seen,
            Some((boxes, _)) => boxes.iter().filter(|it| *it & seen != 0).sum(),
        };
        match &self.groups {
            Some(groups) => groups.iter().map(|it| with_box(it.0)).collect(),
            None => elements(seen).map(|j| with_box(1 << j)).collect(),
        }
    }

    /// Φ; `None` if there is no macro system.
    pub(crate) fn phi(&self) -> Option<f64> {
        let intact = self.system(None)?;
        let ces = intact.ces(&mut Ties::default());
        if size(self.units) == 1 || !intact.strongly_connected() || ces.is_empty() {
            return Some(0.0);
        }
        let of_macro_units = self.of_macro_units();
        let mut least = f64::INFINITY;
        for from in (1..self.n_states()).filter(|it| it & !self.units == 0 && *it != self.units) {
            let to = self.units & !from;
            let mut severed = self.system(Some((from, to))).unwrap().ces(&mut Ties::default());
            severed.retain(|it| {
                let micro = it.mechanism.iter().fold(0, |all, &k| all | of_macro_units[k]);
                let had = ces.iter().any(|that| that.mechanism == it.mechanism);
                had || micro & from != 0 && micro & to != 0
            });
            least = least.min(intact.ces_distance(&ces, &severed));
        }
        Some(if least <= TOLERANCE { 0.0 } else { least })
    }
}
