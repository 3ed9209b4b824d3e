//! The pages of the examples: their commands are run as they stand, but for addresses and paths that other tests may have
//! too. `example_rules` and `example_sensors` beside this look closer at what the examples do.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are the parts of a test")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use petrel_system_tests::{Ended, Host, PATIENCE, Place, assert_says, eventually, skip};
use petrel_test_components::{HOOK, STREAM};
use petrel_test_support::until;
use serde_json::Value;

use crate::pages::{self, Block};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
/// The examples whose pages are followed by a test of their name.
const FOLLOWED: [&str; 11] = [
    "alarm",
    "approval",
    "cron",
    "elasticsearch",
    "feed",
    "github",
    "hook",
    "interval",
    "keys",
    "signed",
    "stream",
];
/// The examples in other languages, which `languages` builds and runs.
const BUILT: [&str; 5] = ["c", "go", "js", "python", "rust"];
/// What the pages need besides what the tests need themselves.
const PROGRAMS: [(&str, &str); 3] = [("curl", "--version"), ("openssl", "version"), ("python3", "--version")];
/// The components that pages build: their packages, and where the tests have them.
const COMPONENTS: [(&str, &str); 2] = [("petrel-example-hook", HOOK), ("petrel-example-stream", STREAM)];
/// Commands that have nothing to do with a host that runs.
const LEFT_OUT: [&str; 2] = ["cargo test -p petrel-pack-github", "cargo run --release -- serve"];

/// A program that runs beside the others, until the end of the test.
struct Beside(Child);

impl Drop for Beside {
    fn drop(&mut self) {
        // With all that it has started, which is in its group.
        let group = format!("-{}", self.0.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).status());
        drop(self.0.wait());
    }
}

/// Who follows a page, with a place for the directory of the sources.
struct Reader<'a> {
    name: &'a str,
    place: &'a Place,
    /// The directory in which the data directory is that a host takes by itself.
    data_home: String,
    host: Option<Host<'a>>,
    /// What stands here in the place of what the page says.
    here: Vec<(&'a str, String)>,
    beside: Vec<Beside>,
    /// What all commands have printed.
    printed: String,
}

impl<'a> Reader<'a> {
    fn new(name: &'a str, place: &'a Place, data_home: String, here: Vec<(&'a str, String)>) -> Self {
        let (host, beside, printed) = Default::default();
        let mut reader = Self { name, place, data_home, host, here, beside, printed };
        reader.lay_out();
        reader
    }

    fn host(&self) -> &Host<'a> {
        self.host.as_ref().unwrap()
    }

    /// `text`, as it is to be here.
    fn here(&self, text: &str) -> String {
        self.here.iter().fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    }

    /// Copies the example, as it is to be here.
    fn lay_out(&mut self) {
        let mut folders = vec![self.name.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(Path::new(EXAMPLES).join(&folder)).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
                if entry.file_type().unwrap().is_dir() {
                    // What cargo needs is not needed here, and what somebody has built is not what is to be tried.
                    folders
                        .extend((!name.ends_with("/component") && !name.ends_with("/wasm")).then_some(name));
                    continue;
                }
                let text = self.here(&fs::read_to_string(entry.path()).unwrap());
                let written = self.place.write(&format!("examples/{name}"), &text);
                fs::set_permissions(written, entry.metadata().unwrap().permissions()).unwrap();
            }
        }
    }

    /// Starts a host. Its address is in the place of the usual one from then on, also in files.
    fn serve(&mut self, flags: &str) {
        let examples = self.place.path("examples/");
        let flags: Vec<_> =
            flags.split_whitespace().map(|flag| flag.replace("examples/", &examples)).collect();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let host = self.place.start(&flags);
        self.here.push(("127.0.0.1:9101", host.address.clone()));
        self.host = Some(host);
        self.lay_out();
    }

    /// Runs commands in a shell.
    fn shell(&self, script: &str) -> Ended {
        let url = self.host.as_ref().map(|host| format!("http://{}", host.address));
        let mut environment = vec![("XDG_DATA_HOME", self.data_home.as_str())];
        environment.extend(url.as_deref().map(|url| ("PETREL_URL", url)));
        self.place.script(&format!("set -e\n{script}"), &environment)
    }

    /// Runs a command in a terminal of its own.
    fn run_beside(&mut self, command: &str) {
        let output = self.place.path(&format!("beside-{}.out", self.beside.len()));
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(self.place.path("")).process_group(0);
        shell.stdin(Stdio::null()).stdout(fs::File::create(output).unwrap()).stderr(Stdio::null());
        self.beside.push(Beside(shell.spawn().unwrap()));
        let address = self.here("127.0.0.1:8000");
        eventually("the stand-in listens", || TcpStream::connect(&address).ok());
    }

    /// What such a command has printed.
    fn told_beside(&self) -> String {
        self.place.read("beside-0.out")
    }

    /// Puts the component where `cargo build` has it that the tests have built.
    fn build(&self, command: &str) {
        if LEFT_OUT.contains(&command) {
            return;
        }
        let package = command.strip_prefix("cargo build --release --target wasm32-wasip2 -p ").unwrap();
        let (_, component) = COMPONENTS.iter().find(|(name, _)| *name == package).unwrap();
        let directory = self.place.path("target/wasm32-wasip2/release");
        fs::create_dir_all(&directory).unwrap();
        let file = Path::new(&directory).join(format!("{}.wasm", package.replace('-', "_")));
        fs::copy(component, file).unwrap();
    }

    /// Runs commands that must succeed.
    fn paste(&mut self, script: &str) {
        if script.trim().is_empty() {
            return;
        }
        if self.host.is_none() && script.contains("petrel ") {
            self.serve("");
        }
        let script = self.here(script);
        let ended = self.shell(&script);
        assert_eq!(ended.code, 0, "{script}: {ended:?}");
        self.printed += &ended.stdout;
    }

    /// Runs a command that looks at what may take a while, as often as it takes. `ID` is that of the open question.
    fn paste_until_it_works(&mut self, command: &str) {
        let (command, mut last) = (self.here(command), None);
        let found = until(&command, PATIENCE, || {
            let mut line = command.clone();
            if line.contains(" ID ") {
                let open = self.host().list("/inquiries/");
                let Some(id) = open.first().and_then(|one| one["id"].as_str()) else { return Ok(None) };
                line = line.replace(" ID ", &format!(" {id} "));
            }
            let ended = self.shell(&line);
            let works = ended.code == 0;
            last = Some(ended);
            Ok(works.then_some(()))
        });
        assert!(found.is_ok(), "{command}: {last:?}");
        self.printed += &last.unwrap().stdout;
    }

    /// Waits until it is known what kinds of sensors there are: a component is compiled for that.
    fn until_prepared(&self) {
        let Some(host) = &self.host else { return };
        eventually("the sensors are known", || {
            host.list("/sensortypes").iter().all(|sensor| !sensor["kind"].is_null()).then_some(())
        });
    }

    /// Does what a block says.
    fn follow(&mut self, block: &Block) {
        self.until_prepared();
        let mut script = String::new();
        for line in block.text.lines() {
            let is_look = ["ls ", "cat ", "petrel sensor "].iter().any(|start| line.starts_with(start));
            let fails = line.ends_with("cmd=false");
            let is_apart = ["petrel serve", "cargo ", "python3 "].iter().any(|start| line.starts_with(start));
            if !is_look && !fails && !is_apart && !line.contains(" ID ") {
                script += &format!("{line}\n");
                continue;
            }
            self.paste(&std::mem::take(&mut script));
            if let Some(flags) = line.strip_prefix("petrel serve") {
                self.serve(&self.here(flags));
            } else if line.starts_with("cargo ") {
                self.build(line);
            } else if line.starts_with("python3 ") {
                self.run_beside(&self.here(line));
            } else if fails {
                assert_ne!(self.shell(&self.here(line)).code, 0, "{line}");
            } else {
                self.paste_until_it_works(line);
            }
        }
        self.paste(&script);
    }

    /// Waits until an action has succeeded so often, and gives what it has done.
    fn until_ran(&self, action: &str, count: usize) -> Vec<Value> {
        eventually(&format!("{action} has run {count} times"), || {
            let ran = self.host().list(&format!("/executions?action={action}&status=succeeded"));
            (ran.len() == count).then_some(ran)
        })
    }
}

/// An address on which nobody listens.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Follows the page of an example, then has `check` look at what came of it. `here` stands in the place of addresses.
fn follow(name: &'static str, here: Vec<(&'static str, String)>, check: impl FnOnce(&Reader<'_>)) {
    assert!(FOLLOWED.contains(&name), "{name}");
    let page = fs::read_to_string(format!("{EXAMPLES}/{name}/README.md")).unwrap();
    for (program, flag) in PROGRAMS {
        if page.contains(program) && Command::new(program).arg(flag).output().is_err() {
            return skip(&format!("there is no {program}"));
        }
    }
    let home = Place::default();
    let place = Place::with_data(Path::new(&home.path("petrel")));
    let mut all = vec![
        ("/tmp/petrel-", place.path("petrel-")),
        ("/tmp/old", place.path("old")),
        ("127.0.0.1:8000", free_address()),
    ];
    all.extend(here);
    // As the server of Python is told its port.
    let port = all[2].1.rsplit(':').next().unwrap().to_owned();
    all.push(("http.server 8000", format!("http.server {port}")));
    // So are programs that come with an example.
    all.push(("(\"127.0.0.1\", 8000)", format!("(\"127.0.0.1\", {port})")));
    let mut reader = Reader::new(name, &place, home.path(""), all);
    pages::blocks(&page)
        .iter()
        .filter(|block| block.language.is_empty())
        .for_each(|block| reader.follow(block));
    check(&reader);
    reader.host.take().unwrap().stop();
}

#[test]
fn every_example_is_followed() {
    let entries = fs::read_dir(EXAMPLES).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir());
    let found: BTreeSet<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let known: BTreeSet<_> = FOLLOWED.into_iter().chain(BUILT).map(str::to_owned).collect();
    assert_eq!(found, known);
}

#[test]
fn alarm() {
    follow("alarm", Vec::new(), |reader| {
        eventually("the chat is told", || reader.told_beside().contains("failed: core.local").then_some(()));
    });
}

#[test]
fn approval() {
    follow("approval", Vec::new(), |reader| {
        let ran = reader.until_ran("approval.delete", 1);
        assert_eq!(ran[0]["result"]["output"]["decision"], "approved", "{ran:?}");
        assert!(!Path::new(&reader.place.path("old")).exists());
    });
}

#[test]
fn cron() {
    follow("cron", Vec::new(), |reader| assert_says(&reader.printed, &["core.st2.CronTimer", "nightly"]));
}

/// A search that finds much, whatever it is asked.
fn search() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            drop(reader.read_exact(&mut vec![0; length]));
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            drop(
                connection.write_all(format!("{head}content-length: 12\r\n\r\n{{\"count\":11}}").as_bytes()),
            );
        }
    });
    address
}

#[test]
fn elasticsearch() {
    follow("elasticsearch", vec![("127.0.0.1:9200", search())], |reader| {
        // A further poll runs the rule at the end of the page, too.
        eventually("the rise is told", || {
            let ran = reader.host().list("/executions?action=core.echo&status=succeeded");
            ran.iter().any(|one| one["parameters"]["message"] == "11 found, more than 10").then_some(())
        });
    });
}

#[test]
fn feed() {
    follow("feed", Vec::new(), |reader| {
        assert_says(&reader.until_ran("core.echo", 1)[0]["parameters"].to_string(), &["first"]);
    });
}

#[test]
fn github() {
    follow("github", Vec::new(), |reader| {
        let page = fs::read_to_string(format!("{EXAMPLES}/github/README.md")).unwrap();
        let shown = pages::blocks(&page).into_iter().find(|block| block.language == "json").unwrap();
        let ran = reader.until_ran("github.decide_push", 1);
        assert_eq!(ran[0]["result"], serde_json::from_str::<Value>(&shown.text).unwrap());
    });
}

#[test]
fn hook() {
    follow("hook", Vec::new(), |reader| {
        assert_says(&reader.printed, &["202"]);
        reader.until_ran("core.echo", 1);
    });
}

#[test]
fn interval() {
    follow("interval", Vec::new(), |reader| {
        assert_says(&reader.printed, &["core.st2.IntervalTimer", "petrel-tick."]);
    });
}

#[test]
fn keys() {
    follow("keys", Vec::new(), |reader| {
        let told = || Some(reader.place.read("petrel-keys.out")).filter(|told| told.ends_with('\n'));
        assert_eq!(eventually("the action has written", told), "deploy.channel beta\n");
    });
}

#[test]
fn signed() {
    follow("signed", Vec::new(), |reader| {
        assert_says(&reader.printed.to_lowercase(), &["202", "401", "idempotent-replayed: true"]);
        reader.until_ran("core.echo", 1);
    });
}

#[test]
fn stream() {
    follow("stream", Vec::new(), |reader| {
        assert_says(&reader.until_ran("core.echo", 1)[0]["parameters"].to_string(), &["hello"]);
    });
}
