//! `anomaly`, `convert`, `arith`, `quantize`: element by element.

use std::sync::Arc;

use model::DataType;

use super::draft::{Draft, Field};
use super::grouping::by_key;
use super::reduction::{Grouping, lose_zero, reduced, texts};
use super::values;
use super::{Known, Result, refused, related};
use crate::array::{Array, Formula, Groups, Made, NO_GROUP, Places};
use crate::compute::program::Program;
use crate::per_variable::PerVariable;
use crate::places;
use crate::steps::{Anomaly, Arithmetic, Convert, GroupKey, Quantize, Reduction, Selection, Statistic};
use crate::units;

/// `anomaly`: each value less the mean of its group.
pub(super) fn anomaly(draft: &mut Draft<'_>, step: &Anomaly, known: &Known) -> Result<()> {
    let keyed = by_key(draft, &step.key, known)?;
    if keyed.labels.contains(&NO_GROUP) {
        return refused(format!("{} has missing values, which belong to no group", step.key));
    }
    let in_reference = reference(draft, step, known)?;
    let mut of_means = keyed.labels.clone();
    for (place, label) in of_means.iter_mut().enumerate() {
        if in_reference.as_ref().is_some_and(|places| !places.contains(&(place as u64))) {
            *label = NO_GROUP;
        }
    }
    let groups = Groups::Labels { labels: of_means.into(), count: keyed.count };
    let grouping = Grouping { dimension: keyed.dimension.clone(), groups, name: keyed.dimension.clone() };
    let grouping = [grouping];
    let places = Places::List(keyed.labels.iter().map(|label| u64::from(*label)).collect());
    for place in related::data(draft) {
        let field = &draft.fields[place];
        if !field.has(&keyed.dimension) {
            continue;
        }
        let mut means = reduced(field, &grouping, &Reduction::Statistic(Statistic::Mean), None)?;
        means.take(&keyed.dimension, &places);
        let values = field.unpacked()?;
        let array = computed(vec![values, means.array], Formula::Difference);
        draft.fields[place].set_values(array);
        lose_zero(&mut draft.fields[place]);
    }
    Ok(())
}

/// The places of the period of reference, sorted; none for all.
fn reference(
    draft: &Draft<'_>,
    step: &Anomaly,
    known: &Known,
) -> Result<Option<std::collections::HashSet<u64>>> {
    let Some(range) = &step.reference else { return Ok(None) };
    let (GroupKey::Part(name, _) | GroupKey::Coordinate(name)) = &step.key;
    let (_, values) = values::of_coordinate(draft, name.as_str(), known)?;
    let selected = places::select(&values.coordinate(), &Selection::Range(range.clone()));
    let places = selected.or_else(|error| refused(format!("{name}: {error}")))?.places;
    Ok(Some((0..places.length().unwrap_or(0)).map(|number| places.get(number)).collect()))
}

/// An array of the shape of its first input; single where all are.
fn computed(of: Vec<Arc<Array>>, formula: Formula) -> Array {
    let is_single = of.iter().all(|of| of.data_type == DataType::F32);
    let data_type = if is_single { DataType::F32 } else { DataType::F64 };
    let shape = of.first().map(|of| of.shape.clone()).unwrap_or_default();
    Array { data_type, shape, made: Made::Computed { of, formula } }
}

/// An array of floats as floats of a type.
pub(super) fn as_type(of: Arc<Array>, data_type: DataType) -> Arc<Array> {
    if of.data_type == data_type {
        return of;
    }
    let shape = of.shape.clone();
    let formula = Formula::Linear { scale: 1.0, offset: 0.0 };
    Arc::new(Array { data_type, shape, made: Made::Computed { of: vec![of], formula } })
}

/// `convert`: other units.
pub(super) fn convert(draft: &mut Draft<'_>, step: &Convert) -> Result<()> {
    for (name, units) in &step.units {
        let place = draft.named(name.as_str())?;
        let field = &draft.fields[place];
        let Some(from) = field.attributes.text("units").map(str::to_owned) else {
            return refused(format!("{name} has no units"));
        };
        let conversion = units::conversion(&from, units.as_str());
        let linear = conversion.or_else(|error| refused(format!("{name}: {error}")))?;
        // Differences have no zero that could be another one.
        let offset = if field.is_difference { 0.0 } else { linear.offset };
        // Bounds have the units of what they bound (CF §7.1).
        let bounds = field.attributes.text("bounds").and_then(|name| related::resolve(draft, field, name));
        for place in std::iter::once(place).chain(bounds) {
            let field = &draft.fields[place];
            let array = field.unpacked()?;
            let has_units = field.attributes.text("units").is_some();
            let field = &mut draft.fields[place];
            field.set_values(computed(vec![array], Formula::Linear { scale: linear.scale, offset }));
            if has_units {
                field.set_text("units", units.as_str());
            }
        }
    }
    Ok(())
}

/// `quantize`: multiples of a step.
pub(super) fn quantize(draft: &mut Draft<'_>, step: &Quantize) -> Result<()> {
    let steps: Vec<(usize, f64)> = match &step.steps {
        PerVariable::Each(each) => each
            .iter()
            .map(|(name, quantum)| Ok((draft.named(name.as_str())?, quantum.0)))
            .collect::<Result<_>>()?,
        PerVariable::All(quantum) => related::data(draft)
            .into_iter()
            .filter(|place| {
                let field = &draft.fields[*place];
                matches!(field.array.data_type, DataType::F16 | DataType::F32 | DataType::F64)
                    && !values::is_time(field)
            })
            .map(|place| (place, quantum.0))
            .collect(),
    };
    for (place, quantum) in steps {
        let array = draft.fields[place].unpacked()?;
        draft.fields[place].set_values(computed(vec![array], Formula::Multiple(quantum)));
    }
    Ok(())
}

/// `arith`: a variable of others, whose dimensions are put together by their names, as xarray's are.
pub(super) fn arithmetic(draft: &mut Draft<'_>, step: &Arithmetic) -> Result<()> {
    let (program, names) = Program::new(&step.expression);
    let places = names.iter().map(|name| draft.named(name.as_str())).collect::<Result<Vec<_>>>()?;
    let is_dimension = draft.fields.iter().any(|field| field.has(step.name.as_str()));
    let is_coordinate =
        draft.find(step.name.as_str()).is_some_and(|place| related::coordinates(draft).contains(&place));
    if is_dimension || is_coordinate {
        return refused(format!("{} is a coordinate: give what is computed another name", step.name));
    }
    let Some(first) = places.first() else {
        return refused(format!("{} is made of no variable", step.name));
    };
    let (mut dimensions, mut shape): (Vec<String>, Vec<u64>) = (Vec::new(), Vec::new());
    for place in &places {
        let field = &draft.fields[*place];
        for (dimension, length) in field.dimensions.iter().zip(&field.array.shape) {
            match dimensions.iter().position(|name| name == dimension) {
                None => {
                    dimensions.push(dimension.clone());
                    shape.push(*length);
                }
                Some(axis) if shape[axis] != *length => {
                    return refused(format!(
                        "{dimension} has {length} places in {} and {} elsewhere",
                        field.path, shape[axis]
                    ));
                }
                Some(_) => {}
            }
        }
    }
    let inputs: Result<Vec<_>> =
        places.iter().map(|place| arranged(&draft.fields[*place], &dimensions, &shape)).collect();
    let array = computed(inputs?, Formula::Expression(Arc::new(program)));
    let mut attributes = texts(&[("long_name", &step.expression.to_string())]);
    for name in ["coordinates", "cell_measures", "grid_mapping"] {
        if let Some(text) = draft.fields[*first].attributes.text(name) {
            attributes.set(name, model::AttributeValue::Text(text.to_owned()));
        }
    }
    draft.put(step.name.as_str(), dimensions, attributes, Arc::new(array));
    Ok(())
}

/// A field's values with dimensions that it may have in another order, or not at all.
fn arranged(field: &Field, dimensions: &[String], shape: &[u64]) -> Result<Arc<Array>> {
    let of = field.unpacked()?;
    if field.dimensions == dimensions {
        return Ok(of);
    }
    let axes = dimensions.iter().map(|dimension| field.axis(dimension)).collect();
    let made = Made::Arranged { of: Arc::clone(&of), axes };
    Ok(Arc::new(Array { data_type: of.data_type, shape: shape.to_vec(), made }))
}
