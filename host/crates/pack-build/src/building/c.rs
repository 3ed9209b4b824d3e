//! C, by zig, which brings everything along, or by clang with wasi-libc.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::language::Language;
use crate::sources::Sources;
use crate::tool::{Tool, command, run};

const ZIG: Tool = Tool {
    name: "zig",
    programs: &["zig", "python-zig"],
    command: "pip install ziglang==0.17.0 (or, on Debian: apt-get install clang lld wasi-libc libclang-rt-dev-wasm32)",
};
const CLANG: Tool = Tool { name: "clang", programs: &["clang"], command: "" };
/// Where Debian's wasi-libc is.
const WASI_LIBC: &str = "/usr/include/wasm32-wasi";

/// The bytes of the stack: as much as clang gives, where zig gives 16 MiB, which each call of the action would hold.
const STACK: u32 = 128 << 10;

pub(super) fn build(sources: &Sources) -> Result<PathBuf, Error> {
    let core = sources.target("core.wasm")?;
    let mut compile = match ZIG.find(Language::C, &sources.beside(".venv/bin")) {
        Ok(zig) => {
            let mut zig = command(zig, &sources.directory);
            zig.args(["cc", "-target", "wasm32-wasi"]);
            zig
        }
        Err(missing) => {
            let clang = CLANG.find(Language::C, &[]).ok().filter(|_| Path::new(WASI_LIBC).is_dir());
            let mut clang = command(clang.ok_or(missing)?, &sources.directory);
            clang.args(["--target=wasm32-wasi", "--sysroot=/usr"]);
            clang
        }
    };
    compile
        .args(["-mexec-model=reactor", "-Oz", "-s", "-Wall"])
        .arg(format!("-Wl,-z,stack-size={STACK}"))
        .arg("-I")
        .arg(&sources.library.sdk)
        .args(files(&sources.directory)?)
        .args(files(&sources.library.sdk)?)
        .arg("-o")
        .arg(&core);
    run(&mut compile)?;
    Ok(core)
}

/// All sources of the pack, in order.
fn files(directory: &Path) -> Result<Vec<OsString>, Error> {
    let failed = |error| Error::of_file("read", directory, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|end| end == "c") {
            files.push(path.into_os_string());
        }
    }
    files.sort();
    Ok(files)
}
