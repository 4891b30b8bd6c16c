//! What is asked for, as steps of a view.

use model::{Dataset, Error, Result};
use views::steps::{GroupBy, GroupKey, Groups, SelectVariables};
use views::{Name, Step, Steps};

use super::BINS;

/// What is asked for.
#[derive(Debug)]
pub struct Question {
    /// The variable.
    pub variable: String,
    /// What its groups share.
    pub coord: String,
    /// What is made of a group.
    pub action: String,
    /// The view that answers it.
    pub steps: Steps,
    /// The dimension of groups in it.
    pub dimension: String,
}

impl Question {
    /// Reads a variable, a coordinate and an action. What the dataset or the grammar does not have is not found, in the
    /// words that clients of xpublish's plugin know.
    pub fn new(dataset: &Dataset, variable: &str, coord: &str, action: &str) -> Result<Self> {
        let Some(asked) = dataset.variable(variable) else {
            return Err(Error::not_found(format!("Variable '{}' not found in dataset", shown(variable))));
        };
        let is_known = |name: &str| {
            let is_dimension = asked.dimensions.iter().any(|dimension| dimension == name);
            (is_dimension || dataset.variable(name).is_some()).then(|| Name::new(name)).flatten()
        };
        let grouped = named(coord, is_known).and_then(|(name, key)| group_by(&name, key, "mean"));
        let no_coordinate =
            || Error::not_found(format!("Groupby coordinate '{}' not found in dataset", shown(coord)));
        let GroupBy { groups, .. } = grouped.ok_or_else(no_coordinate)?;
        let name = Name::new(variable).ok_or_else(no_coordinate)?;
        let no_action = || Error::not_found(format!("Groupby action '{}' not recognized", shown(action)));
        let is_bare = |step: &GroupBy| matches!(step.groups, Groups::Key(_));
        let GroupBy { reduction, .. } = group_by(&name, "", action).filter(is_bare).ok_or_else(no_action)?;

        let mut names = vec![name];
        // A coordinate of a dimension stays with the variable; another might go.
        let key = key_of(&groups);
        let stays = asked.dimensions.iter().any(|dimension| dimension == key.as_str()) || *key == names[0];
        if !stays && dataset.variable(key.as_str()).is_some() {
            names.push(key.clone());
        }
        let dimension = dimension_of(&groups);
        let steps = vec![
            Step::SelectVariables(SelectVariables { names }),
            Step::GroupBy(GroupBy { groups, reduction }),
        ];
        let steps = Steps::new(steps).ok_or_else(|| Error::internal("there are steps"))?;
        let [variable, coord, action] = [variable, coord, action].map(str::to_owned);
        Ok(Self { variable, coord, action, steps, dimension })
    }

    /// The place of the variable in the view. Refused where it has no groups: what is not grouped stays as it was.
    pub fn place(&self, view: &Dataset) -> Result<usize> {
        let found = view.variables.iter().position(|variable| variable.path.as_str() == self.variable);
        let grouped = found.filter(|place| view.variables[*place].dimensions.contains(&self.dimension));
        grouped.ok_or_else(|| {
            let (variable, coord) = (shown(&self.variable), shown(&self.coord));
            Error::invalid(format!(
                "'{variable}' has no dimension that '{coord}' could group, or is what it names"
            ))
        })
    }
}

/// The name of a known coordinate, and what of it makes the groups: nothing, a part of its time, bins.
fn named(coord: &str, is_known: impl Fn(&str) -> Option<Name>) -> Option<(Name, &str)> {
    let cuts = [Some(coord.len()), coord.find(":bins("), coord.rfind('.')];
    cuts.into_iter().flatten().find_map(|at| is_known(&coord[..at]).map(|name| (name, &coord[at..])))
}

/// A step that the grammar reads where `x` stands for the name: the name itself need not be spelled.
fn group_by(name: &Name, key: &str, action: &str) -> Option<GroupBy> {
    let steps = Steps::parse(&format!("groupby=x{key}:{action}")).ok()?;
    let [Step::GroupBy(GroupBy { groups, reduction })] = steps.as_slice() else { return None };
    let groups = match groups {
        Groups::Key(GroupKey::Part(_, part)) => Groups::Key(GroupKey::Part(name.clone(), *part)),
        Groups::Key(GroupKey::Coordinate(_)) => Groups::Key(GroupKey::Coordinate(name.clone())),
        Groups::Bins { edges, .. } => Groups::Bins { variable: name.clone(), edges: edges.clone() },
    };
    Some(GroupBy { groups, reduction: reduction.clone() })
}

fn key_of(groups: &Groups) -> &Name {
    match groups {
        Groups::Key(GroupKey::Part(name, _) | GroupKey::Coordinate(name)) => name,
        Groups::Bins { variable, .. } => variable,
    }
}

/// The dimension that `groupby` makes of groups.
fn dimension_of(groups: &Groups) -> String {
    match groups {
        Groups::Key(GroupKey::Part(_, part)) => part.to_string(),
        Groups::Key(GroupKey::Coordinate(name)) => name.as_str().to_owned(),
        Groups::Bins { variable, .. } => format!("{}{BINS}", variable.as_str()),
    }
}

/// What a client sent, shortened: an answer is no place for a kilobyte of anything.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
