//! Attempts to take so much of the host that nothing is left to others.

use std::hint::black_box;

use petrel_pack_sdk::{Context, Error, Level};
use wasip2::cli::{environment, stdin, stdout};
use wasip2::clocks::{monotonic_clock, wall_clock};
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasip2::http::types::{Fields, OutgoingRequest, RequestOptions};
use wasip2::io::poll::poll;
use wasip2::random::{insecure, random};
use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp_create_socket::create_udp_socket;

use crate::attempt::Attempt;

/// Takes `count` of what `attempt` names, or does it without an end.
pub(super) fn make(ctx: &Context, what: &str, attempt: &Attempt) -> Result<String, Error> {
    let Attempt { name, count, .. } = attempt;
    match what {
        "random" => Ok(random::get_random_bytes(*count).len().to_string()),
        "insecure random" => Ok(insecure::get_insecure_random_bytes(*count).len().to_string()),
        "zeroes" => {
            let written = stdout::get_stdout().write_zeroes(*count);
            Ok(format!("{written:?}"))
        }
        "input" => Ok(format!("{:?}", stdin::get_stdin().read(*count).map(|bytes| bytes.len()))),
        "poll" => {
            let soon = monotonic_clock::subscribe_duration(0);
            let all = vec![&soon; usize::try_from(*count).unwrap_or(usize::MAX)];
            Ok(poll(&all).len().to_string())
        }
        "crumbs" => {
            let mut kept = Vec::new();
            for number in 0..*count {
                kept.push(black_box(Box::new(number)));
            }
            Ok(kept.len().to_string())
        }
        "pages" => {
            let mut pages = 0;
            while pages < *count && core::arch::wasm32::memory_grow::<0>(1) != usize::MAX {
                pages += 1;
            }
            Ok(format!("{} MiB", pages >> 4))
        }
        "hold" => hold(attempt),
        "endless" => loop {
            once(ctx, name)?;
        },
        other => Err(Error::invalid_input(format!("there is no flood of {other}"))),
    }
}

/// Holds so many of the things that the host keeps for a component.
fn hold(attempt: &Attempt) -> Result<String, Error> {
    let count = attempt.count;
    let made = |made: usize| Ok(format!("{made} held"));
    match attempt.name.as_str() {
        "fields" => made(many(count, Fields::new).len()),
        "requests" => made(many(count, || OutgoingRequest::new(Fields::new())).len()),
        "options" => made(many(count, RequestOptions::new).len()),
        "pollables" => made(many(count, || monotonic_clock::subscribe_duration(u64::MAX)).len()),
        "streams" => made(many(count, stdout::get_stdout).len()),
        "directories" => made(many(count, get_directories).len()),
        "files" => {
            let mounted = get_directories();
            let (directory, _) = mounted.first().ok_or_else(|| Error::permanent("nothing is mounted"))?;
            let open =
                || directory.open_at(PathFlags::empty(), "file", OpenFlags::empty(), DescriptorFlags::READ);
            made(many(count, open).len())
        }
        "tcp sockets" => Ok(sockets(count, || create_tcp_socket(IpAddressFamily::Ipv4))),
        "udp sockets" => Ok(sockets(count, || create_udp_socket(IpAddressFamily::Ipv4))),
        other => Err(Error::invalid_input(format!("nothing is held as {other}"))),
    }
}

fn many<T>(count: u64, make: impl Fn() -> T) -> Vec<T> {
    let mut kept = Vec::new();
    for _ in 0..count {
        kept.push(make());
    }
    kept
}

fn sockets<T>(count: u64, make: impl Fn() -> Result<T, wasip2::sockets::network::ErrorCode>) -> String {
    let mut kept = Vec::new();
    for _ in 0..count {
        match make() {
            Ok(socket) => kept.push(socket),
            Err(code) => return format!("{} and {}", kept.len(), code.name()),
        }
    }
    format!("{} held", kept.len())
}

/// One call of the host.
fn once(ctx: &Context, name: &str) -> Result<(), Error> {
    match name {
        "clock" => _ = black_box((monotonic_clock::now(), wall_clock::now())),
        "random" => drop(black_box(random::get_random_bytes(1 << 10))),
        "log" => ctx.log(Level::Info, "again"),
        "output" => drop(stdout::get_stdout().write(b"again\n")),
        "environment" => drop((environment::get_environment(), environment::get_arguments())),
        "configuration" => drop(ctx.config::<serde_json::Value>()?),
        "wait" => monotonic_clock::subscribe_duration(0).block(),
        "directories" => drop(get_directories()),
        "kv get" => drop(ctx.store("pack").get("a")?),
        "kv list" => drop(ctx.store("pack").keys("")?),
        "kv cas" => drop(ctx.store("pack").cas("a", Some("0"), "x", None)),
        "kv denied" => drop(ctx.store("other").get("a")),
        "secret" => drop(ctx.secret("token")?.placeholder()),
        "call denied" => drop(ctx.call("other.local", &())),
        other => return Err(Error::invalid_input(format!("there is no call {other}"))),
    }
    Ok(())
}
