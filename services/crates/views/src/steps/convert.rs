//! `convert=tas:degC`: other units.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::error::Fault;
use crate::name::{Name, Quoted};
use crate::per_variable::{pairs, write_pairs};
use crate::piece::Piece;
use crate::steps::Step;

/// Variables in other units of the same kind; their `units` attribute follows. Other units than the variable's own kind are
/// an error where the view is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Convert {
    /// Variables and their new units; none twice.
    pub units: Vec<(Name, Units)>,
}

/// Units as [UDUNITS](https://docs.unidata.ucar.edu/udunits/current/) spells them
/// ([CF §3.1](https://cfconventions.org/cf-conventions/cf-conventions.html#units)): `degC`, `mm/day`, `'kg m-2 s-1'`. Those
/// with a space stand in quotes; `.` multiplies as well: `kg.m-2.s-1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Units(Name);

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "convert",
    arguments: "VARIABLE:UNITS,…",
    summary: "Converts variables to other units of the same kind, in UDUNITS' spelling; units with a space stand in quotes.",
    examples: &["convert=tas:degC", "convert=pr:'mm day-1',psl:hPa", "convert=sfcWind:km/h"],
    synonyms: &["units", "unit", "to_units", "convert_units"],
    alone: None,
    parse: |arguments| {
        let units = pairs(arguments, "a variable", "the new unit", Units::parse)?;
        Ok(Step::Convert(Convert { units }))
    },
}];

impl Units {
    /// Their spelling.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn parse(piece: Piece<'_>) -> Result<Self, Fault> {
        let text = match piece.unquoted()? {
            Some(text) => text,
            None if is_bare(piece.text) => piece.text.to_owned(),
            None => {
                return Err(piece
                    .is_not("units")
                    .expected("units such as degC, hPa, mm/day or 'kg m-2 s-1'"));
            }
        };
        Name::new(text).map(Self).ok_or_else(|| piece.name_fault("units"))
    }
}

/// Whether units need no quotes.
fn is_bare(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || "_-.^*/%°".contains(c))
}

impl Display for Units {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_bare(self.as_str()) { f.write_str(self.as_str()) } else { Quoted(self.as_str()).fmt(f) }
    }
}

impl Display for Convert {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("convert=")?;
        write_pairs(f, &self.units)
    }
}

#[cfg(test)]
impl Units {
    /// Units of any text.
    pub(crate) fn from_name(name: Name) -> Self {
        Self(name)
    }
}
