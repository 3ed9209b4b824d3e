//! What stands around a template in a command line: `| shell_quote` makes a word of a value, and such a word protects nothing
//! inside other quotes, since its own ones end these.

/// What stands around a place in a command line, if a quoted word does not protect there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// `'…'` or `"…"`.
    Quotes,
    /// `` `…` ``, which a backquote in the value ends, also in quotes.
    Backquotes,
    /// The lines after `<<WORD`, in which quotes are letters.
    HereDocument,
}

/// What is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Single,
    Double,
    Back,
    /// `(`, also that of `$(`. Within it quoting begins anew.
    Parenthesis,
    Comment,
}

/// A here-document.
#[derive(Debug, Default)]
enum Here {
    #[default]
    None,
    /// `<<` was read, and this part of its word.
    Word(String),
    /// Its lines are read until one is the word. The other text is the line so far.
    Lines(String, String),
}

/// A reader of a command line, which knows what is open where it stands. It errs for what hardly anybody writes, such as
/// `$'…\'…'` or a `case` within parentheses.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    open: Vec<Open>,
    /// Whether backquotes are among what is open. Very much may be open, and each template asks.
    is_in_backquotes: bool,
    here: Here,
    /// The letter before.
    before: Option<char>,
    is_escaped: bool,
}

impl CommandLine {
    /// Reads on.
    pub(super) fn read(&mut self, text: &str) {
        for char in text.chars() {
            self.letter(char);
        }
    }

    /// Reads a template, of whose value nothing is known.
    pub(super) fn pass(&mut self) {
        self.is_escaped = false;
        if let Here::Lines(_, line) = &mut self.here {
            line.push('{');
        }
        self.before = Some('}');
    }

    /// What is around the place that was reached.
    pub(super) fn around(&self) -> Option<Around> {
        if matches!(self.here, Here::Lines(..)) {
            return Some(Around::HereDocument);
        }
        if self.is_in_backquotes {
            return Some(Around::Backquotes);
        }
        matches!(self.open.last(), Some(Open::Single | Open::Double)).then_some(Around::Quotes)
    }

    fn letter(&mut self, char: char) {
        if let Here::Lines(word, line) = &mut self.here {
            if char != '\n' {
                line.push(char);
            } else if line.trim() == word {
                (self.here, self.before) = (Here::None, None);
            } else {
                line.clear();
            }
            return;
        }
        let before = self.before.replace(char);
        if std::mem::take(&mut self.is_escaped) {
            self.before = Some('\\');
            return;
        }
        match self.open.last() {
            Some(Open::Single) if char == '\'' => {
                self.open.pop();
            }
            Some(Open::Double) if char == '"' => {
                self.open.pop();
            }
            Some(Open::Comment) if char == '\n' => {
                self.open.pop();
                self.in_command(char, before);
            }
            Some(Open::Single | Open::Comment) => {}
            Some(Open::Double) => self.in_text(char, before),
            Some(Open::Back | Open::Parenthesis) | None => self.in_command(char, before),
        }
    }

    /// A letter inside `"…"`, where commands may begin.
    fn in_text(&mut self, char: char, before: Option<char>) {
        match char {
            '\\' => self.is_escaped = true,
            '`' => self.backquote(),
            '(' if before == Some('$') => self.open.push(Open::Parenthesis),
            _ => {}
        }
    }

    fn in_command(&mut self, char: char, before: Option<char>) {
        if self.in_word_of_here_document(char) {
            return;
        }
        match char {
            '\\' => self.is_escaped = true,
            '\'' => self.open.push(Open::Single),
            '"' => self.open.push(Open::Double),
            '`' => self.backquote(),
            '(' => self.open.push(Open::Parenthesis),
            ')' if self.open.last() == Some(&Open::Parenthesis) => {
                self.open.pop();
            }
            '#' if before.is_none_or(|before| before.is_whitespace() || ";&|(".contains(before)) => {
                self.open.push(Open::Comment);
            }
            '<' if before == Some('<') => self.here = Here::Word(String::new()),
            _ => {}
        }
    }

    /// Whether `char` belongs to the word behind `<<`, or to the line that ends before the here-document.
    fn in_word_of_here_document(&mut self, char: char) -> bool {
        let Here::Word(word) = &mut self.here else { return false };
        match char {
            '\n' if !word.is_empty() => {
                self.here = Here::Lines(std::mem::take(word).trim_end().to_owned(), String::new());
                true
            }
            // `<<<` takes a word, and `1 << 2` is a number.
            '<' | '0'..='9' if word.is_empty() => {
                self.here = Here::None;
                true
            }
            '\'' | '"' | '\\' if !word.ends_with(' ') => true,
            '-' | ' ' | '\t' if word.is_empty() => true,
            // The word has ended, and what follows is of the command.
            _ if word.ends_with(' ') => false,
            char if char.is_alphanumeric() || char == '_' => {
                word.push(char);
                true
            }
            _ => {
                word.push(' ');
                false
            }
        }
    }

    /// Begins a command in backquotes, or ends it with all that is open inside it.
    fn backquote(&mut self) {
        self.is_in_backquotes = !self.is_in_backquotes;
        if self.is_in_backquotes {
            self.open.push(Open::Back);
        } else if let Some(place) = self.open.iter().rposition(|open| *open == Open::Back) {
            self.open.truncate(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_around_a_place_is_known() {
        for (line, around) in [
            ("echo ", None),
            ("echo \"a ", Some(Around::Quotes)),
            ("echo \"a\" ", None),
            ("echo 'a ", Some(Around::Quotes)),
            ("echo 'a\"' ", None),
            ("echo \"it's ", Some(Around::Quotes)),
            ("echo \"it's\" ", None),
            ("echo it\\'s ", None),
            ("echo \"a \\\" ", Some(Around::Quotes)),
            ("echo 'a\\' ", None),
            ("echo $(date ", None),
            ("echo \"$(date ", None),
            ("echo \"$(date) ", Some(Around::Quotes)),
            ("echo \"$(echo 'a ", Some(Around::Quotes)),
            ("echo `date ", Some(Around::Backquotes)),
            ("echo `date 'a ", Some(Around::Backquotes)),
            ("echo `date` ", None),
            ("echo `(date \"a` ", None),
            ("echo `a` `b ", Some(Around::Backquotes)),
            ("echo \"`date ", Some(Around::Backquotes)),
            ("echo '`' ", None),
            ("(cd 'a'; echo ", None),
            ("echo a # don't\necho ", None),
            ("echo a#'b ", Some(Around::Quotes)),
            ("cat <<EOF\na ", Some(Around::HereDocument)),
            ("cat <<-'END' >f\na ", Some(Around::HereDocument)),
            ("cat <<EOF\na\nEOF\necho ", None),
            ("cat <<EOF | grep 'a ", Some(Around::Quotes)),
            ("cat <<<a\necho ", None),
            ("cat <<EOF ", None),
        ] {
            let mut read = CommandLine::default();
            read.read(line);
            assert_eq!(read.around(), around, "{line}");
        }
    }

    #[test]
    fn a_template_is_a_word_of_its_own() {
        let mut read = CommandLine::default();
        for (text, around) in [
            ("echo \\", None),
            (" \"", Some(Around::Quotes)),
            (" \" <<E ", None),
            ("\nE", Some(Around::HereDocument)),
            ("\nE\n# ", None),
        ] {
            read.read(text);
            assert_eq!(read.around(), around, "{text}");
            read.pass();
        }
    }
}
