//! The program that runs a command on another host: a pure function. It is the standard input of `/bin/sh -s` there, so
//! neither the command's environment nor a password for sudo is on a command line, here or there.
//!
//! It lets go of its input and keeps a copy. When that ends, because the host has closed it, has gone or cannot be reached any
//! more, it ends all that it has started: SIGTERM to the group that sshd has made for it, and a second later, or as soon as
//! the command has ended, SIGKILL to whatever carries its mark and to the group. A daemon that has closed its output outlives
//! a command that ends by itself, as it does on the local machine; what holds the output open is ended, since ssh would wait
//! for it.
//!
//! As in StackStorm the user's login shell runs a command line, bash one by sudo; unlike there, sudo has no terminal.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::local_shell::identity::quoted;

/// The variable that marks what a program has started.
const MARK: &str = "PETREL_REMOTE_RUN";
/// The beginning of what the program itself says on standard error.
pub(super) const OWN: &str = "petrel: ";
/// The exit code when the work could not begin, as in StackStorm.
pub(super) const NOT_BEGUN: i32 = 255;

/// What runs a command on another host.
pub(super) struct Program<'a> {
    /// The mark of what it starts, unique and of letters, digits and `-`.
    pub(super) mark: &'a str,
    /// The variables for the command.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// The directory in which the command starts.
    pub(super) cwd: &'a str,
    /// Whether it runs as root, by sudo.
    pub(super) sudo: Option<Sudo<'a>>,
    /// The command.
    pub(super) work: Work<'a>,
}

/// The way to root.
#[derive(Clone, Copy)]
pub(super) struct Sudo<'a> {
    /// The password. Without it sudo must not need one.
    pub(super) password: Option<&'a str>,
}

/// What is run.
pub(super) enum Work<'a> {
    /// A command line.
    Line(&'a str),
    /// Files that are copied, the first of which is run.
    Script {
        /// The directory below which a private one is made for them.
        base: &'a str,
        /// The files, by their paths in the private directory.
        files: &'a [Copied],
        /// The arguments.
        arguments: &'a [String],
    },
}

/// A file that is copied.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copied {
    /// Its path below the private directory.
    pub(super) path: String,
    /// Its content.
    pub(super) content: Vec<u8>,
    /// Whether it may be run.
    pub(super) is_program: bool,
}

/// The functions of every program. Its shell has no more than POSIX asks for; where there is no `/proc`, only the group is
/// ended.
const FUNCTIONS: &str = r#"
marked() {
  PETREL_REMOTE_RUN= grep -ls "PETREL_REMOTE_RUN=$petrel_mark" /proc/[0-9]*/environ | tr -dc '0-9\n'
}
clear() {
  [ -z "$petrel_dir" ] || rm -rf "$petrel_dir"
}
reap() {
  trap '' TERM USR1
  for petrel_p in $(marked); do kill -KILL "$petrel_p"; done
  root "for p in \$(grep -ls PETREL_REMOTE_RUN=$petrel_mark /proc/[0-9]*/environ | tr -dc '0-9\n'); do [ \$p = \$\$ ] || kill -KILL \$p; done"
  clear
  root "kill -KILL -- -$$"
  kill -KILL 0
}
let_go() {
  set -- "$(readlink /proc/$$/fd/1)" "$(readlink /proc/$$/fd/4)"
  [ -n "$1" ] && [ -n "$2" ] || return 0
  petrel_left=
  for petrel_p in $(marked); do
    if ls -l "/proc/$petrel_p/fd" | grep -qF -e "-> $1" -e "-> $2"; then petrel_left="$petrel_left $petrel_p"; fi
  done
  [ -n "$petrel_left" ] || return 0
  sleep 0.5 || sleep 1
  petrel_count=0
  for petrel_p in $petrel_left; do kill -KILL "$petrel_p" && petrel_count=$((petrel_count + 1)); done
  [ "$petrel_count" = 0 ] || echo "petrel: $petrel_count processes that were left in the background held the output open and were ended" >&4
}
leave() {
  let_go
  kill -KILL "$petrel_watcher"
  clear
  exit "$1"
}
fail() {
  echo "petrel: the script could not be copied" >&4
  leave 255
}
trap petrel_asked=1 USR1
trap : TERM
(
  while read -r petrel_rest <&3; do :; done
  trap '' TERM USR1
  kill -USR1 $$
  kill -TERM 0
  root "kill -TERM -- -$$"
  sleep 1
  reap
) >/dev/null 4>&- &
petrel_watcher=$!
exec 3<&-
"#;

impl Program<'_> {
    /// The text of the program.
    pub(super) fn text(&self) -> String {
        // One compound command, which a shell reads to its end before it begins.
        let mut text = "{\nexec 3<&0 4>&2 </dev/null 2>/dev/null\n".to_owned();
        let mark = self.mark;
        // With an end, so that none is the beginning of another.
        text.push_str(&format!("petrel_mark={mark}_; {MARK}=$petrel_mark; export {MARK}\n"));
        text.push_str(&format!(
            "petrel_asked= petrel_dir= petrel_secret={}\n",
            quoted(self.password().unwrap_or_default())
        ));
        text.push_str(&self.root());
        text.push_str(FUNCTIONS);
        if let Work::Script { base, files, .. } = &self.work {
            text.push_str(&copying(&self.directory(base), files, mark));
        }
        text.push_str(&format!(
            "cd {} 2>&4 || leave 1\n[ -z \"$petrel_asked\" ] || reap\n",
            directory(self.cwd)
        ));
        text.push_str(&self.run());
        text.push_str("petrel_code=$?\n[ -z \"$petrel_asked\" ] || reap\nleave \"$petrel_code\"\n}\n");
        text
    }

    fn password(&self) -> Option<&str> {
        self.sudo.and_then(|sudo| sudo.password)
    }

    /// The private directory.
    fn directory(&self, base: &str) -> String {
        format!("{}/petrel-{}", base.trim_end_matches('/'), self.mark)
    }

    /// The function that runs a line as root, if the command is run as root: others may not end it.
    fn root(&self) -> String {
        match self.sudo {
            None => "root() { :; }\n".into(),
            Some(Sudo { password: None }) => {
                format!("root() {{ {MARK}= sudo -n -- sh -c \"$1\"; }}\n")
            }
            Some(Sudo { password: Some(_) }) => {
                format!(
                    "root() {{ {MARK}= sudo -S -p '' -- sh -c \"$1\" <<PASSWORD\n$petrel_secret\nPASSWORD\n}}\n"
                )
            }
        }
    }

    /// The command that does the work.
    fn run(&self) -> String {
        let words = match &self.work {
            Work::Line(line) => (*line).to_owned(),
            Work::Script { base, files, arguments } => {
                let script = files.first().map(|file| file.path.as_str()).unwrap_or_default();
                let script = format!("{}/{script}", self.directory(base));
                let words = std::iter::once(&script).chain(*arguments).map(|word| quoted(word));
                words.collect::<Vec<_>>().join(" ")
            }
        };
        // In a subshell, so that no variable of the command meets one of this program, nor a trap of it.
        let variables =
            self.environment.iter().map(|(name, value)| format!("{name}={}; export {name}\n", quoted(value)));
        let variables: String = variables.collect();
        let (before, command) = match (self.sudo, &self.work) {
            (None, Work::Script { .. }) => ("", format!("exec {words}")),
            (None, Work::Line(_)) => (LOGIN_SHELL, format!("exec \"$petrel_shell\" -c {}", quoted(&words))),
            (Some(Sudo { password: None }), _) => {
                (BASH, format!("exec sudo -n -E -- \"$petrel_shell\" -c {}", quoted(&words)))
            }
            // If sudo did not need the password, it is still on standard input, where the command must not read it.
            (Some(Sudo { password: Some(_) }), _) => {
                let line = quoted(&format!("exec </dev/null\n{words}"));
                let input = "<<PASSWORD\n$petrel_secret\nPASSWORD";
                (BASH, format!("exec sudo -S -p '' -E -- \"$petrel_shell\" -c {line} {input}"))
            }
        };
        format!("{before}(\n{variables}{command}\n) 2>&4 4>&-\n")
    }
}

/// Finds the shell for what runs without sudo.
const LOGIN_SHELL: &str = "petrel_shell=${SHELL:-/bin/sh}\n";

/// Finds the shell for what runs by sudo. Only its name: sudo resolves it on the path of the other user.
const BASH: &str = "petrel_shell=sh; command -v bash >/dev/null && petrel_shell=bash\n";

/// A directory as a word; a `~` at its beginning is the user's home.
fn directory(path: &str) -> String {
    match path.strip_prefix('~') {
        Some("") => "\"$HOME\"".into(),
        Some(rest) if rest.starts_with('/') => format!("\"$HOME\"{}", quoted(rest)),
        _ => quoted(path),
    }
}

/// The commands that copy files. `mkdir` fails if the directory is there, so nobody else can have made it.
fn copying(to: &str, files: &[Copied], mark: &str) -> String {
    let to = quoted(to);
    let mut text =
        format!("petrel_mask=$(umask); umask 077\nmkdir -m 700 {to} 2>&4 || fail\npetrel_dir={to}\n");
    let mut made = BTreeSet::new();
    for file in files {
        if let Some((folder, _)) = file.path.rsplit_once('/').filter(|(folder, _)| made.insert(*folder)) {
            text.push_str(&format!("mkdir -p \"$petrel_dir\"/{} 2>&4 || fail\n", quoted(folder)));
        }
        let path = format!("\"$petrel_dir\"/{}", quoted(&file.path));
        let end = format!("END-{mark}");
        match std::str::from_utf8(&file.content) {
            // Lines as they are, if nothing is lost by it.
            Ok(lines) if is_plain(lines, &end) => {
                text.push_str(&format!("cat >{path} 2>&4 <<'{end}' || fail\n{lines}{end}\n"));
            }
            _ => {
                let lines = in_base64(&file.content);
                text.push_str(&format!("base64 -d >{path} 2>&4 <<'{end}' || fail\n{lines}{end}\n"));
            }
        }
        if file.is_program {
            text.push_str(&format!("chmod 700 {path} 2>&4 || fail\n"));
        }
    }
    text.push_str("umask \"$petrel_mask\"\n");
    text
}

/// Whether a here-document gives exactly this text.
fn is_plain(text: &str, end: &str) -> bool {
    (text.is_empty() || text.ends_with('\n')) && !text.contains(['\0', '\r']) && !text.contains(end)
}

/// Base64 in lines, since some shells bound the length of one.
fn in_base64(content: &[u8]) -> String {
    let lines = content.chunks(57).map(|line| STANDARD.encode(line));
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests;
