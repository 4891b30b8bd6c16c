//! What is published is found again, whoever publishes at once and wherever a publisher dies.

mod amend;

use std::path::PathBuf;

use bytes::Bytes;
use engine::join::Joined;
use engine::named_views::NamedViews;
use model::{
    AttributeValue, Attributes, ByteOrder, ByteRange, ChunkGrid, ChunkManifest, ChunkRef, DataType, Dataset,
    FileId, FileIdentity, Group, Mosaic, MosaicPiece, MosaicSource, SourceFile, Variable, Warning,
};
use tempfile::TempDir;

use super::layout::TEMPORARY;
use super::*;

static NONE: NamedViews = NamedViews::new();

/// Of sources in no test here.
fn no_roots() -> Roots {
    Roots::new(Vec::new()).unwrap()
}

fn id(text: &str) -> DatasetId {
    DatasetId::parse(text).unwrap()
}

/// `forecast/tas` with `chunks` chunks: inlined the first, missing the second, in two files the rest.
fn joined(title: &str, chunks: u64) -> Joined {
    let mut attributes = Attributes::new();
    attributes.set("title", AttributeValue::Text(title.into()));
    let forecast = NodePath::parse("forecast").unwrap();
    let variable = Variable {
        path: NodePath::parse("forecast/tas").unwrap(),
        dimensions: vec!["time".into()],
        data_type: DataType::F32,
        byte_order: ByteOrder::Little,
        grid: ChunkGrid::new(vec![chunks], vec![1]).unwrap(),
        codecs: vec![],
        fill_value: None,
        attributes: Attributes::new(),
    };
    let mut manifest = ChunkManifest::missing(0, chunks as usize);
    manifest.set(0, ChunkRef::Inline(Bytes::from_static(&[0, 0, 128, 63])));
    for number in 2..chunks {
        let range = ByteRange { offset: number * 4, length: 4 };
        manifest.set(number, ChunkRef::Bytes { file: FileId((number % 2) as u32), range });
    }
    let file = |name: &str, inode| SourceFile {
        path: format!("/pool/{name}.nc"),
        identity: FileIdentity { size_bytes: 1 << 40, modified_ns: 5_000 + inode as i64, inode },
    };
    Joined {
        in_place: Vec::new(),
        mosaics: Vec::new(),
        dataset: Dataset {
            groups: vec![
                Group { path: NodePath::root(), attributes },
                Group { path: forecast, attributes: Attributes::new() },
            ],
            variables: vec![variable],
        },
        manifests: vec![manifest],
        files: vec![file("a", 1), file("b", 2)],
        record_dimension: None,
        warnings: vec![Warning { subject: "x".into(), message: "left out".into() }],
    }
}

fn publish(catalog: &Catalog, name: &str, joined: &Joined, if_exists: IfExists) -> Result<Version> {
    let sources = ["/pool/*.nc".to_owned()];
    let publication = Publication {
        id: &id(name),
        sources: &sources,
        joined,
        if_exists,
        published_ms: 77,
        refresh_seconds: None,
        view: None,
        named_views: &NONE,
        pool: None,
    };
    catalog.publish(&publication, &mut |_, _| {})
}

fn listed(catalog: &Catalog) -> Vec<(String, u32, String)> {
    let listing = catalog.list(None).unwrap().unwrap();
    listing.datasets.iter().map(|d| (d.id.to_string(), d.version.0, d.title.clone())).collect()
}

fn open() -> (TempDir, Catalog) {
    let directory = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&directory.path().join("catalog")).unwrap();
    (directory, catalog)
}

fn version_directory(directory: &TempDir, name: &str, version: u32) -> PathBuf {
    Layout::new(&directory.path().join("catalog")).version(&id(name), Version(version))
}

#[test]
fn what_is_published_is_listed_and_read_back() {
    let (directory, catalog) = open();
    let joined = joined("run 7", 10);
    assert_eq!(publish(&catalog, "a%2Fb", &joined, IfExists::Refuse).unwrap(), Version(1));
    for catalog in [catalog, Catalog::open(&directory.path().join("catalog")).unwrap()] {
        assert_eq!(listed(&catalog), [("a%2Fb".into(), 1, "run 7".into())]);
        let published = catalog.dataset(&id("a%2Fb"), None).unwrap();
        assert_eq!(*published.dataset, joined.dataset);
        assert_eq!((published.published_ms, published.modified_ns), (77, 5_002));
        assert_eq!(published.record_size, RECORD_SIZE);
        let variable = NodePath::parse("forecast/tas").unwrap();
        let record = catalog.references(&id("a%2Fb"), Version(1), &variable, 0, &no_roots()).unwrap();
        for (number, reference) in joined.manifests[0].iter() {
            match (reference, record.manifest.get(number)) {
                (ChunkRef::Bytes { file, range }, ChunkRef::Bytes { file: read, range: read_range }) => {
                    assert_eq!(*record.files[read.0 as usize], joined.files[file.0 as usize]);
                    assert_eq!(read_range, range);
                }
                (written, read) => assert_eq!(written, read),
            }
        }
        let versions = catalog.versions(&id("a%2Fb")).unwrap();
        assert_eq!((versions.current, versions.versions.len()), (Version(1), 1));
        assert_eq!((versions.versions[0].file_count, versions.versions[0].warning_count), (2, 1));
        assert_eq!(versions.versions[0].sources, ["/pool/*.nc"]);
    }
}

#[test]
fn references_come_in_records() {
    let (_directory, catalog) = open();
    let joined = joined("", RECORD_SIZE + 3);
    publish(&catalog, "big", &joined, IfExists::Refuse).unwrap();
    let variable = NodePath::parse("forecast/tas").unwrap();
    let record = catalog.references(&id("big"), Version(1), &variable, 1, &no_roots()).unwrap();
    assert_eq!((record.manifest.first(), record.manifest.len()), (RECORD_SIZE, 3));
    let unknown = |variable: &str, record| {
        let variable = NodePath::parse(variable).unwrap();
        catalog.references(&id("big"), Version(1), &variable, record, &no_roots()).unwrap_err().kind
    };
    assert_eq!(unknown("forecast/tas", 2), ErrorKind::NotFound);
    assert_eq!(unknown("forecast/tas", u64::MAX), ErrorKind::NotFound);
    assert_eq!(unknown("forecast", 0), ErrorKind::NotFound);
}

#[test]
fn a_dataset_is_replaced_only_when_asked_and_keeps_its_place() {
    let (_directory, catalog) = open();
    publish(&catalog, "z", &joined("one", 3), IfExists::Refuse).unwrap();
    publish(&catalog, "a", &joined("other", 3), IfExists::Refuse).unwrap();
    let refused = publish(&catalog, "z", &joined("two", 3), IfExists::Refuse).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert_eq!(publish(&catalog, "z", &joined("two", 3), IfExists::Replace).unwrap(), Version(2));
    assert_eq!(listed(&catalog), [("z".into(), 2, "two".into()), ("a".into(), 1, "other".into())]);
}

#[test]
fn the_revision_changes_with_the_list_and_only_then() {
    let (_directory, catalog) = open();
    let empty = catalog.list(None).unwrap().unwrap().revision;
    assert!(empty != 0 && catalog.list(Some(empty)).unwrap().is_none());
    publish(&catalog, "a", &joined("", 3), IfExists::Refuse).unwrap();
    let one = catalog.list(Some(empty)).unwrap().unwrap().revision;
    publish(&catalog, "a", &joined("", 3), IfExists::Replace).unwrap();
    assert_ne!(catalog.list(Some(one)).unwrap().unwrap().revision, empty);
    catalog.roll_back(&id("a"), None).unwrap();
    assert!(catalog.list(Some(one)).unwrap().is_none());
    catalog.remove(&id("a")).unwrap();
    assert!(catalog.list(Some(empty)).unwrap().is_none());
}

#[test]
fn changes_of_another_process_are_seen() {
    let (directory, catalog) = open();
    let other = Catalog::open(&directory.path().join("catalog")).unwrap();
    assert!(listed(&catalog).is_empty());
    publish(&other, "a", &joined("", 3), IfExists::Refuse).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(600));
    assert_eq!(listed(&catalog).len(), 1);
}

#[test]
fn rolling_back_makes_an_earlier_version_current() {
    let (_directory, catalog) = open();
    for title in ["one", "two", "three"] {
        publish(&catalog, "a", &joined(title, 3), IfExists::Replace).unwrap();
    }
    assert_eq!(catalog.roll_back(&id("a"), None).unwrap(), Version(2));
    assert_eq!(catalog.roll_back(&id("a"), None).unwrap(), Version(1));
    assert_eq!(catalog.roll_back(&id("a"), None).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(listed(&catalog)[0].2, "one");
    assert_eq!(catalog.roll_back(&id("a"), Some(Version(3))).unwrap(), Version(3));
    assert_eq!(catalog.roll_back(&id("a"), Some(Version(9))).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(publish(&catalog, "a", &joined("four", 3), IfExists::Replace).unwrap(), Version(4));
}

#[test]
fn a_removed_dataset_is_gone_and_its_numbers_are_not_used_again() {
    let (directory, catalog) = open();
    publish(&catalog, "a", &joined("", 3), IfExists::Refuse).unwrap();
    catalog.dataset(&id("a"), Some(Version(1))).unwrap();
    catalog.remove(&id("a")).unwrap();
    assert!(listed(&catalog).is_empty());
    assert_eq!(catalog.remove(&id("a")).unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(catalog.dataset(&id("a"), Some(Version(1))).unwrap_err().kind, ErrorKind::NotFound);
    assert!(!version_directory(&directory, "a", 1).exists());
    assert_eq!(publish(&catalog, "a", &joined("", 3), IfExists::Refuse).unwrap(), Version(2));
}

#[test]
fn publishers_at_once_each_get_a_version_of_their_own() {
    let (directory, _catalog) = open();
    let path = directory.path().join("catalog");
    std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..8_u64)
            .map(|number| {
                // Each with a catalog of its own, as workers are.
                let catalog = Catalog::open(&path).unwrap();
                scope.spawn(move || {
                    publish(&catalog, "a", &joined(&number.to_string(), 3 + number), IfExists::Replace)
                        .unwrap()
                })
            })
            .collect();
        let mut versions: Vec<u32> = publishers.into_iter().map(|p| p.join().unwrap().0).collect();
        versions.sort_unstable();
        assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7, 8]);
    });
    let catalog = Catalog::open(&path).unwrap();
    let published = catalog.dataset(&id("a"), None).unwrap();
    let title = published.dataset.attributes().unwrap().text("title").unwrap().to_owned();
    let chunks = published.dataset.variables[0].grid.chunk_count();
    assert_eq!(chunks, 3 + title.parse::<u64>().unwrap());
}

#[test]
fn of_publishers_that_refuse_to_replace_one_wins() {
    let (directory, _catalog) = open();
    let path = directory.path().join("catalog");
    let won = std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..6)
            .map(|_| {
                let catalog = Catalog::open(&path).unwrap();
                scope.spawn(move || publish(&catalog, "a", &joined("", 3), IfExists::Refuse))
            })
            .collect();
        let outcomes: Vec<_> = publishers.into_iter().map(|publisher| publisher.join().unwrap()).collect();
        assert!(outcomes.iter().filter_map(|o| o.as_ref().err()).all(|e| e.kind == ErrorKind::Conflict));
        outcomes.iter().filter(|outcome| outcome.is_ok()).count()
    });
    assert_eq!(won, 1);
    assert_eq!(Catalog::open(&path).unwrap().versions(&id("a")).unwrap().versions.len(), 1);
}

#[test]
fn named_views_stay_over_versions_until_they_are_given_anew() {
    let (_directory, catalog) = open();
    let views = |all: &[(&str, &str)]| -> NamedViews {
        all.iter().map(|(name, steps)| ((*name).to_owned(), (*steps).to_owned())).collect()
    };
    let publish = |given: NamedViews| {
        let joined = joined("one", 3);
        let publication = Publication {
            id: &id("a"),
            sources: &[],
            joined: &joined,
            if_exists: IfExists::Replace,
            published_ms: 0,
            refresh_seconds: None,
            view: None,
            named_views: &given,
            pool: None,
        };
        let version = catalog.publish(&publication, &mut |_, _| {}).unwrap();
        (*catalog.dataset(&id("a"), Some(version)).unwrap().named_views).clone()
    };
    assert_eq!(publish(views(&[("m", "mean=time"), ("x", "max=time")])).len(), 2);
    assert_eq!(publish(NamedViews::new()), views(&[("m", "mean=time"), ("x", "max=time")]));
    assert_eq!(publish(views(&[("x", ""), ("m", "min=time")])), views(&[("m", "min=time")]));
    catalog.roll_back(&id("a"), Some(Version(1))).unwrap();
    assert_eq!(catalog.dataset(&id("a"), None).unwrap().named_views["m"], "mean=time");
}

#[test]
fn a_publisher_that_dies_leaves_the_catalog_as_it_was() {
    let (directory, catalog) = open();
    publish(&catalog, "a", &joined("one", 3), IfExists::Refuse).unwrap();
    let home = Layout::new(&directory.path().join("catalog")).dataset(&id("a"));
    // Died while writing; died between the renames, of a dataset and of a new one.
    std::fs::create_dir(home.join(format!("{TEMPORARY}7"))).unwrap();
    std::fs::write(home.join(format!("{TEMPORARY}7")).join("dataset.json"), b"{").unwrap();
    let unfinished = publish::write(
        &catalog.layout,
        &Publication {
            id: &id("a"),
            sources: &[],
            joined: &joined("two", 4),
            if_exists: IfExists::Replace,
            published_ms: 0,
            refresh_seconds: None,
            view: None,
            named_views: &NONE,
            pool: None,
        },
        &mut |_, _| {},
    )
    .unwrap();
    std::fs::create_dir_all(home.with_file_name("new")).unwrap();
    std::mem::forget(unfinished);
    let reopened = Catalog::open(&directory.path().join("catalog")).unwrap();
    assert_eq!(listed(&reopened), [("a".into(), 1, "one".into())]);
    assert!(reopened.faults().is_empty());
    assert_eq!(publish(&reopened, "a", &joined("three", 3), IfExists::Replace).unwrap(), Version(2));
    assert_eq!(publish(&reopened, "new", &joined("", 3), IfExists::Refuse).unwrap(), Version(1));
    // What is young may still be written; what is old is cleared away.
    assert!(home.join(format!("{TEMPORARY}7")).exists());
    let old = std::time::SystemTime::now() - std::time::Duration::from_hours(48);
    std::fs::File::open(home.join(format!("{TEMPORARY}7"))).unwrap().set_modified(old).unwrap();
    Catalog::open(&directory.path().join("catalog")).unwrap().clear_leftovers();
    assert!(!home.join(format!("{TEMPORARY}7")).exists());
}

#[test]
fn a_damaged_dataset_does_not_keep_the_others_from_being_listed() {
    let (directory, catalog) = open();
    for name in ["good", "bad", "gone", "odd", "broken", "copied"] {
        publish(&catalog, name, &joined("", 5), IfExists::Refuse).unwrap();
    }
    let at = |name, file: &str| version_directory(&directory, name, 1).join(file);
    std::fs::write(at("bad", "version.json"), b"{\"format\":1,").unwrap();
    std::fs::remove_dir_all(at("gone", "")).unwrap();
    std::fs::write(at("odd", "../current"), b"one").unwrap();
    std::fs::write(at("broken", "dataset.json"), b"{}").unwrap();
    let copied = version_directory(&directory, "copied", 1).parent().unwrap().to_owned();
    std::fs::rename(&copied, copied.with_file_name("other")).unwrap();
    let reopened = Catalog::open(&directory.path().join("catalog")).unwrap();
    let names: Vec<String> = listed(&reopened).into_iter().map(|dataset| dataset.0).collect();
    assert_eq!(names, ["good", "broken"]);
    let faults: Vec<String> = reopened.faults().into_iter().map(|fault| fault.directory).collect();
    assert_eq!(faults, ["bad", "gone", "odd", "other"]);
    let error = reopened.dataset(&id("broken"), None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::CorruptData);
    assert!(error.internal.unwrap().contains("broken/v1/dataset.json") && !error.message.contains('/'));
}

#[test]
fn damaged_references_are_an_error_and_never_other_bytes() {
    let (directory, catalog) = open();
    publish(&catalog, "a", &joined("", 5), IfExists::Refuse).unwrap();
    let variable = NodePath::parse("forecast/tas").unwrap();
    let record = layout::record(&version_directory(&directory, "a", 1), &variable, 0);
    let kind = |catalog: &Catalog| {
        catalog.references(&id("a"), Version(1), &variable, 0, &no_roots()).unwrap_err().kind
    };
    let shorter = zarr::kerchunk::write_record(&ChunkManifest::missing(0, 4), &[""; 0]).unwrap();
    for bytes in [&b""[..], b"PAR1", &shorter] {
        std::fs::write(&record, bytes).unwrap();
        assert_eq!(kind(&catalog), ErrorKind::CorruptData);
    }
    std::fs::remove_file(&record).unwrap();
    assert_eq!(kind(&catalog), ErrorKind::CorruptData);
}

/// The dataset with all chunks computed of two pieces.
fn composed() -> Joined {
    let mut joined = joined("", 5);
    let tas = joined.dataset.variables[0].clone();
    let mut references = ChunkManifest::missing(0, 5);
    for number in 1..5 {
        references.set(number, joined.manifests[0].get(number));
    }
    let piece = |start, length| MosaicPiece { encoding: 0, start, length, first: start };
    let mosaic = Mosaic { axis: 0, encodings: vec![tas], pieces: vec![piece(0, 3), piece(3, 2)] };
    joined.mosaics = vec![Some(MosaicSource { mosaic, references })];
    (0..5).for_each(|number| joined.manifests[0].set(number, ChunkRef::Computed));
    joined
}

#[test]
fn what_computed_chunks_are_made_of_is_found_again() {
    let (directory, catalog) = open();
    let joined = composed();
    publish(&catalog, "a", &joined, IfExists::Refuse).unwrap();
    let tas = &joined.dataset.variables[0];
    let published = catalog.mosaic(&id("a"), Version(1), tas).unwrap();
    let source = joined.mosaics[0].as_ref().unwrap();
    assert_eq!((published.mosaic.axis, &published.mosaic.pieces), (0, &source.mosaic.pieces));
    let encoding = &published.mosaic.encodings[0];
    assert_eq!((&encoding.grid, &encoding.attributes), (&tas.grid, &tas.attributes));
    let record = catalog.piece_references(&id("a"), Version(1), &tas.path, &published, 0).unwrap();
    let of = |record: &ReferenceRecord, number| match record.manifest.get(number) {
        ChunkRef::Bytes { file, range } => Some((record.files[file.0 as usize].path.clone(), range)),
        _ => None,
    };
    for number in 0..5 {
        let expected = match source.references.get(number) {
            ChunkRef::Bytes { file, range } => Some((joined.files[file.0 as usize].path.clone(), range)),
            _ => None,
        };
        assert_eq!(of(&record, number), expected);
    }
    let chunks = catalog.references(&id("a"), Version(1), &tas.path, 0, &no_roots()).unwrap().manifest;
    // Read as missing they would be fill values to every client.
    assert_eq!((chunks.len(), chunks.computed_count(), chunks.missing_count()), (5, 5, 0));
    // Nothing is kept of datasets without.
    publish(&catalog, "b", &self::joined("", 5), IfExists::Refuse).unwrap();
    assert!(!version_directory(&directory, "b", 1).join("pieces").exists());
    let none = catalog.mosaic(&id("b"), Version(1), tas).unwrap_err();
    assert_eq!(none.kind, ErrorKind::CorruptData);
}

#[test]
fn damaged_mosaics_are_an_error() {
    let joined = composed();
    let tas = &joined.dataset.variables[0];
    let whole = r#"{"format":1,"axis":0,"record_size":100000,"references":5,"pieces":[[0,0,3,0],[0,3,2,3]]}"#;
    for damage in [
        ("[0,3,2,3]", "[1,3,2,3]"),
        ("[0,3,2,3]", "[0,2,2,3]"),
        ("[0,3,2,3]", "[0,3,18446744073709551615,3]"),
        ("[0,3,2,3]", "[0,3,3,3]"),
        ("\"axis\":0", "\"axis\":9"),
        ("\"record_size\":100000", "\"record_size\":0"),
        ("\"format\":1", "\"format\":2"),
        ("}", ""),
    ] {
        let (directory, catalog) = open();
        publish(&catalog, "a", &joined, IfExists::Refuse).unwrap();
        let path = version_directory(&directory, "a", 1).join("pieces/forecast/tas/mosaic.json");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), whole);
        std::fs::write(&path, whole.replace(damage.0, damage.1)).unwrap();
        let kind = catalog.mosaic(&id("a"), Version(1), tas).unwrap_err().kind;
        assert_eq!(kind, ErrorKind::CorruptData, "{damage:?}");
    }
}

#[test]
fn old_versions_go_but_never_the_current_one() {
    let (directory, catalog) = open();
    let settings =
        RefreshSettings { versions_kept: 2, versions_kept_seconds: 3600, ..RefreshSettings::default() };
    let catalog = catalog.keeping(&settings);
    let numbers = || -> Vec<u32> {
        let list = catalog.versions(&id("a")).unwrap();
        list.versions.iter().map(|summary| summary.version.0).collect()
    };
    // Published in 1970, so all went out of use long ago.
    for title in ["one", "two", "three", "four"] {
        publish(&catalog, "a", &joined(title, 4), IfExists::Replace).unwrap();
    }
    assert_eq!(numbers(), [3, 4]);
    assert!(!version_directory(&directory, "a", 1).exists());
    let variable = NodePath::parse("forecast/tas").unwrap();
    let references = catalog.references(&id("a"), Version(1), &variable, 0, &no_roots());
    assert_eq!(references.unwrap_err().kind, ErrorKind::Conflict, "not like a missing chunk");
    catalog.roll_back(&id("a"), None).unwrap();
    let current = catalog.versions(&id("a")).unwrap().current;
    assert_eq!((current, numbers()), (Version(3), vec![3, 4]));
    publish(&catalog, "a", &joined("five", 4), IfExists::Replace).unwrap();
    assert_eq!(numbers(), [4, 5]);
    // What was current within the hour stays.
    let now_ms = disk::now_ns() / 1_000_000;
    for _ in 0..3 {
        let joined = joined("now", 4);
        let publication = Publication {
            id: &id("a"),
            sources: &[],
            joined: &joined,
            if_exists: IfExists::Replace,
            published_ms: now_ms,
            refresh_seconds: Some(60),
            view: None,
            named_views: &NONE,
            pool: None,
        };
        catalog.publish(&publication, &mut |_, _| {}).unwrap();
    }
    assert_eq!(numbers(), [5, 6, 7, 8]);
    assert_eq!(catalog.versions(&id("a")).unwrap().refresh.every_seconds, Some(60));
    assert_eq!(catalog.periodic(None).unwrap(), [(id("a"), 60)]);
}
