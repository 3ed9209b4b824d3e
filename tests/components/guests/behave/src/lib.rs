//! Actions that do what components should not, and a few that do what they may: each is run by a test of
//! `petrel-pack-runtime`.

#![expect(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "the form that actions have")]

use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::thread;
use std::time::Duration;

mod asking;
mod attempt;
#[cfg(target_family = "wasm")]
mod escapes;
#[cfg(target_family = "wasm")]
mod handles;

use petrel_pack_sdk::{Action, Context, Error, ErrorKind, Level, Request, TriggerType, export_actions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use attempt::Attempt;

/// What all actions take; each looks at what it needs.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Input {
    /// A text, a path, a name or an address.
    pub text: String,
    /// A number of bytes, lines or milliseconds.
    pub count: u64,
}

type Answer = Result<String, Error>;

fn echo(ctx: &Context, input: Input) -> Result<Input, Error> {
    ctx.info("echo");
    Ok(input)
}

fn context(ctx: &Context, _: Input) -> Answer {
    let seconds = ctx.time_left().as_secs();
    Ok(format!("{} {}.{} {} {} {seconds}", ctx.execution_id, ctx.pack, ctx.action, ctx.user, ctx.attempt))
}

fn spin(_: &Context, _: Input) -> Answer {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn hog(_: &Context, input: Input) -> Answer {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for _ in 0..input.count >> 20 {
        kept.push(black_box(vec![1; 1 << 20]));
    }
    Ok(format!("{} MiB", kept.len()))
}

fn hog_politely(_: &Context, input: Input) -> Answer {
    let mut kept: Vec<u8> = Vec::new();
    let wanted = usize::try_from(input.count).unwrap_or(usize::MAX);
    Ok(kept.try_reserve_exact(wanted).map_or_else(|_| "refused".to_owned(), |()| "got it".to_owned()))
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u64) -> u64 {
    let ballast = black_box([depth; 64]);
    deeper(depth.wrapping_add(1)).wrapping_add(black_box(ballast).iter().sum::<u64>())
}

fn recurse(_: &Context, _: Input) -> Answer {
    Ok(deeper(0).to_string())
}

fn trap(_: &Context, _: Input) -> Answer {
    std::process::abort()
}

#[expect(clippy::panic, reason = "that is what it is for")]
fn panic(_: &Context, input: Input) -> Answer {
    panic!("{}", input.text)
}

#[expect(clippy::exit, reason = "that is what it is for")]
fn exit(_: &Context, input: Input) -> Answer {
    std::process::exit(i32::try_from(input.count).unwrap_or(1))
}

fn open(_: &Context, input: Input) -> Answer {
    Ok(fs::read_to_string(&input.text)?)
}

fn create(_: &Context, input: Input) -> Answer {
    fs::write(&input.text, "written by a component")?;
    Ok("written".to_owned())
}

#[expect(clippy::expect_used, reason = "that is what it is for")]
fn open_carelessly(_: &Context, input: Input) -> Answer {
    Ok(fs::read_to_string(&input.text).expect("the file can be read"))
}

fn open_many(_: &Context, input: Input) -> Answer {
    let mut kept = Vec::new();
    for _ in 0..input.count {
        kept.push(fs::File::open(&input.text)?);
    }
    Ok(format!("{} files", kept.len()))
}

fn handles(_: &Context, input: Input) -> Answer {
    #[cfg(target_family = "wasm")]
    let made = handles::make(input.count);
    #[cfg(not(target_family = "wasm"))]
    let made = input.count;
    Ok(format!("{made} handles"))
}

fn connect(_: &Context, input: Input) -> Answer {
    TcpStream::connect(&input.text)?;
    Ok("connected".to_owned())
}

#[expect(clippy::expect_used, reason = "that is what it is for")]
fn connect_carelessly(_: &Context, input: Input) -> Answer {
    TcpStream::connect(&input.text).expect("connected");
    Ok("connected".to_owned())
}

fn connect_carefully(_: &Context, input: Input) -> Answer {
    Ok(TcpStream::connect(&input.text)
        .map_or_else(|error| format!("without: {error}"), |_| "connected".to_owned()))
}

fn listen(_: &Context, input: Input) -> Answer {
    TcpListener::bind(&input.text)?;
    Ok("listening".to_owned())
}

fn send(_: &Context, input: Input) -> Answer {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.send_to(b"hello", &input.text)?;
    Ok("sent".to_owned())
}

fn resolve(_: &Context, input: Input) -> Answer {
    Ok(format!("{:?}", (input.text.as_str(), 80).to_socket_addrs()?.collect::<Vec<_>>()))
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "that is what it is for")]
fn print(_: &Context, input: Input) -> Answer {
    for number in 0..input.count {
        println!("{number} {}", input.text);
        eprintln!("{number} {}", input.text);
    }
    print!("the end");
    Ok("printed".to_owned())
}

fn log(ctx: &Context, input: Input) -> Answer {
    for _ in 0..input.count {
        ctx.log_with(Level::Warn, &input.text, &petrel_pack_sdk::describe(&[]));
    }
    ctx.progress(0.5, Some("half"));
    Ok("logged".to_owned())
}

fn big_result(_: &Context, input: Input) -> Answer {
    Ok("x".repeat(usize::try_from(input.count).unwrap_or(0)))
}

fn sleep(_: &Context, input: Input) -> Answer {
    thread::sleep(Duration::from_millis(input.count));
    Ok("slept".to_owned())
}

fn environment(_: &Context, _: Input) -> Answer {
    let mut input = String::new();
    std::io::stdin().read_line(&mut input)?;
    Ok(format!(
        "{:?} {:?} {input:?}",
        std::env::vars().collect::<Vec<_>>(),
        std::env::args().collect::<Vec<_>>()
    ))
}

/// The value of the configuration with this name.
fn config(ctx: &Context, input: Input) -> Answer {
    let config: BTreeMap<String, String> = ctx.config()?;
    Ok(config.get(&input.text).cloned().unwrap_or_default())
}

/// The payload of events.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Done {
    text: String,
}

/// So many events of the trigger type `text`. The last id.
fn emit(ctx: &Context, input: Input) -> Answer {
    let mut event = TriggerType::new("done").event(&Done { text: "done".to_owned() })?;
    event.trigger = input.text;
    let mut last = String::new();
    for _ in 0..input.count {
        last = ctx.emit(&event)?;
    }
    Ok(last)
}

/// The status and the body of the answer to a request, which is a POST if there are bytes to send.
fn fetch(ctx: &Context, input: Input) -> Answer {
    let request = match usize::try_from(input.count) {
        Ok(size @ 1..) => Request::new("POST", input.text).body(vec![b'x'; size]),
        _ => Request::get(input.text).header("x-from", "behave"),
    };
    let answer = ctx.fetch(&request)?;
    let status = answer.status;
    Ok(format!("{status} {}", answer.text()?))
}

/// One attempt to escape, by the functions of WASI themselves.
fn escape(ctx: &Context, attempt: Attempt) -> Answer {
    #[cfg(target_family = "wasm")]
    let told = escapes::make(ctx, &attempt)?;
    #[cfg(not(target_family = "wasm"))]
    let told = format!("{} {attempt:?}", ctx.action);
    Ok(told)
}

fn fail(_: &Context, input: Input) -> Answer {
    let after = Some(Duration::from_millis(input.count));
    Err(Error::new(ErrorKind::RateLimited(after), input.text)
        .code("behave.busy")
        .hint("wait")
        .details("more"))
}

export_actions![
    Action::new("echo", echo).description("Gives back its input").idempotent(),
    Action::new("context", context),
    Action::new("spin", spin),
    Action::new("hog", hog),
    Action::new("hog_politely", hog_politely),
    Action::new("recurse", recurse),
    Action::new("trap", trap),
    Action::new("panic", panic),
    Action::new("exit", exit),
    Action::new("open", open),
    Action::new("open_many", open_many),
    Action::new("handles", handles),
    Action::new("create", create),
    Action::new("open_carelessly", open_carelessly),
    Action::new("connect", connect),
    Action::new("connect_carelessly", connect_carelessly),
    Action::new("connect_carefully", connect_carefully),
    Action::new("listen", listen),
    Action::new("send", send),
    Action::new("resolve", resolve),
    Action::new("print", print),
    Action::new("log", log),
    Action::new("big_result", big_result),
    Action::new("sleep", sleep),
    Action::new("environment", environment),
    Action::new("config", config),
    Action::new("emit", emit),
    Action::new("fetch", fetch),
    Action::new("escape", escape),
    Action::new("fail", fail),
    Action::new("kv_get", asking::kv_get),
    Action::new("kv_set", asking::kv_set),
    Action::new("kv_delete", asking::kv_delete),
    Action::new("kv_list", asking::kv_list),
    Action::new("secret", asking::secret),
    Action::new("reveal", asking::reveal),
    Action::new("send_secret", asking::send_secret),
    Action::new("call", asking::call),
    Action::new("around", asking::around),
];
