//! What else tells fields of one parameter apart: statistics of an ensemble, thresholds, wavelengths, directions.

use super::{keys::FieldKeys, octets::Octets, sections::RawField, tables};

/// Keys of section 4 that say when, where and how a field was made, and not what it is.
const APART: [&str; 37] = [
    "parameterCategory",
    "parameterNumber",
    "typeOfGeneratingProcess",
    "backgroundProcess",
    "generatingProcessIdentifier",
    "hoursAfterDataCutoff",
    "minutesAfterDataCutoff",
    "indicatorOfUnitForForecastTime",
    "forecastTime",
    "typeOfFirstFixedSurface",
    "scaleFactorOfFirstFixedSurface",
    "scaledValueOfFirstFixedSurface",
    "typeOfSecondFixedSurface",
    "scaleFactorOfSecondFixedSurface",
    "scaledValueOfSecondFixedSurface",
    "typeOfEnsembleForecast",
    "perturbationNumber",
    "numberOfForecastsInEnsemble",
    "yearOfEndOfOverallTimeInterval",
    "monthOfEndOfOverallTimeInterval",
    "dayOfEndOfOverallTimeInterval",
    "hourOfEndOfOverallTimeInterval",
    "minuteOfEndOfOverallTimeInterval",
    "secondOfEndOfOverallTimeInterval",
    "numberOfTimeRanges",
    "numberOfMissingInStatisticalProcess",
    "typeOfStatisticalProcessing",
    "typeOfTimeIncrement",
    "indicatorOfUnitForTimeRange",
    "lengthOfTimeRange",
    "indicatorOfUnitForTimeIncrement",
    "timeIncrement",
    "yearOfForecastReferenceTime",
    "monthOfForecastReferenceTime",
    "dayOfForecastReferenceTime",
    "hourOfForecastReferenceTime",
    "minuteOfForecastReferenceTime",
];

/// The keys that tell fields apart, with their values: by name, those that are set.
pub(super) fn of(raw: &RawField) -> Vec<(&'static str, i64)> {
    let keys = FieldKeys(raw);
    if raw.edition == 1 {
        return of_edition_1(keys);
    }
    let Some(template) = keys.template().and_then(tables::template) else {
        return keys
            .template()
            .map(|number| ("productDefinitionTemplateNumber", number as i64))
            .into_iter()
            .collect();
    };
    let octets = Octets(&raw.product);
    let mut found: Vec<_> = template
        .iter()
        .filter(|(name, (at, width, _))| {
            !APART.contains(name) && octets.present(*at, (*width).min(8)).is_some()
        })
        .filter_map(|(name, _)| Some((*name, keys.number(name)?)))
        .collect();
    found.sort_unstable();
    found
}

fn of_edition_1(keys: FieldKeys<'_>) -> Vec<(&'static str, i64)> {
    let octets = Octets(&keys.0.section1);
    let number = |at, width| octets.unsigned(at, width).map(|number| number as i64);
    let is_ecmwf = keys.centre() == 98 || keys.number("subCentre") == Some(98);
    let found = match (is_ecmwf, number(40, 1)) {
        // Directions and frequencies of waves' spectra.
        (true, Some(13)) => vec![("directionNumber", number(51, 1)), ("frequencyNumber", number(52, 1))],
        (true, Some(14)) => vec![("channelNumber", number(51, 1))],
        (true, Some(5)) => vec![("forecastProbabilityNumber", number(49, 1))],
        (false, Some(1)) if keys.centre() == 7 => {
            vec![("ensembleType", number(41, 1)), ("productIdentifier", number(43, 1))]
        }
        _ => Vec::new(),
    };
    found.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// How a field was made: analysis, forecast, statistic of an ensemble.
pub(super) fn process(raw: &RawField) -> i64 {
    let keys = FieldKeys(raw);
    if raw.edition == 1 {
        let is_ecmwf = keys.centre() == 98 || keys.number("subCentre") == Some(98);
        let kind = Octets(&raw.section1).unsigned(42, 1).filter(|_| is_ecmwf);
        return kind.map_or(-1, |kind| kind as i64);
    }
    keys.number_or("typeOfProcessedData", 255)
}

/// The word for it.
pub(super) fn process_name(edition: u8, code: i64) -> Option<&'static str> {
    Some(match (edition, code) {
        (1, 2) | (2, 0) => "an",
        (1, 9) | (2, 1) => "fc",
        (2, 2) => "af",
        (1, 10) | (2, 3) => "cf",
        (1, 11) | (2, 4) => "pf",
        (2, 5) => "cp",
        (1, 17) => "em",
        (1, 18) => "es",
        _ => return None,
    })
}
