//! A registry for tests: the honest parts of the distribution specification in memory, on loopback, with faults that a test
//! switches on. It keeps the requests that came, so that a test can say what was sent, and what was not.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

/// The largest request.
const LARGEST: usize = 64 << 20;
/// The time that a client may be silent, and that a slow registry is.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the registry does wrong.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own, and any of them go together")]
pub struct Faults {
    /// The number of blobs that are cut in the middle.
    pub half_blobs: usize,
    /// Whether it answers requests for the rest of a blob with all of it.
    pub no_ranges: bool,
    /// Whether the last byte of each blob is another one.
    pub wrong_bytes: bool,
    /// Whether each blob has a byte too many.
    pub too_long: bool,
    /// The address to which blobs are redirected.
    pub blobs_at: Option<String>,
    /// The address to which uploads go.
    pub uploads_at: Option<String>,
    /// The header `Authorization` that is wanted, as a whole.
    pub wants: Option<String>,
    /// The header `WWW-Authenticate` for whoever has none; empty if it is left out.
    pub challenge: Option<String>,
    /// A manifest in place of every other.
    pub manifest: Option<String>,
    /// Whether it accepts requests and answers none.
    pub silent: bool,
    /// The pause after each byte of the body of an answer.
    pub drips: Option<Duration>,
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    /// The method and the path with its query.
    pub line: String,
    /// The header `Authorization`; empty if there was none.
    pub authorization: String,
    /// The header `Range`; empty if there was none.
    pub range: String,
}

#[derive(Debug, Default)]
struct Kept {
    blobs: BTreeMap<String, Vec<u8>>,
    /// Manifests by repository and tag or digest.
    manifests: BTreeMap<(String, String), Vec<u8>>,
    came: Vec<Came>,
    faults: Faults,
}

/// A registry on loopback. It ends when it is dropped.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    is_over: Arc<AtomicBool>,
}

impl Registry {
    /// Starts a registry with nothing in it.
    ///
    /// # Errors
    /// When there is no port for it.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("a port for a registry")?;
        let (address, kept) = (listener.local_addr()?, Arc::<Mutex<Kept>>::default());
        let is_over = Arc::new(AtomicBool::new(false));
        let (shared, over) = (Arc::clone(&kept), Arc::clone(&is_over));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Ok(Self { address, kept, is_over })
    }

    /// The host with its port, as references have it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Changes what it does wrong.
    pub fn set(&self, faults: Faults) {
        lock(&self.kept).faults = faults;
    }

    /// The requests that came, and forgets them.
    pub fn came(&self) -> Vec<Came> {
        std::mem::take(&mut lock(&self.kept).came)
    }

    /// The tags and digests of the manifests in a repository.
    pub fn manifests(&self, repository: &str) -> Vec<String> {
        let kept = lock(&self.kept);
        kept.manifests.keys().filter(|(name, _)| name == repository).map(|(_, tag)| tag.clone()).collect()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // The listener looks up when somebody comes.
        drop(TcpStream::connect(self.address));
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The digest of bytes as registries write it.
fn digest(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{digits}")
}

/// A request.
struct Request {
    method: String,
    path: String,
    query: String,
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value.trim())
    }
}

/// An answer.
struct Answer {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// The number of bytes that are sent of the body.
    sent: usize,
}

impl Answer {
    fn of(status: &'static str, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), sent: body.len(), body }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

fn read(stream: &mut TcpStream) -> anyhow::Result<Request> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    let mut more = |bytes: &mut Vec<u8>| -> anyhow::Result<()> {
        let count = stream.read(&mut buffer)?;
        anyhow::ensure!(count > 0 && bytes.len() < LARGEST, "no whole request");
        bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(())
    };
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        more(&mut bytes)?;
    };
    let mut body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        head: head.clone(),
        body: Vec::new(),
    };
    let length: usize = request.header("content-length").parse().unwrap_or_default();
    while body.len() < length {
        more(&mut body)?;
    }
    request.body = body;
    Ok(request)
}

fn serve(mut stream: TcpStream, kept: &Mutex<Kept>) -> anyhow::Result<()> {
    // A client that begins with TLS is answered as other servers answer it.
    let mut first = [0];
    if stream.peek(&mut first)? == 1 && first == [0x16] {
        return Ok(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")?);
    }
    let request = read(&mut stream)?;
    let faults = {
        let mut kept = lock(kept);
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        kept.came.push(Came {
            line: format!("{} {}{query}", request.method, request.path),
            authorization: request.header("authorization").to_owned(),
            range: request.header("range").to_owned(),
        });
        kept.faults.clone()
    };
    if faults.silent {
        // Until the client goes.
        drop(stream.read(&mut [0]));
        return Ok(());
    }
    let answer = answer(&request, &faults, kept);
    let mut head = format!(
        "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n",
        answer.status,
        answer.body.len()
    );
    answer.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    let body = answer.body.get(..answer.sent).filter(|_| request.method != "HEAD").unwrap_or_default();
    match faults.drips {
        None => stream.write_all(body)?,
        Some(pause) => {
            for byte in body {
                stream.write_all(&[*byte])?;
                std::thread::sleep(pause);
            }
        }
    }
    stream.flush()?;
    stream.shutdown(Shutdown::Write)?;
    Ok(())
}

fn answer(request: &Request, faults: &Faults, kept: &Mutex<Kept>) -> Answer {
    let wanted = faults.wants.as_deref().filter(|wanted| *wanted != request.header("authorization"));
    if wanted.is_some() && !request.path.starts_with("/token") {
        let challenge = faults.challenge.clone().unwrap_or_else(|| "Basic realm=\"tests\"".to_owned());
        let answer = Answer::of("401 Unauthorized", Vec::new());
        return if challenge.is_empty() { answer } else { answer.with("WWW-Authenticate", challenge) };
    }
    if request.path.starts_with("/token") {
        return Answer::of("200 OK", json!({"token": "of-the-service"}).to_string().into_bytes());
    }
    let rest = request.path.strip_prefix("/v2/").unwrap_or_default();
    if rest.is_empty() {
        return Answer::of("200 OK", b"{}".to_vec());
    }
    for (mark, handle) in [
        ("/blobs/uploads/", upload as fn(&Request, &Faults, &mut Kept, (&str, &str)) -> Answer),
        ("/blobs/", blob),
        ("/manifests/", manifest),
        ("/tags/", tags),
    ] {
        if let Some(parts) = rest.split_once(mark) {
            return handle(request, faults, &mut lock(kept), parts);
        }
    }
    missing("PATH_UNKNOWN")
}

fn missing(code: &str) -> Answer {
    let body = json!({"errors": [{"code": code, "message": "not known to the registry"}]});
    Answer::of("404 Not Found", body.to_string().into_bytes())
}

fn upload(request: &Request, faults: &Faults, kept: &mut Kept, (name, _): (&str, &str)) -> Answer {
    if request.method == "POST" {
        if request.header("content-length").is_empty() {
            return Answer::of("411 Length Required", Vec::new());
        }
        let place =
            faults.uploads_at.clone().unwrap_or_else(|| format!("/v2/{name}/blobs/uploads/1?state=2"));
        return Answer::of("202 Accepted", Vec::new()).with("Location", place);
    }
    let found = digest(&request.body);
    let is_right = request.query.replace("%3A", ":").contains(&format!("digest={found}"));
    if request.method != "PUT" || !is_right || !request.query.contains("state=2") {
        return Answer::of("400 Bad Request", b"{}".to_vec());
    }
    kept.blobs.insert(found.clone(), request.body.clone());
    Answer::of("201 Created", Vec::new()).with("Docker-Content-Digest", found)
}

fn blob(request: &Request, faults: &Faults, kept: &mut Kept, (_, name): (&str, &str)) -> Answer {
    let Some(mut content) = kept.blobs.get(name).cloned() else { return missing("BLOB_UNKNOWN") };
    if let Some(place) = faults.blobs_at.as_ref().filter(|_| request.method == "GET") {
        return Answer::of("307 Temporary Redirect", Vec::new())
            .with("Location", format!("{place}{}", request.path));
    }
    if let Some(last) = content.last_mut().filter(|_| faults.wrong_bytes) {
        *last ^= 1;
    }
    if faults.too_long {
        content.push(0);
    }
    let from = request.header("range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
    let from: Option<usize> = from.filter(|_| !faults.no_ranges).and_then(|from| from.parse().ok());
    let mut answer = match from {
        Some(from) if from < content.len() => {
            let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
            Answer::of("206 Partial Content", content.split_off(from)).with("Content-Range", range)
        }
        _ => Answer::of("200 OK", content),
    };
    if request.method == "GET" && kept.faults.half_blobs > 0 && answer.body.len() > 1 {
        kept.faults.half_blobs -= 1;
        answer.sent = answer.body.len() / 2;
    }
    answer
}

fn manifest(request: &Request, faults: &Faults, kept: &mut Kept, (name, target): (&str, &str)) -> Answer {
    if request.method == "PUT" {
        let found = digest(&request.body);
        for target in [target, &found] {
            kept.manifests.insert((name.to_owned(), target.to_owned()), request.body.clone());
        }
        return Answer::of("201 Created", Vec::new()).with("Docker-Content-Digest", found);
    }
    let said = faults.manifest.as_ref().map(|text| text.clone().into_bytes());
    let found = said.or_else(|| kept.manifests.get(&(name.to_owned(), target.to_owned())).cloned());
    let Some(found) = found else { return missing("MANIFEST_UNKNOWN") };
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let sum = digest(&found);
    Answer::of("200 OK", found).with("Content-Type", kind).with("Docker-Content-Digest", sum)
}

fn tags(_: &Request, _: &Faults, kept: &mut Kept, (name, _): (&str, &str)) -> Answer {
    let of_name = kept.manifests.keys().filter(|(known, tag)| known == name && !tag.starts_with("sha256:"));
    let tags: Vec<_> = of_name.map(|(_, tag)| tag).collect();
    if tags.is_empty() {
        return missing("NAME_UNKNOWN");
    }
    Answer::of("200 OK", json!({"name": name, "tags": tags}).to_string().into_bytes())
}
