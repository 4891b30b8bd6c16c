//! Names of variables: the parameter's short name, with as much behind it as tells variables apart.

use std::collections::{HashMap, HashSet};

use super::fields::Group;

/// Kinds of level in the order in which one of them keeps the bare name.
const FIRST: [&str; 6] =
    ["isobaricInhPa", "hybrid", "generalVerticalLayer", "surface", "heightAboveGround", "meanSea"];

/// What tells groups apart: how it ranks, and in a word.
type Part = fn(&Group) -> (usize, String);

/// A name for each group; none is in `taken`, none twice.
pub(super) fn of(groups: &[Group], taken: &HashSet<String>) -> Vec<String> {
    let mut names: Vec<String> =
        groups.iter().map(|group| plain(&group.subject.parameter.short_name, taken)).collect();
    let parts: [Part; 5] = [level, step_type, variant, apart, grid];
    for part in parts {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, name) in names.iter().enumerate() {
            by_name.entry(name.clone()).or_default().push(at);
        }
        for members in by_name.into_values().filter(|members| members.len() > 1) {
            let first = members.iter().map(|at| part(&groups[*at])).min();
            for at in members {
                let own = part(&groups[at]);
                if Some(&own) != first.as_ref() && !own.1.is_empty() {
                    names[at] = format!("{}_{}", names[at], own.1);
                }
            }
        }
    }
    let mut used = taken.clone();
    for name in &mut names {
        let base = name.clone();
        let mut number = 2;
        while !used.insert(name.clone()) {
            *name = format!("{base}_{number}");
            number += 1;
        }
    }
    names
}

/// A short name as part of a path and of a URL.
fn plain(name: &str, taken: &HashSet<String>) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_-.+".contains(c) { c } else { '_' };
    let name: String = name.chars().map(allowed).collect();
    let name = name.trim_start_matches('.');
    let name = if name.is_empty() { "param" } else { name };
    if taken.contains(name) { format!("{name}_field") } else { name.to_owned() }
}

fn level(group: &Group) -> (usize, String) {
    let kind = &group.subject.level;
    let rank = FIRST.iter().position(|first| first == kind).unwrap_or(FIRST.len());
    let layer = if group.subject.is_layer && !kind.ends_with("Layer") { "_layer" } else { "" };
    (rank, format!("{kind}{layer}"))
}

fn step_type(group: &Group) -> (usize, String) {
    let kind = group.subject.step_type;
    (usize::from(kind != "instant"), kind.to_owned())
}

fn variant(group: &Group) -> (usize, String) {
    let parts: Vec<_> = group.subject.variant.iter().map(|(key, value)| format!("{key}{value}")).collect();
    (parts.len(), parts.join("_"))
}

fn apart(group: &Group) -> (usize, String) {
    let text = group.apart.clone().unwrap_or_default();
    (usize::from(!text.is_empty()), text)
}

fn grid(group: &Group) -> (usize, String) {
    (group.subject.grid, format!("grid{}", group.subject.grid + 1))
}
