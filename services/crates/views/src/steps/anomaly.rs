//! `anomaly=time.month`: what differs from the mean of its kind.

use std::fmt::{self, Display, Formatter};

use crate::describe::Description;
use crate::error::Fault;
use crate::label::{Label, Range};
use crate::piece::Piece;
use crate::steps::{GroupKey, Step};

/// Each value less the mean of its group, as `grouped - grouped.mean()` in xarray, over all that is there or over a period
/// of reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// What belongs together: `time.month` for what differs from the mean year.
    pub key: GroupKey,
    /// The values that make the means, as a range of the key's coordinate, both ends in it.
    pub reference: Option<Range>,
}

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "anomaly",
    arguments: "KEY[:START..END] with KEY as COORDINATE.PART or COORDINATE",
    summary: "Subtracts from each value the mean of its group (year, season, month, day, dayofyear, hour, or a coordinate), \
              over all that is there or over a period of reference.",
    examples: &[
        "anomaly=time.month",
        "anomaly=time.dayofyear:1981..2010",
        "anomaly=time.month:1991-01..2020-12",
    ],
    synonyms: &["anomalies", "anom", "deviation", "ymonsub"],
    alone: None,
    parse: |arguments| Anomaly::parse(arguments).map(Step::Anomaly),
}];

impl Anomaly {
    fn parse(arguments: Piece<'_>) -> Result<Self, Fault> {
        let Some((key, period)) = arguments.split_once(':') else {
            return GroupKey::parse(arguments).map(|key| Self { key, reference: None });
        };
        let key = GroupKey::parse(key.present("what to group by")?)?;
        let wrong = || period.is_not("a period").expected("a range, such as 1981..2010 or 1991-01..2020-12");
        let range = Range::parse(period.present("a period")?)?.ok_or_else(wrong)?;
        let (start, end) = range.ends();
        let is_inverted = matches!(
            (start.and_then(Label::date), end.and_then(Label::date)),
            (Some(start), Some(end)) if start.is_after(end)
        );
        if is_inverted && matches!(key, GroupKey::Part(..)) {
            return Err(wrong());
        }
        Ok(Self { key, reference: Some(range) })
    }
}

impl Display for Anomaly {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "anomaly={}", self.key)?;
        self.reference.as_ref().map_or(Ok(()), |range| write!(f, ":{range}"))
    }
}
