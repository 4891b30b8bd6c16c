//! Fields at the same coordinates that are not the same: of one variable two are made, so that none hides the other.

use std::collections::{BTreeMap, HashMap};

use super::{
    fields::{Field, Fields, Group},
    variant,
};

/// What a field's coordinates are.
type Coordinates = (i64, i64, (Option<u64>, Option<u64>), Option<u64>);

/// Takes groups apart whose fields collide although they were made differently, or cover times of different lengths.
pub(super) fn separate(fields: &mut Fields) {
    let groups = std::mem::take(&mut fields.groups);
    for group in groups {
        let by_process = separated(
            group,
            |field| Some(field.process),
            |edition, code| {
                variant::process_name(edition, code).map_or_else(|| format!("type{code}"), str::to_owned)
            },
        );
        for group in by_process {
            fields.groups.extend(separated(group, window, |_, seconds| match seconds {
                0 => "from_start".to_owned(),
                seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
                seconds => format!("{seconds}s"),
            }));
        }
    }
}

/// Length of the times that a field covers; 0 for those since the start of the forecast.
fn window(field: &Field) -> Option<i64> {
    let length = field.times.end - field.times.start;
    (length > 0).then_some(if field.times.start == 0 { 0 } else { length })
}

fn separated(group: Group, mark: fn(&Field) -> Option<i64>, word: fn(u8, i64) -> String) -> Vec<Group> {
    if !collides(&group.fields, mark) {
        return vec![group];
    }
    let Group { subject, fields, has_missing, edition, apart } = group;
    let mut parts: BTreeMap<Option<i64>, Vec<Field>> = BTreeMap::new();
    for field in fields {
        parts.entry(mark(&field)).or_default().push(field);
    }
    let parts = parts.into_iter().map(|(mark, fields)| {
        let word = mark.map(|mark| word(edition, mark));
        let apart = [apart.clone(), word].into_iter().flatten().reduce(|a, b| format!("{a}_{b}"));
        Group { subject: subject.clone(), fields, has_missing, edition, apart }
    });
    parts.collect()
}

/// Whether two fields have the same coordinates and different marks.
fn collides(fields: &[Field], mark: fn(&Field) -> Option<i64>) -> bool {
    let first = fields.first().map(mark);
    if fields.iter().all(|field| Some(mark(field)) == first) {
        return false;
    }
    let mut seen: HashMap<Coordinates, Option<i64>> = HashMap::with_capacity(fields.len());
    fields.iter().any(|field| {
        let key = (field.times.reference, field.times.end, field.level, field.member);
        seen.insert(key, mark(field)).is_some_and(|other| other != mark(field))
    })
}
