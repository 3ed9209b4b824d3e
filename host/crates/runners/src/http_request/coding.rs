//! Reads what a server has packed: the codings of `Content-Encoding`, in Rust without a library of the system.
//!
//! Who packs decides how much comes out, so it is taken in pieces, each of which may be refused.

use std::io::{self, BufRead as _, BufReader, Cursor, Read};

use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// What is read, as `Accept-Encoding` has it.
pub(super) const ACCEPTED: &str = "gzip, deflate, br, zstd";

/// How many codings may be on top of each other.
const LAYERS: usize = 4;

/// How far back `zstd` may refer, in bytes (RFC 9659).
const WINDOW: u64 = 8 << 20;

/// How much is unpacked in one go, in bytes.
const PIECE: usize = 64 << 10;

/// A way of packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
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

/// Unpacks `bytes`, and gives what comes out to `take` until that refuses it.
pub(super) fn unpack<E>(
    codings: &[Coding],
    bytes: Vec<u8>,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), Failed<E>> {
    if codings.len() > LAYERS {
        let why = format!("it is packed {} times over, and {LAYERS} is the limit", codings.len());
        return Err(Failed::Damaged(io::Error::other(why)));
    }
    let mut unpacked: Box<dyn Read> = Box::new(Cursor::new(bytes));
    for coding in codings {
        unpacked = reader(*coding, unpacked).map_err(Failed::Damaged)?;
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

fn reader(coding: Coding, mut packed: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
    Ok(match coding {
        Coding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        Coding::Deflate => {
            // By the standard it has a head, and from some servers it has none.
            let mut head = Vec::new();
            packed.by_ref().take(2).read_to_end(&mut head)?;
            let has_head = matches!(head.as_slice(), [method, flags] if method & 0xf == 8
                && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0);
            let whole = Cursor::new(head).chain(packed);
            if has_head {
                Box::new(flate2::read::ZlibDecoder::new(whole))
            } else {
                Box::new(flate2::read::DeflateDecoder::new(whole))
            }
        }
        Coding::Brotli => Box::new(brotli_decompressor::Decompressor::new(packed, 4096)),
        Coding::Zstd => Box::new(Frames::new(packed)),
    })
}

/// The frames of `zstd`, one behind the other.
struct Frames {
    packed: BufReader<Box<dyn Read>>,
    decoder: FrameDecoder,
    /// Whether the decoder is within a frame.
    is_open: bool,
}

impl Frames {
    fn new(packed: Box<dyn Read>) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self { packed: BufReader::new(packed), decoder, is_open: false }
    }

    /// Begins the next frame, if there is one.
    fn open(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    io::copy(&mut self.packed.by_ref().take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
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
                self.decoder.decode_blocks(&mut self.packed, one).map_err(io::Error::other)?;
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
