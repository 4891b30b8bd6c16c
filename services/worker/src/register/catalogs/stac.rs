//! STAC catalogs, collections and items: [the specification](https://github.com/radiantearth/stac-spec).

use model::Result;
use serde_json::{Map, Value};

use super::{CatalogFile, EntryKind, FileEntry, absolute, url};

/// Parts of media types of data that is served.
const MEDIA_TYPES: [&str; 6] = ["zarr", "netcdf", "hdf", "grib", "kerchunk", "parquet+kerchunk"];
/// Roles of assets that are references to data.
const REFERENCE_ROLES: [&str; 4] = ["references", "kerchunk", "index", "virtual-zarr"];
/// Endings of names of data, where the media type says nothing.
const ENDINGS: [&str; 12] = [
    ".nc",
    ".nc4",
    ".h5",
    ".hdf5",
    ".grib",
    ".grb",
    ".grib2",
    ".grb2",
    ".zarr",
    ".zarr.zip",
    ".parq",
    ".parquet",
];
/// Options of opening that change nothing here.
const HARMLESS: [&str; 6] =
    ["chunks", "consolidated", "engine", "storage_options", "decode_times", "parallel"];

/// Whether an object is a collection of items that does not say its version itself. Other features of `GeoJSON` are
/// none: they say no version either.
pub(super) fn is_collection(object: &Map<String, Value>) -> bool {
    let is_item = |feature: &Value| feature.get("stac_version").is_some();
    object.get("type").and_then(Value::as_str) == Some("FeatureCollection")
        && object
            .get("features")
            .and_then(Value::as_array)
            .is_some_and(|features| features.iter().any(is_item))
}

/// Reads a catalog, a collection, an item or a collection of items.
pub(super) fn parse(object: &Map<String, Value>, directory: &str) -> CatalogFile {
    let features = object.get("features").and_then(Value::as_array);
    if let Some(features) = features.filter(|_| is_collection(object)) {
        let items = features.iter().filter_map(Value::as_object);
        let entries = items.flat_map(|item| of_object(item, directory, true)).collect();
        return CatalogFile { id: None, entries };
    }
    let is_item = object.get("type").and_then(Value::as_str) == Some("Feature");
    let mut entries = of_object(object, directory, is_item);
    if !is_item {
        entries.extend(linked(object, directory));
    }
    let id = object.get("id").and_then(Value::as_str).filter(|_| !is_item).map(str::to_owned);
    CatalogFile { id, entries }
}

/// The data assets of an item or a collection. An item with one is that one's dataset.
fn of_object(object: &Map<String, Value>, directory: &str, is_item: bool) -> Vec<FileEntry> {
    let id = object.get("id").and_then(Value::as_str).unwrap_or("item").to_owned();
    let assets = object.get("assets").and_then(Value::as_object);
    let data: Vec<_> = assets.into_iter().flatten().filter(|(_, asset)| is_data(asset)).collect();
    if data.is_empty() && is_item {
        return vec![FileEntry {
            name: id,
            kind: EntryKind::Skipped("no asset of it is data that is served here".to_owned()),
        }];
    }
    let is_alone = data.len() == 1;
    let entry = |(key, asset): (&String, &Value)| {
        let name = match (is_item, is_alone) {
            (true, true) => id.clone(),
            (true, false) => format!("{id}.{key}"),
            (false, _) => key.clone(),
        };
        FileEntry { name, kind: read_asset(asset, directory).unwrap_or_else(EntryKind::Skipped) }
    };
    data.into_iter().map(entry).collect()
}

fn is_data(asset: &Value) -> bool {
    let media_type = asset.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let has_role = |wanted: &str| {
        let roles = asset.get("roles").and_then(Value::as_array);
        roles.into_iter().flatten().any(|role| role.as_str() == Some(wanted))
    };
    let href = asset.get("href").and_then(Value::as_str).unwrap_or_default();
    let href = href.trim_end_matches('/').to_ascii_lowercase();
    let is_named = ENDINGS.iter().any(|ending| href.ends_with(ending));
    MEDIA_TYPES.iter().any(|part| media_type.contains(part))
        || REFERENCE_ROLES.iter().any(|role| has_role(role))
        || is_named && (media_type.is_empty() || has_role("data"))
}

fn read_asset(asset: &Value, directory: &str) -> Result<EntryKind, String> {
    let href = asset.get("href").and_then(Value::as_str).ok_or("its asset has no href")?;
    let mut notes = Vec::new();
    let source = absolute(&url::source(href, &mut notes)?, directory);
    for field in ["xarray:open_kwargs", "xarray:open_dataset_kwargs", "xarray:storage_options"] {
        let options = asset.get(field).and_then(Value::as_object);
        let left_out: Vec<&str> = options
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .filter(|name| !HARMLESS.contains(name))
            .collect();
        if !left_out.is_empty() {
            notes.push(format!("not taken over: {field} {}", left_out.join(", ")));
        }
    }
    Ok(EntryKind::Data { sources: vec![source], notes })
}

/// What a catalog or collection links to: children by their ids, items without.
fn linked(object: &Map<String, Value>, directory: &str) -> Vec<FileEntry> {
    let links = object.get("links").and_then(Value::as_array);
    let mut entries = Vec::new();
    for link in links.into_iter().flatten() {
        let relation = link.get("rel").and_then(Value::as_str).unwrap_or_default();
        if !matches!(relation, "child" | "item") {
            continue;
        }
        let Some(href) = link.get("href").and_then(Value::as_str) else { continue };
        let title = link.get("title").and_then(Value::as_str);
        let name = title.unwrap_or(href.rsplit('/').next().unwrap_or(href)).to_owned();
        let place = url::source(href, &mut Vec::new()).map(|place| absolute(&place, directory));
        let kind = match place {
            Ok(place) => EntryKind::Catalog { place, is_named: false },
            Err(reason) => EntryKind::Skipped(reason),
        };
        entries.push(FileEntry { name, kind });
    }
    entries
}
