//! Descriptions that components give of themselves.

use std::path::Path;

use petrel_pack_runtime::{DescribeError, Options, PackRuntime};
use petrel_test_components::{BARE, CORE, STRANGER};
use serde_json::{Value, json};

#[tokio::test]
async fn a_component_tells_its_actions() {
    let runtime = PackRuntime::new(Options::default()).unwrap();
    let description = runtime.describe(Path::new(CORE)).await.unwrap().unwrap();
    let [noop, echo] = description.actions.try_into().unwrap();
    assert_eq!((noop.name.as_str(), noop.parameters.len(), noop.idempotent), ("noop", 0, true));
    assert_eq!(
        Value::Object(echo.parameters.clone()),
        json!({"message": {"type": "string", "description": "The text to print.", "required": true}})
    );
    let action = echo.into_action("core", "wasm/core.wasm");
    assert_eq!(action.reference.as_str(), "core.echo");
    assert_eq!(
        (action.runner_type.as_str(), action.entry_point.as_str()),
        ("wasm-component", "wasm/core.wasm")
    );
}

#[tokio::test]
async fn a_component_need_not_tell_anything() {
    let runtime = PackRuntime::new(Options::default()).unwrap();
    assert_eq!(runtime.describe(Path::new(BARE)).await.unwrap(), None);
    let bytes = std::fs::read(BARE).unwrap();
    assert_eq!(runtime.describe_bytes(bytes).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_no_component_of_ours_cannot_be_asked() {
    let runtime = PackRuntime::new(Options::default()).unwrap();
    let error = runtime.describe(Path::new(STRANGER)).await.unwrap_err();
    assert!(matches!(error, DescribeError::Load(_)), "{error}");
    let error = runtime.describe_bytes(b"nothing".to_vec()).await.unwrap_err();
    assert!(error.to_string().contains("is not a component"), "{error}");
}
