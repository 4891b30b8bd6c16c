//! Both spellings of characters.

use crate::{ESCAPES, Steps};

#[test]
fn every_separator_has_an_escape_that_reads_the_same() {
    let raw = "sel=lat:30..60,station:'a b';c|groupby=tas:bins(0;1):mean|arith=x:(a+b)*c/2";
    let steps = Steps::parse(raw).unwrap();
    assert_eq!(steps.to_string(), raw);
    let escaped =
        "sel~elat~d30..60~cstation~d~qa~bb~q~lc~pgroupby~etas~dbins~o0~l1~k~dmean~parith~ex~d~oa~ab~k~mc~s2";
    assert_eq!(steps.unreserved(), escaped);
    assert_eq!(Steps::parse(escaped), Ok(steps.clone()));
    // A few may be escaped, and the others not.
    assert_eq!(Steps::parse(&raw.replace('|', "~p").replace('/', "~s")), Ok(steps));
}

#[test]
fn any_byte_has_an_escape() {
    let steps = Steps::parse("var='Zürich ~~ 100%'").unwrap();
    assert_eq!(steps.unreserved(), "var~e~qZ~xC3~xBCrich~b~~~b100~x25~q");
    assert_eq!(Steps::parse("v~x61r=~x27Z~xc3~xbcrich ~x7E 100%~q"), Ok(steps));
}

#[test]
fn escapes_are_few_and_distinct() {
    for (number, (character, letter)) in ESCAPES.iter().enumerate() {
        assert!(letter.is_ascii_lowercase() && *letter != 'x' || *letter == '~');
        let others = &ESCAPES[number + 1..];
        assert!(others.iter().all(|(other, escape)| other != character && escape != letter));
    }
}

#[test]
fn what_is_no_escape_is_refused_where_it_stands() {
    for (text, offset) in
        [("var=a~y", 5), ("var=~", 4), ("var=a~x2", 5), ("var=~xZZ", 4), ("var=~xFF", 4), ("~P", 0)]
    {
        let error = Steps::parse(text).unwrap_err();
        assert_eq!((error.offset, error.number), (offset, 0), "{error}");
    }
}
