//! Watches natively, with the SDK's stand-in for the host.

use petrel_pack_sdk::testing::Host;
use serde_json::json;

use super::*;

const PODS: &str = "https://cluster.example/api/v1/pods";

fn host() -> Host {
    Host::new().configured("url", "https://cluster.example").listened("change", json!({}))
}

/// The address of a watch from a version.
fn watch(of: &str, seconds: u32, version: &str) -> String {
    let begin = if of.contains('?') { '&' } else { '?' };
    format!(
        "{of}{begin}watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={version}"
    )
}

fn list(version: &str) -> String {
    json!({"kind": "PodList", "metadata": {"resourceVersion": version}, "items": []}).to_string()
}

fn line(kind: &str, name: &str, version: &str) -> String {
    let metadata = json!({
        "name": name, "namespace": "shop", "uid": format!("u-{name}"), "resourceVersion": version,
        "managedFields": [{}],
    });
    format!("{}\n", json!({"type": kind, "object": {"kind": "Pod", "metadata": metadata}}))
}

fn told(host: &Host) -> Vec<(String, String)> {
    let emitted = host.emitted().into_iter();
    emitted.map(|event| (event.trigger, event.dedup_key.unwrap_or_default())).collect()
}

/// The last answer of a test is followed by none, which is as if the address were not granted.
fn end(host: &Host) {
    assert_eq!(changes(&host.sensor_context("watch")).unwrap_err().kind, ErrorKind::Denied);
}

#[test]
fn a_watch_goes_on_from_where_it_has_come_to() {
    let first = format!("{}{}", line("ADDED", "a", "11"), line("BOOKMARK", "", "15"));
    let host = host()
        .answering("GET", &format!("{PODS}?limit=1"), 200, list("10"))
        .answering("GET", &watch(PODS, ALONE, "10"), 200, first)
        .answering_with("GET", &watch(PODS, ALONE, "15"), (503, &[("retry-after", "0")]), "")
        .answering("GET", &watch(PODS, ALONE, "15"), 200, line("MODIFIED", "a", "16"));
    end(&host);
    let trigger = host.sensor_context("watch").triggers[0].id.clone();
    let expected = ["u-a/11/Added", "u-a/16/Modified"].map(|key| (trigger.clone(), key.to_owned()));
    assert_eq!(told(&host), expected);
    let metadata = json!({"name": "a", "namespace": "shop", "uid": "u-a", "resourceVersion": "11"});
    assert_eq!(
        host.emitted()[0].payload,
        json!({
            "change": "added", "kind": "Pod", "namespace": "shop", "name": "a", "resource_version": "11",
            "object": {"kind": "Pod", "metadata": metadata},
        })
    );
}

#[test]
fn a_version_that_is_too_old_is_told_and_begun_anew() {
    let gone = json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}});
    let host = host()
        .answering("GET", &format!("{PODS}?limit=1"), 200, list("10"))
        .answering("GET", &watch(PODS, ALONE, "10"), 410, "")
        .answering("GET", &format!("{PODS}?limit=1"), 200, list("20"))
        .answering("GET", &watch(PODS, ALONE, "20"), 200, gone.to_string())
        .answering("GET", &format!("{PODS}?limit=1"), 200, list("30"))
        .answering("GET", &watch(PODS, ALONE, "30"), 200, line("DELETED", "a", "31"));
    end(&host);
    assert_eq!(told(&host)[0].1, "u-a/31/Deleted");
    let gaps = host.logged().iter().filter(|line| line.contains("changes were missed")).count();
    assert_eq!(gaps, 2);
}

#[test]
fn a_line_that_is_too_long_is_told_and_passed_over() {
    let host = host()
        .answering("GET", &format!("{PODS}?limit=1"), 200, list("10"))
        .answering("GET", &watch(PODS, ALONE, "10"), 200, "x".repeat(LONGEST_LINE + 1))
        .answering("GET", &format!("{PODS}?limit=1"), 200, list("20"))
        .answering("GET", &watch(PODS, ALONE, "20"), 200, line("ADDED", "a", "21"));
    end(&host);
    assert_eq!(told(&host)[0].1, "u-a/21/Added");
    assert!(host.logged()[0].contains("changes were missed: a line is longer"), "{:?}", host.logged());
}

#[test]
fn several_triggers_have_their_turns() {
    let parameters = json!({
        "resource": "deployments", "api_version": "apps/v1", "namespace": "shop", "label_selector": "a=b",
    });
    let shop = "https://cluster.example/apis/apps/v1/namespaces/shop/deployments?labelSelector=a%3Db";
    let host = host()
        .listened("change", parameters)
        .answering("GET", &format!("{PODS}?limit=1"), 200, list("10"))
        .answering("GET", &watch(PODS, IN_TURN, "10"), 200, line("ADDED", "a", "11"))
        .answering("GET", &format!("{shop}&limit=1"), 200, list("12"))
        .answering("GET", &watch(shop, IN_TURN, "12"), 200, line("ADDED", "b", "13"))
        .answering("GET", &watch(PODS, IN_TURN, "11"), 200, line("DELETED", "a", "14"));
    end(&host);
    let ids: Vec<_> = host.sensor_context("watch").triggers.into_iter().map(|trigger| trigger.id).collect();
    let expected = [(0, "u-a/11/Added"), (1, "u-b/13/Added"), (0, "u-a/14/Deleted")];
    assert_eq!(told(&host), expected.map(|(trigger, key)| (ids[trigger].clone(), key.to_owned())));
}

#[test]
fn a_watch_that_is_refused_keeps_no_other_from_its_events() {
    let host = Host::new()
        .configured("url", "https://cluster.example")
        .listened("change", json!({"resource": "pots"}))
        .listened("change", json!({}))
        .answering("GET", "https://cluster.example/api/v1/pots?limit=1", 404, "")
        .answering("GET", &format!("{PODS}?limit=1"), 200, list("10"))
        .answering("GET", &watch(PODS, IN_TURN, "10"), 200, line("ADDED", "a", "11"))
        .answering("GET", &watch(PODS, IN_TURN, "11"), 200, line("DELETED", "a", "12"));
    // Once the other one is refused as well, there is nothing to go on with.
    assert_eq!(changes(&host.sensor_context("watch")).unwrap_err().kind, ErrorKind::NotFound);
    let keys: Vec<_> = told(&host).into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys, ["u-a/11/Added", "u-a/12/Deleted"]);
    assert_eq!(host.requests().iter().filter(|request| request.url.contains("pots")).count(), 1);
}

#[test]
fn what_is_no_answer_of_a_cluster_is_an_error_that_shows_it() {
    for (answer, says) in [("<html>Sign in</html>", "`<html>Sign in"), ("{}", "`{}`")] {
        let host = host().answering("GET", &format!("{PODS}?limit=1"), 200, answer);
        let error = changes(&host.sensor_context("watch")).unwrap_err();
        assert_eq!(error.code.as_deref(), Some("http.answer"), "{answer}");
        assert!(error.message.contains(says), "{}", error.message);
    }
    let context = host().sensor_context("watch");
    let mut watch = Watch::new(context.triggers_of(&CHANGE).remove(0));
    let long = "x".repeat(5000);
    let refused = json!({"type": "ERROR", "object": {"code": 500, "message": long}}).to_string();
    for (line, says) in [("<html>Sign in</html>", "`<html>Sign in"), (&refused, "the watch ended: xxx")] {
        let error = watch.take(&context, line).unwrap_err();
        assert_eq!(error.code.as_deref(), Some("kubernetes.watch"), "{says}");
        assert!(error.message.contains(says) && error.message.len() < 400, "{}", error.message);
    }
}

#[test]
fn a_large_object_is_told_of_without_itself() {
    let large = json!({"type": "ADDED", "object": {
        "kind": "Pod", "metadata": {"name": "a", "resourceVersion": "11"}, "data": "x".repeat(LARGEST_OBJECT),
    }});
    let host = host().answering("GET", &format!("{PODS}?limit=1"), 200, list("10")).answering(
        "GET",
        &watch(PODS, ALONE, "10"),
        200,
        format!("{large}\n"),
    );
    end(&host);
    let payload = &host.emitted()[0].payload;
    assert_eq!((&payload["name"], &payload["object"]), (&json!("a"), &Value::Null));
}

#[test]
fn a_cluster_that_is_away_for_long_is_an_error() {
    let gone = Error::new(ErrorKind::Transient(Some(Duration::ZERO)), "nobody answers");
    let mut host = host().failing("GET", &format!("{PODS}?limit=1"), gone);
    for _ in 1..ATTEMPTS {
        let away = [("retry-after", "0")];
        host = host.answering_with("GET", &format!("{PODS}?limit=1"), (503, &away), "");
    }
    let error = changes(&host.sensor_context("watch")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Transient(Some(Duration::ZERO)));
}
