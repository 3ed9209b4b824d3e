//! The identity that a command runs under, and the words that start it so: pure functions.
//!
//! Under the host's own identity the words are started directly, without a shell in between. Any other identity needs
//! sudo, which must never ask: it is told so, or gets its password on standard input. Command lines go to a shell,
//! which is bash if there is one: StackStorm as it is deployed runs them by `sudo -E -H -u USER -- bash -c`.

/// The identity that a command runs under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    /// The user of the host.
    Own,
    /// Root, by sudo.
    Root {
        /// The password for sudo, passed on standard input. Without it, sudo must be configured not to need one.
        password: Option<&'a str>,
    },
    /// Another user, by sudo, which must be configured not to need a password.
    User(&'a str),
}

impl Identity<'_> {
    /// Standard input for sudo.
    pub fn input(self) -> Vec<u8> {
        match self {
            Self::Root { password: Some(word) } => format!("{word}\n").into_bytes(),
            _ => Vec::new(),
        }
    }
}

/// The words that start `program` with its arguments.
pub fn of_program(program: &str, arguments: &[String], identity: Identity<'_>, shell: &str) -> Vec<String> {
    let own = || std::iter::once(program).chain(arguments.iter().map(String::as_str));
    if identity == Identity::Own {
        return own().map(str::to_owned).collect();
    }
    by_sudo(&own().map(quoted).collect::<Vec<_>>().join(" "), identity, shell)
}

/// The words that make the shell at this path run `line`.
pub fn of_line(line: &str, identity: Identity<'_>, shell: &str) -> Vec<String> {
    if identity == Identity::Own {
        return [shell, "-c", line].map(str::to_owned).into();
    }
    by_sudo(line, identity, shell)
}

fn by_sudo(line: &str, identity: Identity<'_>, shell: &str) -> Vec<String> {
    // Only the name, as in StackStorm: sudo resolves it on the path of the other user.
    let shell = shell.rsplit('/').next().unwrap_or(shell);
    // If sudo did not need the password, it is still on standard input, where the command must not read it.
    let without_input = format!("exec </dev/null\n{line}");
    let (options, line): (Vec<&str>, _) = match identity {
        Identity::Root { password: Some(_) } => (vec!["-S", "-p", "", "-E"], without_input.as_str()),
        Identity::Root { password: None } | Identity::Own => (vec!["-n", "-E"], line),
        Identity::User(user) => (vec!["-n", "-E", "-H", "-u", user], line),
    };
    let words = std::iter::once("sudo").chain(options).chain(["--", shell, "-c", line]);
    words.map(str::to_owned).collect()
}

/// Quotes one word for a POSIX shell, if it needs quotes.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r#"'"'"'"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_started_as_they_are_or_by_sudo() {
        let arguments = ["x y".to_owned(), "it's".into(), String::new(), "--a=1".into()];
        for (identity, expected) in [
            (Identity::Own, &["/p/run.sh", "x y", "it's", "", "--a=1"][..]),
            (
                Identity::Root { password: None },
                &["sudo", "-n", "-E", "--", "bash", "-c", r#"/p/run.sh 'x y' 'it'"'"'s' '' --a=1"#],
            ),
            (
                Identity::Root { password: Some("secret") },
                &[
                    "sudo",
                    "-S",
                    "-p",
                    "",
                    "-E",
                    "--",
                    "bash",
                    "-c",
                    "exec </dev/null\n/p/run.sh 'x y' 'it'\"'\"'s' '' --a=1",
                ],
            ),
            (
                Identity::User("stanley"),
                &[
                    "sudo",
                    "-n",
                    "-E",
                    "-H",
                    "-u",
                    "stanley",
                    "--",
                    "bash",
                    "-c",
                    r#"/p/run.sh 'x y' 'it'"'"'s' '' --a=1"#,
                ],
            ),
        ] {
            assert_eq!(of_program("/p/run.sh", &arguments, identity, "/bin/bash"), expected, "{identity:?}");
        }
        for (shell, name) in [("/usr/bin/bash", "bash"), ("/bin/sh", "sh")] {
            assert_eq!(of_line("echo $A", Identity::Own, shell), [shell, "-c", "echo $A"]);
            assert_eq!(
                of_line("id", Identity::User("a"), shell),
                ["sudo", "-n", "-E", "-H", "-u", "a", "--", name, "-c", "id"]
            );
        }
    }

    #[test]
    fn a_password_travels_by_standard_input_only() {
        let identity = Identity::Root { password: Some("secret") };
        assert_eq!(identity.input(), b"secret\n");
        assert!(of_line("id", identity, "/bin/bash").iter().all(|word| !word.contains("secret")));
        assert!(Identity::Root { password: None }.input().is_empty());
    }
}
