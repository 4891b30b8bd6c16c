//! What every step's explanation says is so, and what spellings mean.

use std::collections::BTreeSet;

use crate::{Steps, descriptions};

#[test]
fn every_example_is_read_as_its_step() {
    for description in descriptions() {
        assert!(!description.examples.is_empty() && description.summary.ends_with(['.', ')']));
        for example in description.examples {
            let steps = Steps::parse(example).unwrap_or_else(|error| panic!("{example}: {error}"));
            let spelled = steps.to_string();
            let name = spelled.split('=').next().unwrap();
            assert_eq!(name, description.name, "{example}");
        }
    }
}

#[test]
fn names_and_their_synonyms_are_distinct() {
    let mut seen = BTreeSet::new();
    for description in descriptions() {
        assert!(seen.insert(description.name), "{}", description.name);
        for word in description.synonyms {
            assert!(seen.insert(word), "{word}");
        }
    }
}

#[test]
fn what_can_be_said_in_several_ways_is_spelled_in_one() {
    let same = [
        ("sel=lat:0030.50..6e1", "sel=lat:30.5..60"),
        ("sel=lat:-0", "sel=lat:0"),
        ("sel=station:'Potsdam'", "sel=station:Potsdam"),
        ("sel=time:2000-01..2000-01", "sel=time:2000-01"),
        ("sel=time:2000-01-01T00Z", "sel=time:2000-01-01T00"),
        ("sel=p:1e300", "sel=p:1e300"),
        ("sel=station:'2000';'x..y'", "sel=station:'2000';'x..y'"),
        ("sel=station:'a.'..'b'", "sel=station:'a.'..b"),
        ("isel=time:0..10..1", "isel=time:0..10"),
        ("bbox=-10,30,40,60", "bbox=west:-10,south:30,east:40,north:60"),
        ("bbox=north:60,south:30,west:-10,east:40", "bbox=west:-10,south:30,east:40,north:60"),
        ("coarsen=lat:2:mean:exact", "coarsen=lat:2:mean"),
        ("resample=time:D:mean", "resample=time:1D:mean"),
        ("resample=time:12H:mean", "resample=time:12h:mean"),
        ("resample=time:QS-JAN:mean", "resample=time:1QS:mean"),
        ("resample=time:AS:mean", "resample=time:1YS:mean"),
        ("resample=time:M:mean", "resample=time:1ME:mean"),
        ("groupby='time'.month:mean", "groupby=time.month:mean"),
        ("groupby='time.month':mean", "groupby='time.month':mean"),
        ("codec=zstd", "codec=zstd:3"),
        ("codec=blosc-lz4:5:shuffle", "codec=blosc-lz4:5"),
        ("arith=x:((a))+(b*c)", "arith=x:a+b*c"),
        ("arith=x:a-(b-c)-d", "arith=x:a-(b-c)-d"),
        ("arith=x:a/(b*c)*-(d+2.0)", "arith=x:a/(b*c)*-(d+2)"),
        ("arith=x:--a--b", "arith=x:--a--b"),
        ("arith=x:'2t'-'a-b'", "arith=x:'2t'-'a-b'"),
        ("arith=x:1e3*e", "arith=x:1e3*e"),
        ("accuracy=abs:abs:1", "accuracy=abs:abs:1"),
    ];
    for (given, canonical) in same {
        let steps = Steps::parse(given).unwrap_or_else(|error| panic!("{given}: {error}"));
        assert_eq!(steps.to_string(), canonical);
    }
}

#[test]
fn the_design_s_view_is_read() {
    let text = "sel=lat:30..60,lon:-10..40|resample=time:1D:mean|bitround=9";
    let steps = Steps::parse(text).unwrap();
    assert_eq!(steps.as_slice().len(), 3);
    assert_eq!(steps.to_string(), text);
}
