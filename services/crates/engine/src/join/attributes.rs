//! Attributes that differ from file to file: the first file's are kept, and it is said once.

use std::collections::{BTreeMap, HashMap};

use model::{Attributes, Group, Warning};

use super::collection::Collected;
use super::numbers::same_value;
use super::sources::Sources;

/// Global attributes that differ in every file by their nature: one warning for all of them.
const OF_EACH_FILE: [&str; 14] = [
    "history",
    "creation_date",
    "tracking_id",
    "date_created",
    "date_modified",
    "id",
    "uuid",
    "NCO",
    "CDO",
    "CDI",
    "nco_openmp_thread_number",
    "time_coverage_start",
    "time_coverage_end",
    "DODS_EXTRA.Unlimited_Dimension",
];
/// Most files kept for one warning.
const FILES_MAX: usize = 3;
/// Most warnings of one kind; the rest are counted.
const WARNINGS_MAX: usize = 100;

/// What is noticed while joining.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) warnings: Vec<Warning>,
    of_scans: HashMap<Warning, usize>,
    of_scans_in_order: Vec<Warning>,
    differing: BTreeMap<(String, String), Difference>,
}

#[derive(Default)]
struct Difference {
    files: Vec<usize>,
    count: usize,
}

impl Notes {
    /// Adds a warning about something.
    pub(super) fn warn(&mut self, subject: &str, message: String) {
        self.warnings.push(Warning { subject: subject.to_owned(), message });
    }

    /// Adds warnings of one file's scan; those of many files are told once.
    pub(super) fn add_scan_warnings(&mut self, warnings: Vec<Warning>) {
        for warning in warnings {
            if let Some(count) = self.of_scans.get_mut(&warning) {
                *count += 1;
            } else {
                self.of_scans.insert(warning.clone(), 1);
                self.of_scans_in_order.push(warning);
            }
        }
    }

    /// Notices where a file's group differs from the first file's.
    pub(super) fn compare_group(&mut self, first: &Group, other: &Group, file: usize) {
        self.compare(first.path.as_str(), &first.attributes, &other.attributes, file);
    }

    /// Notices where a variable's pieces differ from the first.
    pub(super) fn compare_attributes(&mut self, variable: &Collected) {
        let Some((first, others)) = variable.pieces.split_first() else {
            return;
        };
        for other in others {
            let attributes = &other.scanned.variable.attributes;
            self.compare(variable.path.as_str(), &first.scanned.variable.attributes, attributes, other.file);
        }
    }

    fn compare(&mut self, subject: &str, first: &Attributes, other: &Attributes, file: usize) {
        if first == other {
            return;
        }
        let is_same = |name: &str| match (first.get(name), other.get(name)) {
            (Some(a), Some(b)) => same_value(a, b),
            _ => false,
        };
        let added = other.iter().map(|(name, _)| name).filter(|name| first.get(name).is_none());
        let names = first.iter().map(|(name, _)| name).chain(added);
        for name in names.filter(|name| !is_same(name)) {
            let key = (subject.to_owned(), name.to_owned());
            let difference = self.differing.entry(key).or_default();
            difference.count += 1;
            if difference.files.len() < FILES_MAX {
                difference.files.push(file);
            }
        }
    }

    /// All of them, those of the scans first.
    pub(super) fn into_warnings(self, sources: &Sources) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = Vec::new();
        for mut warning in self.of_scans_in_order {
            let count = self.of_scans.get(&warning).copied().unwrap_or(1);
            if count > 1 {
                warning.message = format!("{} (in {count} files)", warning.message);
            }
            warnings.push(warning);
        }
        warnings.extend(self.warnings);
        warnings.extend(differing_attributes(self.differing, sources));
        warnings
    }
}

fn differing_attributes(
    differing: BTreeMap<(String, String), Difference>,
    sources: &Sources,
) -> Vec<Warning> {
    let (of_each_file, others): (Vec<_>, Vec<_>) = differing
        .into_iter()
        .partition(|((subject, name), _)| subject.is_empty() && OF_EACH_FILE.contains(&name.as_str()));
    let mut warnings = Vec::new();
    if !of_each_file.is_empty() {
        let names: Vec<String> = of_each_file.into_iter().map(|((_, name), _)| name).collect();
        let verb = if names.len() == 1 { "differs" } else { "differ" };
        let message = format!("{} {verb} from file to file: {} kept", names.join(", "), sources.name(0));
        warnings.push(Warning { subject: String::new(), message });
    }
    let count = others.len();
    for ((subject, name), difference) in others.into_iter().take(WARNINGS_MAX) {
        let mut files = sources.list(difference.files.iter().copied());
        if difference.count > difference.files.len() {
            files = format!("{files} and {} more", difference.count - difference.files.len());
        }
        let message = format!("differs or is absent in {files}: the first file's is kept");
        warnings.push(Warning { subject: format!("{subject}@{name}"), message });
    }
    if count > WARNINGS_MAX {
        let message = format!("{} more attributes differ from file to file", count - WARNINGS_MAX);
        warnings.push(Warning { subject: String::new(), message });
    }
    warnings
}
