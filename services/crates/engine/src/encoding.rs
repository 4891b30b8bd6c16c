//! What the decoded view of a dataset is encoded with, as its administrator wrote it: steps of a view, of which those
//! that change no value's place make sense for a whole dataset (`bitround`, `codec`).

use std::collections::HashSet;

use model::{Dataset, Error, Result, Variable};
use views::steps::{self, BitRound};
use views::{PerVariable, Step, Steps};
use zarr::decoded::{Compression, Encoding};

/// The encoding of a dataset by the steps of its view; the default where there are none.
///
/// Where all variables are to be rounded, coordinates and what else other variables name (bounds, cell areas) keep all
/// bits. An `InvalidRequest` where a step is none, or none of these.
pub fn of_view(view: &str, dataset: &Dataset) -> Result<Encoding> {
    let mut encoding = Encoding::default();
    if view.is_empty() {
        return Ok(encoding);
    }
    for step in steps(view)? {
        match step {
            Wanted::Compression(compression) => encoding.compression = compression,
            Wanted::KeepbitsOfAll(bits) => {
                let supporting = supporting(dataset);
                let data = dataset.variables.iter().filter(|variable| is_data(variable, &supporting));
                encoding.keepbits.extend(data.map(|variable| (variable.path.to_string(), bits)));
            }
            Wanted::Keepbits(variable, bits) => {
                encoding.keepbits.insert(variable, bits);
            }
        }
    }
    Ok(encoding)
}

/// Refuses a view that cannot be one of a dataset, or, where the dataset is not known yet, of any.
pub fn check(view: &str, dataset: Option<&Dataset>) -> Result<()> {
    let Some(dataset) = dataset else { return of_view(view, &Dataset::default()).map(drop) };
    for path in of_view(view, dataset)?.keepbits.keys() {
        let variable = dataset.variable(path);
        let is_float = variable.is_some_and(|variable| {
            matches!(variable.data_type, model::DataType::F32 | model::DataType::F64)
                || variable.codecs.contains(&model::Codec::RawGrib)
        });
        let fault = match variable {
            None => "there is no such variable",
            Some(_) if !is_float => "its values are no floating-point numbers",
            Some(_) => continue,
        };
        // Of all variables only those that can be are rounded; this one was named.
        if variable.is_none() || names(view, path)? {
            return Err(Error::invalid(format!("view: bitround of {path}: {fault}")));
        }
    }
    Ok(())
}

fn names(view: &str, path: &str) -> Result<bool> {
    Ok(steps(view)?.iter().any(|step| matches!(step, Wanted::Keepbits(named, _) if named == path)))
}

/// Paths of variables that others name.
fn supporting(dataset: &Dataset) -> HashSet<&str> {
    dataset
        .variables
        .iter()
        .flat_map(|variable| cf::named_variables(|name| variable.attributes.text(name)))
        .collect()
}

fn is_data(variable: &Variable, supporting: &HashSet<&str>) -> bool {
    let name = variable.path.name();
    !supporting.contains(name) && !variable.dimensions.iter().any(|dimension| dimension == name)
}

/// What a step of a view asks of an encoding.
enum Wanted {
    Compression(Compression),
    KeepbitsOfAll(u8),
    Keepbits(String, u8),
}

/// The steps of a view, of those that a dataset's own can have.
fn steps(view: &str) -> Result<Vec<Wanted>> {
    let steps = Steps::parse(view).map_err(|error| Error::invalid(format!("view: {error}")))?;
    let mut wanted = Vec::new();
    for step in steps.as_slice() {
        match step {
            Step::Compression(compression) => {
                wanted.push(Wanted::Compression(self::compression(*compression)));
            }
            Step::BitRound(BitRound { keep_bits: PerVariable::All(bits) }) => {
                wanted.push(Wanted::KeepbitsOfAll(*bits));
            }
            Step::BitRound(BitRound { keep_bits: PerVariable::Each(each) }) => {
                wanted.extend(
                    each.iter().map(|(name, bits)| Wanted::Keepbits(name.as_str().to_owned(), *bits)),
                );
            }
            other => {
                let message =
                    format!("view: {other}: a dataset's own view has steps bitround and codec only");
                return Err(Error::invalid(message));
            }
        }
    }
    Ok(wanted)
}

fn compression(step: steps::Compression) -> Compression {
    match step {
        steps::Compression::None => Compression::None,
        steps::Compression::Zstd { level } => Compression::Zstd(level.into()),
        steps::Compression::Gzip { level } => Compression::Gzip(level),
        steps::Compression::Blosc { compressor, level, shuffle } => {
            Compression::Blosc { compressor, level, shuffle }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Attributes, ByteOrder, ChunkGrid, DataType, NodePath};

    use super::*;

    fn variable(name: &str, data_type: DataType, coordinates: &str) -> Variable {
        let mut attributes = Attributes::new();
        attributes.set("coordinates", model::AttributeValue::Text(coordinates.into()));
        Variable {
            path: NodePath::parse(name).unwrap(),
            dimensions: vec!["x".into()],
            data_type,
            byte_order: ByteOrder::Little,
            grid: ChunkGrid::new(vec![4], vec![4]).unwrap(),
            codecs: Vec::new(),
            fill_value: None,
            attributes,
        }
    }

    fn dataset() -> Dataset {
        let variables = vec![
            variable("x", DataType::F64, ""),
            variable("lat", DataType::F32, ""),
            variable("tas", DataType::F32, "lat"),
            variable("mask", DataType::I8, "lat"),
        ];
        Dataset { groups: Vec::new(), variables }
    }

    #[test]
    fn data_are_rounded_and_what_they_name_is_not() {
        let encoding = of_view("bitround=9|codec=zstd:7", &dataset()).unwrap();
        let rounded = |name: &str| encoding.keepbits(dataset().variable(name).unwrap());
        assert_eq!(["x", "lat", "tas", "mask"].map(rounded), [None, None, Some(9), None]);
        assert_eq!(encoding.compression, Compression::Zstd(7));
        assert_eq!(of_view("", &dataset()).unwrap(), Encoding::default());
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_reason() {
        for (view, word) in [
            ("bitround=mask:9", "mask: its values are no floating-point numbers"),
            ("bitround=pr:9", "pr: there is no such variable"),
            ("mean=x", "bitround and codec only"),
            ("codec=snafu", "snafu"),
        ] {
            let error = check(view, Some(&dataset())).unwrap_err();
            assert!(error.message.contains(word), "{}", error.message);
        }
        check("bitround=9", Some(&dataset())).unwrap();
    }
}
