//! The component of the pack `github`: what GitHub reports, what is asked of it, and a decision about a push.
//!
//! [`webhook`] is the sensor that takes GitHub's requests and verifies them, [`calls`] has the actions that call its API.
//! [`decide`] decides what a push means for a deployment, of the data in [`payload`], with the patterns of [`pattern`].

use petrel_pack_sdk::{Action, WebhookSensor, export_pack};
use serde::Deserialize;

pub mod calls;
pub mod decide;
pub mod pattern;
pub mod payload;
pub mod webhook;

/// The configuration of the pack.
#[derive(Debug, Deserialize)]
struct Config {
    /// The address of the API.
    #[serde(default = "public")]
    url: String,
    /// The token to call it with.
    token: Option<String>,
    /// The secret with which webhooks are signed.
    secret: Option<String>,
}

fn public() -> String {
    "https://api.github.com".to_owned()
}

export_pack! {
    actions: [
        Action::new("decide_push", decide::decide_push)
            .description("Decides whether to deploy a push to a GitHub repository.")
            .idempotent(),
        Action::new("create_issue", calls::create_issue).description("Opens an issue in a GitHub repository."),
        Action::new("add_comment", calls::add_comment)
            .description("Comments on an issue or a pull request on GitHub."),
        Action::new("dispatch_event", calls::dispatch_event)
            .description("Sends an event of its own to a GitHub repository (repository_dispatch)."),
        Action::new("dispatch_workflow", calls::dispatch_workflow)
            .description("Starts a workflow of GitHub Actions (workflow_dispatch)."),
    ],
    webhook_sensors: [
        WebhookSensor::new("webhook", webhook::receive)
            .description("Takes what GitHub sends, if it is signed.")
            .emits(&webhook::EVENT),
    ],
}
