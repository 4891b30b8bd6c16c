//! Intake catalogs, version 1: [the format](https://intake.readthedocs.io/en/0.7.0/catalog.html).

use std::collections::BTreeMap;

use model::Result;
use serde_json::{Map, Value};

use super::{CatalogFile, EntryKind, FileEntry, absolute, url};

/// Drivers of data, as the last parts of their names say.
const DATA: [&str; 6] = ["zarr", "netcdf", "xarray", "zarrsource", "netcdfsource", "kerchunk"];
/// Drivers of catalogs.
const CATALOGS: [&str; 4] = ["yaml_file_cat", "yaml_file", "yaml_files_cat", "yamlfilecatalog"];
/// Arguments that change nothing here: how a client cuts and opens what it is given.
const HARMLESS: [&str; 12] = [
    "urlpath",
    "chunks",
    "consolidated",
    "storage_options",
    "engine",
    "combine",
    "concat_dim",
    "parallel",
    "path_as_pattern",
    "metadata",
    "backend_kwargs",
    "decode_times",
];
/// Options of storage that change nothing here.
const HARMLESS_STORAGE: [&str; 8] = [
    "lazy",
    "fo",
    "remote_protocol",
    "remote_options",
    "target_protocol",
    "target_options",
    "anon",
    "cache_size",
];

/// Reads a catalog.
pub(super) fn parse(catalog: &Map<String, Value>, directory: &str) -> CatalogFile {
    let sources = catalog.get("sources").and_then(Value::as_object);
    let entry = |(name, entry): (&String, &Value)| FileEntry {
        name: name.clone(),
        kind: read_entry(entry, directory).unwrap_or_else(EntryKind::Skipped),
    };
    CatalogFile { id: None, entries: sources.into_iter().flatten().map(entry).collect() }
}

fn read_entry(entry: &Value, directory: &str) -> Result<EntryKind, String> {
    let driver = driver(entry).ok_or("it names no driver")?;
    let arguments = entry.get("args").and_then(Value::as_object).ok_or("it has no args")?;
    let kind = driver.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let mut notes = Vec::new();
    let values = parameters(entry, directory, &mut notes);
    if CATALOGS.contains(&kind.as_str()) {
        let path = arguments.get("path").and_then(Value::as_str).ok_or("its args have no path")?;
        let place = url::source(&fill_in(path, &values)?, &mut notes)?;
        return Ok(EntryKind::Catalog { place: absolute(&place, directory), is_named: true });
    }
    if !DATA.contains(&kind.as_str()) {
        return Err(format!("its driver {driver} reads no kind of data that is served here"));
    }
    let sources = urls(arguments)?
        .into_iter()
        .map(|template| {
            let url = url::source(&as_glob(&fill_in(template, &values)?), &mut notes)?;
            Ok(absolute(&url, directory))
        })
        .collect::<Result<Vec<_>, String>>()?;
    if sources.is_empty() {
        return Err("its urlpath is empty".to_owned());
    }
    note_what_is_left_out(arguments, &mut notes);
    Ok(EntryKind::Data { sources, notes })
}

/// A driver by its name; of several the first.
fn driver(entry: &Value) -> Option<&str> {
    let driver = entry.get("driver")?;
    match driver {
        Value::Array(several) => several.first()?.as_str(),
        Value::Object(named) => {
            named.get("driver").and_then(Value::as_str).or(named.keys().next().map(|k| &**k))
        }
        one => one.as_str(),
    }
}

/// The templates of URLs: of `urlpath`, or where a reference filesystem's `fo` says.
fn urls(arguments: &Map<String, Value>) -> Result<Vec<&str>, String> {
    let one = match arguments.get("urlpath") {
        Some(Value::String(url)) if url.trim_end_matches('/') == "reference:" => {
            let references = arguments.get("storage_options").and_then(|options| options.get("fo")?.as_str());
            return Ok(vec![references.ok_or("its references (storage_options.fo) are not named")?]);
        }
        Some(Value::String(url)) => return Ok(vec![url]),
        Some(Value::Array(several)) => several,
        _ => return Err("its args have no urlpath".to_owned()),
    };
    one.iter().map(|url| url.as_str().ok_or_else(|| "its urlpath is no list of texts".to_owned())).collect()
}

/// The values of templates: the catalog's directory, and parameters as their defaults say.
fn parameters(entry: &Value, directory: &str, notes: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::from([("CATALOG_DIR".to_owned(), directory.to_owned())]);
    let parameters = entry.get("parameters").and_then(Value::as_object);
    for (name, parameter) in parameters.into_iter().flatten() {
        let Some(default) = parameter.get("default").and_then(text) else { continue };
        let allowed = parameter.get("allowed").and_then(Value::as_array);
        let others: Vec<String> =
            allowed.into_iter().flatten().filter_map(text).filter(|other| *other != default).collect();
        let mut note = format!("parameter {name} is {default}, its default");
        if !others.is_empty() {
            note = format!("{note}; not registered: {}", shortened(&others));
        }
        notes.push(note);
        values.insert(name.clone(), default);
    }
    values
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text = format!("{text} and {} more", names.len() - SHOWN);
    }
    text
}

/// A template with its `{{ names }}` replaced. Whatever else stands between braces would need Jinja.
fn fill_in(template: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or("its urlpath has {{ without }}")?;
        let name = name.trim();
        let value =
            values.get(name).ok_or_else(|| format!("{{{{ {name} }}}} in its urlpath has no value"))?;
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A pattern of names (`tas_{year:d}.nc`) as a glob.
fn as_glob(path: &str) -> String {
    let mut glob = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, after)) = after.split_once('}') else { break };
        glob.push_str(before);
        glob.push('*');
        rest = after;
    }
    glob.push_str(rest);
    glob
}

fn note_what_is_left_out(arguments: &Map<String, Value>, notes: &mut Vec<String>) {
    let mut left_out: Vec<String> = arguments
        .keys()
        .filter(|name| !HARMLESS.contains(&name.as_str()))
        .map(|name| format!("args.{name}"))
        .collect();
    let storage = arguments.get("storage_options").and_then(Value::as_object);
    let storage = storage.into_iter().flat_map(Map::keys);
    left_out.extend(
        storage
            .filter(|name| !HARMLESS_STORAGE.contains(&name.as_str()))
            .map(|name| format!("args.storage_options.{name}")),
    );
    if !left_out.is_empty() {
        notes.push(format!("not taken over: {}", shortened(&left_out)));
    }
    let remote =
        arguments.get("storage_options").and_then(|options| options.get("remote_protocol")?.as_str());
    if let Some(tape @ ("slk" | "hsm")) = remote {
        notes.push(format!("its references point to tape ({tape})"));
    }
}
