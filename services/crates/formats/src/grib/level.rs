//! At which level a field lies, and which member of an ensemble it is.

use super::{keys::FieldKeys, octets::Octets, parameter, sections::RawField};

/// A level: its kind and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Level {
    /// Kind, in ecCodes' words; a systematic name where it has none.
    pub(super) kind: String,
    /// Where, in the units of its kind; none where the kind alone says it, as for the surface.
    pub(super) value: Option<f64>,
    /// The other surface of a layer.
    pub(super) bottom: Option<f64>,
}

/// The level of a field. Pressures are in hPa, whatever their size: ecCodes calls those below 1 hPa `isobaricInPa`,
/// which would tear the top off a column of levels.
pub(super) fn of(raw: &RawField) -> Level {
    let keys = FieldKeys(raw);
    let kind = parameter::type_of_level(raw).map_or_else(|| unnamed(keys), str::to_owned);
    let (value, bottom) = if raw.edition == 1 { surfaces_1(keys) } else { surfaces_2(keys, &kind) };
    if kind == "isobaricInPa" {
        let scale = if raw.edition == 1 { 100.0 } else { 1.0 };
        return Level { kind: "isobaricInhPa".to_owned(), value: value.map(|value| value / scale), bottom };
    }
    let is_flat = matches!(value, None | Some(0.0)) && bottom.is_none() && is_single(&kind);
    Level { value: value.filter(|_| !is_flat), kind, bottom }
}

fn unnamed(keys: FieldKeys<'_>) -> String {
    match keys.0.edition {
        1 => format!("level_{}", keys.number_or("indicatorOfTypeOfLevel", 255)),
        _ => match (keys.number("typeOfFirstFixedSurface"), keys.number("typeOfSecondFixedSurface")) {
            (None | Some(255), None | Some(255)) => "unknown".to_owned(),
            (Some(first), None | Some(255)) => format!("level_{first}"),
            (first, second) => format!("level_{}_{}", first.unwrap_or(255), second.unwrap_or(255)),
        },
    }
}

/// Kinds that levels at zero belong to, which then say nothing.
fn is_single(kind: &str) -> bool {
    !matches!(
        kind,
        "isobaricInhPa"
            | "hybrid"
            | "heightAboveGround"
            | "heightAboveSea"
            | "depthBelowLand"
            | "depthBelowSea"
            | "sigma"
            | "theta"
            | "potentialVorticity"
            | "eta"
            | "generalVertical"
            | "generalVerticalLayer"
            | "oceanModel"
            | "oceanModelLayer"
            | "isothermal"
    )
}

fn surfaces_1(keys: FieldKeys<'_>) -> (Option<f64>, Option<f64>) {
    let number = |key| keys.number(key).map(|number| number as f64);
    let code = keys.number_or("indicatorOfTypeOfLevel", 0);
    let factor = match code {
        // Centimetres, and hundredths.
        125 => 0.01,
        _ => 1.0,
    };
    let top = number("level").map(|level| level * factor);
    match keys.number("bottomLevel") {
        Some(_) if code < 100 || keys.number("topLevel").is_none() => (top, None),
        Some(bottom) if is_layer(code) => (top, Some(bottom as f64)),
        _ => (top, None),
    }
}

fn is_layer(code: i64) -> bool {
    matches!(code, 101 | 104 | 106 | 108 | 110 | 112 | 114 | 116 | 120 | 121 | 128 | 141)
}

fn surfaces_2(keys: FieldKeys<'_>, kind: &str) -> (Option<f64>, Option<f64>) {
    let surface = |which: &str| {
        let code = keys.number(&format!("typeOf{which}FixedSurface")).filter(|code| *code != 255)?;
        let factor = keys.number(&format!("scaleFactorOf{which}FixedSurface"))?;
        let value = keys.number(&format!("scaledValueOf{which}FixedSurface"))? as f64;
        let value =
            if factor > 0 { value / 10_f64.powi(factor as i32) } else { value * 10_f64.powi(-factor as i32) };
        let scale = match code {
            100 => 0.01,
            // Potential vorticity, in 10^-9.
            109 => 1e9,
            _ => 1.0,
        };
        Some(if code == 100 { value / 100.0 } else { value * scale })
    };
    let (first, second) = (surface("First"), surface("Second"));
    match kind {
        // Layers that are numbered by their lower surface, as in ecCodes.
        "soilLayer" | "oceanModelLayer" | "seaIceLayer" | "snowLayer" => (second.or(first), None),
        _ => (first, second),
    }
}

/// The number of an ensemble's member.
pub(super) fn member(raw: &RawField) -> Option<u64> {
    let keys = FieldKeys(raw);
    if raw.edition == 2 {
        return keys.number("perturbationNumber").and_then(|number| u64::try_from(number).ok());
    }
    let octets = Octets(&raw.section1);
    match member_octets(raw) {
        Some(width) => octets.unsigned(49, width),
        // NCEP's ensembles.
        None if keys.centre() == 7 && octets.byte(40) == Some(1) => octets.unsigned(42, 1),
        None => None,
    }
}

/// How many octets the number of a member has in ECMWF's local part of edition 1, from octet 50 on.
pub(super) fn member_octets(raw: &RawField) -> Option<usize> {
    let keys = FieldKeys(raw);
    let is_ecmwf = keys.centre() == 98 || keys.number("subCentre") == Some(98);
    match Octets(&raw.section1).byte(40).filter(|_| is_ecmwf)? {
        1 | 26 | 30 | 36 | 37 | 40 => Some(1),
        12 | 15 | 16 | 18 => Some(2),
        _ => None,
    }
}
