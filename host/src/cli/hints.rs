//! Tests that hints, messages and documents name only existing things: verbs and flags of the command line, and settings
//! of the table. All literals in the sources of the host are searched, so that a renamed verb does not live on in a hint.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _};

use crate::config::TABLE;

/// The sources of the host and its crates, without tests.
fn sources() -> Vec<PathBuf> {
    let host = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut left = vec![host.join("src")];
    let crates = std::fs::read_dir(host.join("crates")).unwrap();
    left.extend(crates.map(|entry| entry.unwrap().path().join("src")));
    let mut files = Vec::new();
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
                && !path.ends_with("cli/hints.rs")
            {
                files.push(path);
            }
        }
    }
    files
}

/// The string literals in a source of Rust, as they are written.
fn literals(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find(['"', '\'', '/']) {
        let (before, from) = rest.split_at(start);
        if let Some(comment) = from.strip_prefix("//") {
            rest = comment.find('\n').map_or("", |end| &comment[end..]);
        } else if let Some(text) = from.strip_prefix('"') {
            let hashes = before.len() - before.trim_end_matches('#').len();
            let is_raw = before.trim_end_matches('#').ends_with(['r', 'R']);
            let end = if is_raw { raw_end(text, hashes) } else { end(text) };
            found.push(&text[..end]);
            rest = text.get(end + 1..).unwrap_or_default();
        } else if let Some(text) = from.strip_prefix('\'') {
            // A character, or a lifetime.
            let letter = match text.strip_prefix('\\') {
                Some(escaped) => escaped.chars().next().and_then(|char| text.get(1 + char.len_utf8()..)),
                None => text.chars().next().and_then(|char| text.get(char.len_utf8()..)),
            };
            rest = letter.and_then(|letter| letter.strip_prefix('\'')).unwrap_or(text);
        } else {
            rest = &from[1..];
        }
    }
    found
}

fn raw_end(text: &str, hashes: usize) -> usize {
    text.find(&format!("\"{}", "#".repeat(hashes))).unwrap_or(text.len())
}

fn end(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.unwrap_or(text.len())
}

/// The mistake in a command of a text, without `petrel` in front.
fn wrong(root: &Command, line: &str) -> Option<String> {
    let is_verb = |word: &&str| word.chars().all(|char| char.is_ascii_lowercase() || char == '-');
    let mut command = root;
    let mut words = line.split_whitespace().peekable();
    while command.has_subcommands() {
        let Some(word) = words.next_if(|word| is_verb(word) && !word.starts_with('-')) else { break };
        match command.find_subcommand(word) {
            Some(found) => command = found,
            None => return Some(format!("`petrel {line}`: there is no verb {word}")),
        }
    }
    let flags = words.filter_map(|word| word.strip_prefix("--"));
    let names =
        flags.filter_map(|flag| flag.split(|char: char| !char.is_alphanumeric() && char != '-').next());
    for name in names.filter(|name| !name.is_empty()) {
        if !command.get_arguments().any(|argument| argument.get_long() == Some(name)) {
            return Some(format!("`petrel {line}`: it has no flag --{name}"));
        }
    }
    None
}

/// The commands in a text: between backticks, or as examples on lines of their own.
fn commands(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.strip_prefix("petrel "));
    let lines = text.split('\n').flat_map(|line| line.split("\\n"));
    let examples = lines.filter_map(|line| line.strip_prefix("  petrel "));
    // A comment on an example stands two blanks behind it, and redirections do not matter.
    quoted
        .chain(examples)
        .map(|command| command.split("  ").next().unwrap_or_default())
        .map(|command| command.split([';', '|', '<', '>', '&']).next().unwrap_or_default())
        .collect()
}

/// The names of settings in a text, existing or not.
fn settings(text: &str) -> Vec<&str> {
    let is_name = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    let mut found = Vec::new();
    // A text without blanks is not a sentence but another name.
    for section in TABLE.iter().filter(|_| text.contains(' ')) {
        for (start, _) in text.match_indices(section.name) {
            let continues = |char: char| char.is_alphanumeric() || "_./-".contains(char);
            let follows_name = text[..start].ends_with(continues);
            let Some(name) = text[start + section.name.len()..].strip_prefix('.') else { continue };
            let length = name.find(|char| !is_name(char)).unwrap_or(name.len());
            if !follows_name && length > 0 {
                found.push(&text[start..start + section.name.len() + 1 + length]);
            }
        }
    }
    found
}

#[test]
fn what_texts_name_is_there() {
    let mut root = super::Arguments::command();
    root.build();
    let known: Vec<_> = TABLE.iter().flat_map(|section| section.rows).map(|row| row.key).collect();
    let (mut problems, mut seen) = (Vec::new(), 0);
    for path in sources() {
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let mut tell = |problem: String| problems.push(format!("{}: {problem}", path.display()));
        for text in literals(code) {
            let commands = commands(text);
            let settings = settings(text);
            seen += commands.len() + settings.len();
            commands.into_iter().filter_map(|command| wrong(&root, command)).for_each(&mut tell);
            let unknown = settings.into_iter().filter(|name| !known.contains(name));
            unknown.for_each(|name| tell(format!("there is no setting {name}, in: {text}")));
            if text.contains("raise the limit") {
                tell(format!("it names no setting: {text}"));
            }
        }
    }
    assert!(
        seen > 100,
        "only {seen} verbs and settings were found, so they are not looked for in the right way"
    );
    assert!(problems.is_empty(), "hints name what is not there:\n{}", problems.join("\n"));
}

#[test]
fn what_documents_name_is_there() {
    let mut root = super::Arguments::command();
    root.build();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut problems, mut seen) = (Vec::new(), 0);
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        "examples/approval/README.md",
        "examples/feed/README.md",
        "examples/github/README.md",
        "pack-sdk/rust/README.md",
    ] {
        let text = std::fs::read_to_string(top.join(name)).unwrap();
        // A command between backticks may go over the end of a line; in a block it stands at the beginning of one.
        let quoted = text.split('`').skip(1).step_by(2).map(|quoted| quoted.replace('\n', " "));
        let in_blocks = text.lines().filter(|line| line.starts_with("petrel ")).map(str::to_owned);
        for command in quoted.filter(|quoted| quoted.starts_with("petrel ")).chain(in_blocks) {
            let command = format!("`{command}`");
            let found = commands(&command);
            seen += found.len();
            problems.extend(
                found
                    .iter()
                    .filter_map(|command| wrong(&root, command))
                    .map(|what| format!("{name}: {what}")),
            );
        }
    }
    assert!(seen > 30, "only {seen} commands were found, so they are not looked for in the right way");
    assert!(problems.is_empty(), "documents name what is not there:\n{}", problems.join("\n"));
}

#[test]
fn lists_that_errors_point_to_are_there() {
    let mut root = super::Arguments::command();
    root.build();
    let mut kinds: Vec<String> = Vec::new();
    for path in sources() {
        let source = std::fs::read_to_string(&path).unwrap();
        for call in ["not_found(\"", "self.missing(\""] {
            let named = source.split(call).skip(1).filter_map(|rest| rest.split('"').next());
            kinds.extend(named.map(str::to_owned));
        }
    }
    assert!(kinds.len() > 3, "{kinds:?}");
    let problems: Vec<_> = kinds.iter().filter_map(|kind| wrong(&root, &format!("{kind} list"))).collect();
    assert!(problems.is_empty(), "`Error::not_found` points to what is not there:\n{}", problems.join("\n"));
}

#[test]
fn what_is_not_there_is_found() {
    let mut root = super::Arguments::command();
    root.build();
    for (line, is_right) in [
        ("serve", true),
        ("serve --accept-loss", true),
        ("execution list --json", true),
        ("trigger why last", true),
        ("rule update {} FILE", true),
        ("{what} list", true),
        ("execution lst", false),
        ("serve --accept-los", false),
        ("limit memory", false),
    ] {
        assert_eq!(wrong(&root, line).is_none(), is_right, "{line}");
    }
    let source = r#"f('"', "a\"b", 'x, "c" /* "d" */ ); // "e"
        g("two
        lines", r"raw\", '\'', "f")"#;
    assert_eq!(literals(source), [r#"a\"b"#, "c", "d", "two\n        lines", r"raw\", "f"]);
    assert_eq!(
        settings("raise engine.process_slots, or `store.nothing2`"),
        ["engine.process_slots", "store.nothing2"]
    );
    assert!(settings("my.engine.process_slots is none").is_empty() && settings("store.set_aside").is_empty());
    assert_eq!(commands("`petrel run a` or\n  petrel key list  # all\n"), ["run a", "key list"]);
}
