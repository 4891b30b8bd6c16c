//! What units measure, in words.

use std::fmt::{self, Display, Formatter};

use super::unit::{BASES, Dimensions};

/// What the powers of kg, m, s, A, K, mol and cd measure.
#[rustfmt::skip]
const KINDS: &[([i16; BASES.len()], &str)] = &[
    ([0, 0, 0, 0, 0, 0, 0], "a pure number"),
    ([1, 0, 0, 0, 0, 0, 0], "a mass"),
    ([0, 1, 0, 0, 0, 0, 0], "a length"),
    ([0, 0, 1, 0, 0, 0, 0], "a time"),
    ([0, 0, 0, 1, 0, 0, 0], "an electric current"),
    ([0, 0, 0, 0, 1, 0, 0], "a temperature"),
    ([0, 0, 0, 0, 0, 1, 0], "an amount of substance"),
    ([0, 0, 0, 0, 0, 0, 1], "a luminous intensity"),
    ([0, 2, 0, 0, 0, 0, 0], "an area"),
    ([0, 3, 0, 0, 0, 0, 0], "a volume"),
    ([0, 3, -1, 0, 0, 0, 0], "a volume of a time"),
    ([0, 0, -1, 0, 0, 0, 0], "a frequency"),
    ([0, 1, -1, 0, 0, 0, 0], "a speed"),
    ([0, 1, -2, 0, 0, 0, 0], "an acceleration"),
    ([0, 2, -2, 0, 0, 0, 0], "a geopotential or energy of a mass"),
    ([1, 1, -2, 0, 0, 0, 0], "a force"),
    ([1, -1, -2, 0, 0, 0, 0], "a pressure"),
    ([1, 2, -2, 0, 0, 0, 0], "an energy"),
    ([1, 2, -3, 0, 0, 0, 0], "a power"),
    ([1, 0, -2, 0, 0, 0, 0], "an energy of an area"),
    ([1, 0, -3, 0, 0, 0, 0], "a power of an area"),
    ([1, -3, 0, 0, 0, 0, 0], "a density"),
    ([1, -2, 0, 0, 0, 0, 0], "a mass of an area"),
    ([1, -2, -1, 0, 0, 0, 0], "a mass flux of an area"),
    ([1, 0, -1, 0, 0, 0, 0], "a mass flux"),
    ([0, -3, 0, 0, 0, 1, 0], "a concentration"),
    ([0, -2, 0, 0, 0, 1, 0], "an amount of substance of an area"),
    ([0, 0, -1, 0, 1, 0, 0], "a change of temperature in time"),
    ([0, -1, 0, 0, 1, 0, 0], "a gradient of temperature"),
];

impl Dimensions {
    /// What they measure, and the base units: `a pressure (kg m-1 s-2)`.
    pub(super) fn kind(&self) -> String {
        match KINDS.iter().find(|(powers, _)| *powers == self.0) {
            Some((_, kind)) => format!("{kind} ({self})"),
            None => format!("in {self}"),
        }
    }
}

/// As UDUNITS spells them, `kg m-1 s-2`; those of a number are `1`.
impl Display for Dimensions {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (base, power) in BASES.iter().zip(self.0).filter(|(_, power)| *power != 0) {
            write!(f, "{separator}{base}")?;
            if power != 1 {
                write!(f, "{power}")?;
            }
            separator = " ";
        }
        f.write_str(if separator.is_empty() { "1" } else { "" })
    }
}
