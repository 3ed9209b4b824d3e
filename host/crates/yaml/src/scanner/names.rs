//! Anchors, aliases, tags, and directives, which are lines that begin with `%`.

use crate::cursor::{is_blank, is_break, is_space};
use crate::error::{Error, quoted};
use crate::place::Mark;
use crate::token::{Directive, Kind, Token};

use super::Scanner;

impl Scanner<'_> {
    /// Scans `&name` or `*name`.
    pub(super) fn anchor(&mut self) -> Result<Token, Error> {
        let start = self.cursor.mark();
        let is_alias = self.cursor.peek() == '*';
        self.cursor.advance();
        let name = self.cursor.take_while(is_of_name).to_owned();
        let next = self.cursor.peek();
        if name.is_empty() || !(is_space(next) || "?:,]}%@`".contains(next)) {
            let (sign, what) = if is_alias { ('*', "an alias") } else { ('&', "an anchor") };
            let rest = self.cursor.take_while(|char| !is_space(char) && !",[]{}".contains(char));
            let text = format!("{sign}{name}{rest}");
            return Err(Error::syntax(
                start,
                &format!(
                    "without quotes `{sign}` begins {what}, and no name of one; write '{}', if that is a text",
                    quoted(&text)
                ),
            ));
        }
        Ok(Token { kind: if is_alias { Kind::Alias(name) } else { Kind::Anchor(name) }, start })
    }

    /// Scans `!suffix`, `!handle!suffix`, `!<tag>` or `!`.
    pub(super) fn tag(&mut self) -> Result<Token, Error> {
        let start = self.cursor.mark();
        self.cursor.advance();
        let (handle, suffix) = if self.cursor.peek() == '<' {
            self.cursor.advance();
            let tag = self.uri(true, start)?;
            if self.cursor.peek() != '>' {
                return Err(self.wrong("a tag", start, "`>` is missing"));
            }
            self.cursor.advance();
            (None, tag)
        } else {
            let name = self.cursor.take_while(is_of_name);
            if self.cursor.peek() == '!' {
                self.cursor.advance();
                (Some(format!("!{name}!")), self.uri(false, start)?)
            } else if name.is_empty() && is_space(self.cursor.peek()) {
                (None, "!".to_owned())
            } else {
                let rest = self.uri_characters(false, start)?;
                (Some("!".to_owned()), format!("{name}{rest}"))
            }
        };
        let next = self.cursor.peek();
        let is_before_next = self.is_in_flow() && next == ',';
        if !is_space(next) && !is_before_next {
            return Err(self.wrong("a tag", start, "a blank is missing after it"));
        }
        Ok(Token { kind: Kind::Tag { handle, suffix }, start })
    }

    /// Scans a line that begins with `%`.
    pub(super) fn directive_line(&mut self) -> Result<Token, Error> {
        let start = self.cursor.mark();
        self.cursor.advance();
        let name = self.cursor.take_while(is_of_name);
        if name.is_empty() || !is_space(self.cursor.peek()) {
            return Err(self.wrong("a line with %", start, "it begins with a name of letters and digits"));
        }
        let directive = match name {
            "YAML" => self.version(start)?,
            "TAG" => self.tag_directive(start)?,
            _ => {
                self.cursor.take_while(|char| !is_break(char));
                Directive::Other
            }
        };
        self.skip_rest_of_line("a line with %", start)?;
        Ok(Token { kind: Kind::Directive(directive), start })
    }

    fn version(&mut self, start: Mark) -> Result<Directive, Error> {
        self.cursor.take_while(is_blank);
        let major = self.cursor.take_while(|char| char.is_ascii_digit()).to_owned();
        let dot = self.cursor.peek();
        self.cursor.advance();
        let minor = self.cursor.take_while(|char| char.is_ascii_digit());
        if major.is_empty() || dot != '.' || minor.is_empty() || !is_space(self.cursor.peek()) {
            return Err(self.wrong("a line with %", start, "a version such as 1.1 is expected"));
        }
        Ok(Directive::Version(major))
    }

    fn tag_directive(&mut self, start: Mark) -> Result<Directive, Error> {
        self.cursor.take_while(is_blank);
        let handle = self.cursor.take_while(|char| char == '!' || is_of_name(char)).to_owned();
        let inner = handle.strip_prefix('!').map(|rest| rest.strip_suffix('!').unwrap_or(rest));
        let is_handle =
            inner.is_some_and(|inner| !inner.contains('!')) && (handle.len() == 1 || handle.ends_with('!'));
        if !is_handle || !is_blank(self.cursor.peek()) {
            return Err(self.wrong("a line with %", start, "a handle such as !e! is expected"));
        }
        self.cursor.take_while(is_blank);
        let prefix = self.uri(true, start)?;
        if !is_space(self.cursor.peek()) {
            return Err(self.wrong("a line with %", start, "a prefix of tags is expected"));
        }
        Ok(Directive::Tag { handle, prefix })
    }

    fn uri(&mut self, is_whole: bool, start: Mark) -> Result<String, Error> {
        let uri = self.uri_characters(is_whole, start)?;
        if uri.is_empty() { Err(self.wrong("a tag", start, "its name is missing")) } else { Ok(uri) }
    }

    /// Scans the characters of a tag. `,` and brackets are only allowed in one that `is_whole`.
    fn uri_characters(&mut self, is_whole: bool, start: Mark) -> Result<String, Error> {
        let mut uri = Vec::new();
        loop {
            let plain = self.cursor.take_while(|char| {
                is_of_name(char) || ";/?:@&=+$.!~*'()".contains(char) || (is_whole && ",[]".contains(char))
            });
            uri.extend_from_slice(plain.as_bytes());
            if self.cursor.peek() != '%' {
                break;
            }
            let digits = [1, 2].map(|place| self.cursor.peek_at(place).to_digit(16));
            let [Some(high), Some(low)] = digits else {
                return Err(self.wrong("a tag", start, "two hexadecimal digits are expected after %"));
            };
            uri.extend(u8::try_from(high << 4 | low));
            (0..3).for_each(|_| self.cursor.advance());
        }
        String::from_utf8(uri)
            .map_err(|_invalid| self.wrong("a tag", start, "the bytes after % are not UTF-8"))
    }
}

/// Whether a character is allowed in names of anchors and handles.
fn is_of_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_')
}
