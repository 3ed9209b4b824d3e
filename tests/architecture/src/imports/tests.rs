//! The reader of imports, on small made-up crates.

use super::*;

/// Who imports whom in a crate of these files, as `from -> to (names)`; `src/` and `.rs` are left out.
fn edges(files: &[(&str, &str)]) -> Vec<String> {
    let short = |file: &str| file.trim_start_matches("src/").trim_end_matches(".rs").to_owned();
    let read = read(files).unwrap();
    let edges = read.edges.iter().map(|((from, to), names)| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        format!("{} -> {} ({})", short(from), short(to), names.join(" "))
    });
    edges.collect()
}

fn read(files: &[(&str, &str)]) -> Result<Imports, Unread> {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| TextFile { path: format!("src/{path}.rs"), text: (*text).to_owned() })
        .collect();
    Imports::read("src/lib.rs", &files)
}

/// A crate with the modules `a` and `b`, where `a` has this text and `b` the items that it may name.
fn a(text: &str) -> Vec<String> {
    const B: &str = "pub struct B; pub fn make() {} pub mod inner { pub fn deep() {} }";
    edges(&[("lib", "mod a; mod b;"), ("a", text), ("b", B)])
}

#[test]
fn an_import_is_an_edge_to_the_file_that_defines_the_name() {
    for text in [
        "use crate::b::B;",
        "use super::b::B;",
        "use self::super::b::B as Other;",
        "use crate::{b::{B}};",
        "pub(crate) fn f() { use crate::b::B; }",
        "mod inside { use super::super::b::B; }",
        "fn f() -> crate::b::B { loop {} }",
        "fn f() { g::<Vec<super::b::B>>() }",
        "impl Clone for crate::b::B {}",
        "fn f() { <crate::b::B as Clone>::clone() }",
        "struct A { #[serde(with = \"crate::b::B\")] field: u8 }",
        "use crate::b::{self}; fn f(_: b::B) {}",
        "use crate::b as other; fn f(_: other::B) {}",
        "use super::*; fn f(_: b::B) {}",
    ] {
        assert_eq!(a(text), ["a -> b (B)"], "{text}");
    }
}

#[test]
fn neither_formatting_nor_macros_hide_an_import() {
    for text in [
        "use/* ; */crate // use crate::c;\n :: /* /* nested */ */ b\n::\nB\n;",
        "use crate::r#b::r#B;",
        "macro_rules! m { () => { $crate::b::B }; }",
        "fn f() { json!({ \"key\": [crate::b::B, 1] }) }",
        "fn f() { let text = \"\\\" ; \"; let c = '\"'; crate::b::B; }",
        "#[cfg(not(test))] use crate::b::B;",
        "#[cfg(any(test, unix))] fn f(_: crate::b::B) {}",
        "#[cfg(test)] fn f<A, B>() -> [u8; 1] { [0] } use crate::b::B;",
        "enum E { #[cfg(test)] One, Two(crate::b::B) }",
        "fn f() { 0..crate::b::B }",
    ] {
        assert_eq!(a(text), ["a -> b (B)"], "{text}");
    }
}

#[test]
fn what_only_looks_like_an_import_is_none() {
    for text in [
        "",
        "use crate::b; use super::*; use crate::b::inner;",
        "use std::b::B; use ::b::B; fn f() { ::b::make() }",
        "//! [`B`](crate::b::B)\n/// use crate::b::B;\nstruct A;",
        "/* use crate::b::B; */ // use crate::b::B;",
        "const TEXT: &str = \"use crate::b::B;\"; const RAW: &str = r#\"\" crate::b::B\"#;",
        "pub(in crate::b) fn f() {} pub(super) fn g() {}",
        "#[cfg(test)] mod tests { use crate::b::B; }",
        "#[cfg(test)] use crate::b::B;",
        "#[cfg(all(test, unix))] pub(crate) fn f(_: crate::b::B) { crate::b::make() }",
        "#[cfg(test)] #[derive(Debug)] struct A { b: crate::b::B }",
        "struct A { #[cfg(test)] b: crate::b::B, c: u8 }",
        "#![cfg(test)] use crate::b::B;",
        "fn f() { let make = 1; value.make(); make(); }",
        "fn f() -> impl Sized + use<'static> { B }",
    ] {
        assert_eq!(a(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_parent_needs_its_child_only_if_it_uses_it() {
    let parent = |text| edges(&[("lib", "mod p;"), ("p", text), ("p/c", "pub struct C; pub fn c() {}")]);
    assert_eq!(parent("mod c;"), Vec::<String>::new());
    assert_eq!(parent("mod c; pub use c::C; pub(crate) use c::c as call;"), Vec::<String>::new());
    assert_eq!(parent("mod c; pub use c::*;"), Vec::<String>::new());
    assert_eq!(parent("mod c; pub use c::C; struct P(C);"), ["p -> p/c (C)"]);
    assert_eq!(parent("mod c; pub use c::*; struct P(C);"), ["p -> p/c (C)"]);
    assert_eq!(parent("mod c; use c::C;"), ["p -> p/c (C)"]);
    assert_eq!(parent("mod c; fn f() { c::c() }"), ["p -> p/c (c)"]);
    assert_eq!(parent("mod c; fn f() { self::c::c() }"), ["p -> p/c (c)"]);
}

#[test]
fn a_name_is_followed_through_modules_that_pass_it_on() {
    let c = ("p/c", "pub struct C; pub fn c() {}");
    for (parent, user) in [
        ("mod c; pub use c::C;", "use crate::p::C;"),
        ("mod c; pub use self::c::*;", "use crate::p::C;"),
        ("mod c; pub use c::C as D;", "use crate::p::D as C; fn f(_: C) {}"),
        ("pub mod c;", "use crate::p; fn f(_: p::c::C) {}"),
        ("mod c; use c::C;", "use crate::p::*; fn f(_: C) {}"),
    ] {
        let found = edges(&[("lib", "mod p; mod u;"), ("p", parent), c, ("u", user)]);
        let from_user: Vec<_> = found.iter().filter(|edge| edge.starts_with("u ")).collect();
        assert!(
            matches!(from_user.as_slice(), [edge] if edge.starts_with("u -> p/c (")),
            "{user}: {found:?}"
        );
    }
}

#[test]
fn what_cannot_be_found_counts_for_the_module_that_was_asked_for_it() {
    let files = [("lib", "mod a; mod b;"), ("a", "use crate::b::Made;"), ("b", "make! { Made }")];
    assert_eq!(edges(&files), ["a -> b (Made)"]);
}

#[test]
fn a_module_and_a_function_may_have_one_name() {
    let files = [
        ("lib", "mod read; mod u; pub use read::read;"),
        ("read", "mod deep; pub use deep::read;"),
        ("read/deep", "pub fn read() {}"),
        ("u", "use crate::read::read; use crate::read as other; fn f() { other::read(); read(); }"),
    ];
    assert_eq!(edges(&files), ["u -> read/deep (read)"]);
}

#[test]
fn names_that_go_round_come_to_an_end() {
    let files = [
        ("lib", "mod a; mod b;"),
        ("a", "pub use crate::b::*; pub use crate::b::X; use crate::b::Y;"),
        ("b", "pub use crate::a::*; pub use crate::a::X; use loops; use loops::loops as loops;"),
    ];
    assert_eq!(edges(&files), ["a -> b (Y)"]);
}

#[test]
fn a_macro_is_seen_by_the_modules_inside() {
    let files = [
        ("lib", "macro_rules! root { () => {}; } mod p; mod other;"),
        ("p", "macro_rules! near { () => {}; } mod c;"),
        ("p/c", "fn f() { near!(); root!(); println!(); if near != root {} }"),
        ("other", "fn f() { near!() }"),
    ];
    assert_eq!(edges(&files), ["p/c -> lib (root)", "p/c -> p (near)"]);
}

#[test]
fn modules_are_found_where_the_compiler_looks() {
    let files = [
        ("lib", "mod a; mod inline { mod b; #[cfg(test)] mod tests; }"),
        ("a", "mod c { mod d; }"),
        ("a/c/d", ""),
        ("inline/b/mod", "mod e;"),
        ("inline/b/e", ""),
        ("inline/tests", "use crate::a::*;"),
    ];
    assert_eq!(read(&files).unwrap().files.len(), files.len());
}

#[test]
fn what_cannot_be_read_is_named() {
    let no_file = Unread::NoFile { declared_in: "src/lib.rs".to_owned(), module: "a".to_owned() };
    assert_eq!(read(&[("lib", "mod a;")]), Err(no_file));
    let broken = read(&[("lib", "mod a;"), ("a", "fn f() { (}")]);
    assert!(matches!(broken, Err(Unread::NotRust { file, .. }) if file == "src/a.rs"));
}
