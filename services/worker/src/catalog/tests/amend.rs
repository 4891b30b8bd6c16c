//! An amended version has what the one before has, without being written anew; neither changes the other.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use engine::diagnostics::Diagnostic;

use super::*;

fn mean() -> Diagnostic {
    Diagnostic { variable: "tas".into(), coord: "time.month".into(), action: "mean".into() }
}

fn add(catalog: &Catalog, of: u32) -> Result<Amended> {
    catalog.amend(&id("a"), Some(Version(of)), &Amendment::AddDiagnostic(mean()), 99)
}

fn diagnostics(catalog: &Catalog) -> Vec<String> {
    catalog.dataset(&id("a"), None).unwrap().diagnostics.iter().map(Diagnostic::name).collect()
}

/// Inodes and contents of all files below a directory.
fn files(directory: &Path) -> BTreeMap<PathBuf, (u64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(
                files(&path)
                    .into_iter()
                    .map(|(below, file)| (Path::new(path.file_name().unwrap()).join(below), file)),
            );
        } else {
            let file = (std::fs::metadata(&path).unwrap().ino(), std::fs::read(&path).unwrap());
            found.insert(path.file_name().unwrap().into(), file);
        }
    }
    found
}

#[test]
fn it_is_the_same_files_with_another_document() {
    let (directory, catalog) = open();
    publish(&catalog, "a", &joined("one", 9), IfExists::Refuse).unwrap();
    let first = version_directory(&directory, "a", 1);
    let before = files(&first);
    assert_eq!(add(&catalog, 1).unwrap(), Amended { version: Version(2), is_new: true });
    assert_eq!(files(&first), before, "a version never changes");
    let mut after = files(&version_directory(&directory, "a", 2));
    let mut expected = before;
    assert_ne!(after.remove(Path::new("version.json")), expected.remove(Path::new("version.json")));
    assert!(after.len() > 3);
    assert_eq!(after, expected);
    let dataset = catalog.dataset(&id("a"), None).unwrap();
    assert_eq!(
        (dataset.version, dataset.published_ms, &*dataset.diagnostics),
        (Version(2), 99, &vec![mean()])
    );
    let record = |version| {
        let path = NodePath::parse("forecast/tas").unwrap();
        catalog.references(&id("a"), Version(version), &path, 0, &no_roots()).unwrap()
    };
    assert_eq!(record(1), record(2));
    assert_eq!(catalog.versions(&id("a")).unwrap().versions[1].sources, ["/pool/*.nc"]);
}

#[test]
fn what_is_so_already_makes_no_version_and_what_another_changed_is_a_conflict() {
    let (_directory, catalog) = open();
    assert_eq!(add(&catalog, 1).unwrap_err().kind, ErrorKind::NotFound);
    publish(&catalog, "a", &joined("one", 3), IfExists::Refuse).unwrap();
    add(&catalog, 1).unwrap();
    assert_eq!(add(&catalog, 1).unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(add(&catalog, 2).unwrap(), Amended { version: Version(2), is_new: false });
    let views = Amendment::NameViews([("m".to_owned(), "mean=time".to_owned())].into());
    assert_eq!(catalog.amend(&id("a"), None, &views, 7).unwrap().version, Version(3));
    assert_eq!(catalog.dataset(&id("a"), None).unwrap().named_views["m"], "mean=time");
    assert_eq!(diagnostics(&catalog), ["pp_tas_time.month_mean"]);
    let none = Amendment::NameViews([("m".to_owned(), "no steps".to_owned())].into());
    assert_eq!(catalog.amend(&id("a"), None, &none, 7).unwrap_err().kind, ErrorKind::InvalidRequest);
    let lost = Amendment::RemoveDiagnostic("pp_x".into());
    assert_eq!(catalog.amend(&id("a"), None, &lost, 7).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(catalog.versions(&id("a")).unwrap().versions.len(), 3);
}

#[test]
fn diagnostics_stay_over_versions_and_go_with_a_roll_back() {
    let (directory, catalog) = open();
    publish(&catalog, "a", &joined("one", 3), IfExists::Refuse).unwrap();
    add(&catalog, 1).unwrap();
    // A version with other data keeps them, whatever becomes of those that they are made of.
    publish(&catalog, "a", &joined("two", 5), IfExists::Replace).unwrap();
    assert_eq!(diagnostics(&catalog), ["pp_tas_time.month_mean"]);
    catalog.roll_back(&id("a"), Some(Version(1))).unwrap();
    assert_eq!(diagnostics(&catalog), [""; 0]);
    // The first version goes; what has its files too does not.
    std::fs::remove_dir_all(version_directory(&directory, "a", 1)).unwrap();
    catalog.roll_back(&id("a"), Some(Version(2))).unwrap();
    let path = NodePath::parse("forecast/tas").unwrap();
    assert_eq!(catalog.references(&id("a"), Version(2), &path, 0, &no_roots()).unwrap().manifest.len(), 3);
    let removed = Amendment::RemoveDiagnostic("pp_tas_time.month_mean".into());
    assert_eq!(catalog.amend(&id("a"), None, &removed, 7).unwrap().version, Version(4));
    assert_eq!(diagnostics(&catalog), [""; 0]);
}

#[test]
fn scans_go_on_and_who_went_back_is_not_refreshed_by_a_period() {
    let (directory, catalog) = open();
    publish(&catalog, "a", &joined("one", 3), IfExists::Refuse).unwrap();
    let scans = catalog.new_scans().unwrap();
    catalog.keep_scans(&id("a"), Version(1), scans).unwrap();
    add(&catalog, 1).unwrap();
    assert_eq!(catalog.kept_scans(&id("a")).version, Some(Version(2)));
    assert!(catalog.due(&id("a"), 60).unwrap().is_some());
    catalog.roll_back(&id("a"), Some(Version(1))).unwrap();
    assert!(catalog.due(&id("a"), 60).unwrap().is_none());
    add(&catalog, 1).unwrap();
    assert!(
        catalog.due(&id("a"), 60).unwrap().is_none(),
        "the newest, but of a version that was gone back to"
    );
    publish(&catalog, "a", &joined("two", 3), IfExists::Replace).unwrap();
    assert!(catalog.due(&id("a"), 60).unwrap().is_some());
    assert!(version_directory(&directory, "a", 4).exists());
}
