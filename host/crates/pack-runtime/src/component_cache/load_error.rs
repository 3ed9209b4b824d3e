//! Reasons why a component cannot be loaded. Failures of a call that has begun are in `failure`.

use std::path::PathBuf;

/// Reasons why a component cannot be loaded.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// The file does not exist or cannot be read.
    #[error("the component {} cannot be read: {reason}", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        reason: String,
    },
    /// The file is not a component, or it cannot be compiled.
    #[error("{name} is not a component: {reason}")]
    Invalid {
        /// The path of the file, or a description of where the bytes came from.
        name: String,
        /// The reason, as a clause that begins with "it".
        reason: String,
    },
    /// The component was built for another world.
    #[error(
        "{name} is a component, but not one for this host: {reason}; it exports {exports}; it imports {imports}"
    )]
    World {
        /// The path of the file, or a description of where the bytes came from.
        name: String,
        /// The export or import that does not fit.
        reason: String,
        /// Its exports, separated by commas.
        exports: String,
        /// Its imports apart from WASI, separated by commas.
        imports: String,
    },
    /// A directory that the pack is granted cannot be opened.
    #[error("{0}")]
    Mount(String),
    /// The host cannot run components at all, for example because wasmtime did not start.
    #[error("components cannot be run on this host: {0}")]
    Host(String),
}

impl LoadError {
    /// The stable error code of an execution that fails for this reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "component.missing",
            Self::Invalid { .. } => "component.invalid",
            Self::World { .. } => "component.world",
            Self::Mount(_) => "component.mount",
            Self::Host(_) => "component.host",
        }
    }

    /// Advice for the author of the pack or the operator.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "entry_point names a file within the pack, for example wasm/NAME.wasm; build the component, and register the pack again"
            }
            Self::Invalid { .. } => {
                "build it for the target wasm32-wasip2 with an SDK of Petrel, and register the pack again"
            }
            Self::World { .. } => {
                "build it against a world of petrel:pack of this version, for example with petrel-pack-sdk; an action needs action-world, and a sensor one of the worlds of sensors"
            }
            Self::Mount(_) => {
                "make the directory, or mount another one with `petrel pack grant PACK files=HOST-DIR:GUEST-PATH`, or none with `petrel pack revoke PACK files=GUEST-PATH`; see runners.grant_directories, too, if that grants it"
            }
            Self::Host(_) => "see the log of the host",
        }
    }
}
