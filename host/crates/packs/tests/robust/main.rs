//! Packs with random errors: each is read, or refused with problems that name a file.

use petrel_packs::{Embedded, read_pack};
use proptest::prelude::*;

/// A pack without errors.
const FILES: [(&str, &str); 5] = [
    (
        "pack.yaml",
        "ref: mine\nname: mine\ndescription: x\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n",
    ),
    (
        "actions/a.yaml",
        "name: a\nrunner_type: local-shell-cmd\nenabled: true\nparameters:\n  cmd: {type: string, default: x, enum: [x, y]}\n",
    ),
    ("config.schema.yaml", "k: {type: integer, default: 1}\n"),
    (
        "rules/r.yaml",
        "name: r\nenabled: true\ntrigger: {type: core.st2.webhook, parameters: {url: r}}\ncriteria: {trigger.body.a: {type: equals, pattern: 1}}\naction: {ref: mine.a}\n",
    ),
    ("triggers/t.yaml", "name: t\npayload_schema: {type: object}\n"),
];
/// Pieces that are inserted.
const PIECES: [&str; 20] = [
    "x",
    ": ",
    "\n",
    "  ",
    "[",
    "}",
    "{a: 1}",
    "null",
    "5",
    "-1",
    "'",
    "é",
    "\u{0}",
    "..",
    "a/b",
    "a.b",
    "name: twice\n",
    "type: text",
    "{{ x }}",
    "&a *a",
];

fn change(text: &str, place: prop::sample::Index, length: usize, piece: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = place.index(characters.len() + 1);
    let before: String = characters.iter().take(at).collect();
    let after: String = characters.iter().skip(at + length).collect();
    format!("{before}{piece}{after}")
}

#[test]
fn the_pack_is_right_as_it_stands() {
    let files = FILES.map(|(path, text)| (path, text.as_bytes()));
    let read = read_pack(&Embedded(&files)).unwrap();
    assert_eq!((read.actions.len(), read.rules.len(), read.trigger_types.len()), (1, 1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pack_that_is_nearly_right_is_read_or_refused_by_name(
        changes in prop::collection::vec(
            (0..FILES.len(), any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(&PIECES[..])),
            1..4,
        ),
    ) {
        let mut texts = FILES.map(|(path, text)| (path, text.to_owned()));
        for (file, place, length, piece) in changes {
            if let Some((_, text)) = texts.get_mut(file) {
                *text = change(text, place, length, piece);
            }
        }
        let files: Vec<(&str, &[u8])> = texts.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        if let Err(problems) = read_pack(&Embedded(&files)) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(problem.to_string().contains("yaml"), "{}", problem);
            }
        }
    }
}
