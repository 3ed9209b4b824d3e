//! Why a component cannot be run, before it has run. How a call that was begun ends badly is in `failure`.

use std::path::PathBuf;

/// Why a component cannot be run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LoadError {
    /// There is no such file.
    #[error("the component {} cannot be read: {reason}", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file is no component, or one that cannot be compiled.
    #[error("{name} is not a component: {reason}")]
    Invalid {
        /// The file, or what else is known of it.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is a component, made for another host.
    #[error(
        "{name} is a component, but not one for this host: {reason}; it exports {exports}; it imports {imports}"
    )]
    World {
        /// The file, or what else is known of it.
        name: String,
        /// What is missing.
        reason: String,
        /// What it exports, by name.
        exports: String,
        /// What it imports beside WASI, by name.
        imports: String,
    },
    /// The host itself cannot run components.
    #[error("components cannot be run on this host: {0}")]
    Host(String),
}

impl LoadError {
    /// The stable code of a failure for this reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "component.missing",
            Self::Invalid { .. } => "component.invalid",
            Self::World { .. } => "component.world",
            Self::Host(_) => "component.host",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "entry_point names a file within the pack, for example wasm/NAME.wasm; build the component, and register the pack again"
            }
            Self::Invalid { .. } => {
                "build it for the target wasm32-wasip2 with an SDK of Petrel, and register the pack again"
            }
            Self::World { .. } => {
                "build it against the world petrel:pack/action-world of this version, for example with petrel-pack-sdk"
            }
            Self::Host(_) => "see the log of the host",
        }
    }
}
