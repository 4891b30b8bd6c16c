//! Numbers that mean times: their units, their values, the instants they stand for.

pub(crate) mod reference;
pub(crate) mod units;
pub(crate) mod value;
