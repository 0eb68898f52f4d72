//! The distance of two cause-effect structures, for a person or as JSON.

use std::fmt::Write as _;

use crate::engine::exact::{DistanceRecord, OwnNetwork, StructureRecord};
use crate::escape::terminal;
use crate::phi::{Names, structure, variant};

/// Both structures and how far they are apart.
pub fn text(answer: &DistanceRecord, networks: [&OwnNetwork; 2], width: Option<usize>) -> String {
    let mut text = variant::line(&answer.variant);
    let _ = writeln!(text, "distance {:.6}", answer.distance);
    for (it, network) in answer.structures.iter().zip(networks) {
        let (labels, values) = (network.labels(), network.value_names());
        let names = Names { labels, values };
        let StructureRecord { name, nodes, state, conceptual_information, ces, .. } = it;
        text.push('\n');
        if let Some(name) = name {
            let _ = writeln!(text, "{}", terminal(name));
        }
        let _ = writeln!(text, "units {}, state {}", names.set(nodes), names.state(state));
        let ces = structure(ces, Some(*conceptual_information), labels, width);
        let _ = writeln!(text, "Cause-effect structure: {ces}");
    }
    text
}
