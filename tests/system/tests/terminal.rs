//! What a terminal shows beside what a pipe gets: the colours of statuses.

use petrel_system_tests::{Place, skip};

/// Calls `petrel` on a terminal; what it shows there is printed.
const ON_A_TERMINAL: &str = r"
import os, pty, sys
process, terminal = pty.fork()
if process == 0:
    os.execvp('petrel', ['petrel'] + sys.argv[1:])
shown = b''
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    shown += part
print(shown.decode())
sys.exit(os.WEXITSTATUS(os.waitpid(process, 0)[1]))
";

#[test]
fn a_status_is_coloured_on_a_terminal_that_has_colours() {
    let place = Place::default();
    let host = place.start(&[]);
    let program = place.write("terminal.py", ON_A_TERMINAL);
    let url = format!("http://{}", host.address);
    if place.script("python3 -c 'import pty'", &[]).code != 0 {
        return skip("there is no python3, whose module pty makes a terminal");
    }
    host.ok(&["run", "core.noop"]);
    let green = "\u{1b}[32msucceeded\u{1b}[0m";
    for (command, is_coloured) in [
        (format!("TERM=xterm python3 {program} execution list"), true),
        (format!("TERM=xterm python3 {program} execution get last"), true),
        (format!("TERM=xterm NO_COLOR=1 python3 {program} execution list"), false),
        (format!("TERM=dumb python3 {program} execution list"), false),
        (format!("TERM=xterm python3 {program} execution list --json"), false),
        ("TERM=xterm petrel execution list".to_owned(), false),
    ] {
        let shown = place.script(&format!("unset NO_COLOR; {command}"), &[("PETREL_URL", &url)]).with_code(0);
        assert!(shown.stdout.contains("succeeded"), "{command}: {shown:?}");
        assert_eq!(shown.stdout.contains(green), is_coloured, "{command}: {shown:?}");
        assert!(is_coloured || !shown.stdout.contains('\u{1b}'), "{command}: {shown:?}");
    }
    host.stop();
}
