//! Files that import each other can only be understood together, so only few may: the circles of imports in
//! each crate, and those that are excepted.

use std::sync::LazyLock;

use petrel_architecture::{Circle, Imports, TextFile, circles};

use crate::{assert_none, sources};

/// So many files may import each other: a module and what it is made of.
const LARGEST: usize = 3;

/// Circles that are larger than that, and may be.
struct Exception {
    /// Where their files are.
    below: &'static str,
    /// How many files that is. It only ever gets smaller: it has to be what is there.
    files: usize,
    /// Why it is so.
    reason: &'static str,
}

/// A circle is that of the first line that it lies below.
const EXCEPTIONS: [Exception; 2] = [
    Exception {
        below: "host/crates/yaql/src/",
        files: 36,
        reason: "inherent: a function's arguments are expressions, which it evaluates when it likes",
    },
    Exception {
        below: "host/crates/jinja/src/",
        files: 30,
        reason: "filters, methods and operators use each other, on values that are shown and made by them",
    },
];

/// The files that crates begin with.
fn roots(sources: &[TextFile]) -> impl Iterator<Item = &str> {
    let paths = sources.iter().map(|file| file.path.as_str());
    paths.filter(|path| path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs"))
}

/// The imports in each crate.
static CRATES: LazyLock<Vec<Imports>> = LazyLock::new(|| {
    let sources = sources();
    roots(&sources).map(|root| Imports::read(root, &sources).unwrap()).collect()
});

#[test]
fn few_files_import_each_other_in_a_circle() {
    let circles = CRATES.iter().flat_map(circles).collect();
    assert_none(
        &wrong(circles, &EXCEPTIONS),
        "files import each other in a circle; move what they share to a file that imports none of them, or \
         pass it in",
    );
}

#[test]
fn every_source_belongs_to_a_crate() {
    let sources = sources();
    let is_read = |path: &String| CRATES.iter().any(|imports| imports.files.contains(path));
    let in_crates = sources.iter().filter(|file| {
        let crates = roots(&sources).filter_map(|root| root.rsplit_once('/'));
        crates
            .map(|(directory, _)| directory)
            .any(|directory| file.path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/')))
    });
    let wrong: Vec<_> = in_crates.filter(|file| !is_read(&file.path)).map(|file| file.path.clone()).collect();
    assert_none(&wrong, "declare the file in a module, or take it out");
}

/// What is wrong with the circles of a crate, or with what is excepted of them.
fn wrong(circles: Vec<Circle>, exceptions: &[Exception]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut excepted: Vec<_> = exceptions.iter().map(|exception| (exception, Vec::new())).collect();
    for circle in circles.into_iter().filter(|circle| circle.files.len() > LARGEST) {
        match excepted.iter_mut().find(|(exception, _)| exception.covers(&circle)) {
            Some((_, circles)) => circles.push(circle),
            None => wrong.push(told(&circle)),
        }
    }
    wrong.extend(excepted.iter().filter_map(|(exception, circles)| exception.wrong(circles)));
    wrong
}

impl Exception {
    fn covers(&self, circle: &Circle) -> bool {
        circle.files.iter().all(|file| file.starts_with(self.below))
    }

    /// What is wrong with the number, if it is not that of these circles.
    fn wrong(&self, circles: &[Circle]) -> Option<String> {
        let Self { below, files: excepted, reason } = self;
        let files: usize = circles.iter().map(|circle| circle.files.len()).sum();
        if files < *excepted {
            return Some(format!("{below}: {files} files, and {excepted} are excepted: write down {files}"));
        }
        (files > *excepted).then(|| {
            let circles: Vec<_> = circles.iter().map(told).collect();
            let circles = circles.join("\n");
            format!("{below}: {files} files, and {excepted} are excepted ({reason})\n{circles}")
        })
    }
}

/// Names the files of a circle, and what closes it.
fn told(circle: &Circle) -> String {
    let files: Vec<_> = circle.files.iter().map(String::as_str).collect();
    let edges: Vec<_> = circle.edges.iter().map(|edge| format!("    {edge}")).collect();
    format!("{} files: {}\n{}", files.len(), files.join(", "), edges.join("\n"))
}

#[test]
fn what_is_excepted_is_neither_more_nor_less_than_what_is_there() {
    let circle = |files: &[&str]| Circle {
        files: files.iter().map(|file| (*file).to_owned()).collect(),
        edges: vec!["p/a -> p/b (Name)".to_owned()],
    };
    let four = ["p/a", "p/b", "p/c", "p/d"];
    let excepted = |files| [Exception { below: "p/", files, reason: "for a while" }];
    assert!(wrong(vec![circle(&four[..3])], &[]).is_empty());
    assert_eq!(wrong(vec![circle(&four)], &[]), ["4 files: p/a, p/b, p/c, p/d\n    p/a -> p/b (Name)"]);
    assert!(wrong(vec![circle(&four)], &excepted(4)).is_empty());
    assert!(wrong(vec![circle(&four), circle(&four)], &excepted(8)).is_empty());
    let fewer = "p/: 4 files, and 5 are excepted: write down 4";
    assert_eq!(wrong(vec![circle(&four)], &excepted(5)), [fewer]);
    let none = "p/: 0 files, and 4 are excepted: write down 0";
    assert_eq!(wrong(vec![circle(&four[..3])], &excepted(4)), [none]);
    let more = "p/: 8 files, and 4 are excepted (for a while)";
    assert!(wrong(vec![circle(&four), circle(&four)], &excepted(4))[0].starts_with(more));
    // One that leads out of what is excepted is not.
    let out = circle(&["p/a", "p/b", "p/c", "q/d"]);
    assert_eq!(wrong(vec![out], &excepted(0)).len(), 1);
}
