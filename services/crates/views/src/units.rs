//! Conversion of units in the spelling of UDUNITS.
