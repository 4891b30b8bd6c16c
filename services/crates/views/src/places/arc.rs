//! Ranges on the circle of longitudes, and numbers of single precision.

/// Degrees of a full turn.
pub(super) const TURN: f64 = 360.0;
/// Longitudes lie within three turns; what is further away, such as a fill value, would be rounded to anything by turning.
const LONGITUDE_MAX: f64 = 3.0 * TURN;

/// Whether a number can be turned; NaN cannot.
pub(super) fn is_on_circle(longitude: f64) -> bool {
    longitude.abs() <= LONGITUDE_MAX
}

/// Longitudes from one eastwards to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arc {
    west: f64,
    east: f64,
    /// How far beyond an end a longitude may lie that was turned: turning rounds.
    pub(super) slack: f64,
}

impl Arc {
    /// From `west` eastwards to `east`, which may be the smaller number, of longitudes of a precision. Both ends are on the circle.
    pub(super) fn new(west: f64, east: f64, precision: Precision) -> Self {
        let (west, given) = (precision.round(west), precision.round(east));
        let east = if given < west { west + (given - west).rem_euclid(TURN) } else { given };
        Self { west, east, slack: precision.turning_error() }
    }

    /// Whether a longitude's own number is one from `west` to `east`.
    pub(super) fn spans(&self, longitude: f64) -> bool {
        self.west <= longitude && longitude <= self.east
    }

    /// A longitude that lies on the arc, in numbers from `west` to `east`: its own where that is one of them, else some
    /// full turns away.
    pub(super) fn number(&self, longitude: f64) -> Option<f64> {
        if self.spans(longitude) {
            return Some(longitude);
        }
        if !is_on_circle(longitude) {
            return None;
        }
        // To the first number from `west` on; or to one right before it, which rounding made of `west`.
        let turns = ((self.west - longitude) / TURN).ceil();
        let turned = [turns, turns - 1.0].into_iter().filter(|turns| *turns != 0.0);
        let mut turned = turned.map(|turns| longitude + turns * TURN);
        turned.find(|turned| (self.west - self.slack..=self.east + self.slack).contains(turned))
    }
}

/// The precision of a coordinate's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// All are numbers of `float32`.
    Single,
    Double,
}

impl Precision {
    pub(super) fn of(values: &[f64]) -> Self {
        let is_single = |value: &f64| value.is_nan() || f64::from(*value as f32).to_bits() == value.to_bits();
        if values.iter().all(is_single) { Self::Single } else { Self::Double }
    }

    /// A label in this precision. A whole number is kept: it is what it says, and 16777217 is not 16777216.
    pub(super) fn round(self, label: f64) -> f64 {
        if self == Self::Single && label.fract() != 0.0 { f64::from(label as f32) } else { label }
    }

    /// How far apart two numbers of the same longitude may be, some full turns taken away: several units in the last place.
    pub(super) fn turning_error(self) -> f64 {
        match self {
            Self::Single => TURN * f64::from(f32::EPSILON),
            Self::Double => 4.0 * TURN * f64::EPSILON,
        }
    }
}
