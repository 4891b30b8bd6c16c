//! A unit by what it is in base units.

/// Base units: those of the SI, without the radian, which is 1.
pub(super) const BASES: [&str; 7] = ["kg", "m", "s", "A", "K", "mol", "cd"];

/// The powers of the base units, in the order of [`BASES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dimensions(pub(super) [i16; BASES.len()]);

/// A unit: a number in it is `number · factor + offset` in base units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit {
    /// A normal number, below 0 for degrees west.
    pub(super) factor: f64,
    /// Where its zero is, in base units.
    pub(super) offset: f64,
    pub(super) dimensions: Dimensions,
}

impl Dimensions {
    pub(super) const NONE: Self = Self([0; BASES.len()]);

    /// Those of one base unit.
    pub(super) fn base(number: usize) -> Self {
        Self(std::array::from_fn(|other| i16::from(other == number)))
    }

    /// Whether they are only those of a time.
    pub(super) fn is_time(&self) -> bool {
        self.0 == [0, 0, 1, 0, 0, 0, 0]
    }

    /// Whether these are a mass of an area, and the others a depth; or both rates of them.
    pub(super) fn is_mass_of_area_where_depth_is(&self, depth: &Self) -> bool {
        let [mass, rate] = [[1, -2, 0, 0, 0, 0, 0], [1, -2, -1, 0, 0, 0, 0]];
        let [length, speed] = [[0, 1, 0, 0, 0, 0, 0], [0, 1, -1, 0, 0, 0, 0]];
        (self.0 == mass && depth.0 == length) || (self.0 == rate && depth.0 == speed)
    }

    /// `self + other · power`; none if that is more than a power can be.
    fn plus(self, other: Self, power: i16) -> Option<Self> {
        let mut sum = self;
        for (own, other) in sum.0.iter_mut().zip(other.0) {
            *own = own.checked_add(other.checked_mul(power)?)?;
        }
        Some(sum)
    }
}

impl Unit {
    /// A number.
    pub(super) fn number(factor: f64) -> Self {
        Self { factor, offset: 0.0, dimensions: Dimensions::NONE }
    }

    /// So many of it: its zero stays where it is, as that of `mdegC` does.
    pub(super) fn scaled(self, by: f64) -> Option<Self> {
        Self { factor: self.factor * by, ..self }.checked()
    }

    /// Itself with its zero so many of it higher: `K @ 273.15`.
    pub(super) fn shifted(self, by: f64) -> Option<Self> {
        Self { offset: self.offset + self.factor * by, ..self }.checked()
    }

    /// This times a power of another. A product is of differences: `degC m-1` is `K m-1`.
    pub(super) fn times(self, other: Self, power: i16) -> Option<Self> {
        let factor = self.factor * other.factor.powi(power.into());
        Self { factor, offset: 0.0, dimensions: self.dimensions.plus(other.dimensions, power)? }.checked()
    }

    /// A power of it; the first is itself.
    pub(super) fn power(self, power: i16) -> Option<Self> {
        if power == 1 { Some(self) } else { Self::number(1.0).times(self, power) }
    }

    fn checked(self) -> Option<Self> {
        (self.factor.is_normal() && self.offset.is_finite()).then_some(self)
    }
}
