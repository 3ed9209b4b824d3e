//! YAML 1.1 as packs, workflows and expressions use it.

use serde_json::json;

use super::*;

fn read(text: &str) -> Value {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).value
}

#[test]
fn scalars_are_those_of_1_1() {
    for (text, expected) in [
        ("yes", json!(true)),
        ("Off", json!(false)),
        ("y", json!("y")),
        ("\"yes\"", json!("yes")),
        ("010", json!(8)),
        ("0o10", json!("0o10")),
        ("08", json!("08")),
        ("0x1F", json!(31)),
        ("0b101", json!(5)),
        ("1_000", json!(1000)),
        ("-_60", json!("-_60")),
        ("5:1__0", json!("5:1__0")),
        ("1_0:30", json!(630)),
        ("1_0.5_0", json!(10.5)),
        ("._5", json!("._5")),
        ("1.5e+1_0", json!("1.5e+1_0")),
        (".in_f", json!(".in_f")),
        ("0_b1", json!("0_b1")),
        ("0x_1F", json!(31)),
        ("1:30", json!(90)),
        ("1:30:05", json!(5405)),
        ("01:30", json!("01:30")),
        ("1:75", json!("1:75")),
        ("1:30.5", json!(90.5)),
        ("++1:30.5", json!("++1:30.5")),
        ("-5", json!(-5)),
        ("+5", json!(5)),
        ("0", json!(0)),
        ("-0", json!(0)),
        ("1.0", json!(1.0)),
        ("1.", json!(1.0)),
        (".5", json!(0.5)),
        ("1e3", json!("1e3")),
        ("1.5e+3", json!(1500.0)),
        ("1.5e3", json!("1.5e3")),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("1.2.3", json!("1.2.3")),
        ("-", json!([null])),
        ("~", json!(null)),
        ("", json!(null)),
        ("2020-01-02", json!("2020-01-02")),
        ("!!str 5", json!("5")),
        ("! 5", json!(5)),
        ("!!float 5", json!(5.0)),
        ("- a\n- {b: [1, on]}", json!(["a", {"b": [1, true]}])),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn what_is_quoted_or_in_brackets_goes_on_at_any_column() {
    for (text, expected) in [
        ("a:\n  - b: '{{\n      ctx(\"x\")\n  }}'\n", json!({"a": [{"b": "{{ ctx(\"x\") }}"}]})),
        ("- a: \"one\ntwo\n  three\"\n", json!([{"a": "one two three"}])),
        ("a:\n  b: [1,\n2\n]\nc: {d: e,\nf: g\n}\n", json!({"a": {"b": [1, 2]}, "c": {"d": "e", "f": "g"}})),
        ("a: 'b\n\n\nc'\n", json!({"a": "b\n\nc"})),
        ("a: \"b \\\n   c\\\n\\  d\"\n", json!({"a": "b c  d"})),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn tabs_separate_but_do_not_indent() {
    assert_eq!(read("a:\tb\t# c\nd: [\te,\n\tf]\n"), json!({"a": "b", "d": ["e", "f"]}));
    for text in ["a:\n\tb: c", "\ta: b", "a: b\n\tc", "- a: b\n\t c: d"] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains("a tab cannot indent"), "{text:?}: {error}");
    }
}

#[test]
fn anchors_and_merges() {
    let text =
        "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nall:\n  <<: [*b, *m]\n  x: 0\n  again: *b\n  on: 1\n";
    assert_eq!(read(text)["all"].to_string(), r#"{"x":0,"y":2,"z":4,"again":{"x":1,"y":2},"on":1}"#);
    // In a list of merges the first takes precedence, of several keys the last; a key may have an anchor, too.
    let text = "a: &a {x: 1}\nb: &b {x: 2, y: 2}\n&k c:\n  <<: *a\n  <<: *b\n  *k : 3\n";
    assert_eq!(read(text)["c"], json!({"x": 2, "y": 2, "c": 3}));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let bomb = (1..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        let last = n - 1;
        text + &format!("a{n}: &a{n} [*a{last},*a{last},*a{last},*a{last},*a{last},*a{last},*a{last}]\n")
    });
    let text = "x".repeat(1 << 20);
    let long = format!("- &x {text}\n{}", "- *x\n".repeat(9));
    let nested = (0..9).map(|level| format!("&a{level} [")).collect::<String>() + &text + &"]".repeat(9);
    let many = format!("&a [&b [&c [{}]]]", "1,".repeat(40_000));
    for (text, expected) in [
        (long.as_str(), "line 10, column 3: aliases add more than 10000 values or 8 MiB"),
        (&nested, "anchors name more than 100000 values or 8 MiB"),
        (&many, "anchors name more than 100000 values or 8 MiB"),
        ("a: 1\na: 2", "line 2, column 1: the key a is written twice"),
        (
            "a: 'x",
            "line 1, column 6: this is not YAML: the text ends before the last quote, in a quoted text that begins in line 1, column 4; check indentation and quotes",
        ),
        ("a: \"\\", "the text ends before the last quote"),
        (
            "a:\n b: [1,\n 2\nc: d",
            "line 4, column 2: this is not YAML: `,` or `]` is expected and not `:`, in a list that begins in line 2, column 5",
        ),
        ("a b\nc: d", "line 2, column 2: this is not YAML: the value of a key cannot begin here"),
        (
            "a: b\nc\nd: e",
            "line 3, column 1: this is not YAML: there is no `:` after a key that begins in line 2, column 1",
        ),
        ("a: @b", "line 1, column 4: this is not YAML: nothing can begin with `@` without quotes"),
        ("a: \u{7}", "line 1, column 4: this is not YAML: the character U+0007 is not allowed"),
        ("a: *b", "line 1, column 4: this is not YAML: there is no anchor &b before the alias"),
        ("a: [!!str, b]\nc: !!strange d", "line 2, column 4: the tag !!strange is not known"),
        ("a: &x 1\nb: &x 2", "line 2, column 4: the anchor x is written twice"),
        ("...", "a value is expected and not `...`"),
        ("%YAML 2.0\n---\na", "only YAML 1 can be read"),
        ("a:\n  - b\n c: d", "line 3"),
        ("---\na\n---\nb", "a second document"),
        ("a: !ruby/object x", "the tag"),
        ("a: 0x_", "line 1, column 4: 0x_ is a number without digits"),
        ("a: .inf", "line 1, column 4: .inf has no JSON form"),
        ("a: 99999999999999999999999", "is beyond 64 bits"),
        ("? [a]\n: b", "a key must be a single value"),
        (
            "cmd: {{ trigger.body.x }}",
            "line 1, column 7: a key must be a single value, and not a mapping; a text with {{ … }} is to be in quotes",
        ),
        (
            "{cmd: echo {{ trigger.body.x }}}",
            "`,` or `}` is expected and not `{`, in a mapping that begins in line 1, column 1; a text with {{ … }}",
        ),
        ("<<: 5", "line 1, column 5: << takes a mapping"),
        ("a: &x [*x]", "line 1, column 8: the alias is inside the value that it names"),
        (&bomb, "aliases add more than 10000 values"),
        (&"[".repeat(100), "nest deeper than 64"),
        (&"[\n".repeat(100_000), "nest deeper than 64"),
        (&"- ".repeat(100_000), "nest deeper than 64"),
        (&"? ".repeat(100_000), "nest deeper than 64"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:.60}: {error}");
    }
}

#[test]
fn a_text_that_begins_like_an_alias_is_told_to_be_put_in_quotes() {
    for (text, expected) in [
        (
            "minute: */5",
            "line 1, column 9: this is not YAML: without quotes `*` begins an alias, and no name of one; write '*/5', if that \
             is a text; check indentation and quotes",
        ),
        ("{minute: */5, hour: 1}", "write '*/5', if that is a text"),
        ("a: *\nb: 1", "write '*', if that is a text"),
        ("a: &/x", "without quotes `&` begins an anchor, and no name of one; write '&/x', if"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn loose_keys_are_what_they_mean_and_the_last_one_counts() {
    for (text, expected) in [
        ("{a: 1, b: 2, a: 3}", json!({"a": 3, "b": 2})),
        ("{on: 1, 010: 2, 'on': 3, ~: 4}", json!({"true": 1, "8": 2, "on": 3, "null": 4})),
        ("{\"a\": 1e3}", json!({"a": "1e3"})),
    ] {
        assert_eq!(parse_loosely(text), Ok(expected), "{text}");
    }
}

#[test]
fn many_keys_cost_each_as_much_as_few() {
    let keys = |count: usize| (0..count).map(|number| format!("k{number}: {number}\n")).collect::<String>();
    // If each key were compared with all others, this would take most of an hour.
    let nodes = [
        parse_node(&keys(100_000)).unwrap(),
        parse_node(&format!(
            "a: &a {{x: 1, k5: 2}}\nb:\n  <<: *a\n  {}",
            keys(100_000).replace('\n', "\n  ")
        ))
        .unwrap(),
    ];
    let many = parse_loosely(&keys(50_000).repeat(2)).unwrap();
    assert_eq!(nodes[0].entries().map(<[Entry]>::len), Some(100_000));
    let below = nodes[1].to_json();
    assert_eq!(
        (&below["b"]["x"], &below["b"]["k5"], &below["b"]["k99999"]),
        (&json!(1), &json!(5), &json!(99_999))
    );
    assert_eq!(many.as_object().map(serde_json::Map::len), Some(50_000));
}

#[test]
fn what_messages_quote_is_cut() {
    let long = "a1".repeat(2_500);
    let digits = "1".repeat(5_000);
    for text in [
        format!("!{long} 1"),
        format!("!!{long} 1"),
        format!("!<{long}> 1"),
        format!("!x{long}!y 1"),
        format!("%TAG !{long}! x\n%TAG !{long}! x\n---\n1"),
        format!("*{long}"),
        format!("[&{long} 1, &{long} 1]"),
        format!("{{{long}: 1, {long}: 2}}"),
        format!("? {long}\n: 1\n? {long}\n: 2"),
        format!("a: {digits}"),
        format!("a: 0b_{}", "_".repeat(5_000)),
        format!("a: {digits}.0e+999"),
        format!("a: !!int {long}"),
    ] {
        let Err(error) = parse(&text) else { continue };
        assert!(error.message.chars().count() < 400, "{}: {}", text.get(..20).unwrap(), error.message);
    }
    let error = parse(&format!("? {long}\n: 1\n? {long}\n: 2")).unwrap_err();
    assert!(error.message.contains("…"), "{error}");
}

#[test]
fn plain_texts_are_told_from_other_values() {
    for text in ["a", "y", "1e3", "1.2.3", "2020-1-2", "2020-01-02 x", "-a", "12:60"] {
        assert!(is_text(text), "{text}");
    }
    for text in [
        "",
        "~",
        "yes",
        "5",
        "0x1f",
        "010",
        "1:30",
        ".5",
        "=",
        "<<",
        "2020-01-02",
        "2020-1-2 3:04:05.6 +01:00",
    ] {
        assert!(!is_text(text), "{text}");
    }
}
