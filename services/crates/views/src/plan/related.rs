//! Variables that name others: coordinates, bounds, areas ([`cf::named_variables`]).

use std::collections::HashSet;

use model::{AttributeValue, DataType};

use super::draft::{Draft, Field};
use crate::steps::Steps;

/// Paths of the fields that a field names, and of the coordinates of its dimensions, where they are.
pub(super) fn related(draft: &Draft<'_>, field: &Field) -> Vec<usize> {
    let by_attributes = cf::named_variables(|name| field.attributes.text(name));
    let all = field.dimensions.iter().map(String::as_str).chain(by_attributes);
    all.filter_map(|name| resolve(draft, field, name)).collect()
}

/// The field of a name as another names it: in its group, or in one around it.
pub(super) fn resolve(draft: &Draft<'_>, field: &Field, name: &str) -> Option<usize> {
    field.path.resolve(name, |path| draft.find(path))
}

/// Places of the fields that say where values are, and are none: coordinates of dimensions, and what others name.
pub(super) fn coordinates(draft: &Draft<'_>) -> HashSet<usize> {
    let dimensions = draft.fields.iter().enumerate().filter(|(_, field)| field.is_dimension());
    let named = draft.fields.iter().flat_map(|field| {
        let names = cf::named_variables(|attribute| field.attributes.text(attribute));
        names.filter_map(|name| resolve(draft, field, name))
    });
    dimensions.map(|(place, _)| place).chain(named).collect()
}

/// Places of the fields whose values are what the dataset is for: numbers or truths, and no coordinates.
pub(super) fn data(draft: &Draft<'_>) -> Vec<usize> {
    let coordinates = coordinates(draft);
    let is_data = |place: &usize| can_be_reduced(&draft.fields[*place]) && !coordinates.contains(place);
    (0..draft.fields.len()).filter(is_data).collect()
}

/// Whether many of a field's values can become one: numbers, and truths, which count as 0 and 1.
pub(super) fn can_be_reduced(field: &Field) -> bool {
    field.array.data_type.is_numeric() || field.array.data_type == DataType::Bool
}

/// Places of the fields that are the bounds of others.
pub(super) fn bounds(draft: &Draft<'_>) -> HashSet<usize> {
    let named = draft.fields.iter().flat_map(|field| {
        let names = ["bounds", "climatology"].into_iter().filter_map(|name| field.attributes.text(name));
        names.filter_map(|name| resolve(draft, field, name))
    });
    named.collect()
}

/// Names the coordinate that lost its dimension in the attribute `coordinates` of fields that lost it too, as CF names
/// scalar coordinates (§5.7).
pub(super) fn name_scalar(draft: &mut Draft<'_>, dimension: &str) {
    let had: HashSet<String> = draft
        .source
        .variables
        .iter()
        .filter(|variable| variable.dimensions.iter().any(|name| name == dimension))
        .map(|variable| variable.path.to_string())
        .collect();
    for place in 0..draft.fields.len() {
        let field = &draft.fields[place];
        let scalar = resolve(draft, field, dimension).map(|scalar| &draft.fields[scalar]);
        let is_scalar = scalar.is_some_and(|scalar| scalar.dimensions.is_empty());
        let old = field.attributes.text("coordinates").unwrap_or_default().to_owned();
        let names_it = old.split_whitespace().any(|name| name == dimension);
        let lost_it = had.contains(field.path.as_str()) && !field.has(dimension);
        if is_scalar && lost_it && !names_it && field.path.name() != dimension {
            draft.fields[place].set_text("coordinates", format!("{old} {dimension}").trim());
        }
    }
}

/// Takes the names of variables that are not there any more out of the attributes that name others: readers would look
/// for them.
pub(super) fn prune(draft: &mut Draft<'_>) {
    for place in 0..draft.fields.len() {
        for attribute in cf::NAMING.into_iter().chain(["ancillary_variables"]) {
            let field = &draft.fields[place];
            let Some(text) = field.attributes.text(attribute).map(str::to_owned) else { continue };
            let was_there =
                |name: &str| draft.source.variables.iter().any(|variable| variable.path.name() == name);
            let is_lost = |name: &&str| was_there(name) && resolve(draft, field, name).is_none();
            let lost: Vec<&str> = text.split_whitespace().filter(is_lost).collect();
            if lost.is_empty() {
                continue;
            }
            let words: Vec<&str> = text.split_whitespace().collect();
            let stays = |at: &usize| {
                let names_lost = |word: Option<&&str>| word.is_some_and(|word| lost.contains(word));
                // `area: areacella` goes whole.
                let goes_with = words[*at].ends_with(':') && names_lost(words.get(at + 1));
                !names_lost(words.get(*at)) && !goes_with
            };
            let rest: Vec<&str> = (0..words.len()).filter(stays).map(|at| words[at]).collect();
            let field = &mut draft.fields[place];
            if rest.is_empty() {
                field.attributes.remove(attribute);
            } else {
                field.set_text(attribute, rest.join(" "));
            }
        }
    }
}

/// Says in the attribute `history` of the root what was done
/// ([CF §2.6.2](https://cfconventions.org/cf-conventions/cf-conventions.html#description-of-file-contents)).
pub(super) fn write_history(draft: &mut Draft<'_>, steps: &Steps) {
    let Some(root) = draft.groups.iter_mut().find(|group| group.path.as_str().is_empty()) else { return };
    let old = root.attributes.text("history").unwrap_or_default();
    let text = format!("cloudify view {steps}\n{old}");
    root.attributes.set("history", AttributeValue::Text(text.trim_end().to_owned()));
}
