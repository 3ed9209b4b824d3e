//! Decompresses answers: the codings of `Content-Encoding`, in Rust without a library of the system.
//!
//! The server decides how far its answer expands. So the output is taken in pieces, each of which may be refused, and
//! intermediate data between two codings, which nobody sees, is bounded as well ([`Packed`]).

use std::error::Error;
use std::io::{self, BufRead, Cursor, Read};

use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod tests;

/// The supported codings, as the value of `Accept-Encoding`.
pub(super) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// Largest number of codings on top of each other.
const LAYERS: usize = 4;

/// Largest window of `zstd`, in bytes (RFC 9659).
const WINDOW: u64 = 8 << 20;

/// Bytes that are unpacked at a time.
const PIECE: usize = 64 << 10;

/// Largest number of `gzip` members or `zstd` frames. Empty ones cost time and produce no output that a limit would
/// catch.
const PARTS: usize = 100_000;

/// The first bytes of a `gzip` member.
const MEMBER: [u8; 3] = [0x1f, 0x8b, 8];

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Limits of unpacking.
pub(super) struct Bounds {
    /// Bytes that are read for each coding.
    pub(super) limit: usize,
    /// Fires when the request has ended, so that nobody waits for the output.
    pub(super) ended: CancellationToken,
}

/// Reasons why an answer was not unpacked.
pub(super) enum UnpackError<E> {
    /// The data is not in the declared coding.
    Damaged(io::Error),
    /// The consumer refused the output.
    Refused(E),
}

/// The codings of an answer, last one first. Empty if there are none or one is unknown; then the body is left as it is,
/// as in StackStorm.
pub(super) fn codings(headers: &HeaderMap) -> Vec<Coding> {
    let said = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let names = said.flat_map(|value| value.split(','));
    let names = names.map(|name| name.trim().to_ascii_lowercase()).filter(|name| {
        // `identity` means that the body is not encoded.
        !name.is_empty() && name != "identity"
    });
    let known = names.map(|name| match name.as_str() {
        "gzip" | "x-gzip" => Some(Coding::Gzip),
        "deflate" => Some(Coding::Deflate),
        "br" => Some(Coding::Brotli),
        "zstd" => Some(Coding::Zstd),
        _ => None,
    });
    let mut codings: Vec<_> = known.collect::<Option<_>>().unwrap_or_default();
    codings.reverse();
    codings
}

/// Unpacks `bytes` within `bounds`, and passes the output to `take` until that refuses it.
pub(super) fn unpack<E>(
    codings: &[Coding],
    bytes: Vec<u8>,
    bounds: &Bounds,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), UnpackError<E>> {
    if codings.len() > LAYERS {
        let why = format!("it is packed {} times over, and {LAYERS} is the limit", codings.len());
        return Err(UnpackError::Damaged(io::Error::other(why)));
    }
    let mut unpacked: Box<dyn Read> = Box::new(Cursor::new(bytes));
    for coding in codings {
        unpacked = reader(*coding, Packed::new(unpacked, bounds)).map_err(UnpackError::Damaged)?;
    }
    let mut piece = vec![0; PIECE];
    loop {
        let count = match unpacked.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(UnpackError::Damaged(error)),
        };
        take(piece.get(..count).unwrap_or_default()).map_err(UnpackError::Refused)?;
    }
}

fn reader(coding: Coding, mut packed: Packed) -> io::Result<Box<dyn Read>> {
    Ok(match coding {
        Coding::Gzip => Box::new(Members { member: Some(GzDecoder::new(packed)), count: 1 }),
        Coding::Deflate => {
            // The standard requires a zlib header, and some servers send raw deflate without one.
            let has_head = matches!(packed.ahead(2)?, [method, flags, ..] if method & 0xf == 8
                && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0);
            if has_head { Box::new(ZlibDecoder::new(packed)) } else { Box::new(DeflateDecoder::new(packed)) }
        }
        Coding::Brotli => Box::new(brotli_decompressor::Decompressor::new(packed, 4096)),
        Coding::Zstd => Box::new(Frames::new(packed)),
    })
}

/// The input of a coding: the answer, or the output of the coding around it. Reading fails when the limit is exceeded,
/// or when the request has ended.
struct Packed {
    from: Box<dyn Read>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were consumed.
    at: usize,
    limit: usize,
    /// Bytes that may still be read.
    left: usize,
    ended: CancellationToken,
}

impl Packed {
    fn new(from: Box<dyn Read>, bounds: &Bounds) -> Self {
        let Bounds { limit, ended } = bounds;
        Self { from, buffer: Vec::new(), at: 0, limit: *limit, left: *limit, ended: ended.clone() }
    }

    /// The next bytes, at least `count` of them unless the input ends before.
    fn ahead(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.at < count {
            if self.more()? == 0 {
                break;
            }
        }
        Ok(self.buffer.get(self.at..).unwrap_or_default())
    }

    /// Reads more, and returns the number of bytes.
    fn more(&mut self) -> io::Result<usize> {
        if self.ended.is_cancelled() {
            return Err(io::Error::other("the request has ended"));
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let held = self.buffer.len();
        self.buffer.resize(held + PIECE, 0);
        let read = self.from.read(self.buffer.get_mut(held..).unwrap_or_default());
        self.buffer.truncate(held + read.as_ref().map_or(0, |count| *count));
        let count = read?;
        self.left = self.left.checked_sub(count).ok_or_else(|| {
            io::Error::other(format!(
                "it has more than {} bytes between its codings, which is the limit",
                self.limit
            ))
        })?;
        Ok(count)
    }
}

impl BufRead for Packed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.ahead(1)
    }

    fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.buffer.len());
    }
}

impl Read for Packed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut ahead = self.fill_buf()?;
        let count = ahead.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

/// Counts one more part, and fails at the limit.
fn counted(parts: &mut usize) -> io::Result<()> {
    *parts += 1;
    if *parts > PARTS {
        return Err(io::Error::other(format!("it is in more than {PARTS} parts, which is the limit")));
    }
    Ok(())
}

/// The members of a `gzip` stream, one after the other.
struct Members {
    /// The member that is being read. `None` after the last one.
    member: Option<GzDecoder<Packed>>,
    count: usize,
}

impl Members {
    /// The member after the one that has ended. Trailing bytes that are not a member are ignored, as urllib3 does in
    /// StackStorm.
    fn follower(&mut self) -> io::Result<Option<GzDecoder<Packed>>> {
        let Some(member) = self.member.take() else { return Ok(None) };
        let mut packed = member.into_inner();
        if !packed.ahead(MEMBER.len())?.starts_with(&MEMBER) {
            return Ok(None);
        }
        counted(&mut self.count)?;
        Ok(Some(GzDecoder::new(packed)))
    }
}

impl Read for Members {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            self.member = self.follower()?;
        }
        Ok(0)
    }
}

/// The frames of a `zstd` stream, one after the other.
struct Frames {
    packed: Packed,
    decoder: FrameDecoder,
    /// Whether the decoder is within a frame.
    is_open: bool,
    count: usize,
}

impl Frames {
    fn new(packed: Packed) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self { packed, decoder, is_open: false, count: 0 }
    }

    /// Begins the next frame, if there is one.
    fn open(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            counted(&mut self.count)?;
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.packed.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::Error::other(CUT));
                    }
                }
                Err(error) => return Err(worded(&error)),
            }
        }
        Ok(false)
    }
}

impl Read for Frames {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_open && self.decoder.can_collect() > 0 {
                return self.decoder.read(into);
            }
            if self.is_open && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.packed, one).map_err(|error| worded(&error))?;
                continue;
            }
            if self.is_open {
                let said = self.decoder.get_checksum_from_data();
                if said.is_some() && said != self.decoder.get_calculated_checksum() {
                    return Err(io::Error::other("its checksum is wrong"));
                }
            }
            self.is_open = self.open()?;
            if !self.is_open {
                return Ok(0);
            }
        }
    }
}

/// The error for input that ends too early.
const CUT: &str = "it breaks off";

/// Words the error of a frame for people.
fn worded(error: &FrameDecoderError) -> io::Error {
    io::Error::other(match error {
        FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_)) => {
            "it does not begin with the bytes of zstd".to_owned()
        }
        FrameDecoderError::WindowSizeTooBig { requested, .. } => {
            format!("it refers {requested} bytes back, and {WINDOW} is the limit")
        }
        FrameDecoderError::DictNotProvided { .. } => "it needs a dictionary".to_owned(),
        error => match cause(error) {
            Some(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => CUT.to_owned(),
            Some(cause) => cause.to_string(),
            None => "it is damaged".to_owned(),
        },
    })
}

/// The error of the underlying reader, if that is the cause.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(cause) = error.downcast_ref() {
            return Some(cause);
        }
        next = error.source();
    }
    None
}
