//! Descriptors of the process: calls hold files and connections, which are more than many systems let a process have by
//! default. What is missing then is missing to all of the host.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::engine_settings::EngineOptions;
use crate::limits::Limits;

/// Descriptors that the host needs apart from those of components.
const OF_THE_HOST: u64 = 4096;

/// Lets the process have as many descriptors as all calls may hold, or as many as the system allows.
pub(crate) fn make_room(engine: &EngineOptions, limits: &Limits) {
    let of_calls = u64::from(engine.slots).saturating_mul(limits.handles as u64);
    let wanted = of_calls.saturating_add(OF_THE_HOST);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.map_or(wanted, |most| wanted.min(most));
    if current.is_some_and(|current| current < most) {
        // If that fails, it is as it was.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum });
    }
}
