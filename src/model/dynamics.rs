//! The rules by which a unit's inputs decide its next state.
//!
//! A [`Rule`] sees only how many inputs a unit has and how many of them are ON, so it gives every
//! unit of a graph the same dynamics. This module knows neither graphs nor states.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The rule by which a unit follows its inputs.
///
/// Two rules are equal if they are of the same name and their gains are the same number: -0 is 0.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase", deny_unknown_fields)]
pub enum Rule {
    /// ON if more than half of the inputs are ON; a tie, or no input, gives OFF.
    Majority,
    /// ON if all inputs are ON; no input gives OFF.
    And,
    /// ON if any input is ON; no input gives OFF.
    Or,
    /// ON if an odd number of inputs is ON; no input gives OFF.
    Xor,
    /// ON with probability `1 / (1 + exp(-k (2a - d) / d))`, `a` of the `d` inputs being ON; no
    /// input gives 1/2.
    Logistic {
        /// The gain `k`: how sharply the unit follows the majority of its inputs. Finite.
        gain: f64,
    },
}

impl Rule {
    /// The names of all rules.
    pub const NAMES: [&str; 5] = ["majority", "and", "or", "xor", "logistic"];

    /// The gain of [`Rule::Logistic`] unless asked otherwise.
    pub const DEFAULT_GAIN: f64 = 4.0;

    /// The logistic rule of this gain. Of the two zeros it has the one without a sign, since they
    /// are the same rule.
    pub fn logistic(gain: f64) -> Rule {
        Rule::Logistic { gain: gain + 0.0 }
    }

    /// The name, as it is understood on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Majority => "majority",
            Rule::And => "and",
            Rule::Or => "or",
            Rule::Xor => "xor",
            Rule::Logistic { .. } => "logistic",
        }
    }

    /// The rule in one word: `xor`, `logistic:2.5`.
    pub fn code(self) -> String {
        match self {
            Rule::Logistic { gain } => format!("logistic:{:?}", gain + 0.0),
            rule => rule.name().to_owned(),
        }
    }

    /// Reads what [`code`](Rule::code) wrote, and names as the command line has them.
    ///
    /// # Errors
    /// As [`from_str`](Rule::from_str); if the gain is no finite number.
    ///
    /// ```
    /// use phi_validation::model::dynamics::Rule;
    ///
    /// assert_eq!(Rule::from_code("logistic:2.5").unwrap(), Rule::Logistic { gain: 2.5 });
    /// assert_eq!(Rule::from_code("xor").unwrap().code(), "xor");
    /// ```
    pub fn from_code(code: &str) -> Result<Rule, Error> {
        match code.split_once(':') {
            Some(("logistic", text)) => {
                let gain = text.parse::<f64>().ok().filter(|it| it.is_finite());
                gain.map(Rule::logistic).ok_or_else(|| {
                    Error::Settings(format!("gain {text:?}: expected a finite number"))
                })
            }
            _ => code.parse(),
        }
    }

    /// Returns the rule's place in the order of rules, with the gain that tells it from others.
    fn order(self) -> (usize, i64) {
        match self {
            Rule::Majority => (0, 0),
            Rule::And => (1, 0),
            Rule::Or => (2, 0),
            Rule::Xor => (3, 0),
            // The order of IEEE 754's totalOrder, which is that of numbers.
            Rule::Logistic { gain } => {
                let bits = (gain + 0.0).to_bits() as i64;
                (4, bits ^ (((bits >> 63) as u64) >> 1) as i64)
            }
        }
    }

    /// P(the unit is ON at t+1), `n_on` of its `n_inputs` inputs being ON at t.
    ///
    /// ```
    /// use phi_validation::model::dynamics::Rule;
    ///
    /// assert_eq!(Rule::Majority.probability_on(2, 4), 0.0); // a tie
    /// assert_eq!(Rule::Majority.probability_on(3, 4), 1.0);
    /// assert_eq!(Rule::Logistic { gain: 4.0 }.probability_on(2, 4), 0.5);
    /// ```
    pub fn probability_on(self, n_on: u32, n_inputs: u32) -> f64 {
        let on = match self {
            Rule::Majority => 2 * n_on > n_inputs,
            Rule::And => n_inputs > 0 && n_on == n_inputs,
            Rule::Or => n_on > 0,
            Rule::Xor => n_on % 2 == 1,
            Rule::Logistic { .. } if n_inputs == 0 => return 0.5,
            Rule::Logistic { gain } => {
                let (a, d) = (f64::from(n_on), f64::from(n_inputs));
                return 1.0 / (1.0 + (-gain * (2.0 * a - d) / d).exp());
            }
        };
        if on { 1.0 } else { 0.0 }
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Rule {}

impl Ord for Rule {
    fn cmp(&self, other: &Rule) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Rule {
    fn partial_cmp(&self, other: &Rule) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Rule {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.order().hash(state);
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Logistic { gain } => write!(f, "logistic with gain {gain}"),
            rule => f.write_str(rule.name()),
        }
    }
}

impl FromStr for Rule {
    type Err = Error;

    /// Reads a name; the logistic rule gets [`Rule::DEFAULT_GAIN`].
    fn from_str(text: &str) -> Result<Rule, Error> {
        match text.trim().to_ascii_lowercase().as_str() {
            "majority" => Ok(Rule::Majority),
            "and" => Ok(Rule::And),
            "or" => Ok(Rule::Or),
            "xor" => Ok(Rule::Xor),
            "logistic" => Ok(Rule::Logistic { gain: Rule::DEFAULT_GAIN }),
            _ => Err(Error::UnknownName {
                what: "rule",
                name: text.to_owned(),
                known: Rule::NAMES.join(", "),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P(ON) for 0, 1, …, `d` active inputs.
    #[track_caller]
    fn check(rule: Rule, d: u32, expected: &[f64]) {
        let found: Vec<f64> = (0..=d).map(|a| rule.probability_on(a, d)).collect();
        assert_eq!(found, expected, "{rule} with {d} inputs");
    }

    #[test]
    fn deterministic_rules_follow_their_definitions() {
        check(Rule::Majority, 0, &[0.0]);
        check(Rule::Majority, 3, &[0.0, 0.0, 1.0, 1.0]);
        check(Rule::Majority, 4, &[0.0, 0.0, 0.0, 1.0, 1.0]);
        check(Rule::And, 0, &[0.0]);
        check(Rule::And, 3, &[0.0, 0.0, 0.0, 1.0]);
        check(Rule::Or, 0, &[0.0]);
        check(Rule::Or, 3, &[0.0, 1.0, 1.0, 1.0]);
        check(Rule::Xor, 0, &[0.0]);
        check(Rule::Xor, 3, &[0.0, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn the_logistic_rule_is_symmetric_and_ordered() {
        let rule = Rule::Logistic { gain: 4.0 };
        check(rule, 0, &[0.5]);
        // 1 / (1 + e⁴) = 0.017986209962091555, 1 / (1 + e^(4/3)) = 0.20860852732604496.
        let expected = [0.017986209962091555, 0.20860852732604496];
        for (a, p) in expected.into_iter().enumerate() {
            let a = a as u32;
            assert!((rule.probability_on(a, 3) - p).abs() < 1e-15);
            assert!((rule.probability_on(3 - a, 3) - (1.0 - p)).abs() < 1e-15);
        }
        let steep = Rule::Logistic { gain: 1e6 };
        check(steep, 3, &[0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn rules_are_ordered_by_name_and_gain() {
        let gain = |gain| Rule::Logistic { gain };
        let rules = [Rule::Majority, Rule::Xor, gain(-2.0), gain(0.5), gain(4.0)];
        assert!(rules.is_sorted_by(|a, b| a < b));
        for rule in rules {
            assert_eq!(Rule::from_code(&rule.code()).unwrap(), rule);
        }
        let (zero, minus) = (gain(0.0), gain(-0.0));
        assert_eq!((zero, zero.code()), (minus, minus.code()));
        assert!(gain(-5e-324) < zero && zero < gain(5e-324));
        for wrong in ["logistic:", "logistic:inf", "logistic:x"] {
            let error = Rule::from_code(wrong).unwrap_err().to_string();
            assert!(error.ends_with("expected a finite number"), "{error}");
        }
        assert!(Rule::from_code("xor:1").unwrap_err().to_string().starts_with("unknown rule"));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in Rule::NAMES {
            assert_eq!(name.parse::<Rule>().unwrap().name(), name);
        }
        let error = "nand".parse::<Rule>().unwrap_err().to_string();
        assert_eq!(
            error,
            "unknown rule \"nand\": expected one of majority, and, or, xor, logistic"
        );
    }
}
