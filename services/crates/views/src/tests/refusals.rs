//! What is refused, where the fault is said to be, and what is said of it.

use crate::limits::{EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX, LIST_MAX, STEPS_MAX, TEXT_BYTES_MAX};
use crate::{Reason, Steps};

/// A text, the number of its step and the byte at fault, and a part of what is said.
fn check(cases: &[(&str, usize, usize, &str)]) {
    for (text, number, offset, said) in cases {
        let error = Steps::parse(text).expect_err(text);
        assert_eq!((error.number, error.offset), (*number, *offset), "{text}: {error}");
        assert!(error.to_string().contains(said), "{text}: {error}");
    }
}

#[test]
fn steps_must_be_known_and_complete() {
    check(&[
        ("", 1, 0, "a step is missing"),
        ("var=a||mean=x", 2, 6, "a step is missing"),
        ("var=a|", 2, 6, "a step is missing"),
        ("var=a|maen=time", 2, 6, "did you mean \"mean\"?"),
        ("select=lat:1", 1, 0, "did you mean \"sel\"?"),
        ("SEL=lat:1", 1, 0, "did you mean \"sel\"?"),
        ("xyzzy=1", 1, 0, "there is no step \"xyzzy\"; right would be: var, sel"),
        ("var", 1, 3, "=arguments is missing"),
        ("var=", 1, 4, "an argument is missing"),
        ("fldmean=", 1, 8, "missing"),
        ("var=a b", 0, 5, "~a for a +"),
        ("var=a\u{0}", 0, 5, "control"),
    ]);
}

#[test]
fn names_stand_once_and_are_quoted_where_they_must() {
    check(&[
        ("var=a,a", 1, 6, "\"a\" stands there twice"),
        ("var=a,'a'", 1, 6, "twice"),
        ("sel=lat:1,lat:2", 1, 10, "twice"),
        ("var=a,,b", 1, 6, "a variable is missing"),
        ("var=a+b", 1, 4, "'quotes'"),
        ("var='a", 1, 4, "not closed"),
        ("var='a'b'", 1, 4, "not closed"),
        ("var=''", 1, 4, "missing"),
        ("mean=time,time", 1, 10, "twice"),
        ("coarsen=x:2,x:2:mean", 1, 12, "twice"),
    ]);
}

#[test]
fn selections_select_something() {
    check(&[
        ("sel=lat", 1, 7, "what to select is missing"),
        ("sel=lat:", 1, 8, "what to select is missing"),
        ("sel=lat:..", 1, 8, "selects everything"),
        ("sel=lat:1..2..3", 1, 8, "not a range"),
        ("sel=lat:1e999", 1, 8, "out of range"),
        ("sel=lat:nan", 1, 8, "not a number"),
        ("sel=lat:1..x", 1, 8, "two numbers, two dates or two texts"),
        ("sel=time:2005..2000-01", 1, 9, "the earlier date first"),
        ("sel=time:2000-13", 1, 9, "2000-01-31"),
        ("sel=time:2000-01-01T25", 1, 9, "2000-01-31T06"),
        ("sel=lat:nearst(5)", 1, 8, "did you mean \"nearest\"?"),
        ("sel=lat:nearest(5", 1, 15, "not closed"),
        ("sel=lat:nearest()", 1, 16, "a value is missing"),
        ("sel=lat:nearest(within:1)", 1, 16, "a value is missing"),
        ("sel=lat:nearest(5;within:-1)", 1, 25, "not below 0"),
        ("isel=x:4..4", 1, 7, "selects nothing"),
        ("isel=x:-1..-3", 1, 7, "selects nothing"),
        ("isel=x:..0", 1, 7, "selects nothing"),
        ("isel=x:0..9..0", 1, 13, "1 or more"),
        ("isel=x:9..0..-1", 1, 13, "1 or more"),
        ("isel=x:1.5", 1, 7, "not a whole number"),
        ("isel=x:99999999999999999999", 1, 7, "64 bits"),
        ("bbox=1,2,3", 1, 5, "four numbers"),
        ("bbox=west:1,south:5,east:2,north:4", 1, 5, "selects nothing"),
        ("bbox=west:1,sud:5,east:2,north:4", 1, 12, "no side \"sud\""),
        ("bbox=west:1,east:2,north:4", 1, 5, "south is missing"),
        ("bbox=0,-91,1,2", 1, 7, "-90 to 90"),
    ]);
}

#[test]
fn reductions_are_named() {
    check(&[
        ("coarsen=lat:2,lon:2", 1, 19, "the reduction is missing"),
        ("coarsen=lat:2:mean,lon:2", 1, 12, "not a whole number"),
        ("coarsen=lat:0:mean", 1, 12, "1 or more"),
        ("coarsen=lat:2:var", 1, 14, "did you mean \"variance\"?"),
        ("coarsen=lat:2:mean:trimm", 1, 19, "did you mean \"trim\"?"),
        ("groupby=time.month", 1, 18, "the reduction is missing"),
        ("groupby=time.mont:mean", 1, 13, "did you mean \"month\"?"),
        ("groupby=tas:bins(0;10)", 1, 22, "the reduction is missing"),
        ("groupby=tas:bins(0;0):mean", 1, 19, "above the edge before"),
        ("groupby=tas:bins(0):mean", 1, 17, "two edges or more"),
        ("groupby=time:median(3)", 1, 13, "reduction \"median\""),
        ("resample=time:1X:mean", 1, 14, "QS-DEC"),
        ("resample=time:0D:mean", 1, 14, "1 or more"),
        ("resample=time:MS-DEC:mean", 1, 14, "not a frequency"),
        ("resample=time:1D", 1, 16, "the reduction is missing"),
        ("quantile=1.1:time", 1, 9, "0 to 1"),
        ("quantile=0.5;0.5:time", 1, 13, "twice"),
        ("quantile=0.5", 1, 12, "a dimension is missing"),
        ("anomaly=time.week", 1, 13, "part of a time"),
        ("anomaly=time.month:1981", 1, 19, "1981..2010"),
        ("anomaly=time.month:2010..1981", 1, 19, "not a period"),
    ]);
}

#[test]
fn expressions_are_bounded_and_closed() {
    check(&[
        ("arith=x:", 1, 8, "an expression is missing"),
        ("arith=x:a+", 1, 10, "the rest of the expression is missing"),
        ("arith=x:(a", 1, 10, "not closed"),
        ("arith=x:a)", 1, 9, "\")\" cannot stand here"),
        ("arith=x:2a", 1, 9, "\"a\" cannot stand here"),
        ("arith=x:a**b", 1, 10, "cannot stand here"),
        ("arith=x:hypto(a,b)", 1, 8, "did you mean \"hypot\"?"),
        ("arith=x:__import__(a)", 1, 8, "no function"),
        ("arith=x:hypot(a)", 1, 8, "2 arguments of hypot"),
        ("arith=x:'a", 1, 8, "not closed"),
        ("arith=x:a.b", 1, 9, "cannot stand here"),
    ]);
    let deep = |depth: usize| format!("arith=x:{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Steps::parse(&deep(EXPRESSION_DEPTH_MAX - 1)).is_ok());
    assert!(matches!(Steps::parse(&deep(EXPRESSION_DEPTH_MAX)).unwrap_err().reason, Reason::TooMany { .. }));
    let long = |count: usize| format!("arith=x:{}", vec!["a"; count].join("+"));
    assert!(Steps::parse(&long(EXPRESSION_NODES_MAX / 2)).is_ok());
    assert!(matches!(
        Steps::parse(&long(EXPRESSION_NODES_MAX / 2 + 1)).unwrap_err().reason,
        Reason::TooMany { .. }
    ));
}

#[test]
fn encodings_are_within_their_ranges() {
    check(&[
        ("chunks=time:0", 1, 12, "1 or more, or -1"),
        ("chunks=time:-2", 1, 12, "1 or more, or -1"),
        ("shard=time", 1, 10, "a length is missing"),
        ("bitround=0", 1, 9, "1 to 52"),
        ("bitround=tas:9,pr", 1, 17, "its setting is missing"),
        ("quantize=0", 1, 9, "above 0"),
        ("quantize=tas:-1", 1, 13, "above 0"),
        ("codec=zsdt:3", 1, 6, "did you mean \"zstd\"?"),
        ("codec=zstd:23", 1, 11, "1 to 22"),
        ("codec=blosc-lz4:5:shuffel", 1, 18, "did you mean \"shuffle\"?"),
        ("codec=none:1", 1, 11, "codec=none"),
        ("accuracy=abs:0", 1, 13, "above 0"),
        ("accuracy=rel:1", 1, 13, "below 1"),
        ("accuracy=exact:1", 1, 9, "kind of error"),
        ("convert=tas:", 1, 12, "the new unit is missing"),
        ("convert=tas:m(2)", 1, 12, "'kg m-2 s-1'"),
    ]);
}

#[test]
fn texts_and_lists_have_limits() {
    let is_too_many =
        |text: String| matches!(Steps::parse(&text).unwrap_err().reason, Reason::TooMany { .. });
    let steps = |count| vec!["fldmean"; count].join("|");
    assert!(Steps::parse(&steps(STEPS_MAX)).is_ok());
    assert!(is_too_many(steps(STEPS_MAX + 1)));
    let list = |count: usize| format!("isel=x:{}", vec!["1"; count].join(";"));
    assert!(Steps::parse(&list(LIST_MAX)).is_ok());
    assert!(is_too_many(list(LIST_MAX + 1)));
    assert!(is_too_many("x".repeat(TEXT_BYTES_MAX + 1)));
    assert!(is_too_many(format!("var={}", "x".repeat(300))));
    assert!(is_too_many("~x61".repeat(5000)));
}

#[test]
fn an_offset_is_that_of_the_text_as_it_came() {
    check(&[("v~x61r~ea~pmaen~etime", 2, 11, "did you mean \"mean\"?"), ("var='ü'~cü,ü", 1, 10, "twice")]);
}
