//! What the elements of a joined variable are: as stored where all files agree, else unpacked as xarray unpacks them.

use cf::{PACKING, Packing, TimeUnits, Unpacking, promote, with_missing};
use model::{AttributeValue, DataType, Numbers, Variable};

use super::collection::Collected;
use super::cover::Covers;

/// How large a number is that is kept as the mark of missing values although files disagree on it: no field has it.
/// Others (0, -9999) may be values in a file that has another mark.
const MARK_MIN: f64 = 1e15;
/// Attributes that hold numbers in a packed variable's own packing: they mean nothing once it is unpacked.
const OF_PACKED: [&str; 3] = ["valid_min", "valid_max", "valid_range"];

/// Type and attributes of the elements of a joined variable.
pub(super) struct Form {
    /// The first piece's variable with the type and attributes of the joined one; grid and codecs are the piece's.
    pub(super) variable: Variable,
    /// The element of places that no file holds; none where there is no such number.
    pub(super) missing: Option<Vec<u8>>,
}

impl Form {
    /// The form of all pieces, or why there is none.
    pub(super) fn of(variable: &Collected, covers: &Covers) -> Result<Self, String> {
        let pieces: Vec<(&Variable, u64)> = covers
            .pieces
            .iter()
            .map(|cover| &variable.pieces[cover.piece].scanned)
            .map(|scanned| (&*scanned.variable, scanned.manifest.len() as u64))
            .collect();
        let Some((first, _)) = pieces.first().copied() else {
            return Err("no file has a value".to_owned());
        };
        if !first.data_type.is_numeric() {
            return Ok(Self { variable: first.clone(), missing: None });
        }
        let packings = packings(&pieces)?;
        let missing = packings[0].missing_element();
        let is_missing_sayable = covers.gaps.is_empty() || missing.is_some();
        if packings.iter().all(|packing| *packing == packings[0]) && is_missing_sayable {
            return Ok(Self { variable: first.clone(), missing });
        }
        unpacked(first, &pieces, &packings, !covers.gaps.is_empty())
    }

    /// How a piece's elements become those of the form.
    pub(super) fn unpacking(&self, piece: &Variable) -> Result<Unpacking, String> {
        if !self.variable.data_type.is_numeric() {
            // Text has no packing: it has been compared attribute by attribute.
            return Ok(Unpacking::none());
        }
        Unpacking::between(piece, &self.variable).map_err(|error| error.to_string())
    }
}

/// The packing of each piece; read once for runs of pieces that are alike.
fn packings(pieces: &[(&Variable, u64)]) -> Result<Vec<Packing>, String> {
    pieces.iter().map(|(piece, _)| Packing::of(piece).map_err(|error| error.to_string())).collect()
}

fn unpacked(
    first: &Variable,
    pieces: &[(&Variable, u64)],
    packings: &[Packing],
    has_gaps: bool,
) -> Result<Form, String> {
    let mut data_type: Option<DataType> = None;
    for packing in packings {
        let own = packing.unpacked_type().map_err(|error| error.to_string())?;
        let common = data_type.map_or(Some(own), |known| promote(known, own));
        data_type = Some(common.ok_or_else(|| format!("types {data_type:?} and {own:?}"))?);
    }
    let data_type = data_type.filter(|_| !has_gaps).or(data_type.and_then(with_missing));
    let data_type = data_type.ok_or_else(|| "no type holds all values".to_owned())?;
    let is_float = matches!(data_type, DataType::F16 | DataType::F32 | DataType::F64);
    let is_time = first.attributes.text("units").is_some_and(TimeUnits::is_time);
    if is_time && is_float && pieces.iter().any(|(piece, _)| piece.data_type != data_type) {
        return Err("times of different types or missing values".to_owned());
    }
    let mut variable = first.clone();
    for name in PACKING {
        variable.attributes.remove(name);
    }
    if packings.iter().any(Packing::is_scaled) {
        for name in OF_PACKED {
            variable.attributes.remove(name);
        }
    }
    if is_float {
        let mark = mark(data_type, pieces, packings).unwrap_or(f64::NAN);
        let number = match data_type {
            DataType::F32 => Numbers::F32(vec![mark as f32]),
            _ => Numbers::F64(vec![mark]),
        };
        variable.attributes.set("_FillValue", AttributeValue::Numbers(number));
    }
    variable.data_type = data_type;
    variable.fill_value = None;
    let missing = Packing::of(&variable).map_err(|error| error.to_string())?.missing_element();
    let form = Form { variable, missing };
    for (piece, _) in pieces {
        form.unpacking(piece)?;
    }
    Ok(form)
}

/// The mark of missing values, beside NaN, with which most chunks pass as they are; none where that is NaN.
fn mark(data_type: DataType, pieces: &[(&Variable, u64)], packings: &[Packing]) -> Option<f64> {
    let mut weights: Vec<(Option<f64>, u64)> = Vec::new();
    for ((piece, chunks), packing) in pieces.iter().zip(packings) {
        if piece.data_type != data_type || packing.is_scaled() {
            continue;
        }
        let mark = if packing.is_plain() { None } else { packing.only_missing() };
        if mark.is_some_and(|mark| mark.abs() < MARK_MIN) || (mark.is_none() && !packing.is_plain()) {
            continue;
        }
        match weights.iter_mut().find(|(known, _)| *known == mark) {
            Some((_, weight)) => *weight += chunks,
            None => weights.push((mark, *chunks)),
        }
    }
    weights.into_iter().max_by_key(|(_, weight)| *weight).and_then(|(mark, _)| mark)
}
