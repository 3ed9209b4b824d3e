//! The packs that ship inside the binary, with their components. The build script writes the table.
//!
//! Here they only lie; putting them into the data directory and registering them is done where the server
//! is started.

/// A pack that ships inside the binary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BundledPack {
    /// Its short name, `core` for example.
    pub(crate) name: &'static str,
    /// Tells this version of its files from any other: 32 hexadecimal digits. It is no checksum to trust.
    pub(crate) digest: &'static str,
    /// Its files: the path within the pack, with `/` between the parts, and the content. Sorted by path.
    pub(crate) files: &'static [(&'static str, &'static [u8])],
}

/// All packs that ship inside the binary, sorted by name.
pub(crate) static PACKS: &[BundledPack] = include!(concat!(env!("OUT_DIR"), "/bundled_packs.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_has_its_metadata_and_its_component() {
        assert_eq!(PACKS.iter().map(|pack| pack.name).collect::<Vec<_>>(), ["core", "github"]);
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
