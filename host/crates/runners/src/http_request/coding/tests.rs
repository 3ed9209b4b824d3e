//! Hostile answers, and bytes after the end of an answer.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

const LIMIT: usize = 4 << 20;

/// A skippable frame of `zstd`, which is empty.
const SKIPPED: [u8; 8] = *b"\x50\x2a\x4d\x18\0\0\0\0";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn bounds() -> Bounds {
    Bounds { limit: LIMIT, ended: CancellationToken::new() }
}

/// The output, or the reason why there is none.
fn unpacked(codings: &[Coding], bytes: Vec<u8>, bounds: &Bounds) -> Result<Vec<u8>, String> {
    let mut whole = Vec::new();
    let taken = unpack(codings, bytes, bounds, |piece| {
        whole.extend_from_slice(piece);
        if whole.len() > LIMIT { Err("too much") } else { Ok(()) }
    });
    match taken {
        Ok(()) => Ok(whole),
        Err(UnpackError::Damaged(error)) => Err(error.to_string()),
        Err(UnpackError::Refused(reason)) => Err(reason.to_owned()),
    }
}

#[test]
fn what_is_between_codings_is_bounded() {
    let empty = gzip(b"");
    let (few, many) = (empty.repeat(1_000), empty.repeat(PARTS + 1));
    let much = [gzip(b""), vec![0; LIMIT + PIECE]].concat();
    let outer = [Coding::Gzip, Coding::Gzip];
    let frame = [Coding::Gzip, Coding::Zstd];
    let long = b"\x50\x2a\x4d\x18\0\0\0\x01";
    let twice = [Coding::Gzip, Coding::Gzip, Coding::Gzip];
    for (name, codings, bytes, expected) in [
        ("few members", &outer[..], gzip(&few), Ok(vec![])),
        ("many members", &outer, gzip(&many), Err("more than 100000 parts")),
        ("the same, packed twice", &twice, gzip(&gzip(&many)), Err("more than 100000 parts")),
        (
            "a frame of nothing",
            &frame,
            gzip(&[long.to_vec(), vec![0; LIMIT + PIECE]].concat()),
            Err("between its"),
        ),
        ("many frames", &frame, gzip(&SKIPPED.repeat(PARTS + 1)), Err("100000 parts")),
        ("no zlib", &[Coding::Gzip, Coding::Deflate], gzip(&[0xff; 8]), Err("deflate")),
        ("behind the end", &outer, gzip(&much), Ok(vec![])),
    ] {
        match (unpacked(codings, bytes, &bounds()), expected) {
            (Err(told), Err(part)) => assert!(told.contains(part), "{name}: {told}"),
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned), "{name}"),
        }
    }
}

#[test]
fn nothing_is_unpacked_for_nobody() {
    let bounds = bounds();
    bounds.ended.cancel();
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
        let told = unpacked(&[coding], gzip(&[0; 1_000]), &bounds);
        assert!(told.is_err_and(|told| told.contains("the request has ended")), "{coding:?}");
    }
}

#[test]
fn what_is_behind_a_whole_member_is_dropped_unless_it_is_one() {
    for (behind, expected) in [
        (&b""[..], "abc"),
        (b"\0", "abc"),
        (b"\0\0\0\0", "abc"),
        (b"\x1f", "abc"),
        (b"\x1f\x8b", "abc"),
        (b"\r\ntrailing", "abc"),
        (&gzip(b"def"), "abcdef"),
        (&[gzip(b"def"), b"\n".to_vec()].concat(), "abcdef"),
    ] {
        let bytes = [&gzip(b"abc")[..], behind].concat();
        let found = unpacked(&[Coding::Gzip], bytes, &bounds());
        assert_eq!(found, Ok(expected.as_bytes().to_vec()), "{behind:?}");
    }
    // The first of them is not gzip, or ends too early.
    for bytes in [&b"abc"[..], &gzip(b"abc")[..12]] {
        assert!(unpacked(&[Coding::Gzip], bytes.to_vec(), &bounds()).is_err(), "{bytes:?}");
    }
}

#[test]
fn a_frame_that_is_wrong_says_how() {
    for (bytes, expected) in [
        (&b"\x50\x2a\x4d\x18\x05\0\0\0abc"[..], CUT),
        (b"\x50\x2a\x4d\x18\x05\0", CUT),
        (b"{\"a\": 1}", "it does not begin with the bytes of zstd"),
        (b"(\xb5/\xfd$\x10", CUT),
        (b"(\xb5/\xfd\x00\xa0\0\0\0", "bytes back"),
    ] {
        let told = unpacked(&[Coding::Zstd], bytes.to_vec(), &bounds());
        assert!(told.as_ref().is_err_and(|told| told.contains(expected)), "{bytes:?}: {told:?}");
    }
    let whole = unpacked(&[Coding::Zstd], b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), &bounds());
    assert_eq!(whole, Ok(vec![]));
}
