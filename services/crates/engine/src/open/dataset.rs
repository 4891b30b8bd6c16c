//! One version of a dataset, ready to answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use model::{Dataset, Error, Result, Variable, Warning};
use views::Steps;
use zarr::decoded::Encoding;

use super::documents::{Document, Documents};
use super::guests::Guest;
use crate::ports::{Form, PublishedDataset};

/// A published version with an index of its variables and its Zarr documents, each made when first asked for.
#[derive(Debug)]
pub struct OpenDataset {
    published: PublishedDataset,
    /// The form of its chunks: as they are stored, or as its steps say.
    form: Form,
    /// Those of a view by URL.
    steps: Option<Steps>,
    /// Tells this opening from every other: references are kept by it.
    serial: u64,
    /// The last variables, where these are not the dataset's own but its diagnostics.
    guests: Vec<Guest>,
    /// Diagnostics that this version cannot have, and why.
    left_out: Vec<Warning>,
    variables: HashMap<String, usize>,
    documents: Documents,
    /// What chunks of the decoded view are encoded with.
    encoding: Encoding,
    /// Made when first asked for: many datasets are never read decoded.
    decoded: OnceLock<Decoded>,
}

/// The decoded view: the same groups and variables in the same places.
#[derive(Debug)]
struct Decoded {
    dataset: Dataset,
    /// For each variable, whether its chunks are others than the stored ones.
    differs: Vec<bool>,
    documents: Documents,
}

impl OpenDataset {
    pub(super) fn new(published: PublishedDataset) -> Result<Self> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        if published.record_size == 0 {
            return Err(Error::internal(format!("{} has records of no references", published.id)));
        }
        let paths = published.dataset.variables.iter().map(|variable| variable.path.as_str().to_owned());
        Ok(Self {
            form: Form::Stored,
            steps: None,
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            guests: Vec::new(),
            left_out: Vec::new(),
            variables: paths.zip(0..).collect(),
            documents: Documents::new(&published.dataset),
            encoding: crate::encoding::of_view(&published.view, &published.dataset)?,
            decoded: OnceLock::new(),
            published,
        })
    }

    /// What a view by URL makes of a version.
    pub(super) fn of_view(published: PublishedDataset, steps: Steps, text: Arc<str>) -> Result<Self> {
        Ok(Self { form: Form::View(text), steps: Some(steps), ..Self::new(published)? })
    }

    /// The same with variables that are views behind its own, which keep their places, references and encoding.
    pub(super) fn with_guests(
        &self,
        dataset: Dataset,
        guests: Vec<Guest>,
        left_out: Vec<Warning>,
    ) -> Result<Self> {
        let published = PublishedDataset { dataset: Arc::new(dataset), ..self.published.clone() };
        let (serial, encoding) = (self.serial, self.encoding.clone());
        Ok(Self { serial, guests, left_out, encoding, ..Self::new(published)? })
    }

    /// The guest in a place; none for the dataset's own variables.
    pub(super) fn guest(&self, place: usize) -> Option<&Guest> {
        let own = self.published.dataset.variables.len() - self.guests.len();
        place.checked_sub(own).and_then(|place| self.guests.get(place))
    }

    /// Whether it was opened with diagnostics, and has some.
    pub fn has_diagnostics(&self) -> bool {
        !self.guests.is_empty()
    }

    /// Diagnostics that this version of the dataset cannot have, by name, and why.
    pub fn left_out(&self) -> &[Warning] {
        &self.left_out
    }

    /// What was published, without references.
    pub fn published(&self) -> &PublishedDataset {
        &self.published
    }

    /// The form of its own chunks: stored, or that of a view by URL.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// The steps of a view by URL; none of a dataset itself.
    pub fn steps(&self) -> Option<&Steps> {
        self.steps.as_ref()
    }

    /// Its groups and variables.
    pub fn dataset(&self) -> &Dataset {
        &self.published.dataset
    }

    /// The variable of a path with its place in `dataset().variables`.
    pub fn variable(&self, path: &str) -> Option<(usize, &Variable)> {
        let place = *self.variables.get(path)?;
        Some((place, self.published.dataset.variables.get(place)?))
    }

    /// Whether the references of a variable stay in its source, so that nobody knows which chunks are missing before
    /// they are asked for.
    pub fn is_in_place(&self, path: &str) -> bool {
        let place = self.variables.get(path).and_then(|place| self.published.in_place.get(*place));
        place.is_some_and(Option::is_some)
    }

    /// The Zarr document of a key such as `tas/.zarray` or `zarr.json`; none where the dataset has no such node.
    pub fn document(&self, key: &str) -> Option<&Document> {
        self.documents.get(&self.published.dataset, key)
    }

    /// The Zarr document of a key in one of the dataset's stores.
    pub fn document_in(&self, form: &Form, key: &str) -> Option<&Document> {
        match self.decoded_in(form) {
            Some(decoded) => decoded.documents.get(&decoded.dataset, key),
            None => self.document(key),
        }
    }

    /// Groups and variables as one of the dataset's stores shows them, variables in the same places.
    pub fn dataset_in(&self, form: &Form) -> &Dataset {
        self.decoded_in(form).map_or(&self.published.dataset, |decoded| &decoded.dataset)
    }

    /// Whether chunks of a variable, by its place, are others in a form than the dataset's own: those of its decoded view.
    pub(super) fn is_decoded(&self, form: &Form, variable: usize) -> bool {
        let decoded = self.decoded_in(form);
        decoded.and_then(|decoded| decoded.differs.get(variable)).copied().unwrap_or(false)
    }

    /// The decoded view, where that is what a form asks for. A view by URL has none: its one store is encoded as its
    /// steps say.
    fn decoded_in(&self, form: &Form) -> Option<&Decoded> {
        (*form == Form::Decoded && self.steps.is_none()).then(|| self.decoded())
    }

    fn decoded(&self) -> &Decoded {
        self.decoded.get_or_init(|| {
            let (own, encoding) = (&self.published.dataset, &self.encoding);
            let shown = own.variables.iter().enumerate().map(|(place, variable)| {
                // Guests are encoded already.
                if self.guest(place).is_some() { None } else { zarr::decoded::variable(variable, encoding) }
            });
            let shown: Vec<_> = shown.collect();
            let differs = shown.iter().map(Option::is_some).collect();
            let variables = shown.into_iter().zip(&own.variables);
            let variables = variables.map(|(shown, own)| shown.unwrap_or_else(|| own.clone())).collect();
            let dataset = Dataset { groups: own.groups.clone(), variables };
            Decoded { documents: Documents::new(&dataset), differs, dataset }
        })
    }

    pub(super) fn serial(&self) -> u64 {
        self.serial
    }
}
