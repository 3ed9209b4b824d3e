//! Actions that use all of the contract as it was published with version 1.0.0 (`tests/components/wit/1.0.0`). Neither this
//! file nor that directory changes any more: components that are built from them run on every later host of the major
//! version.

#[cfg(target_family = "wasm")]
mod component {
    #![expect(unsafe_code, clippy::all, clippy::pedantic, reason = "generated")]

    wit_bindgen::generate!({
        path: "../../wit/1.0.0",
        world: "petrel:pack/described-action-world",
        generate_all,
    });

    use exports::petrel::pack::action::{Context, Error, Guest as Action};
    use exports::petrel::pack::description::Guest as Description;
    use petrel::actions::call;
    use petrel::config::config;
    use petrel::kv::kv;
    use petrel::log::log::{self, Level};
    use petrel::secrets::{reveal, secrets};
    use petrel::trigger::emit;
    use petrel::trigger::types::Event;
    use petrel::types::types::ErrorKind;

    struct Published;

    impl Description for Published {
        fn describe() -> String {
            "{\"actions\": []}".to_owned()
        }
    }

    impl Action for Published {
        fn run(context: Context, parameters: String) -> Result<String, Error> {
            log::write(Level::Info, "published", None);
            log::progress(0.5, Some("half"));
            let answer = match context.action.as_str() {
                "kv" => keys()?,
                "secret" => {
                    let secret = secrets::get("token")?;
                    format!("{} {}", secret.name(), reveal::reveal(&secret)?)
                }
                "emit" => emit::emit(&Event {
                    trigger: "done".to_owned(),
                    payload: parameters,
                    parameters: None,
                    dedup_key: None,
                    occurred_at_ms: None,
                    trace_tag: None,
                })?,
                "call" => call::run("core.noop", "{}")?.output,
                "config" => config::get("name").unwrap_or_default(),
                "around" => format!("{:?} {}", context.parent_id, context.trace_id),
                other => {
                    return Err(Error {
                        kind: ErrorKind::NotFound,
                        message: format!("there is no {other}"),
                        hint: None,
                        code: None,
                        details: None,
                    });
                }
            };
            Ok(format!("{answer:?}"))
        }
    }

    fn keys() -> Result<String, Error> {
        let first = kv::set("pack", "a", "1", None)?;
        let second = kv::cas("pack", "a", Some(&first), "2", Some(60_000))?;
        let entry = kv::get("pack", "a")?;
        let is_second = entry.as_ref().is_some_and(|entry| entry.version == second);
        let listed = kv::list_keys("pack", "", None)?.keys.join(" ");
        let is_deleted = kv::delete("pack", "a")?;
        Ok(format!(
            "{} {is_second} {listed} {is_deleted}",
            entry.map(|entry| entry.value).unwrap_or_default()
        ))
    }

    export!(Published);
}
