//! The specification's examples, its two versions, and what a hostile set may try.

use proptest::prelude::*;

use super::*;

/// Every chunk as text: `key = inline` or `key -> url offset+length`.
fn chunks(json: &str) -> Result<Vec<String>, JsonError> {
    chunks_within(json, JsonLimits::default())
}

fn chunks_within(json: &str, limits: JsonLimits) -> Result<Vec<String>, JsonError> {
    let mut found = Vec::new();
    JsonReferences::parse(json.as_bytes(), limits)?.chunks(&mut |key, reference| {
        found.push(match reference {
            JsonReference::Inline(bytes) => format!("{key} = {}", String::from_utf8_lossy(&bytes)),
            JsonReference::Target { url, range: None } => format!("{key} -> {url}"),
            JsonReference::Target { url, range: Some(ByteRange { offset, length }) } => {
                format!("{key} -> {url} {offset}+{length}")
            }
        });
        Ok(())
    })?;
    Ok(found)
}

/// What one expression with `i` = 7 becomes, in a generator's URL.
fn evaluated(expression: &str) -> Result<String, JsonError> {
    let expression = serde_json::to_string(&format!("{{{{{expression}}}}}")).unwrap();
    let json = format!(
        r#"{{"version": 1, "templates": {{"u": "host", "f": "<{{{{c}}}}>"}}, "refs": {{}},
             "gen": [{{"key": "k", "url": {expression}, "dimensions": {{"i": [7]}}}}]}}"#
    );
    Ok(chunks(&json)?.remove(0).replace("k -> ", ""))
}

#[test]
fn the_specifications_example_is_read() {
    let json = r#"{
        "version": 1,
        "templates": {"u": "server.domain/path", "f": "{{c}}"},
        "gen": [{
            "key": "gen_key{{i}}", "url": "http://{{u}}_{{i}}",
            "offset": "{{(i + 1) * 1000}}", "length": "1000",
            "dimensions": {"i": {"stop": 5}}
        }],
        "refs": {
            "key0": "data",
            "key1": ["http://target_url", 10000, 100],
            "key2": ["http://{{u}}", 10000, 100],
            "key3": ["http://{{f(c='text')}}", 10000, 100],
            "key4": ["http://target_url"]
        }
    }"#;
    assert_eq!(
        chunks(json).unwrap(),
        [
            "key0 = data",
            "key1 -> http://target_url 10000+100",
            "key2 -> http://server.domain/path 10000+100",
            "key3 -> http://text 10000+100",
            "key4 -> http://target_url",
            "gen_key0 -> http://server.domain/path_0 1000+1000",
            "gen_key1 -> http://server.domain/path_1 2000+1000",
            "gen_key2 -> http://server.domain/path_2 3000+1000",
            "gen_key3 -> http://server.domain/path_3 4000+1000",
            "gen_key4 -> http://server.domain/path_4 5000+1000",
        ]
    );
}

#[test]
fn version_0_is_a_bare_object() {
    let json = r#"{".zgroup": {"zarr_format": 2}, "a/.zarray": "{}", "a/0": "base64:AAE=", "a/1": "\u00e9",
                   "b/0": ["a.nc", 0, 18446744073709551615], "c/{{0}}": ["{{u}}.nc"]}"#;
    let set = JsonReferences::parse(json.as_bytes(), JsonLimits::default()).unwrap();
    let documents = set.documents().unwrap();
    assert_eq!(documents.keys().collect::<Vec<_>>(), [".zgroup", "a/.zarray"]);
    assert_eq!(documents[".zgroup"], br#"{"zarr_format": 2}"#);
    assert_eq!(
        chunks(json).unwrap(),
        ["a/0 = \0\u{1}", "a/1 = é", "b/0 -> a.nc 0+18446744073709551615", "c/{{0}} -> {{u}}.nc"]
    );
}

#[test]
fn dimensions_are_lists_and_ranges_and_the_last_turns_fastest() {
    let json = r#"{"version": 1, "refs": {}, "gen": [{
        "key": "x/{{t}}.{{n}}", "url": "{{name}}", "offset": "{{t * 10}}", "length": 8,
        "dimensions": {"name": ["a", "b"], "t": {"start": 3, "stop": 0, "step": -2}, "n": {"stop": 2}}
    }]}"#;
    assert_eq!(
        chunks(json).unwrap(),
        [
            "x/3.0 -> a 30+8",
            "x/3.1 -> a 30+8",
            "x/1.0 -> a 10+8",
            "x/1.1 -> a 10+8",
            "x/3.0 -> b 30+8",
            "x/3.1 -> b 30+8",
            "x/1.0 -> b 10+8",
            "x/1.1 -> b 10+8",
        ]
    );
}

#[test]
fn expressions_count_as_python_does() {
    for (expression, value) in [
        ("i", "7"),
        (" i * 1000 ", "7000"),
        ("(i+1)*3", "24"),
        ("i - 2 - 3", "2"),
        ("-i // 2", "-4"),
        ("-i % 4", "1"),
        ("i % -4", "-1"),
        ("2 + 3 * --i", "23"),
        ("u", "host"),
        ("f(c=i * 2)", "<14>"),
        (r#"f(c="a'b")"#, "<a'b>"),
        ("'text'", "text"),
    ] {
        assert_eq!(evaluated(expression).unwrap(), value, "{expression}");
    }
}

#[test]
fn what_is_not_understood_is_named_and_never_run() {
    for expression in [
        "i.__class__",
        "i | abs",
        "i / 2",
        "1.5",
        "i ** 2",
        "i if i else u",
        "u[0]",
        "range(9)",
        "f(1)",
        "",
        "i i",
        "(i",
        "'open",
        "'a\\'b'",
        "f(c=1",
        "'%02d' % i +",
        "99999999999999999999",
        "[1]",
    ] {
        let error = evaluated(expression).unwrap_err();
        assert!(
            matches!(&error, JsonError::Expression(_) | JsonError::UnknownName(_) | JsonError::NoNumber(_)),
            "{expression}: {error}"
        );
    }
    for (expression, fault) in [
        ("9223372036854775807 + i", "64 bits"),
        ("i // (i - 7)", "divides by zero"),
        ("u * 2", "not a whole number"),
        ("nobody", "neither a template nor a dimension"),
        ("f()", "neither a template nor a dimension"),
    ] {
        let error = evaluated(expression).unwrap_err().to_string();
        assert!(error.contains(fault), "{expression}: {error}");
    }
    assert!(matches!(evaluated(&"(".repeat(10_000)), Err(JsonError::Expression(_))));
    assert!(matches!(evaluated("}}{% for x in y %}"), Err(JsonError::Expression(_))));
    // As deep a tree as it is long.
    assert!(matches!(evaluated(&format!("1{}", "+1".repeat(1_000_000))), Err(JsonError::Expression(_))));
    assert_eq!(evaluated(&format!("1{}", "+1".repeat(60))).unwrap(), "61");
}

#[test]
fn templates_never_run_in_circles_or_grow_without_bound() {
    let set = |templates: &str| {
        format!(r#"{{"version": 1, "templates": {{{templates}}}, "refs": {{"x/0": ["{{{{a}}}}", 0, 1]}}}}"#)
    };
    for circle in [r#""a": "{{a}}""#, r#""a": "{{b}}", "b": "x{{c()}}", "c": "{{a}}""#] {
        let error = chunks(&set(circle)).unwrap_err();
        assert!(matches!(error, JsonError::Cycle(_)), "{error}");
    }
    // Each ten times the one before: a billion laughs.
    let laughs: Vec<String> = ('a'..'k')
        .zip('b'..)
        .map(|(name, next)| format!(r#""{name}": "{}""#, format!("{{{{{next}}}}}").repeat(10)))
        .chain([r#""k": "ha""#.to_owned()])
        .collect();
    let error = chunks(&set(&laughs.join(", "))).unwrap_err();
    assert!(matches!(error, JsonError::TooLarge(..)), "{error}");
    let limits = JsonLimits { rendered_bytes_max: 10, ..JsonLimits::default() };
    let error = chunks_within(&set(r#""a": "eleven bytes""#), limits).unwrap_err();
    assert!(matches!(error, JsonError::TooLarge(..)), "{error}");
}

#[test]
fn templates_that_make_no_text_end_too() {
    let limits = JsonLimits { rendered_bytes_max: 1 << 20, ..JsonLimits::default() };
    // Fourteen templates, each of which has ten of the next: of no text, and as what is passed and not used.
    for part in ["{{NEXT}}", "{{o(x=NEXT)}}"] {
        let templates: Vec<String> = ('a'..'o')
            .zip('b'..)
            .map(|(name, next)| {
                format!(r#""{name}": "{}""#, part.replace("NEXT", &next.to_string()).repeat(10))
            })
            .chain([r#""o": """#.to_owned()])
            .collect();
        let templates = templates.join(", ");
        let json =
            format!(r#"{{"version": 1, "templates": {{{templates}}}, "refs": {{"x/0": ["{{{{a}}}}"]}}}}"#);
        let error = chunks_within(&json, limits).unwrap_err();
        assert!(matches!(error, JsonError::TooLarge(..)), "{error}");
    }
    // Many references, each of many parts, or of a long text that is only passed on.
    for url in ["{{''}}".repeat(10_000), format!("{{{{f(x='{}')}}}}", "x".repeat(10_000))] {
        let json = format!(
            r#"{{"version": 1, "templates": {{"f": ""}}, "refs": {{}},
                 "gen": [{{"key": "k", "url": "{url}", "dimensions": {{"i": {{"stop": 10000000}}}}}}]}}"#
        );
        let error = chunks_within(&json, limits).unwrap_err();
        assert!(matches!(error, JsonError::TooLarge(..)), "{error}");
    }
}

#[test]
fn too_many_references_are_refused_before_they_are_made() {
    for dimensions in [
        r#"{"i": {"stop": 9223372036854775807}}"#,
        r#"{"i": {"stop": 1000000}, "j": {"stop": 1000000}, "k": {"stop": 1000000}, "l": {"stop": 1000000}}"#,
        r#"{"i": {"stop": 100001}, "j": {"stop": 1000}}"#,
    ] {
        let json = format!(
            r#"{{"version": 1, "refs": {{}}, "gen": [{{"key": "k", "url": "u", "dimensions": {dimensions}}}]}}"#
        );
        assert!(matches!(chunks(&json), Err(JsonError::TooLarge(..))), "{dimensions}");
    }
    let limits = JsonLimits { references_max: 1, ..JsonLimits::default() };
    let error = chunks_within(r#"{"a/0": "x", "a/1": "x"}"#, limits).unwrap_err();
    assert!(matches!(error, JsonError::TooLarge(..)), "{error}");
}

#[test]
fn faults_name_the_key() {
    for (json, says) in [
        (r#"{"a/0": 5}"#, r#""a/0" is neither"#),
        (r#"{"a/0": null}"#, r#""a/0" is neither"#),
        (r#"{"a/0": []}"#, r#""a/0" is neither"#),
        (r#"{"a/0": ["x", 1]}"#, r#""a/0" is neither"#),
        (r#"{"a/0": ["x", -1, 2]}"#, r#""a/0" is neither"#),
        (r#"{"a/0": ["x", 1, 2, 3]}"#, r#""a/0" is neither"#),
        (r#"{"a/0": [null, 1, 2]}"#, r#""a/0" is neither"#),
        (r#"{"a/0": [""]}"#, "empty target"),
        (r#"{"a/0": "base64:?"}"#, "no base64"),
        (r#"{"version": 2, "refs": {}}"#, "version 2"),
        (r#"{"version": 1, "refs": []}"#, "no JSON as kerchunk"),
        (
            r#"{"version": 1, "refs": {}, "gen": [{"key": "k", "url": "u", "offset": "1", "dimensions": {}}]}"#,
            "together",
        ),
        (
            r#"{"version": 1, "refs": {}, "gen": [{"key": "k", "url": "u", "dimensions": {"i": {"stop": 1, "step": 0}}}]}"#,
            "step of 0",
        ),
        ("[1]", "no JSON as kerchunk"),
        ("{", "no JSON as kerchunk"),
    ] {
        let error = chunks(json).unwrap_err().to_string();
        assert!(error.contains(says), "{json}: {error}");
    }
    let set =
        JsonReferences::parse(br#"{"type": "FeatureCollection", "features": [1]}"#, JsonLimits::default());
    assert!(matches!(set.unwrap().documents(), Err(JsonError::NoReferences)));
    assert!(matches!(JsonReferences::parse(b"\xff", JsonLimits::default()), Err(JsonError::Encoding(_))));
}

proptest! {
    #[test]
    fn any_text_is_answered(json in any::<String>()) {
        let _ = chunks(&json);
    }

    #[test]
    fn any_expression_is_answered(expression in "[-+*/%()i fuc='\"0-9,.{}|]{0,40}") {
        let _ = evaluated(&expression);
    }

    #[test]
    fn a_damaged_set_is_answered(at in 0..400_usize, byte in any::<u8>(), cut in any::<bool>()) {
        let mut json = br#"{"version": 1, "templates": {"u": "a", "f": "{{c}}{{u}}"}, "refs": {".zgroup": {"zarr_format": 2},
            "x/0": ["{{f(c=1)}}", 1, 2], "x/1": "base64:AAAA"}, "gen": [{"key": "y/{{i}}", "url": "{{u}}{{i}}",
            "offset": "{{(i + 1) * 10}}", "length": "5", "dimensions": {"i": {"start": 1, "stop": 9, "step": 2}}}]}"#.to_vec();
        let at = at % json.len();
        json[at] = byte;
        if cut {
            json.truncate(at);
        }
        if let Ok(set) = JsonReferences::parse(&json, JsonLimits::default()) {
            let _ = set.documents();
            let _ = set.chunks(&mut |_, _| Ok(()));
        }
    }

    #[test]
    fn division_rounds_down(a in any::<i64>(), b in any::<i64>()) {
        use super::expression::Operator::{FloorDivide, Remainder};
        if let (Some(quotient), Some(remainder)) = (FloorDivide.apply(a, b), Remainder.apply(a, b)) {
            prop_assert_eq!(i128::from(quotient) * i128::from(b) + i128::from(remainder), i128::from(a));
            prop_assert!(remainder == 0 || (remainder < 0) == (b < 0));
        }
    }
}
