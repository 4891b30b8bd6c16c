//! What a field is a field of: ecCodes' parameter, kind of level, and level.

use super::{
    keys::FieldKeys,
    sections::RawField,
    tables::{self, Part, evaluate, field},
};

/// A parameter as ecCodes names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Parameter {
    /// Number in ECMWF's parameter database; 0 if unknown.
    pub(super) id: u64,
    /// Short name; of an unknown one a systematic one, such as `param_0_1_2`.
    pub(super) short_name: String,
    /// Name in words.
    pub(super) name: String,
    /// Units as GRIB writes them.
    pub(super) units: String,
    /// CF's standard name.
    pub(super) standard_name: Option<&'static str>,
}

/// Where concepts of a message are looked for, first to last.
struct Places {
    centre: String,
    edition: u8,
    variant: &'static str,
    numbers: (i64, i64, i64),
}

/// The parameter of a field.
pub(super) fn parameter(raw: &RawField) -> Parameter {
    let keys = FieldKeys(raw);
    let places = Places::of(keys);
    let of = |number| places.parameter(number, keys);
    let (a, b, c) = places.numbers;
    let known = of(field::SHORT_NAME).filter(|name| !matches!(*name, "unknown" | "~"));
    let short_name = known.map_or_else(
        || {
            let numbers = if raw.edition == 1 { format!("{b}_{c}") } else { format!("{a}_{b}_{c}") };
            format!("param_{numbers}")
        },
        str::to_owned,
    );
    Parameter {
        id: of(field::PARAM_ID).and_then(|id| id.parse().ok()).unwrap_or(0),
        short_name,
        name: of(field::NAME).unwrap_or("unknown").to_owned(),
        units: of(field::UNITS).unwrap_or("unknown").to_owned(),
        standard_name: places.cf_name(keys).filter(|name| is_standard_name(name)),
    }
}

/// The kind of level of a field; none if there is no word for it.
pub(super) fn type_of_level(raw: &RawField) -> Option<&'static str> {
    let keys = FieldKeys(raw);
    let places = Places::of(keys);
    let numbers = (i64::MIN, 0, 0);
    let own = places.parts("typeOfLevel", &places.centre, "default");
    evaluate(&own, 0, numbers, &keys).or_else(|| {
        let ecmwf = places.parts("typeOfLevel", "ecmf", "default");
        (raw.edition == 1).then(|| evaluate(&ecmwf, 0, numbers, &keys)).flatten()
    })
}

impl Places {
    fn of(keys: FieldKeys<'_>) -> Self {
        let number = |key| keys.number_or(key, -1);
        let edition = keys.0.edition;
        if edition == 1 {
            return Self {
                centre: tables::centre(1, keys.centre()),
                edition,
                variant: "default",
                numbers: (-1, number("table2Version"), number("indicatorOfParameter")),
            };
        }
        let centre = project(keys).map_or_else(|| tables::centre(2, keys.centre()), str::to_owned);
        let mut places = Self {
            centre,
            edition,
            variant: "default",
            numbers: (number("discipline"), number("parameterCategory"), number("parameterNumber")),
        };
        places.variant = places.migrated(keys);
        places
    }

    /// Which state of ECMWF's migration to plain GRIB2 (MTG2) a message is written in.
    fn migrated(&self, keys: FieldKeys<'_>) -> &'static str {
        let numbers = (i64::MIN, 0, 0);
        let concept = |kind| evaluate(&self.parts(kind, &self.centre, "default"), 0, numbers, &keys);
        let by_version = concept("switchViaTables") == Some("1");
        let version = keys.number_or("tablesVersion", 0);
        match concept("switch") {
            Some("0") => "lte33",
            Some("1") => "default",
            Some("2") => "chemsplit",
            _ if !by_version => "default",
            _ if version <= 33 => "lte33",
            // Classes `mc` and `cr`.
            _ if matches!(keys.number("marsClass"), Some(19 | 36)) => "chemsplit",
            _ => "default",
        }
    }

    /// A group's own concepts and everybody's: of equals the last counts, so everybody's.
    fn parts(&self, kind: &str, group: &str, variant: &str) -> [&'static Part; 2] {
        let edition = self.edition;
        [group, "master"].map(|group| tables::part(&format!("{kind} {edition} {group} {variant}")))
    }

    fn parameter(&self, number: usize, keys: FieldKeys<'_>) -> Option<&'static str> {
        let lookups = [(self.centre.as_str(), self.variant), ("ecmf", self.variant), ("ecmf", "legacy")];
        lookups.iter().find_map(|(group, variant)| {
            evaluate(&self.parts("parameters", group, variant), number, self.numbers, &keys)
        })
    }

    fn cf_name(&self, keys: FieldKeys<'_>) -> Option<&'static str> {
        let lookups = [(self.centre.as_str(), "default"), ("ecmf", "default"), ("ecmf", "legacy")];
        lookups.iter().find_map(|(group, variant)| {
            evaluate(&self.parts("cfName", group, variant), 0, self.numbers, &keys)
        })
    }
}

/// The project whose concepts come instead of the centre's (ecCodes' `datasetForLocal`).
fn project(keys: FieldKeys<'_>) -> Option<&'static str> {
    if keys.number("marsClass") == Some(50) {
        return Some("cerise");
    }
    let by_status = match keys.number("productionStatusOfProcessedData") {
        Some(4 | 5) => Some("tigge"),
        Some(6 | 7) => Some("s2s"),
        Some(8..=11) => Some("uerra"),
        Some(12 | 13) => Some("destine"),
        Some(14 | 15) => Some("lcgcr"),
        Some(16 | 17) => Some("wpmip"),
        _ => None,
    };
    by_status.or(match keys.number("marsClass") {
        Some(40) => Some("era6"),
        Some(35 | 38) => Some("hydro_legacy"),
        Some(42 | 43 | 48 | 49) => Some("hydro"),
        Some(39) => Some("fire"),
        Some(22 | 5 | 23 | 14 | 21 | 24 | 3 | 30 | 33) => Some("era"),
        Some(53) => Some("nextgems"),
        _ => None,
    })
}

/// Whether a name can be a CF standard name: ecCodes has `unknown` and others.
fn is_standard_name(name: &str) -> bool {
    name != "unknown"
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
