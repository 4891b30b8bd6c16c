//! Keys of a field, by ecCodes' names: what concepts and coordinates are made of.

use super::{
    octets::Octets,
    sections::RawField,
    tables::{self, Keys, Value},
};

/// A field's keys.
#[derive(Clone, Copy)]
pub(super) struct FieldKeys<'a>(pub(super) &'a RawField);

/// Product definition templates of edition 2 with chemistry and aerosols.
const CHEMICAL: [u64; 4] = [40, 41, 42, 43];
const CHEMICAL_DISTRIBUTION: [u64; 4] = [57, 58, 67, 68];
const CHEMICAL_SOURCE: [u64; 4] = [76, 77, 78, 79];
const AEROSOL: [u64; 6] = [44, 45, 46, 47, 50, 85];
const AEROSOL_OPTICAL: [u64; 2] = [48, 49];

impl FieldKeys<'_> {
    /// Code of the centre that made the message.
    pub(super) fn centre(self) -> u64 {
        self.number_or("centre", 0) as u64
    }

    /// Number of the product definition template.
    pub(super) fn template(self) -> Option<u64> {
        (self.0.edition == 2).then(|| Octets(&self.0.product).unsigned(7, 2)).flatten()
    }

    /// A key's number; none where it is missing or not there.
    pub(super) fn number(self, key: &str) -> Option<i64> {
        match self.value(key) {
            Some(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    pub(super) fn number_or(self, key: &str, other: i64) -> i64 {
        self.number(key).unwrap_or(other)
    }

    fn value(self, key: &str) -> Option<Value<'static>> {
        if matches!(key, "true" | "dummy") {
            return Some(Value::Number(1));
        }
        if self.0.edition == 1 { self.value_1(key) } else { self.value_2(key) }
    }

    fn value_1(self, key: &str) -> Option<Value<'static>> {
        let octets = Octets(&self.0.section1);
        let level_type = octets.byte(9)?;
        let is_layer =
            matches!(level_type, 101 | 104 | 106 | 108 | 110 | 112 | 114 | 116 | 120 | 121 | 128 | 141);
        let (at, width) = match key {
            "table2Version" => (3, 1),
            "centre" => (4, 1),
            "generatingProcessIdentifier" => (5, 1),
            "gridDefinition" => (6, 1),
            "indicatorOfParameter" => (8, 1),
            "indicatorOfTypeOfLevel" => (9, 1),
            "level" if !is_layer => (10, 2),
            "level" | "topLevel" => (10, 1),
            "bottomLevel" => (11, 1),
            "unitOfTimeRange" => (17, 1),
            "P1" => (18, 1),
            "P2" => (19, 1),
            "timeRangeIndicator" => (20, 1),
            "numberIncludedInAverage" => (21, 2),
            "subCentre" => (25, 1),
            "localDefinitionNumber" => (40, 1),
            "stepType" => return Some(Value::Text(step_type_1(self))),
            _ => return None,
        };
        let number = octets.unsigned(at, width)?;
        let is_missing = key == "level" && octets.present(at, width).is_none();
        Some(if is_missing { Value::Missing } else { Value::Number(number as i64) })
    }

    fn value_2(self, key: &str) -> Option<Value<'static>> {
        let section1 = Octets(&self.0.section1);
        let number = |at, width| section1.unsigned(at, width).map(|n| Value::Number(n as i64));
        let one_of = |templates: &[u64]| {
            Some(Value::Number(i64::from(self.template().is_some_and(|t| templates.contains(&t)))))
        };
        match key {
            "discipline" => Some(Value::Number(i64::from(self.0.discipline))),
            "centre" => number(5, 2),
            "subCentre" => number(7, 2),
            "tablesVersion" => number(9, 1),
            "localTablesVersion" => number(10, 1),
            "productionStatusOfProcessedData" => number(19, 1),
            "typeOfProcessedData" => number(20, 1),
            "NV" => Octets(&self.0.product).unsigned(5, 2).map(|n| Value::Number(n as i64)),
            "marsClass" => self.mars_class().map(|class| Value::Number(class as i64)),
            "gridDefinitionTemplateNumber" => {
                Octets(&self.0.grid).unsigned(12, 2).map(|n| Value::Number(n as i64))
            }
            "numberOfGridInReference" => Octets(&self.0.grid).byte(18).map(|n| Value::Number(i64::from(n))),
            "genVertHeightCoords" => {
                let is_general = self.in_template("typeOfFirstFixedSurface") == Some(Value::Number(150));
                Some(Value::Number(i64::from(is_general)))
            }
            "pressureUnits" => Some(Value::Text("hPa")),
            "stepType" => Some(Value::Text(step_type_2(self))),
            "is_chemical" => one_of(&CHEMICAL),
            "is_chemical_distfn" => one_of(&CHEMICAL_DISTRIBUTION),
            "is_chemical_srcsink" => one_of(&CHEMICAL_SOURCE),
            "is_aerosol" => one_of(&AEROSOL),
            "is_aerosol_optical" => one_of(&AEROSOL_OPTICAL),
            _ => self.in_template(key),
        }
    }

    /// Class of ECMWF's archive, which the local section of its messages begins with.
    fn mars_class(self) -> Option<u64> {
        let section1 = Octets(&self.0.section1);
        let is_ecmwf = section1.unsigned(5, 2)? == 98 || section1.unsigned(7, 2)? == 98;
        is_ecmwf.then(|| Octets(&self.0.local).unsigned(7, 2)).flatten()
    }

    /// A key of section 4, of the last time range where there are several.
    fn in_template(self, key: &str) -> Option<Value<'static>> {
        let &(mut at, width, is_signed) = tables::template(self.template()?)?.get(key)?;
        if is_of_range(key) {
            at += 12 * (self.range_count()?.saturating_sub(1));
        }
        let octets = Octets(&self.0.product);
        if key.starts_with("scale") && octets.present(at, width).is_none() {
            return octets.slice(at, width).map(|_| Value::Missing);
        }
        let number =
            if is_signed { octets.signed(at, width) } else { octets.unsigned(at, width).map(|n| n as i64) };
        number.map(Value::Number)
    }

    /// How many time ranges a statistic was made over.
    fn range_count(self) -> Option<usize> {
        let &(at, width, _) = tables::template(self.template()?)?.get("numberOfTimeRanges")?;
        Octets(&self.0.product).unsigned(at, width).map(|count| count as usize)
    }
}

/// Whether a key is there once for each time range.
fn is_of_range(key: &str) -> bool {
    matches!(
        key,
        "typeOfStatisticalProcessing"
            | "typeOfTimeIncrement"
            | "indicatorOfUnitForTimeRange"
            | "lengthOfTimeRange"
            | "indicatorOfUnitForTimeIncrement"
            | "timeIncrement"
    )
}

impl Keys for FieldKeys<'_> {
    fn get(&self, key: &str) -> Option<Value<'_>> {
        self.value(key)
    }

    fn list(&self, key: &str) -> Vec<i64> {
        let Some((&(at, width, _), count)) = self
            .template()
            .and_then(tables::template)
            .and_then(|template| template.get(key))
            .zip(self.range_count())
        else {
            return Vec::new();
        };
        let octets = Octets(&self.0.product);
        let numbers = (0..count.min(255)).map_while(|range| octets.unsigned(at + 12 * range, width));
        numbers.map(|number| number as i64).collect()
    }
}

/// What a field is of the times it covers, in ecCodes' words.
pub(super) fn step_type_1(keys: FieldKeys<'_>) -> &'static str {
    match keys.number("timeRangeIndicator") {
        Some(2) if keys.centre() == 98 => "max",
        Some(2 | 4) => "accum",
        Some(3) => "avg",
        Some(5) => "diff",
        Some(113) => "avgfc",
        Some(118) => "max",
        Some(119) => "min",
        Some(123) => "avgua",
        Some(124) => "avgia",
        _ => "instant",
    }
}

/// The same of edition 2.
pub(super) fn step_type_2(keys: FieldKeys<'_>) -> &'static str {
    match keys.number("typeOfStatisticalProcessing") {
        None | Some(255) => "instant",
        Some(0) => "avg",
        Some(1) => "accum",
        Some(2) => "max",
        Some(3) => "min",
        Some(4) => "diff",
        Some(5) => "rms",
        Some(6) => "sd",
        Some(7) => "cov",
        Some(8) => "sdiff",
        Some(9) => "ratio",
        Some(10) => "stdanom",
        Some(11) => "sum",
        Some(100) => "severity",
        Some(101) => "mode",
        Some(102) => "index",
        Some(_) => "statistic",
    }
}
