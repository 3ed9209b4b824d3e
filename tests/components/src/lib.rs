//! Where the components are that tests use. The build script builds them; their sources are in `guests/`,
//! `packs/` and `examples/`.

/// The component of the pack `core`.
pub const CORE: &str = env!("COMPONENT_CORE");

/// The component of the pack `elasticsearch`.
pub const ELASTICSEARCH: &str = env!("COMPONENT_ELASTICSEARCH");

/// The component of the pack `github`.
pub const GITHUB: &str = env!("COMPONENT_GITHUB");

/// The component of the pack `http`.
pub const HTTP: &str = env!("COMPONENT_HTTP");

/// The component of the pack `json`.
pub const JSON: &str = env!("COMPONENT_JSON");

/// The component of the pack `kubernetes`.
pub const KUBERNETES: &str = env!("COMPONENT_KUBERNETES");

/// The component of the pack `prometheus`.
pub const PROMETHEUS: &str = env!("COMPONENT_PROMETHEUS");

/// The component of the pack `slack`.
pub const SLACK: &str = env!("COMPONENT_SLACK");

/// The component of the example pack `feed`.
pub const FEED: &str = env!("COMPONENT_FEED");

/// The component of the example pack `hook`.
pub const HOOK: &str = env!("COMPONENT_HOOK");

/// The component of the example pack `stream`.
pub const STREAM: &str = env!("COMPONENT_STREAM");

/// An action that gives back its input, without the SDK and without a description.
pub const BARE: &str = env!("COMPONENT_BARE");

/// Actions that do what components should not.
pub const BEHAVE: &str = env!("COMPONENT_BEHAVE");

/// Sensors that take requests.
pub const HOOKS: &str = env!("COMPONENT_HOOKS");

/// Sensors that poll, and do what they should not.
pub const POLLS: &str = env!("COMPONENT_POLLS");

/// Actions built for version 1.0.0 of the contract.
pub const PUBLISHED_1_0_0: &str = env!("COMPONENT_PUBLISHED_1_0_0");

/// Sensors that go on, and do what they should not.
pub const STREAMS: &str = env!("COMPONENT_STREAMS");

/// A component of a world that the host does not know.
pub const STRANGER: &str = env!("COMPONENT_STRANGER");
