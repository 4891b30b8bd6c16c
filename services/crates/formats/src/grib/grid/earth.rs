//! The shape of the Earth that a projection assumes.

use crate::grib::octets::Octets;

/// A sphere, or an ellipsoid, by its axes in metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::grib) struct Earth {
    pub(in crate::grib) major: f64,
    pub(in crate::grib) minor: f64,
}

impl Earth {
    pub(super) const fn sphere(radius: f64) -> Self {
        Self { major: radius, minor: radius }
    }

    /// Edition 1 knows two: bit 2 of the resolution flags.
    pub(super) fn of_flags(flags: u8) -> Self {
        if flags & 0x40 == 0 {
            Self::sphere(6_367_470.0)
        } else {
            Self { major: 6_378_160.0, minor: 6_356_775.0 }
        }
    }

    /// Octets 15 to 30 of section 3 (code table 3.2).
    pub(super) fn of_section(octets: Octets<'_>) -> Option<Self> {
        let scaled = |at: usize| -> Option<f64> {
            let factor = octets.byte(at)?;
            Some(octets.unsigned(at + 1, 4)? as f64 / 10_f64.powi(i32::from(factor)))
        };
        let flattened = |major: f64, inverse: f64| Self { major, minor: major * (1.0 - 1.0 / inverse) };
        let earth = match octets.byte(14)? {
            0 => Self::sphere(6_367_470.0),
            1 => Self::sphere(scaled(15)?),
            2 => Self { major: 6_378_160.0, minor: 6_356_775.0 },
            3 => Self { major: scaled(20)? * 1e3, minor: scaled(25)? * 1e3 },
            4 => flattened(6_378_137.0, 298.257_222_101),
            5 => flattened(6_378_137.0, 298.257_223_563),
            6 => Self::sphere(6_371_229.0),
            7 => Self { major: scaled(20)?, minor: scaled(25)? },
            8 => Self::sphere(6_371_200.0),
            9 => Self { major: 6_377_563.396, minor: 6_356_256.909 },
            _ => return None,
        };
        let is_earth = |axis: f64| (1e3..1e9).contains(&axis);
        (is_earth(earth.major) && is_earth(earth.minor) && earth.minor <= earth.major).then_some(earth)
    }

    /// First eccentricity.
    pub(super) fn eccentricity(self) -> f64 {
        (1.0 - (self.minor / self.major).powi(2)).max(0.0).sqrt()
    }
}
