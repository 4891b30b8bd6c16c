//! numpy's times as CF writes them: integers with units.

use model::{AttributeValue, Attributes};

/// numpy's `datetime64` or `timedelta64` of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeType {
    unit: &'static str,
    is_difference: bool,
}

/// numpy's "not a time".
pub(crate) const NOT_A_TIME: i64 = i64::MIN;

impl TimeType {
    /// The type of a unit; none for months and years, whose lengths vary.
    pub(crate) fn new(unit: &str, is_difference: bool) -> Option<Self> {
        let unit = match unit {
            "D" => "days",
            "h" => "hours",
            "m" => "minutes",
            "s" => "seconds",
            "ms" => "milliseconds",
            "us" | "μs" => "microseconds",
            "ns" => "nanoseconds",
            _ => return None,
        };
        Some(Self { unit, is_difference })
    }

    /// Says in CF's words what the integers are, unless the attributes do.
    pub(crate) fn explain(self, attributes: &mut Attributes) -> String {
        let text = |text: &str| AttributeValue::Text(text.to_owned());
        if attributes.get("units").is_none() {
            if self.is_difference {
                attributes.set("units", text(self.unit));
            } else {
                attributes.set("units", text(&format!("{} since 1970-01-01", self.unit)));
                attributes.set("calendar", text("proleptic_gregorian"));
            }
        }
        attributes.set("_FillValue", AttributeValue::Numbers(model::Numbers::I64(vec![NOT_A_TIME])));
        format!("its type is numpy's time: shown as integers of {}, with CF's units", self.unit)
    }
}
