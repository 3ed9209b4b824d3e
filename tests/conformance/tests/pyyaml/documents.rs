//! Documents to read: made of the grammar of YAML, of pieces of it, and of real ones that were damaged.

/// Numbers that look random and are the same each time (xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// One below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % sides
    }

    /// Whether it is the one of so many.
    fn hits(&mut self, of: usize) -> bool {
        self.roll(of) == 0
    }

    fn pick<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[self.roll(among.len())]
    }
}

/// Scalars, in one line.
const SCALARS: &[&str] = &[
    "a",
    "b c",
    "yes",
    "No",
    "on",
    "y",
    "~",
    "null",
    "Null",
    "",
    "5",
    "-5",
    "+5",
    "0",
    "010",
    "08",
    "0x1F",
    "0b101",
    "1_000",
    "0o7",
    "1:30",
    "1:30:05",
    "1:75",
    "01:30",
    "1.5",
    "1.",
    ".5",
    "-.5",
    "+.5",
    "1e3",
    "1.5e3",
    "1.5e+3",
    "1:30.5",
    ".inf",
    "-.INF",
    ".nan",
    "0x",
    "0b",
    "0_",
    "1__0",
    "_1",
    "1.2.3",
    "2020-01-02",
    "2020-01-02 03:04:05",
    "=",
    "<<",
    "99999999999999999999",
    "a:b",
    "a#b",
    "a #b",
    "a: b",
    "http://x/y?z=1",
    "{{ x }}",
    "<% ctx().y %>",
    "'q'",
    "'it''s'",
    "\"d\"",
    "\"\\n\\t\\x41\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\"\\q\"",
    "'{{ x }}'",
    "\"a\\\n  b\"",
    "*x",
    "*y",
    "&x a",
    "&y [1]",
    "!!str 5",
    "!!int '5'",
    "!!float 5",
    "! 5",
    "!t a",
    "!!str",
    "[]",
    "{}",
    "[a, b]",
    "{a: 1}",
    "[a, ]",
    "[a b: c]",
    "{a, b}",
    "{a: , b}",
    "[? a : b]",
    "{? a}",
    "[a:b]",
    "{a:b}",
    "{a: b:c}",
    "{'a':b}",
    "[a?b]",
    "-",
    "- -",
    "- a",
    "? a",
    "a:",
    ":a",
    "-a",
    "?a",
    "@a",
    "`a",
    "%a",
    "!a",
    "|a",
    ">a",
    "a,b",
    "a]b",
    "a\tb",
    "é",
    "\u{1F600}",
    "a\u{85}b",
    "a\u{2028}b",
    "\u{feff}a",
    "a\u{7f}",
    "a\u{1}",
    "a\\b",
    "'a\\b'",
    "\"a'b\"",
    "'a\"b'",
];

/// What a text goes on with, at a column that is too small for some.
const CONTINUED: &[&str] = &[
    "'a\n", "\"a\n", "a\n", "[a,\n", "{a: 1,\n", "[a\n", "\"a\\\n", "'a\n\n", "|\n", ">\n", "|-\n", ">+\n",
    "|2\n", ">1-\n", "| # c\n", "[\n", "{\n",
];
const ENDS: &[&str] = &[
    "'", "\"", "b", "b]", "b: 2}", "}", "]", " b", "b\n\n  c", "b'", "b\"", "# c", "- b", "\tb", "b: c",
    "--- b", "...",
];

/// Small pieces, apart by `¦`.
const PIECES: &str = "a¦b: ¦- ¦? ¦: ¦, ¦[¦]¦{¦}¦&x ¦*x¦!!str ¦|¦>-¦\n¦\n  ¦\n    ¦\t¦'¦\"¦#¦ ¦yes¦~¦010¦1e3¦<<: ¦---\n¦...\n¦\\¦@¦key: value\n¦\r\n¦%TAG !e! tag:yaml.org,2002:\n---\n¦\
    %YAML 1.1\n---\n¦!e!str ¦!<tag:yaml.org,2002:str> ¦é¦=";

/// A document from the grammar, with slips.
pub(crate) fn made(dice: &mut Dice) -> String {
    let mut text = String::new();
    if dice.hits(12) {
        text.push_str(dice.pick(&["--- ", "---\n", "%YAML 1.1\n---\n", "\u{feff}", "# c\n", "\n\n"]));
    }
    let start = text.len();
    block(dice, 0, 3, &mut text);
    if text.len() == start || !text.ends_with('\n') {
        text.push('\n');
    }
    if dice.hits(12) {
        text.push_str(dice.pick(&["...\n", "---\n", "--- a\n", "...\n...\n", "# c", "  ", "\t"]));
    }
    text
}

fn block(dice: &mut Dice, indent: usize, depth: usize, text: &mut String) {
    let is_list = dice.hits(3);
    for number in 0..=dice.roll(3) {
        let slip = if dice.hits(30) { dice.roll(3) } else { 0 };
        text.push_str(&" ".repeat(indent + slip));
        if is_list {
            text.push_str(dice.pick(&["- ", "- ", "- ", "-   ", "-\t"]));
        } else {
            let key = dice.pick(&[
                "a", "b", "c", "'q'", "\"d\"", "on", "5", "<<", "a b", "? a\n", "~", "é", "", "&x k", "*x",
            ]);
            text.push_str(if dice.hits(3) { key } else { ["k", "l", "m", "n"][number] });
            text.push_str(dice.pick(&[": ", ": ", ": ", ":", ":  ", ":\t", " : "]));
        }
        value(dice, indent, depth, is_list, text);
    }
}

fn value(dice: &mut Dice, indent: usize, depth: usize, in_list: bool, text: &mut String) {
    if dice.hits(8) {
        text.push_str(dice.pick(&["&x ", "&y ", "!!map ", "!!seq ", "!!str ", "# c", " # c"]));
    }
    match dice.roll(8) {
        0..=1 if depth > 0 => {
            text.push('\n');
            let less = if in_list { 2 } else { 0 };
            let deeper = [indent + 2, indent + 2, indent + 4, indent + less][dice.roll(4)];
            return block(dice, deeper, depth - 1, text);
        }
        2 if depth > 0 && in_list => {
            return block(dice, indent + 2, depth - 1, text);
        }
        3 => {
            text.push_str(dice.pick(CONTINUED));
            for _ in 0..dice.roll(3) {
                text.push_str(&" ".repeat([0, indent, indent + 1, indent + 2, indent + 4][dice.roll(5)]));
                text.push_str(dice.pick(&["c", "d e", "", "x: y", "# c", "f,", "'", "\t"]));
                text.push('\n');
            }
            text.push_str(&" ".repeat([0, indent, indent + 1, indent + 2, indent + 4][dice.roll(5)]));
            text.push_str(dice.pick(ENDS));
        }
        4 => flow(dice, depth, text),
        _ => text.push_str(dice.pick(SCALARS)),
    }
    text.push_str(dice.pick(&["\n", "\n", "\n", "\n", "\n", "\n\n", " \n", "\t\n", " # c\n", "\r\n"]));
}

fn flow(dice: &mut Dice, depth: usize, text: &mut String) {
    let is_list = dice.hits(2);
    text.push(if is_list { '[' } else { '{' });
    for _ in 0..dice.roll(4) {
        text.push_str(dice.pick(&["", "", " ", "\n", "\n  "]));
        if !is_list || dice.hits(4) {
            text.push_str(dice.pick(&["a", "b", "c", "'q'", "\"d\"", "? a", "", "a b", "*x", "&x a"]));
            text.push_str(dice.pick(&[": ", ": ", ": ", ":", " :", "", ":\n "]));
        }
        if depth > 0 && dice.hits(4) {
            flow(dice, depth - 1, text);
        } else {
            text.push_str(dice.pick(SCALARS));
        }
        text.push_str(dice.pick(&[",", ", ", ",\n", " ,", "", ",,"]));
    }
    text.push_str(if is_list == dice.hits(20) { "}" } else { "]" });
}

/// Pieces, one behind the other.
pub(crate) fn pieces(dice: &mut Dice) -> String {
    let pieces: Vec<_> = PIECES.split('¦').collect();
    (0..=dice.roll(14)).map(|_| dice.pick(&pieces)).collect()
}

/// A scalar that looks like a number.
pub(crate) fn number(dice: &mut Dice) -> String {
    let pieces = [
        "0", "1", "5", "7", "9", "60", "_", ".", ":", "-", "+", "e", "E", "x", "b", "o", "a", "inf", "nan",
        "0b", "0x", "1:",
    ];
    (0..=dice.roll(6)).map(|_| dice.pick(&pieces)).collect()
}

/// Some lines of a real document, damaged in a few places.
pub(crate) fn damaged(dice: &mut Dice, document: &str) -> String {
    let lines: Vec<_> = document.split_inclusive('\n').collect();
    let start = if dice.hits(2) { 0 } else { dice.roll(lines.len().max(1)) };
    let mut chars: Vec<char> =
        lines.iter().skip(start).take(1 + dice.roll(30)).flat_map(|line| line.chars()).collect();
    let pieces: Vec<_> = PIECES.split('¦').collect();
    for _ in 0..dice.roll(4) {
        let at = dice.roll(chars.len() + 1);
        match dice.roll(3) {
            0 => {
                chars.splice(at..at, dice.pick(&pieces).chars());
            }
            1 => {
                let end = (at + 1 + dice.roll(3)).min(chars.len());
                chars.drain(at..end);
            }
            _ => {
                // What a line is indented by changes.
                let line = chars[..at].iter().rposition(|char| *char == '\n').map_or(0, |place| place + 1);
                let blanks = chars[line..].iter().take_while(|char| **char == ' ').count();
                chars.splice(line..line + blanks, " ".repeat(dice.roll(8)).chars());
            }
        }
    }
    chars.into_iter().collect()
}
