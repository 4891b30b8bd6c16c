//! Any text as the URL of a remote source: what is allowed lies, as a browser reads URLs, on the host and below the
//! folder of a prefix.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use url::Url;
use worker::settings::RemoteSettings;
use worker::storage::Remotes;

static REMOTES: LazyLock<Remotes> = LazyLock::new(|| {
    let prefixes = vec!["https://h/data".to_owned(), "s3://bucket/data".to_owned()];
    Remotes::new(&RemoteSettings { prefixes, ..RemoteSettings::default() }).unwrap()
});

fuzz_target!(|url: &str| {
    if REMOTES.check(url).is_err() {
        return;
    }
    let url = Url::parse(url).unwrap();
    assert!(matches!((url.scheme(), url.host_str()), ("https", Some("h")) | ("s3", Some("bucket"))), "{url}");
    assert_eq!(url.port_or_known_default().unwrap_or(443), 443, "{url}");
    let mut segments = url.path_segments().unwrap();
    let folder = segments.next().unwrap().to_owned();
    let folder = percent_encoding::percent_decode_str(&folder).decode_utf8().unwrap();
    assert_eq!(folder, "data", "{url}");
    assert_eq!(
        (url.username(), url.password(), url.query(), url.fragment()),
        ("", None, None, None),
        "{url}"
    );
});
