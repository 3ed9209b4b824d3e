//! The look of a name, for people. Two names with the same look cannot be told apart in a list, so none may be made
//! that looks like one that comes with rights ([`Access::create_user`](crate::service::Access::create_user)).
//!
//! The letters are those of the alphabets that share shapes with the Latin one, by the table of Unicode's Technical
//! Standard 39, as far as names in plain ASCII need it.

/// Letters, and what is read as them. The first of each row stands for all of it.
const SHAPES: [&str; 26] = [
    "aаαɑ",
    "bвƅь",
    "cсϲᴄ",
    "dԁⅾ",
    "eеεҽ℮",
    "gɡց",
    "hһнհ",
    "jјϳ",
    "kкκ",
    "lLiIіӏıιɩ1|ⅼǀ",
    "mмⅿ",
    "nηпոռ",
    "oоοօσ0",
    "pрρ",
    "qԛգ",
    "rгᴦ",
    "sѕꜱ",
    "tтτ",
    "uυսᴜ",
    "vνѵⅴ",
    "wԝωɯա",
    "xхχⅹ",
    "yуγүʏ",
    "zᴢ",
    "fſẝք",
    "-‐‑‒–−",
];

/// The look of `name`: equal for names that cannot be told apart by sight, or differ by case only.
pub(crate) fn likeness(name: &str) -> String {
    let visible = name.chars().filter(|char| !is_invisible(*char)).map(narrow);
    // A capital I is read as a small l, so the shape is looked up before the case is folded, too.
    let shapes = visible.map(shape).flat_map(char::to_lowercase).map(shape);
    // Two letters that are read as one.
    shapes.collect::<String>().replace("rn", "m").replace("vv", "w")
}

/// Whether nothing is seen of a character: blanks, control characters, and marks of format and direction.
fn is_invisible(char: char) -> bool {
    char.is_control()
        || char.is_whitespace()
        || char.escape_debug().len() > 1 && !matches!(char, '\\' | '\'' | '"')
}

/// The letter in ASCII of a wide or mathematical one.
fn narrow(char: char) -> char {
    const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let code = u32::from(char);
    let narrowed = match code {
        0xFF01..=0xFF5E => char::from_u32(code - 0xFF01 + 0x21),
        // Thirteen alphabets of 52 letters: bold, italic, script and so on.
        0x1D400..=0x1D6A3 => {
            let letter = usize::try_from((code - 0x1D400) % 52).ok().and_then(|place| LETTERS.get(place));
            letter.copied().map(char::from)
        }
        _ => None,
    };
    narrowed.unwrap_or(char)
}

/// The character that stands for all that have its shape.
fn shape(char: char) -> char {
    let row = SHAPES.iter().find(|row| row.contains(char));
    row.and_then(|row| row.chars().next()).unwrap_or(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_have_one_likeness() {
        let admins = "Admin|ADMIN| admin|admin |ad min|admin\u{200b}|adm\u{ad}in|аdmin|аԁmіn|ａｄｍｉｎ|𝐚𝐝𝐦𝐢𝐧|adrnin|adm1n|admın|\u{202e}admin|admin\u{feff}";
        for (name, others) in [
            ("admin", admins),
            ("stanley", "Stanley|STANLEY|stanIey|ѕtanley|stan1ey|stanley\u{2060}|stаnlеу"),
            ("ci-robot", "CI-Robot|ci‑robot|ci-r0bot"),
        ] {
            for other in others.split('|') {
                assert_eq!(likeness(other), likeness(name), "{other:?}");
            }
        }
        for (name, other) in [
            ("admin", "admins"),
            ("admin", "administrator"),
            ("admin", "ädmin"),
            ("stanley", "stan"),
            ("a", "б"),
        ] {
            assert_ne!(likeness(name), likeness(other), "{other}");
        }
    }
}
