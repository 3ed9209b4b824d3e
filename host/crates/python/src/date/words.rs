//! The words of a text: runs of letters, runs of digits, and every other character by itself. A dot or a comma
//! between digits may belong to a fraction, and a dot may be a mere separator.

/// The kind of the present word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Letters,
    Digits,
    /// Letters with dots, which are split when the word is complete.
    DottedLetters,
    /// Digits with dots, or with one comma.
    DottedDigits,
}

/// Splits `text` into words. Each white space becomes one blank.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = text.chars().filter(|char| *char != '\0').peekable();
    while let Some(first) = chars.next() {
        let mut state = match first {
            _ if first.is_alphabetic() => State::Letters,
            '0'..='9' => State::Digits,
            _ => {
                let mark = if first.is_whitespace() { ' ' } else { first };
                words.push(mark.to_string());
                continue;
            }
        };
        let (mut word, mut has_letters) = (String::from(first), false);
        while let Some(&next) = chars.peek() {
            has_letters |= matches!(state, State::Letters | State::DottedLetters);
            let Some(after) = step(state, &word, next) else { break };
            state = after;
            word.push(next);
            chars.next();
        }
        finish(word, state, has_letters, &mut words);
    }
    words
}

/// The state after `next`, if that belongs to `word`.
fn step(state: State, word: &str, next: char) -> Option<State> {
    let (is_letter, is_digit) = (next.is_alphabetic(), next.is_ascii_digit());
    match state {
        State::Letters if is_letter => Some(state),
        State::Letters if next == '.' => Some(State::DottedLetters),
        State::Digits if is_digit => Some(state),
        // As in dateutil, a comma behind two digits or more begins a fraction: `12,5`.
        State::Digits if next == '.' || (next == ',' && word.len() >= 2) => Some(State::DottedDigits),
        State::DottedLetters if is_letter || next == '.' => Some(state),
        State::DottedLetters if is_digit && word.ends_with('.') => Some(State::DottedDigits),
        State::DottedDigits if is_digit || next == '.' => Some(state),
        State::DottedDigits if is_letter && word.ends_with('.') => Some(State::DottedLetters),
        _ => None,
    }
}

fn finish(word: String, state: State, has_letters: bool, words: &mut Vec<String>) {
    let is_dotted = matches!(state, State::DottedLetters | State::DottedDigits);
    if is_dotted && (has_letters || word.matches('.').count() > 1 || word.ends_with(['.', ','])) {
        let mut rest = word.as_str();
        while let Some(place) = rest.find(['.', ',']) {
            let (before, behind) = rest.split_at(place);
            let (mark, after) = behind.split_at(1);
            words.extend([before, mark].into_iter().filter(|part| !part.is_empty()).map(str::to_owned));
            rest = after;
        }
        words.extend(Some(rest).filter(|part| !part.is_empty()).map(str::to_owned));
    } else if state == State::DottedDigits {
        words.push(word.replace(',', "."));
    } else {
        words.push(word);
    }
}
