//! Places as they are found, one after the other.

use crate::array::Places;

/// Places that are a slice for as long as they can be: few bytes for what most selections are.
#[derive(Debug)]
pub(super) enum Gathered {
    Slice { start: u64, stride: u64, length: u64 },
    List(Vec<u64>),
}

impl Gathered {
    pub(super) fn new() -> Self {
        Self::Slice { start: 0, stride: 1, length: 0 }
    }

    pub(super) fn length(&self) -> usize {
        match self {
            Self::Slice { length, .. } => *length as usize,
            Self::List(places) => places.len(),
        }
    }

    pub(super) fn push(&mut self, place: u64) {
        match self {
            Self::Slice { start, length: length @ 0, .. } => (*start, *length) = (place, 1),
            Self::Slice { start, stride, length: length @ 1 } if place > *start => {
                (*stride, *length) = (place - *start, 2);
            }
            Self::Slice { start, stride, length } if *length > 1 && place == *start + *stride * *length => {
                *length += 1;
            }
            Self::Slice { start, stride, length } => {
                let mut places: Vec<u64> = (0..*length).map(|number| *start + number * *stride).collect();
                places.push(place);
                *self = Self::List(places);
            }
            Self::List(places) => places.push(place),
        }
    }

    /// All of them; the dimension stays.
    pub(super) fn places(self) -> Places {
        match self {
            Self::Slice { start, stride, length } => Places::Slice { start, stride, length },
            Self::List(places) => Places::List(places.into()),
        }
    }

    /// The only one, which takes the dimension away; all where there are several.
    pub(super) fn one_or_more(self) -> Places {
        match self {
            Self::Slice { start, length: 1, .. } => Places::One(start),
            several => several.places(),
        }
    }
}

impl Extend<u64> for Gathered {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, places: I) {
        places.into_iter().for_each(|place| self.push(place));
    }
}
