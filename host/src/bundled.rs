//! The packs inside the binary, with their components. The build script writes the table.
//!
//! The host's own packs are laid out in the data directory and registered when the server starts. The others are
//! registered on request: `petrel pack install builtin:github`.

use std::path::Path;
use std::sync::Arc;

use petrel_api::Shipped;
use petrel_engine::Engine;

use crate::data_directory;

/// A pack inside the binary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BundledPack {
    /// The short name, such as `core`.
    pub(crate) name: &'static str,
    /// A digest of the files, 32 hexadecimal digits, which distinguishes versions. It is not a checksum to rely on
    /// for security.
    pub(crate) digest: &'static str,
    /// The files, sorted by path: the path within the pack, with `/` as the separator, and the content.
    pub(crate) files: &'static [(&'static str, &'static [u8])],
}

impl BundledPack {
    /// Whether the pack is one of the host's own, which it needs.
    pub(crate) fn is_own(&self) -> bool {
        petrel_model::names::is_own_pack(self.name)
    }
}

/// The pack with this name.
pub(crate) fn find(name: &str) -> Option<&'static BundledPack> {
    PACKS.iter().find(|pack| pack.name == name)
}

/// All packs inside the binary, sorted by name.
pub(crate) static PACKS: &[BundledPack] = include!(concat!(env!("OUT_DIR"), "/bundled_packs.rs"));

/// Registers a pack of the binary if its files have changed: one of the host's own, or one that was installed before.
pub(crate) async fn register(engine: &Engine, data_dir: &Path, pack: &BundledPack) -> anyhow::Result<()> {
    // A pack of the same name that somebody has registered in its place, or has removed, is left alone.
    let known = engine
        .catalog()
        .content()
        .pack(pack.name)
        .ok()
        .filter(|known| known.built_in)
        .map(|known| known.path.clone());
    if known.is_none() && !pack.is_own() {
        return Ok(());
    }
    if data_directory::is_foreign(data_dir, pack) {
        let (pack, path) = (pack.name, data_directory::place_of(data_dir, pack));
        let hint = "move it away and start the host again, or register it (`petrel pack register`)";
        tracing::warn!(pack, path = %path.display(), hint, "what stands in the place of a pack of the binary is left as it is");
        return Ok(());
    }
    let laid_out = data_directory::lay_out(data_dir, pack)?;
    if laid_out.is_new || known.is_none_or(|known| Path::new(&known) != laid_out.path) {
        engine
            .catalog()
            .register_pack(&laid_out.path, true)
            .await
            .map_err(|error| anyhow::anyhow!("the pack {} cannot be registered: {error}", pack.name))?;
    }
    Ok(())
}

/// Whether a pack of the binary is registered as it is laid out in the data directory.
pub(crate) fn is_in_use(engine: &Engine, data_dir: &Path, pack: &BundledPack) -> bool {
    let path = data_directory::place_of(data_dir, pack);
    let content = engine.catalog().content();
    content.pack(pack.name).is_ok_and(|known| known.built_in && Path::new(&known.path) == path)
}

/// Lays out packs of the binary on request.
pub(crate) fn shipped(data_dir: &Path) -> Arc<Shipped> {
    let data_dir = data_dir.to_path_buf();
    let names = PACKS.iter().map(|pack| pack.name).collect();
    Arc::new(Shipped::new(names, move |name| {
        let pack = find(name).ok_or_else(|| format!("petrel comes without a pack {name}"))?;
        let laid_out = data_directory::lay_out(&data_dir, pack).map_err(|error| format!("{error:#}"))?;
        Ok(laid_out.path)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_has_its_metadata_and_its_component() {
        let expected =
            ["core", "elasticsearch", "feed", "github", "http", "json", "kubernetes", "prometheus", "slack"];
        assert_eq!(PACKS.iter().map(|pack| pack.name).collect::<Vec<_>>(), expected);
        assert_eq!(find("github").map(BundledPack::is_own), Some(false));
        assert!(find("core").is_some_and(BundledPack::is_own) && find("linux").is_none());
        for pack in PACKS {
            let content =
                |path: &str| pack.files.iter().find(|(name, _)| *name == path).map(|(_, content)| *content);
            assert!(content("pack.yaml").is_some(), "{}", pack.name);
            let component = content(&format!("wasm/{}.wasm", pack.name)).unwrap();
            assert!(component.starts_with(b"\0asm\x0d"), "{}", pack.name);
            assert!(pack.files.iter().all(|(path, _)| !path.starts_with("component/")), "{}", pack.name);
        }
    }
}
