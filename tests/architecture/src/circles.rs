//! Circles of imports: files each of which needs, in the end, all of the others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::imports::Imports;

/// Files that import each other, directly or by way of others of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    /// The files.
    pub files: BTreeSet<String>,
    /// Who imports whom among them, a line each, with the names.
    pub edges: Vec<String>,
}

/// The circles in the imports of a crate, the largest first: its strongly connected components.
pub fn circles(imports: &Imports) -> Vec<Circle> {
    let needs: BTreeMap<&str, BTreeSet<&str>> =
        imports.files.iter().map(|file| (file.as_str(), needed(imports, file))).collect();
    let is_needed = |by: &str, file: &str| needs.get(by).is_some_and(|needed| needed.contains(file));
    let mut circles = Vec::new();
    let mut left = imports.files.clone();
    while let Some(file) = left.pop_first() {
        let others = left.iter().filter(|other| is_needed(&file, other) && is_needed(other, &file));
        let mut files: BTreeSet<String> = others.cloned().collect();
        left.retain(|other| !files.contains(other));
        files.insert(file);
        if files.len() > 1 {
            let edges = edges(imports, &files);
            circles.push(Circle { files, edges });
        }
    }
    circles.sort_by_key(|circle| Reverse(circle.files.len()));
    circles
}

/// What a file needs, and what that needs, and so on.
fn needed<'a>(imports: &'a Imports, file: &'a str) -> BTreeSet<&'a str> {
    let mut needed = BTreeSet::new();
    let mut open = vec![file];
    while let Some(importer) = open.pop() {
        let edges = imports.edges.keys().filter(|(from, _)| from == importer);
        open.extend(edges.map(|(_, to)| to.as_str()).filter(|to| needed.insert(*to)));
    }
    needed
}

fn edges(imports: &Imports, files: &BTreeSet<String>) -> Vec<String> {
    let inside = imports.edges.iter().filter(|((from, to), _)| files.contains(from) && files.contains(to));
    inside
        .map(|((from, to), names)| {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            format!("{from} -> {to} ({})", names.join(", "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles among files of one letter, of which `ab` says that the first imports the second.
    fn among(edges: &[&str]) -> Vec<String> {
        let mut imports = Imports::default();
        for edge in edges {
            let (from, to) = edge.split_at(1);
            imports.files.extend([from.to_owned(), to.to_owned()]);
            let names = BTreeSet::from(["Name".to_owned()]);
            imports.edges.insert((from.to_owned(), to.to_owned()), names);
        }
        circles(&imports).into_iter().map(|circle| circle.files.into_iter().collect()).collect()
    }

    #[test]
    fn files_that_need_each_other_are_a_circle() {
        assert_eq!(among(&[]), Vec::<String>::new());
        assert_eq!(among(&["ab", "bc", "ac"]), Vec::<String>::new());
        assert_eq!(among(&["ab", "ba", "ca", "ad"]), ["ab"]);
        assert_eq!(among(&["ab", "bc", "ca", "de", "ed", "ad"]), ["abc", "de"]);
        assert_eq!(among(&["de", "ed", "ab", "bc", "ca", "bd", "cb"]), ["abc", "de"]);
        assert_eq!(among(&["ab", "bc", "cd", "db", "ea"]), ["bcd"]);
    }

    #[test]
    fn the_edges_of_a_circle_are_those_inside_it() {
        let mut imports = Imports::default();
        for (from, to) in [("a", "b"), ("b", "a"), ("b", "c")] {
            imports.files.extend([from.to_owned(), to.to_owned()]);
            let names = BTreeSet::from(["X".to_owned(), "y".to_owned()]);
            imports.edges.insert((from.to_owned(), to.to_owned()), names);
        }
        assert_eq!(circles(&imports)[0].edges, ["a -> b (X, y)", "b -> a (X, y)"]);
    }
}
