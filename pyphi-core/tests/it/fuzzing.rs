//! Networks from any bytes, judged by the oracle: the bodies of the fuzz targets `phi_iit3` and
//! `phi_iit4`, and what an ordinary test does with them.

use pyphi_core::input::{self, NetworkRecord, Reader, States, Table};
use pyphi_core::{ErrorKind, Options};

use crate::networks::Network;
use crate::{answer, iit4_answer};

/// A network that these bytes stand for, and whether its probabilities are so small that only the
/// engine can judge them. `None` if there are too few bytes.
///
/// It has up to 3 units, and 4, if it may, in a case of 64: for 4 the oracle takes a hundred times
/// as long. The first bytes say how many units, what kinds of probabilities, which of them are in
/// the system, and the state; then each column of the connectivity matrix is a byte, and each
/// probability is one.
fn network(bytes: &[u8], at_most: usize) -> Option<(Network, bool)> {
    let (&[n, kind, nodes, state], rest) = bytes.split_first_chunk()?;
    let n = if n % 64 == 63 { at_most } else { 1 + usize::from(n) % 3 };
    let (columns, entries) = rest.split_at_checked(n)?;
    if entries.is_empty() {
        return None;
    }
    let bit = |byte: u8, idx: usize| byte >> idx & 1;
    let cm = (0..n).map(|i| (0..n).map(|j| bit(columns[j], i)).collect()).collect::<Vec<Vec<u8>>>();
    let is_tiny = kind % 8 == 7;
    let probability = |byte: u8| match kind % 8 {
        0 | 1 => f64::from(byte & 1),
        2 => f64::from(byte % 5) / 4.0,
        3 => f64::from(byte % 17) / 16.0,
        4 => [0.0, 1.0, 0.5, 0.25, 0.1, 0.9, 0.99, 1.0 / 3.0][usize::from(byte % 8)],
        5 | 6 => f64::from(byte) / 255.0,
        _ => {
            let tiny = 10_f64.powi(-i32::from(byte >> 3) * 10 - 9);
            [0.0, 1.0, tiny, 2.0 * tiny, 1.0 - tiny, 0.5, tiny / 2.0, 0.25][usize::from(byte % 8)]
        }
    };
    // A unit does the same after all states that look alike to it.
    let tpm = (0..1_usize << n).map(|s| {
        let on = |j: usize| {
            let seen = (0..n).filter(|&i| cm[i][j] == 1).map(|i| s & 1 << i).sum::<usize>();
            probability(entries[(seen * n + j) % entries.len()])
        };
        (0..n).map(on).collect()
    });
    let in_system = (0..n).filter(|&i| bit(nodes, i) == 0).collect();
    let tpm = tpm.collect();
    let state = (0..n).map(|i| bit(state, i)).collect();
    Some((Network { name: String::new(), tpm, cm, state, nodes: in_system }, is_tiny))
}

/// IIT 3.0: the engine, by each of its settings, against the oracle.
pub(crate) fn phi_iit3(bytes: &[u8]) {
    let Some((network, is_tiny)) = network(bytes, 4) else { return };
    if network.nodes.is_empty() {
        return;
    }
    let text = network.to_string();
    let read = input::parse(&text).expect("the JSON of a network").remove(0);
    match read.subsystem() {
        Err(error) => {
            let is_unreachable = matches!(error.kind(), ErrorKind::Unreachable { .. });
            assert!(is_unreachable, "{error}\n{text}");
            assert!(is_tiny || network.system().is_none(), "{error}\n{text}");
        }
        Ok(_) if is_tiny => alike(&network),
        Ok(_) => {
            assert!(network.system().is_some(), "an unreachable state is taken\n{text}");
            let differs = answer::engine_differs(&network);
            assert!(differs.is_none(), "{}\n{text}", differs.unwrap_or_default());
        }
    }
}

/// Probabilities that the oracle, which multiplies them, cannot tell from 0: the engine must agree
/// with itself.
fn alike(network: &Network) {
    let whole = answer::by_engine(network, &Options::default());
    assert!(whole.phi.is_finite() && whole.phi >= 0.0, "Φ is {}\n{network}", whole.phi);
    for options in [
        Options { exhaustive: true, ..Options::default() },
        Options { no_symmetry: true, ..Options::default() },
    ] {
        let differs = answer::difference(&whole, &answer::by_engine(network, &options));
        assert!(differs.is_none(), "{}\n{network}", differs.unwrap_or_default());
    }
}

/// IIT 4.0: the engine, by each policy and cap, against the oracle.
pub(crate) fn phi_iit4(bytes: &[u8]) {
    use crate::iit4_oracle::{Cap, Ties};
    let Some((network, is_tiny)) = network(bytes, 3) else { return };
    if network.nodes.is_empty() {
        return;
    }
    if is_tiny {
        for ties in [Ties::Principled, Ties::Pyphi] {
            match iit4_answer::by_engine(&network, ties, Cap::None) {
                Ok(found) => {
                    assert!(found.system.phi_s >= 0.0, "{}\n{network}", found.system.phi_s)
                }
                Err(error) => {
                    let is_unreachable = matches!(error.kind(), ErrorKind::Unreachable { .. });
                    assert!(is_unreachable, "{error}\n{network}");
                }
            }
        }
        return;
    }
    let differs = iit4_answer::engine_differs(&network);
    assert!(differs.is_none(), "{}\n{network}", differs.unwrap_or_default());
}

/// A network in any form; JSON of one network, or of a list: read, and, if it is taken, written and
/// read again.
pub(crate) fn network_record(bytes: &[u8]) {
    let lenient = Reader {
        force_cm: true,
        project: true,
        states: Some(States::Listed(vec![vec![0, 0, 0]])),
        ..Reader::default()
    };
    let _ = Table::npy(bytes).map(|table| lenient.table(table));
    let Ok(text) = str::from_utf8(bytes) else { return };
    let _ = Table::csv(text).map(|table| lenient.table(table));
    let _ = lenient.yaml(text);
    let _ = lenient.json(text);
    let Ok(records) = input::parse(text) else { return };
    for it in records {
        let again = input::parse(&serde_json::to_string(&it).expect("a record is JSON"));
        let again = again.expect("what was read is written so that it can be read").remove(0);
        assert_eq!((&it.tpm, &it.cm, &it.state), (&again.tpm, &again.cm, &again.state));
        let is_taken = |it: &NetworkRecord| it.subsystem().map_err(|it| it.to_string()).err();
        assert_eq!(is_taken(&it), is_taken(&again));
    }
}

#[cfg(test)]
mod tests {
    use crate::mutations;

    #[test]
    fn networks_from_bytes_have_the_phi_of_the_oracle() {
        mutations::check("phi_iit3", 100, super::phi_iit3);
        mutations::check("phi_iit4", 100, super::phi_iit4);
    }

    #[test]
    fn files_of_networks_are_taken_or_refused() {
        mutations::check("network_record", 5_000, super::network_record);
    }
}
