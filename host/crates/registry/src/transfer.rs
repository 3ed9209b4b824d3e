//! Blobs on their way: fetched into files, several at once, gone on with where they were cut short, and compared with their
//! digests while they come; pushed where the registry lacks them.

use std::collections::BTreeMap;
use std::fs::File as PlainFile;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode};
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

use crate::address;
use crate::artifact::Artifact;
use crate::digest::{Digest, Sum};
use crate::error::{Error, Kind};
use crate::fetched::Fetched;
use crate::manifest::{Descriptor, MANIFEST};
use crate::progress::Progress;
use crate::reference::Reference;
use crate::registry::{Ask, Registry};

/// The end of the name of a blob that has not come as a whole.
const PART: &str = "part";
/// The pause before a blob is gone on with that brought nothing new.
const PAUSE: Duration = Duration::from_millis(300);

/// A blob that is coming.
struct Coming<'b> {
    blob: &'b Descriptor,
    path: PathBuf,
    file: File,
    sum: Sum,
    have: u64,
}

/// How a part of a blob ended.
enum Part {
    /// All of it is there.
    Whole,
    /// It was cut short, for this reason.
    Cut(Error),
}

impl Registry {
    /// Fetches what is missing of an artifact of `repository` into its directory. What has come in part stays there, and the next
    /// attempt goes on with it.
    ///
    /// # Errors
    /// When the registry does not give it, or gives something else; when the disk has no room.
    pub async fn fill(
        self: &Arc<Self>,
        repository: &str,
        fetched: &Fetched,
        progress: &Progress,
    ) -> Result<(), Error> {
        let directory = &fetched.directory;
        tokio::fs::create_dir_all(directory)
            .await
            .map_err(|error| Error::of_file("made", directory, &error))?;
        let missing: Vec<Descriptor> = fetched.missing().into_iter().cloned().collect();
        refuse_without_room(directory, missing.iter().map(|blob| blob.size).sum())?;
        let mut coming = JoinSet::new();
        let mut waiting = missing.into_iter();
        loop {
            while coming.len() < self.limits.downloads.max(1) {
                let Some(blob) = waiting.next() else { break };
                let (registry, progress) = (Arc::clone(self), progress.clone());
                let (repository, file) = (repository.to_owned(), fetched.file(&blob.digest));
                coming.spawn(async move { registry.fetch_blob(&repository, &blob, &file, &progress).await });
            }
            // The first failure ends the others: they go on with what they have the next time.
            match coming.join_next().await {
                None => return Ok(()),
                Some(Ok(done)) => done?,
                Some(Err(error)) => {
                    let message = format!("fetching from {} broke off: {error}", self.host());
                    return Err(Error::new(Kind::Machine, message, "try again"));
                }
            }
        }
    }

    /// Fetches a blob into a file.
    async fn fetch_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        file: &Path,
        progress: &Progress,
    ) -> Result<(), Error> {
        let mut coming = Coming::begin(blob, file.with_extension(PART)).await?;
        let is_resumed = coming.have > 0;
        progress.moved(coming.have);
        self.rest(repository, &mut coming, progress).await?;
        match self.end(coming, file, progress).await {
            // What was left of another attempt may be at fault.
            Err(error) if error.kind == Kind::Refused && is_resumed => {}
            done => return done,
        }
        let mut coming = Coming::begin(blob, file.with_extension(PART)).await?;
        self.rest(repository, &mut coming, progress).await?;
        self.end(coming, file, progress).await
    }

    /// Fetches what is missing of a blob, in several answers if need be.
    async fn rest(
        &self,
        repository: &str,
        coming: &mut Coming<'_>,
        progress: &Progress,
    ) -> Result<(), Error> {
        let (mut in_vain, mut pieces) = (0, 0);
        while coming.have < coming.blob.size {
            let before = coming.have;
            // A registry that sends a byte now and then would hold this up for ever.
            let at_most = self.limits.patience(coming.blob.size - before);
            let part = tokio::time::timeout(at_most, self.part(repository, coming, progress)).await;
            let cut = match part {
                Ok(part) => match part? {
                    Part::Whole => break,
                    Part::Cut(error) => error,
                },
                Err(_too_slow) => self.cut_short(coming, Kind::TimedOut, "it came too slowly"),
            };
            in_vain = if coming.have > before { 0 } else { in_vain + 1 };
            // A blob that comes in ever smaller pieces ends as well.
            pieces += 1;
            if in_vain >= self.limits.attempts || pieces >= self.limits.attempts * 4 {
                return Err(cut);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Asks for the rest of a blob, and takes what comes.
    async fn part(
        &self,
        repository: &str,
        coming: &mut Coming<'_>,
        progress: &Progress,
    ) -> Result<Part, Error> {
        let blob = coming.blob;
        let mut ask = Ask::read(self.url(&format!("/v2/{repository}/blobs/{}", blob.digest))?, repository);
        if coming.have > 0
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", coming.have))
        {
            ask.headers.insert(RANGE, range);
        }
        let response = match self.send(&ask).await {
            Err(error) if matches!(error.kind, Kind::Unreachable | Kind::TimedOut) => {
                return Ok(Part::Cut(error));
            }
            response => response?,
        };
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            self.restart(coming, progress).await?;
            return Ok(Part::Cut(self.cut_short(coming, Kind::Unreachable, "it does not go on")));
        }
        let response = self.checked(response, &format!("the blob {}", blob.digest)).await?;
        if !continues(&response, coming.have) && coming.have > 0 {
            // A registry that knows no ranges gives all of it again.
            self.restart(coming, progress).await?;
        }
        let expected = blob.size - coming.have;
        if let Some(length) = response.content_length().filter(|length| *length > expected) {
            return Err(self.too_much(blob, coming.have.saturating_add(length)));
        }
        self.take(response, coming, progress).await
    }

    /// Takes the bytes of an answer.
    async fn take(
        &self,
        mut response: Response,
        coming: &mut Coming<'_>,
        progress: &Progress,
    ) -> Result<Part, Error> {
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) => {
                    let Error { kind, message, .. } = self.failed(&error);
                    return Ok(Part::Cut(self.cut_short(coming, kind, &message)));
                }
            };
            let length = chunk.len() as u64;
            if length > coming.blob.size - coming.have {
                return Err(self.too_much(coming.blob, coming.have.saturating_add(length)));
            }
            coming.add(&chunk).await?;
            progress.moved(length);
        }
        let is_whole = coming.have == coming.blob.size;
        let cut = || self.cut_short(coming, Kind::Unreachable, "it ended there");
        Ok(if is_whole { Part::Whole } else { Part::Cut(cut()) })
    }

    /// Begins a blob anew.
    async fn restart(&self, coming: &mut Coming<'_>, progress: &Progress) -> Result<(), Error> {
        progress.lost(coming.have);
        coming.empty().await
    }

    /// Compares the digest of a blob that has come as a whole, and gives it its name.
    async fn end(&self, mut coming: Coming<'_>, file: &Path, progress: &Progress) -> Result<(), Error> {
        let failed = |error: io::Error| Error::of_file("written", file, &error);
        coming.file.flush().await.map_err(failed)?;
        let found = std::mem::take(&mut coming.sum).end();
        if found != coming.blob.digest {
            progress.lost(coming.have);
            // It would be wrong the next time as well.
            drop(tokio::fs::remove_file(&coming.path).await);
            return Err(self.other_digest("a blob", &coming.blob.digest, &found));
        }
        tokio::fs::rename(&coming.path, file).await.map_err(failed)
    }

    fn cut_short(&self, coming: &Coming<'_>, kind: Kind, why: &str) -> Error {
        let message = format!(
            "the registry {} gave {} of {} bytes of the blob {}: {why}",
            self.host(),
            coming.have,
            coming.blob.size,
            coming.blob.digest
        );
        Error::new(kind, message, "try again: what has come is kept, and gone on with")
    }

    fn too_much(&self, blob: &Descriptor, found: u64) -> Error {
        let message = format!(
            "the registry {} gives at least {found} bytes for the blob {}, and its manifest says {}",
            self.host(),
            blob.digest,
            blob.size
        );
        Error::new(Kind::Refused, message, "nothing of it was used; do not trust this registry")
    }

    /// Pushes an artifact: the blobs that the registry lacks, then the manifest under its tag. Returns the bytes that went.
    ///
    /// # Errors
    /// When the registry does not take it. What has gone stays there without a name, and is not sent again.
    pub async fn push(&self, artifact: &Artifact, to: &Reference, progress: &Progress) -> Result<u64, Error> {
        let mut sent = 0;
        let blobs: BTreeMap<&Digest, &Descriptor> =
            artifact.manifest.blobs().map(|blob| (&blob.digest, blob)).collect();
        for (digest, blob) in blobs {
            if !self.has(&to.repository, digest).await? {
                let content = match artifact.blobs.get(digest) {
                    Some(content) => content.read(self.limits.artifact)?,
                    None => Bytes::new(),
                };
                if Digest::of(&content) != *digest {
                    let hint = "nothing but the pack may change it meanwhile: try again";
                    return Err(Error::new(
                        Kind::Conflict,
                        "a file of the pack was changed while it was pushed",
                        hint,
                    ));
                }
                self.upload(&to.repository, digest, content).await?;
                sent += blob.size;
            }
            progress.moved(blob.size);
        }
        let url = self.url(&format!("/v2/{}/manifests/{}", to.repository, to.target()))?;
        let body = Some(artifact.bytes.clone());
        let ask = Ask { method: Method::PUT, body, headers: typed(MANIFEST), ..write(url, &to.repository) };
        let response = self.send(&ask).await?;
        self.checked(response, &format!("the manifest of {to}")).await?;
        Ok(sent)
    }

    /// Whether the registry has a blob.
    async fn has(&self, repository: &str, digest: &Digest) -> Result<bool, Error> {
        let url = self.url(&format!("/v2/{repository}/blobs/{digest}"))?;
        let response = self.send(&Ask { method: Method::HEAD, ..write(url, repository) }).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        self.checked(response, &format!("a look at {repository}")).await.map(|_there| true)
    }

    /// Uploads a blob in one piece.
    async fn upload(&self, repository: &str, digest: &Digest, content: Bytes) -> Result<(), Error> {
        let url = self.url(&format!("/v2/{repository}/blobs/uploads/"))?;
        // The HTTP library says nothing of an empty body, and there are registries and proxies that want to know its length.
        let headers = [(CONTENT_LENGTH, HeaderValue::from_static("0"))].into_iter().collect();
        let begun = self.send(&Ask { body: Some(Bytes::new()), headers, ..write(url, repository) }).await?;
        let begun = self.checked(begun, &format!("an upload to {repository}")).await?;
        let location =
            begun.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let url = address::upload(&self.base, location, digest)?;
        let headers = typed("application/octet-stream");
        let ask = Ask { method: Method::PUT, body: Some(content), headers, ..write(url, repository) };
        let done = self.send(&ask).await?;
        self.checked(done, &format!("the blob {digest}")).await.map(drop)
    }
}

/// A request that writes; a POST if nothing else is said.
fn write(url: reqwest::Url, repository: &str) -> Ask<'_> {
    Ask { method: Method::POST, writes: true, ..Ask::read(url, repository) }
}

fn typed(kind: &'static str) -> HeaderMap {
    [(CONTENT_TYPE, HeaderValue::from_static(kind))].into_iter().collect()
}

/// Whether an answer goes on after `have` bytes.
fn continues(response: &Response, have: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let from = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
    response.status() == StatusCode::PARTIAL_CONTENT && from == Some(have)
}

/// Refuses to begin what does not fit on the disk.
fn refuse_without_room(directory: &Path, needed: u64) -> Result<(), Error> {
    let Ok(found) = rustix::fs::statvfs(directory) else { return Ok(()) };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    // Once as they come, and once unpacked.
    if free >= needed.saturating_mul(2) {
        return Ok(());
    }
    let message = format!(
        "{} has {} MiB of free space, and the pack needs {} MiB",
        directory.display(),
        free >> 20,
        (needed >> 19) + 1
    );
    Err(Error::new(Kind::Machine, message, "free some space there and try again: nothing was changed"))
}

impl<'b> Coming<'b> {
    /// Begins a blob, or goes on with the part of it that is there.
    async fn begin(blob: &'b Descriptor, path: PathBuf) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::of_file("written", &path, &error);
        let is_too_long = tokio::fs::metadata(&path).await.is_ok_and(|found| found.len() > blob.size);
        if is_too_long {
            tokio::fs::remove_file(&path).await.map_err(failed)?;
        }
        let there = path.clone();
        let read = tokio::task::spawn_blocking(move || sum_of(&there)).await;
        let (sum, have) = read.map_err(|error| failed(io::Error::other(error)))?.map_err(failed)?;
        let file = OpenOptions::new().create(true).append(true).open(&path).await.map_err(failed)?;
        Ok(Self { blob, path, file, sum, have })
    }

    async fn add(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).await.map_err(|error| Error::of_file("written", &self.path, &error))?;
        self.sum.add(bytes);
        self.have += bytes.len() as u64;
        Ok(())
    }

    async fn empty(&mut self) -> Result<(), Error> {
        self.file.set_len(0).await.map_err(|error| Error::of_file("written", &self.path, &error))?;
        (self.sum, self.have) = (Sum::default(), 0);
        Ok(())
    }
}

/// The digest so far and the length of the part of a blob that is there.
fn sum_of(path: &Path) -> io::Result<(Sum, u64)> {
    let mut file = match PlainFile::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Sum::default(), 0)),
        file => file?,
    };
    let (mut sum, mut buffer, mut have) = (Sum::default(), vec![0; 64 << 10], 0);
    loop {
        let count = io::Read::read(&mut file, &mut buffer)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok((sum, have));
        };
        sum.add(bytes);
        have += count as u64;
    }
}
