//! `isel=time:0..4,cell:7`: by places along dimensions.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU64;

use crate::describe::Description;
use crate::error::{Fault, Reason, shortened};
use crate::name::Name;
use crate::per_variable::{pairs, write_list, write_pairs};
use crate::piece::Piece;
use crate::steps::Step;

/// A selection by places, as
/// [`xarray.Dataset.isel`](https://docs.xarray.dev/en/stable/generated/xarray.Dataset.isel.html): from 0, or from the end
/// below 0, and **half open as in Python**: `0..4` is four places, 0 to 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectIndexes {
    /// Dimensions and places; none twice.
    pub dimensions: Vec<(Name, Indexes)>,
}

/// Places along a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Indexes {
    /// One, which takes the dimension away.
    One(i64),
    /// `0;3;7`, two or more in the order given, which keep it. A place beyond the end is an error, as is [`One`](Self::One).
    Many(Vec<i64>),
    /// `start..stop..stride`, `stop` not in it; ends beyond the dimension's mean its ends, as in Python.
    Slice {
        /// The first; the dimension's first if it is left out.
        start: Option<i64>,
        /// The one after the last; the dimension's end if it is left out.
        stop: Option<i64>,
        /// Every how many; 1 if it is left out. There is no way backwards.
        stride: NonZeroU64,
    },
}

const PLACE: &str = "a place of 64 bits";

pub(super) const DESCRIPTIONS: &[Description] = &[Description {
    name: "isel",
    arguments: "DIMENSION:PLACES,… with PLACES as i, i;j;k, i..j, i.., ..j or i..j..stride",
    summary: "Selects by places from 0, or from the end below 0. Ranges are half open as in Python: 0..4 is 0, 1, 2, 3.",
    examples: &[
        "isel=time:0..4,cell:7",
        "isel=time:-12..",
        "isel=cell:0..100..5",
        "isel=time:....2",
        "isel=plev:0;3;-1",
    ],
    synonyms: &["iselect", "index", "iloc", "indexes", "head", "tail", "thin"],
    alone: None,
    parse: |arguments| SelectIndexes::parse(arguments).map(Step::SelectIndexes),
}];

impl SelectIndexes {
    fn parse(arguments: Piece<'_>) -> Result<Self, Fault> {
        let dimensions = pairs(arguments, "a dimension", "a place", Indexes::parse)?;
        Ok(Self { dimensions })
    }
}

impl Display for SelectIndexes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("isel=")?;
        write_pairs(f, &self.dimensions)
    }
}

impl Indexes {
    fn parse(piece: Piece<'_>) -> Result<Self, Fault> {
        let place = |piece: Piece<'_>| piece.whole(PLACE, |_: &i64| true);
        let end = |piece: Piece<'_>| if piece.is_empty() { Ok(None) } else { place(piece).map(Some) };
        let parts = piece.split("..");
        let (start, stop, stride) = match parts[..] {
            [_] => return Self::list(&piece.list(";", "a place")?, place),
            [start, stop] => (end(start)?, end(stop)?, NonZeroU64::MIN),
            [start, stop, stride] => (end(start)?, end(stop)?, stride.whole("1 or more", |_| true)?),
            _ => return Err(piece.is_not("a range").expected("i..j or i..j..stride")),
        };
        Self::Slice { start, stop, stride }.check(piece)
    }

    fn list(pieces: &[Piece<'_>], place: impl Fn(Piece<'_>) -> Result<i64, Fault>) -> Result<Self, Fault> {
        if let [piece] = pieces {
            return place(*piece).map(Self::One);
        }
        pieces.iter().map(|piece| place(*piece)).collect::<Result<_, _>>().map(Self::Many)
    }

    /// Refuses what is known to select nothing, or everything, of any dimension.
    fn check(self, piece: Piece<'_>) -> Result<Self, Fault> {
        let Self::Slice { start, stop, stride } = self else { return Ok(self) };
        let from = start.unwrap_or(0);
        let is_empty = stop.is_some_and(|stop| stop == 0 || (from < 0) == (stop < 0) && from >= stop);
        if is_empty {
            let right = "the smaller place first: the last one is not in the range";
            return Err(piece.fault(Reason::Nothing(shortened(piece.text))).expected(right));
        }
        if start.is_none() && stop.is_none() && stride == NonZeroU64::MIN {
            return Err(piece.fault(Reason::Everything(shortened(piece.text))));
        }
        Ok(self)
    }
}

impl Display for Indexes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let end = |end: &Option<i64>| end.map(|place| place.to_string()).unwrap_or_default();
        match self {
            Self::One(place) => place.fmt(f),
            Self::Many(places) => write_list(f, ";", places),
            Self::Slice { start, stop, stride } => {
                write!(f, "{}..{}", end(start), end(stop))?;
                if *stride == NonZeroU64::MIN { Ok(()) } else { write!(f, "..{stride}") }
            }
        }
    }
}
