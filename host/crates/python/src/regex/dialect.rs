//! The translation of Python's regular expressions into those of Rust's crates: differences are rewritten or refused.

use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

/// A translated pattern.
pub(super) struct Translated {
    pub(super) text: String,
    /// Whether white space and comments in the pattern are ignored.
    pub(super) is_verbose: bool,
}

struct Translation<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
    is_verbose: bool,
    is_multiline: bool,
}

pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut translation = Translation {
        rest: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 8),
        is_verbose: false,
        is_multiline: false,
    };
    while let Some(char) = translation.rest.next() {
        translation.translate(char)?;
    }
    Ok(Translated { text: translation.out, is_verbose: translation.is_verbose })
}

impl Translation<'_> {
    fn translate(&mut self, char: char) -> Result<(), String> {
        match char {
            '\\' => return self.escape(false),
            '[' => return self.class(),
            '(' => return self.group(),
            '{' => return self.repetition(),
            '}' => self.out.push_str(r"\}"),
            '#' if self.is_verbose => {
                self.out.push('#');
                for comment in self.rest.by_ref() {
                    self.out.push(comment);
                    if comment == '\n' {
                        break;
                    }
                }
            }
            // Python's `$` also matches before a newline at the very end.
            '$' if !self.is_multiline => self.out.push_str(r"(?=\n?\z)"),
            _ => self.out.push(char),
        }
        Ok(())
    }

    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(char) = self.rest.next() else { return Err("bad escape (end of pattern)".into()) };
        match char {
            // In Python `\Z` is the very end of the text. Elsewhere it allows a newline behind it.
            'Z' if !in_class => self.out.push_str(r"\z"),
            'A' | 'b' | 'B' if !in_class => self.out.extend(['\\', char]),
            'b' => self.out.push_str(r"\x08"),
            '0' => self.code(3, 8, Some('0'))?,
            '1'..='9' if in_class => self.code(3, 8, Some(char))?,
            'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'n' | 'r' | 't' | 'f' | 'v' | 'a' | '1'..='9' => {
                self.out.extend(['\\', char]);
            }
            'x' => self.code(2, 16, None)?,
            'u' => self.code(4, 16, None)?,
            'U' => self.code(8, 16, None)?,
            _ if char.is_ascii_alphabetic() => return Err(format!("bad escape \\{char}")),
            // Escaped, these are the signs themselves in Python, and edges of words in Rust.
            '<' | '>' => self.out.push(char),
            _ if char.is_ascii() => self.out.extend(['\\', char]),
            _ => self.out.push(char),
        }
        Ok(())
    }

    /// A character by its number: exactly `digits` digits in base 16, up to `digits` digits in base 8.
    fn code(&mut self, digits: usize, radix: u32, first: Option<char>) -> Result<(), String> {
        let mut text: String = first.into_iter().collect();
        while text.len() < digits && self.rest.peek().is_some_and(|char| char.is_digit(radix)) {
            text.extend(self.rest.next());
        }
        let is_complete = radix == 8 || text.len() == digits;
        let code = u32::from_str_radix(&text, radix).ok().filter(|_| is_complete);
        let code = code.ok_or_else(|| format!("bad escape: {text} is not a character"))?;
        // Writing to a string cannot fail.
        write!(self.out, r"\x{{{code:x}}}").map_err(|error| error.to_string())
    }

    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        // A bracket in the first place stands for itself.
        if self.rest.next_if_eq(&']').is_some() {
            self.out.push_str(r"\]");
        }
        while let Some(char) = self.rest.next() {
            match char {
                ']' => {
                    self.out.push(']');
                    return Ok(());
                }
                '\\' => self.escape(true)?,
                // Rust has classes within classes and operations on them, where Python has these signs.
                '[' | '&' | '~' => self.out.extend(['\\', char]),
                ' ' | '#' if self.is_verbose => self.out.extend(['\\', char]),
                _ => self.out.push(char),
            }
        }
        Err("unterminated character set".into())
    }

    fn group(&mut self) -> Result<(), String> {
        if self.rest.next_if_eq(&'?').is_none() {
            if self.rest.peek() == Some(&'*') {
                return Err("nothing to repeat".into());
            }
            self.out.push('(');
            return Ok(());
        }
        if self.rest.next_if_eq(&'#').is_some() {
            return match self.rest.by_ref().find(|char| *char == ')') {
                Some(_) => Ok(()),
                None => Err("missing ), unterminated comment".into()),
            };
        }
        let mut flags = String::new();
        while let Some(flag) = self.rest.next_if(|char| "aiLmsux-".contains(*char)) {
            flags.push(flag);
        }
        self.check_extension(!flags.is_empty())?;
        let on = flags.split('-').next().unwrap_or_default();
        self.is_verbose |= on.contains('x');
        self.is_multiline |= on.contains('m');
        flags.retain(|flag| !"aLu".contains(flag));
        let is_whole = self.rest.peek() == Some(&')');
        if flags.is_empty() && is_whole {
            self.rest.next();
        } else {
            self.out.push_str("(?");
            self.out.push_str(&flags);
        }
        Ok(())
    }

    /// Whether Python knows the extension after `(?` and its flags. The library knows more of them: with calls of
    /// groups a pattern could call itself, and nothing would bound the memory of that.
    fn check_extension(&self, has_flags: bool) -> Result<(), String> {
        let mut ahead = self.rest.clone();
        let first = ahead.next();
        let is_known = match (first, ahead.next()) {
            (Some(':'), _) => true,
            (Some(')'), _) => has_flags,
            _ if has_flags => false,
            (Some('=' | '!' | '>'), _) | (Some('P'), Some('<' | '=')) | (Some('<'), Some('=' | '!')) => true,
            (Some('('), Some(next)) => next.is_alphanumeric() || next == '_',
            _ => false,
        };
        let extension: String = self.rest.clone().take(2).collect();
        if is_known { Ok(()) } else { Err(format!("unknown extension ?{extension}")) }
    }

    /// `{` begins a repetition only if all of `{m}`, `{m,}`, `{,n}` or `{m,n}` follows; otherwise it stands for
    /// itself.
    fn repetition(&mut self) -> Result<(), String> {
        // A character that cannot belong to a repetition ends the look-ahead, so that a text of braces only is not
        // read once for each of them.
        let inner: String =
            self.rest.clone().take_while(|char| char.is_ascii_digit() || *char == ',').collect();
        let is_closed = self.rest.clone().nth(inner.chars().count()) == Some('}');
        let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_closed || inner.is_empty() || !is_number(least) || !is_number(most) {
            self.out.push_str(r"\{");
            return Ok(());
        }
        if let (Ok(least), Ok(most)) = (least.parse::<u32>(), most.parse::<u32>())
            && least > most
        {
            return Err("min repeat greater than max repeat".into());
        }
        let least = if least.is_empty() { "0" } else { least };
        let comma = if inner.contains(',') { "," } else { "" };
        let most = if comma.is_empty() { "" } else { most };
        write!(self.out, "{{{least}{comma}{most}}}").map_err(|error| error.to_string())?;
        self.rest.nth(inner.chars().count());
        Ok(())
    }
}
