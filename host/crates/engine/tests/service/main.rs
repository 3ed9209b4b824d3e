//! The engine as the API sees it: acceptance, order, outcomes, and the state that a failed store or a killed
//! process leaves. Each file is a theme, each test a sentence of the specification. Nothing sleeps: the test
//! turns the clock, decides when actions end, and has the store fail ([`support`]).

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are the parts of tests")]

mod admission;
mod breakers;
mod calls;
mod cancel;
mod events;
mod faults;
mod handed_down;
mod holds;
mod inquiries;
mod notify;
mod outcomes;
mod pauses;
mod policies;
mod purge;
mod queue;
mod recovery;
mod registration;
mod reruns;
mod retention;
mod rules;
mod secret_templates;
mod support;
mod taken_up;
mod windows;
mod workflows;
