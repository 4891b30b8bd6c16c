//! Catalogs as they are met, and as somebody might make them who means harm.

use std::fmt::Write as _;

use super::*;
use crate::storage::Roots;

const EERIE: &str = r"
plugins:
  source:
    - module: intake_xarray
sources:
  2d_daily_mean:
    driver: zarr
    args:
      consolidated: false
      storage_options:
        lazy: true
        remote_protocol: file
      urlpath: 'reference::/pool/icon/2d_daily_mean.parq'
    metadata: {grid: gr025}
  model-level:
    driver: zarr
    args: {consolidated: true, urlpath: 'zip::/pool/ifs/3d.zarr.zip', xarray_kwargs: {drop_variables: [x]}}
  ocean:
    driver: [netcdf]
    parameters:
      year: {type: int, default: 1950, allowed: [1950, 1951]}
    args:
      urlpath: ['{{ CATALOG_DIR }}/oce/{{year}}/*.nc', 'file:///pool/extra_{month:02d}.nc']
      chunks: auto
  tape:
    driver: netcdf
    args: {urlpath: 'slk:///arch/x.nc'}
  table: {driver: csv, args: {urlpath: /pool/x.csv}}
  computed: {driver: zarr, args: {urlpath: '{{ env(HOME) }}/x.zarr'}}
  sub:
    driver: yaml_file_cat
    args: {path: '{{CATALOG_DIR}}/sub/main.yaml'}
";

fn kinds(text: &str) -> Vec<(String, EntryKind)> {
    let file = parse(text, "/cat").unwrap();
    file.entries.into_iter().map(|entry| (entry.name, entry.kind)).collect()
}

fn data(kind: &EntryKind) -> (Vec<&str>, String) {
    match kind {
        EntryKind::Data { sources, notes } => {
            (sources.iter().map(String::as_str).collect(), notes.join("; "))
        }
        other => panic!("{other:?}"),
    }
}

fn reason(kind: &EntryKind) -> &str {
    match kind {
        EntryKind::Skipped(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_intake_catalog_gives_sources_and_says_what_it_leaves_out() {
    let found = kinds(EERIE);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["2d_daily_mean", "model-level", "ocean", "tape", "table", "computed", "sub"]);
    assert_eq!(data(&found[0].1), (vec!["/pool/icon/2d_daily_mean.parq"], String::new()));
    let (sources, notes) = data(&found[1].1);
    assert_eq!(sources, ["/pool/ifs/3d.zarr.zip"]);
    assert!(notes.contains("args.xarray_kwargs"), "{notes}");
    let (sources, notes) = data(&found[2].1);
    assert_eq!(sources, ["/cat/oce/1950/*.nc", "/pool/extra_*.nc"]);
    assert!(notes.contains("year is 1950") && notes.contains("1951"), "{notes}");
    assert!(reason(&found[3].1).contains("tape"));
    assert!(reason(&found[4].1).contains("csv"));
    assert!(reason(&found[5].1).contains("env(HOME)"));
    assert_eq!(found[6].1, EntryKind::Catalog { place: "/cat/sub/main.yaml".into(), is_named: true });
}

#[test]
fn a_stac_item_and_collection_give_their_data_assets() {
    let item = r#"{"type":"Feature","stac_version":"1.0.0","id":"tas 2020","assets":{
        "thumbnail":{"href":"./t.png","type":"image/png"},
        "data":{"href":"./tas.nc","type":"application/x-netcdf","roles":["data"]}}}"#;
    let found = kinds(item);
    assert_eq!((found.len(), found[0].0.as_str()), (1, "tas 2020"));
    assert_eq!(data(&found[0].1).0, ["/cat/tas.nc"]);
    let collection = r#"{"type":"Collection","stac_version":"1.1.0","id":"icon","assets":{
        "zarr":{"href":"s3://bucket/icon.zarr","type":"application/vnd+zarr","xarray:open_kwargs":{"group":"a"}},
        "refs":{"href":"/pool/icon.parq","roles":["references"]}},
        "links":[{"rel":"self","href":"x"},{"rel":"item","href":"items/a.json","title":"A"},
                 {"rel":"child","href":"https://x.org/c.json"}]}"#;
    let found = kinds(collection);
    assert_eq!(
        data(&found[0].1),
        (vec!["s3://bucket/icon.zarr"], "not taken over: xarray:open_kwargs group".into())
    );
    assert_eq!(data(&found[1].1).0, ["/pool/icon.parq"]);
    assert_eq!(found[2].1, EntryKind::Catalog { place: "/cat/items/a.json".into(), is_named: false });
    assert!(matches!(&found[3].1, EntryKind::Catalog { place, .. } if place.starts_with("https://")));
}

#[test]
fn hostile_documents_are_refused_in_short_time() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{before}]").unwrap();
    }
    bomb.push_str("sources: {x: {driver: zarr, args: {urlpath: *a11}}}\n");
    let deep_flow = format!("sources: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_block = (0..3000).map(|depth| " ".repeat(depth) + "a:\n").collect::<String>();
    let long = format!("sources: {{a: \"{}\"}}", "x".repeat(17 << 20));
    let json = format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let begun = std::time::Instant::now();
    for text in [
        &bomb,
        &deep_flow,
        &deep_block,
        &long,
        &json,
        "sources: [a]",
        "[]",
        "",
        "sources: {a: 1}\n---\nb: 2",
        "\u{0}",
    ] {
        let refused = parse(text, "/cat");
        assert!(refused.is_err(), "{}", text.chars().take(60).collect::<String>());
    }
    assert!(begun.elapsed().as_secs() < 20);
}

#[test]
fn entries_of_wrong_types_are_skipped_with_a_reason() {
    let found = kinds(
        "sources:\n  a: 1\n  b: {driver: zarr}\n  c: {driver: 3, args: {}}\n  d: {driver: zarr, args: {urlpath: 5}}\n  \
         e: {driver: zarr, args: {urlpath: [5]}}\n  f: {driver: zarr, args: {urlpath: []}}\n  \
         g: {driver: zarr, args: {urlpath: 'ftp://x'}}\n  h: {driver: zarr, args: {urlpath: '{{ x'}}\n  \
         i: {driver: zarr, args: {urlpath: 'reference://'}}\n  j: {driver: yaml_file_cat, args: {}}\n",
    );
    assert_eq!(found.len(), 10);
    for (name, kind) in &found {
        assert!(!reason(kind).is_empty(), "{name}");
    }
}

#[test]
fn mutated_catalogs_never_do_worse_than_fail() {
    let mut state = 0x9e37_79b9_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for _ in 0..400 {
        let mut bytes = EERIE.as_bytes().to_vec();
        for _ in 0..=(next() % 4) {
            let at = next() % bytes.len();
            bytes[at] = b"{}[]&*:-'\"\n\t #|>x\0"[next() % 18];
        }
        bytes.truncate(1 + next() % bytes.len());
        let _ = parse(&String::from_utf8_lossy(&bytes), "/cat");
    }
}

#[test]
fn nested_catalogs_are_followed_once_and_stay_below_the_roots() {
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path().canonicalize().unwrap();
    let root = base.join("root");
    std::fs::create_dir_all(root.join("sub")).unwrap();
    let leads_to =
        |name: &str, path: &str| format!("  {name}: {{driver: yaml_file_cat, args: {{path: '{path}'}}}}\n");
    let main = format!(
        "sources:\n{}{}{}{}  x y: {{driver: zarr, args: {{urlpath: x.zarr}}}}\n",
        leads_to("sub", "{{CATALOG_DIR}}/sub/a.yaml"),
        leads_to("gone", "{{CATALOG_DIR}}/gone.yaml"),
        leads_to("out", "/etc/passwd"),
        leads_to("self", "{{CATALOG_DIR}}/main.yaml"),
    );
    std::fs::write(root.join("main.yaml"), main).unwrap();
    let sub = format!(
        "sources:\n{}  z: {{driver: zarr, args: {{urlpath: z.zarr}}}}\n",
        leads_to("up", "../main.yaml")
    );
    std::fs::write(root.join("sub/a.yaml"), sub).unwrap();
    let roots = Roots::new(vec![root.clone()]).unwrap();
    let found = read(&roots, &root.join("main.yaml"), "p").unwrap();
    let shown: Vec<(&str, bool)> =
        found.iter().map(|entry| (entry.id.as_str(), entry.what.is_ok())).collect();
    assert_eq!(
        shown,
        [
            ("p.sub.up", false),
            ("p.sub.z", true),
            ("p.gone", false),
            ("p.out", false),
            ("p.self", false),
            ("p.x_y", true)
        ]
    );
    assert_eq!(found[1].what.as_ref().unwrap().sources, [root.join("sub/z.zarr").to_str().unwrap()]);
    assert!(found[3].what.as_ref().unwrap_err().contains("outside"));
    assert!(
        !found.iter().any(|entry| entry.what.as_ref().is_err_and(|why| why.contains(base.to_str().unwrap())))
    );
}
