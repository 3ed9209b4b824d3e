//! Reads what a server has packed: the codings of `Content-Encoding`, in Rust without a library of the system.
//!
//! Who packs decides how much comes out, so it is taken in pieces, each of which may be refused; and what is between two
//! codings, which nobody sees, is bounded as well ([`Packed`]).

use std::error::Error;
use std::io::{self, BufRead, Cursor, Read};

use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod tests;

/// What is read, as `Accept-Encoding` has it.
pub(super) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// How many codings may be on top of each other.
const LAYERS: usize = 4;

/// How far back `zstd` may refer, in bytes (RFC 9659).
const WINDOW: u64 = 8 << 20;

/// How much is unpacked in one go, in bytes.
const PIECE: usize = 64 << 10;

/// How many members of `gzip` or frames of `zstd` may be behind each other: an empty one is work that shows nowhere.
const PARTS: usize = 100_000;

/// How a member of `gzip` begins.
const MEMBER: [u8; 3] = [0x1f, 0x8b, 8];

/// A way of packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// How far unpacking goes.
pub(super) struct Bounds {
    /// How many bytes are read for each coding at most.
    pub(super) limit: usize,
    /// Fires when nobody waits for what comes out any more.
    pub(super) ended: CancellationToken,
}

/// Why something was not unpacked.
pub(super) enum Failed<E> {
    /// It is not what it is said to be.
    Damaged(io::Error),
    /// What came out was not taken.
    Refused(E),
}

/// How an answer is packed, the last coding first. Nothing if it is not, or in a way that is not known here: then it is
/// left as it is, as in StackStorm.
pub(super) fn codings(headers: &HeaderMap) -> Vec<Coding> {
    let said = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let names = said.flat_map(|value| value.split(','));
    let names = names.map(|name| name.trim().to_ascii_lowercase()).filter(|name| {
        // `identity` says that it is not packed.
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

/// Unpacks `bytes` within `bounds`, and gives what comes out to `take` until that refuses it.
pub(super) fn unpack<E>(
    codings: &[Coding],
    bytes: Vec<u8>,
    bounds: &Bounds,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), Failed<E>> {
    if codings.len() > LAYERS {
        let why = format!("it is packed {} times over, and {LAYERS} is the limit", codings.len());
        return Err(Failed::Damaged(io::Error::other(why)));
    }
    let mut unpacked: Box<dyn Read> = Box::new(Cursor::new(bytes));
    for coding in codings {
        unpacked = reader(*coding, Packed::new(unpacked, bounds)).map_err(Failed::Damaged)?;
    }
    let mut piece = vec![0; PIECE];
    loop {
        let count = match unpacked.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failed::Damaged(error)),
        };
        take(piece.get(..count).unwrap_or_default()).map_err(Failed::Refused)?;
    }
}

fn reader(coding: Coding, mut packed: Packed) -> io::Result<Box<dyn Read>> {
    Ok(match coding {
        Coding::Gzip => Box::new(Members { member: Some(GzDecoder::new(packed)), count: 1 }),
        Coding::Deflate => {
            // By the standard it has a head, and from some servers it has none.
            let has_head = matches!(packed.ahead(2)?, [method, flags, ..] if method & 0xf == 8
                && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0);
            if has_head { Box::new(ZlibDecoder::new(packed)) } else { Box::new(DeflateDecoder::new(packed)) }
        }
        Coding::Brotli => Box::new(brotli_decompressor::Decompressor::new(packed, 4096)),
        Coding::Zstd => Box::new(Frames::new(packed)),
    })
}

/// What a coding is read from: the answer, or what came out of the coding around it. Ends when it is more than it may be, or
/// nobody waits for it any more.
struct Packed {
    from: Box<dyn Read>,
    buffer: Vec<u8>,
    /// How much of the buffer was taken.
    at: usize,
    limit: usize,
    /// How much more there may be.
    left: usize,
    ended: CancellationToken,
}

impl Packed {
    fn new(from: Box<dyn Read>, bounds: &Bounds) -> Self {
        let Bounds { limit, ended } = bounds;
        Self { from, buffer: Vec::new(), at: 0, limit: *limit, left: *limit, ended: ended.clone() }
    }

    /// What comes next, at least so many bytes if there are.
    fn ahead(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.buffer.len() - self.at < count {
            if self.more()? == 0 {
                break;
            }
        }
        Ok(self.buffer.get(self.at..).unwrap_or_default())
    }

    /// Reads more, and says how much that was.
    fn more(&mut self) -> io::Result<usize> {
        if self.ended.is_cancelled() {
            return Err(io::Error::other("nobody waits for it any more"));
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
                "between its codings are more than {} bytes, which is the limit",
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

/// Counts one more part.
fn counted(parts: &mut usize) -> io::Result<()> {
    *parts += 1;
    if *parts > PARTS {
        return Err(io::Error::other(format!("it is in more than {PARTS} parts, which is the limit")));
    }
    Ok(())
}

/// The members of `gzip`, one behind the other.
struct Members {
    /// The one that is read; nothing behind the last.
    member: Option<GzDecoder<Packed>>,
    count: usize,
}

impl Members {
    /// The member behind the one that has ended. What is behind a whole one and does not begin as one is dropped, as
    /// urllib3 does in StackStorm.
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

/// The frames of `zstd`, one behind the other.
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

/// What is said of something that has no end.
const CUT: &str = "it breaks off";

/// What is wrong with a frame, for people.
fn worded(error: &FrameDecoderError) -> io::Error {
    io::Error::other(match error {
        FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_)) => {
            "it does not begin as zstd does".to_owned()
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

/// What went wrong where a frame is read from, if that did.
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
