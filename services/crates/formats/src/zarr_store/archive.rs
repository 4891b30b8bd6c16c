//! A zip file as a store. Members that the zip file does not compress are byte ranges of it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read},
    os::unix::fs::FileExt,
    path::Path,
};

use flate2::read::DeflateDecoder;
use model::{FileIdentity, SourceFile};
use zip::{CompressionMethod, ZipArchive};

use super::{ReadStore, StoreObject, is_root};
use crate::ScanFault;

/// One, with its table of contents.
pub(super) struct Archive {
    file: File,
    source: SourceFile,
    members: BTreeMap<String, Member>,
}

/// Where a member is.
#[derive(Clone, Copy)]
struct Member {
    offset: u64,
    /// Bytes in the zip file.
    length: u64,
    method: Method,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Stored,
    Deflated,
    Other,
}

impl Archive {
    /// Reads the table of contents of a file of this identity.
    pub(super) fn open(path: &Path, identity: FileIdentity) -> Result<Self, ScanFault> {
        let file = File::open(path)?;
        let mut archive = ZipArchive::new(BufReader::new(file.try_clone()?)).map_err(damaged)?;
        let mut members = BTreeMap::new();
        for at in 0..archive.len() {
            let entry = archive.by_index_raw(at).map_err(damaged)?;
            let name = entry.name().map_err(damaged)?.into_owned();
            if entry.is_dir() {
                continue;
            }
            let method = match entry.compression() {
                _ if entry.encrypted() => Method::Other,
                CompressionMethod::Stored => Method::Stored,
                CompressionMethod::DEFLATE => Method::Deflated,
                _ => Method::Other,
            };
            let offset = entry.data_start().ok_or_else(|| damaged("a member has no place"))?;
            let length = entry.compressed_size();
            if offset.checked_add(length).is_none_or(|end| end > identity.size_bytes) {
                return Err(damaged(format!("{name} ends behind the end of the file")));
            }
            members.insert(name.trim_start_matches('/').to_owned(), Member { offset, length, method });
        }
        let source = SourceFile { path: path.to_str().ok_or(ScanFault::NoStore)?.to_owned(), identity };
        Ok(Self { file, source, members: without_directory(members) })
    }

    fn below(&self, key: &str) -> impl Iterator<Item = (&str, &Member)> {
        let prefix = if key.is_empty() { String::new() } else { format!("{key}/") };
        let length = prefix.len();
        self.members
            .range(prefix.clone()..)
            .take_while(move |(name, _)| name.starts_with(&prefix))
            .map(move |(name, member)| (&name[length..], member))
    }
}

impl ReadStore for Archive {
    fn source(&self) -> SourceFile {
        self.source.clone()
    }

    fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, ScanFault> {
        let Some(member) = self.members.get(key) else { return Ok(None) };
        let too_large =
            || ScanFault::Document { key: key.to_owned(), detail: format!("more than {bytes_max} bytes") };
        if member.length > bytes_max {
            return Err(too_large());
        }
        let mut bytes = vec![0; member.length as usize];
        self.file.read_exact_at(&mut bytes, member.offset)?;
        match member.method {
            Method::Stored => Ok(Some(bytes)),
            Method::Deflated => {
                let mut inflated = Vec::new();
                let mut decoder = DeflateDecoder::new(&bytes[..]).take(bytes_max + 1);
                decoder.read_to_end(&mut inflated).map_err(damaged)?;
                if inflated.len() as u64 > bytes_max { Err(too_large()) } else { Ok(Some(inflated)) }
            }
            Method::Other => Err(ScanFault::Document {
                key: key.to_owned(),
                detail: "the zip file encrypts it, or compresses it otherwise than by deflate".to_owned(),
            }),
        }
    }

    fn children(&self, key: &str) -> Result<Option<Vec<String>>, ScanFault> {
        let prefix = if key.is_empty() { String::new() } else { format!("{key}/") };
        let mut names = Vec::new();
        let mut from = prefix.clone();
        while let Some((name, _)) = self.members.range(from..).next() {
            let Some(rest) = name.strip_prefix(&prefix) else { break };
            from = match rest.split_once('/') {
                Some((child, _)) => {
                    names.push(child.to_owned());
                    // Behind all that is below the child: `0` comes after `/`.
                    format!("{prefix}{child}0")
                }
                None => format!("{name}\0"),
            };
        }
        Ok(Some(names))
    }

    fn objects(
        &self,
        key: &str,
        visit: &mut dyn FnMut(StoreObject<'_>) -> Result<(), ScanFault>,
    ) -> Result<bool, ScanFault> {
        for (key, member) in self.below(key) {
            let is_document =
                key.rsplit('/').next().is_some_and(|name| name.starts_with('.') || name == "zarr.json");
            if is_document {
                continue;
            }
            if member.method != Method::Stored {
                return Err(ScanFault::CompressedMember);
            }
            let Member { offset, length, .. } = *member;
            visit(StoreObject { key, file: self.source.clone(), offset, length })?;
        }
        Ok(true)
    }

    fn base(&self) -> Option<(String, i64)> {
        None
    }
}

/// Members below the one directory that all are in, where the store is that directory: what `zip -r` makes.
fn without_directory(members: BTreeMap<String, Member>) -> BTreeMap<String, Member> {
    if members.keys().any(|name| is_root(name)) {
        return members;
    }
    let Some((directory, _)) = members.keys().next().and_then(|name| name.split_once('/')) else {
        return members;
    };
    let prefix = format!("{directory}/");
    let has_root = members.keys().filter_map(|name| name.strip_prefix(&prefix)).any(is_root);
    if !has_root || !members.keys().all(|name| name.starts_with(&prefix)) {
        return members;
    }
    members.iter().map(|(name, member)| (name[prefix.len()..].to_owned(), *member)).collect()
}

fn damaged(detail: impl std::fmt::Display) -> ScanFault {
    ScanFault::Archive(detail.to_string())
}
