//! A real `sshd` on loopback: its own port, keys and configuration, run by the user of the tests.
#![expect(clippy::unwrap_used, reason = "these are the parts of a test")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use petrel_system_tests::{Place, eventually, skip};

/// The program, which must be started by its whole path.
const SSHD: &str = "/usr/sbin/sshd";
/// The passphrase of the key `sealed`.
pub(crate) const PASSPHRASE: &str = "open-sesame-7";

/// A server, and the keys of those who may sign in. It is killed on drop.
pub(crate) struct Server {
    directory: PathBuf,
    /// Its port, on 127.0.0.1 and 127.0.0.2.
    pub(crate) port: u16,
    /// The user who may sign in.
    pub(crate) user: String,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts a server of this name. `None` where there is no sshd.
pub(crate) fn server(place: &Place, name: &str) -> Option<Server> {
    if !Path::new(SSHD).exists() {
        skip("there is no /usr/sbin/sshd (the package openssh-server)");
        return None;
    }
    // Where sshd is run by root it goes there for a moment, and systemd has not made it in a container.
    drop(fs::create_dir_all("/run/sshd"));
    let directory = PathBuf::from(place.path(&format!("sshd-{name}")));
    fs::create_dir_all(&directory).unwrap();
    for (key, passphrase) in [("plain", ""), ("sealed", PASSPHRASE), ("stranger", "")] {
        make_key(&directory.join(key), passphrase);
    }
    make_key(&directory.join("host_key"), "");
    // One key for all servers of a place, as a bastion takes the key of the host behind it.
    let shared = PathBuf::from(place.path("sshd-a"));
    let public =
        ["plain", "sealed"].map(|key| fs::read_to_string(shared.join(format!("{key}.pub"))).unwrap());
    fs::write(directory.join("authorized"), public.concat()).unwrap();
    let port = free_port();
    let at = directory.display();
    // Bash reads the files of the user when sshd starts it, unless it takes itself for an inner one.
    let configuration = format!(
        "Port {port}\nListenAddress 127.0.0.1\nListenAddress 127.0.0.2\nHostKey {at}/host_key\nPidFile none\n\
         AuthorizedKeysFile {at}/authorized\nStrictModes no\nUsePAM no\nPasswordAuthentication yes\nPermitRootLogin yes\n\
         MaxStartups 100\nSetEnv SHLVL=5\nBanner {at}/banner\n"
    );
    fs::write(directory.join("banner"), "** who comes here **\n").unwrap();
    fs::write(directory.join("conf"), configuration).unwrap();
    let user = Command::new("id").arg("-un").output().unwrap().stdout;
    let user = String::from_utf8(user).unwrap().trim().to_owned();
    let process = start(&directory, port);
    Some(Server { directory, port, user, process })
}

impl Server {
    /// The path of a private key: `plain`, `sealed`, or `stranger`, which may not sign in.
    pub(crate) fn key(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }

    /// The name under which its key is pinned.
    pub(crate) fn pin(&self) -> String {
        format!("[127.0.0.1]:{}", self.port)
    }

    /// Its public key.
    pub(crate) fn host_key(&self) -> String {
        fs::read_to_string(self.directory.join("host_key.pub")).unwrap().trim().to_owned()
    }

    /// The fingerprint of its key, as OpenSSH says it.
    pub(crate) fn fingerprint(&self) -> String {
        let said =
            Command::new("ssh-keygen").arg("-lf").arg(self.directory.join("host_key.pub")).output().unwrap();
        String::from_utf8(said.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Replaces it by one with another key.
    pub(crate) fn set_up_anew(&mut self) {
        self.end();
        for file in ["host_key", "host_key.pub"] {
            fs::remove_file(self.directory.join(file)).unwrap();
        }
        make_key(&self.directory.join("host_key"), "");
        self.process = start(&self.directory, self.port);
    }

    fn end(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn make_key(path: &Path, passphrase: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-C", "test", "-N", passphrase, "-f"])
        .arg(path)
        .output();
    assert!(made.unwrap().status.success(), "{}", path.display());
}

fn start(directory: &Path, port: u16) -> Child {
    let log = fs::File::create(directory.join("log")).unwrap();
    let process = Command::new(SSHD)
        .args(["-D", "-e", "-f"])
        .arg(directory.join("conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    eventually("sshd listens", || TcpStream::connect(("127.0.0.2", port)).ok());
    process
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
