//! Diagnostics as variables of a dataset: guests among its own, whose chunks are those of views.
//!
//! ```text
//! Diagnostic ─▶ Question ── open_view ─▶ the grouped variable, as pp_tas_time.month_mean ─┐
//!                                        the coordinate of its groups, as month          ─┴▶ OpenDataset
//! ```
//! They stand behind the dataset's own variables, so that these keep their places, and references are kept once.

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt as _;
use model::{Dataset, Error, ErrorKind, NodePath, Result, Variable, Version, Warning};

use super::{DatasetKey, Datasets, OpenDataset};
use crate::diagnostics::{self, Diagnostic, PREFIX, Question};
use crate::ports::{EvaluatedChunk, Form, PublishedDataset};

/// Views opened at once.
const OPENED_AT_ONCE: usize = 8;

/// Where a variable comes from that is not the dataset's own.
#[derive(Debug)]
pub(super) struct Guest {
    /// What it is called in its view.
    variable: NodePath,
    /// That of the view.
    form: Form,
}

/// A question and the view that answers it; or why it cannot be asked of the dataset.
type Answered = Result<(Question, Arc<OpenDataset>)>;

impl Datasets {
    /// Opens the current version of a dataset with its diagnostics, as its decoded store shows it. Those that the version
    /// cannot have, for it lacks a variable, are left out ([`OpenDataset::left_out`]); that a view cannot be opened now is
    /// an error, for what is missing today must not look as if it were never there.
    pub async fn open_with_diagnostics(&self, id: &str) -> Result<Arc<OpenDataset>> {
        let key = self.current(id).await?;
        let own = self.open_key(&key).await?;
        let diagnostics = &own.published().diagnostics;
        if diagnostics.is_empty() {
            return Ok(own);
        }
        if let Some(kept) = self.with_diagnostics.get(&key).await {
            return Ok(kept);
        }
        let make = async {
            let mut composed = Composition::of(&own);
            for (diagnostic, answered) in diagnostics.iter().zip(self.ask(&key, &own, diagnostics).await?) {
                if let Err(error) =
                    answered.and_then(|(question, view)| composed.add(diagnostic, &question, &view))
                {
                    composed.left_out.push(Warning { subject: diagnostic.name(), message: error.message });
                }
            }
            Ok(Arc::new(composed.join()?))
        };
        self.with_diagnostics.try_get_with(Arc::clone(&key), make).await.map_err(|error| Error::clone(&error))
    }

    /// Whether the current version of a dataset can have one more diagnostic: the version, or why not.
    pub async fn check_diagnostic(&self, id: &str, new: &Diagnostic) -> Result<Version> {
        let key = self.current(id).await?;
        let own = self.open_key(&key).await?;
        let all = diagnostics::added(&own.published().diagnostics, new)?;
        let mut composed = Composition::of(&own);
        for (diagnostic, answered) in all.iter().zip(self.ask(&key, &own, &all).await?) {
            let added = answered.and_then(|(question, view)| composed.add(diagnostic, &question, &view));
            if diagnostic == new {
                added?;
            }
        }
        Ok(key.version)
    }

    /// Opens the views of diagnostics. An error where one cannot be opened now.
    async fn ask(
        &self,
        key: &Arc<DatasetKey>,
        own: &OpenDataset,
        diagnostics: &[Diagnostic],
    ) -> Result<Vec<Answered>> {
        let ask = |diagnostic: Diagnostic| async move {
            let question = match diagnostic.question(own.dataset()) {
                Ok(question) => question,
                Err(refusal) => return Ok(Err(refusal)),
            };
            match self.open_view_of(Arc::clone(key), &question.steps).await {
                Ok(view) => Ok(Ok((question, view))),
                Err(error) if is_lasting(&error) => Ok(Err(error)),
                Err(error) => Err(error),
            }
        };
        let asked: Vec<Result<Answered>> =
            futures::stream::iter(diagnostics.to_vec()).map(ask).buffered(OPENED_AT_ONCE).collect().await;
        asked.into_iter().collect()
    }
}

/// Whether a version will always be refused this view.
fn is_lasting(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::InvalidRequest | ErrorKind::TooLarge | ErrorKind::Unsupported)
}

impl OpenDataset {
    /// The chunk that stands for one of a guest, by its place; none for the dataset's own variables.
    pub(super) fn guest_chunk(&self, place: usize, number: u64) -> Option<EvaluatedChunk> {
        let guest = self.guest(place)?;
        let PublishedDataset { id, version, .. } = self.published();
        let (variable, form) = (guest.variable.clone(), guest.form.clone());
        Some(EvaluatedChunk { id: id.clone(), version: *version, variable, number, form })
    }
}

/// A dataset's variables and what joins them.
struct Composition<'o> {
    own: &'o OpenDataset,
    variables: Vec<Variable>,
    guests: Vec<Guest>,
    left_out: Vec<Warning>,
    /// What the dimension of the groups of a coordinate is called: variables that are grouped alike share it.
    dimensions: HashMap<String, String>,
}

impl<'o> Composition<'o> {
    fn of(own: &'o OpenDataset) -> Self {
        let variables = own.dataset().variables.clone();
        Self { own, variables, guests: Vec::new(), left_out: Vec::new(), dimensions: HashMap::new() }
    }

    /// Adds the variable of a diagnostic, and the coordinate of its groups unless that is there already.
    fn add(&mut self, diagnostic: &Diagnostic, question: &Question, view: &OpenDataset) -> Result<()> {
        let place = question.place(view.dataset())?;
        let name = diagnostic.name();
        let (dimension, is_new) = match self.dimensions.get(&question.coord) {
            Some(shared) => (shared.clone(), false),
            // xarray opens no store in which a dimension has two lengths.
            None if self.is_taken(&question.dimension) => (format!("{PREFIX}{}", question.coord), true),
            None => (question.dimension.clone(), true),
        };
        let mut names = std::iter::once(&name).chain(is_new.then_some(&dimension));
        if let Some(name) = names.find(|name| self.is_taken(name)) {
            return Err(diagnostics::taken(name));
        }
        let variable = &view.dataset().variables[place];
        let coordinate = view.dataset().variable(&question.dimension).filter(|_| is_new);
        for (variable, name) in
            [(variable, name)].into_iter().chain(coordinate.map(|of| (of, dimension.clone())))
        {
            let mut guest = Variable { path: NodePath::root().join(&name)?, ..variable.clone() };
            for own in guest.dimensions.iter_mut().filter(|own| **own == question.dimension) {
                own.clone_from(&dimension);
            }
            self.variables.push(guest);
            self.guests.push(Guest { variable: variable.path.clone(), form: view.form().clone() });
        }
        self.dimensions.insert(question.coord.clone(), dimension);
        Ok(())
    }

    /// Whether a variable, a group or a dimension has a name.
    fn is_taken(&self, name: &str) -> bool {
        let has = |variable: &Variable| {
            variable.path.as_str() == name || variable.dimensions.iter().any(|dimension| dimension == name)
        };
        self.own.dataset().group(name).is_some() || self.variables.iter().any(has)
    }

    fn join(self) -> Result<OpenDataset> {
        let dataset = Dataset { groups: self.own.dataset().groups.clone(), variables: self.variables };
        self.own.with_guests(dataset, self.guests, self.left_out)
    }
}

#[cfg(test)]
mod tests;
