//! What lists can be asked, and what they refuse.

use axum::extract::FromRequestParts as _;
use axum::http::Request;

use super::*;
use crate::page::lists::{ACTIONS, ALL, API_KEYS, ENFORCEMENTS, EXECUTIONS, KEYS, OF_ALL, TRIGGER_INSTANCES};

pub(crate) fn asked(list: &'static List, query: &str) -> Result<ListRequest, ApiError> {
    let request = Request::builder().uri(format!("http://petrel/?{query}")).body(()).unwrap();
    let (mut parts, ()) = request.into_parts();
    let asked = Asked::from_request_parts(&mut parts, &());
    let asked = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(asked);
    asked.unwrap().of(list)
}

fn refused(list: &'static List, query: &str) -> String {
    match asked(list, query) {
        Ok(_) => String::new(),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn no_list_shows_more_because_it_does_not_know_what_was_asked() {
    for list in ALL {
        for query in ["nonsense=1", "Name=x", "name_gt=1", "filter=a:b", "limit=1&x-y=2", "limit_gt=1"] {
            let said = refused(list, query);
            let unknown = query.rsplit('&').next().and_then(|pair| pair.split('=').next()).unwrap();
            assert!(said.contains(&format!("`{unknown}`")), "{}?{query}: {said}", list.path);
            for known in list.names() {
                assert!(
                    said.contains(&known),
                    "{}?{query} does not say that it knows {known}: {said}",
                    list.path
                );
            }
        }
        assert!(refused(list, "sort=nonsense").contains("`nonsense`"), "{}", list.path);
        assert!(refused(list, "limit=1&limit=2").contains("twice"), "{}", list.path);
        for column in list.columns {
            let said = refused(list, &format!("{}=", column.name));
            assert!(said.contains("is empty"), "{}?{}=: {said}", list.path, column.name);
        }
    }
}

#[test]
fn the_filter_of_the_original_is_told_how_to_be_said() {
    let said = refused(&EXECUTIONS, "filter=status:failed+action:core.local");
    assert!(said.contains("`filter`") && said.contains("?id=VALUE&status=VALUE"), "{said}");
}

#[test]
fn every_list_takes_what_its_table_says() {
    for list in ALL {
        for column in list.columns {
            let values: &[&str] = match column.kind {
                Kind::Text | Kind::Texts => &["x", "null", "x,y"],
                Kind::TraceIds => &["6a1e5c2f9b1d4e5f60718293", "4bf92f3577b34da6a3ce929d0e0e4736", "null"],
                Kind::Id | Kind::Ids => &["6a1e5c2f9b1d4e5f60718293", "null"],
                Kind::Reference => &["core.local", "null"],
                Kind::Flag => &["True", "false", "1", "no"],
                Kind::Time => &["2026-11-20T12:00:00", "2026-11-20T12:00:00.000Z"],
                Kind::Status => &["succeeded", "delayed"],
                Kind::EventStatus => &["processed", "pending"],
                Kind::EnforcementStatus => &["succeeded", "failed"],
            };
            for value in values {
                let query = format!("{}={value}", column.name);
                assert_eq!(refused(list, &query), "", "{}?{query}", list.path);
            }
        }
        for column in list.orders() {
            for query in [format!("sort={}", column.name), format!("sort=-{},id", column.name)] {
                assert_eq!(refused(list, &query), "", "{}?{query}", list.path);
            }
        }
        assert!(OF_ALL.iter().all(|name| list.names().iter().any(|known| known == name)));
        // What every request of StackStorm's client may carry.
        let query =
            "limit=50&offset=0&sort=id&include_attributes=id&show_secrets=true&x-auth-token=t&st2-api-key=k";
        assert_eq!(refused(list, query), "", "{}", list.path);
    }
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    for (list, query, says) in [
        (&EXECUTIONS, "status=done", "`done` is no status"),
        (&EXECUTIONS, "status=failled", "did you mean failed?"),
        (&EXECUTIONS, "staus=failed", "did you mean status?"),
        (&EXECUTIONS, "action=local", "`action`"),
        (&EXECUTIONS, "parent=x", "`parent`"),
        (&EXECUTIONS, "timestamp_gt=yesterday", "`timestamp_gt`"),
        (&EXECUTIONS, "id=x", "`id`"),
        (&EXECUTIONS, "sort=action", "cannot be ordered by `action`"),
        (&EXECUTIONS, "sort_asc=maybe", "`sort_asc`"),
        (&EXECUTIONS, "before=6a1e5c2f9b1d4e5f60718293&sort=id", "`before`"),
        (&TRIGGER_INSTANCES, "status=done", "`done` is no status"),
        (&TRIGGER_INSTANCES, "trigger_type=x", "`trigger_type`"),
        (&TRIGGER_INSTANCES, "sort_asc=True", "`sort_asc`"),
        (&ACTIONS, "enabled=maybe", "`enabled`"),
        (&ACTIONS, "before=6a1e5c2f9b1d4e5f60718293", "`before`"),
    ] {
        assert!(refused(list, query).contains(says), "{query}: {}", refused(list, query));
    }
    let many = vec!["x"; MOST_VALUES + 1].join(",");
    assert!(refused(&ACTIONS, &format!("id={many}")).contains("100 is the limit"));
}

#[test]
fn time_goes_the_way_that_is_asked_for() {
    for (list, query, is_rising) in [
        (&EXECUTIONS, "", false),
        (&EXECUTIONS, "timestamp_gt=2026-11-20T12:00:00Z", true),
        (&EXECUTIONS, "timestamp_lt=2026-11-20T12:00:00Z", false),
        (&EXECUTIONS, "timestamp_gt=2026-11-20&timestamp_lt=2026-11-21", false),
        (&EXECUTIONS, "timestamp_gt=2026-11-20&sort_desc=True", false),
        (&EXECUTIONS, "sort_asc=True", true),
        (&EXECUTIONS, "sort_asc=False", false),
        (&EXECUTIONS, "sort=timestamp", true),
        (&EXECUTIONS, "sort=%2Btimestamp,action", true),
        (&EXECUTIONS, "sort=-timestamp&sort_asc=True", false),
        (&EXECUTIONS, "after=6a1e5c2f9b1d4e5f60718293", true),
        (&EXECUTIONS, "before=6a1e5c2f9b1d4e5f60718293&timestamp_gt=2026-11-20", false),
        (&TRIGGER_INSTANCES, "timestamp_gt=2026-11-20", false),
        (&TRIGGER_INSTANCES, "sort=timestamp", true),
        (&ENFORCEMENTS, "sort=enforced_at", true),
    ] {
        assert_eq!(asked(list, query).unwrap().is_rising, is_rising, "{}?{query}", list.path);
    }
}

/// Something that has a text, a flag, and texts.
struct Thing(&'static str, bool, &'static [&'static str]);

impl Row for Thing {
    fn cell(&self, column: &str) -> Cell<'_> {
        match column {
            "id" | "name" => Cell::Text(self.0.into()),
            "enabled" => Cell::Flag(self.1),
            "tags" if self.2.is_empty() => Cell::Missing,
            "tags" => Cell::Texts(self.2.iter().map(|tag| (*tag).into()).collect()),
            _ => Cell::Missing,
        }
    }
}

const THINGS: [Thing; 4] =
    [Thing("b", true, &["x"]), Thing("a", false, &["x", "y"]), Thing("d", true, &[]), Thing("c", false, &[])];

#[test]
fn items_are_narrowed_and_ordered() {
    for (query, expected) in [
        ("", "badc"),
        ("name=a", "a"),
        ("name=e", ""),
        ("id=d,b", "bd"),
        ("enabled=True", "bd"),
        ("enabled=false&name=c", "c"),
        ("tags=x", "ba"),
        ("tags=y", "a"),
        ("tags=null", "dc"),
        ("runner_type=x", ""),
        ("sort=name", "abcd"),
        ("sort=-name", "dcba"),
        ("sort=enabled,-name", "cadb"),
        ("sort=-enabled,name&tags=null", "dc"),
    ] {
        let asked = asked(&ACTIONS, query).unwrap();
        let mut found: Vec<_> = THINGS.iter().filter(|thing| asked.admits(thing)).collect();
        found.sort_by(|one, other| asked.compare(one, other));
        let found: String = found.iter().map(|thing| thing.0).collect();
        assert_eq!(found, expected, "{query}");
    }
}

#[test]
fn what_a_list_is_asked_beside_can_be_read() {
    let keys = asked(&KEYS, "prefix=&scope=all&decrypt=false").unwrap();
    assert_eq!(
        (keys.other("prefix"), keys.other("scope"), keys.other("user")),
        (Some(""), Some("all"), None)
    );
    let key = asked(&API_KEYS, "user=ada").unwrap();
    assert_eq!((key.wanted("user"), key.wanted("enabled")), (Some("ada"), None));
    let top = asked(&EXECUTIONS, "parent=null").unwrap();
    assert!(top.is_wanted_missing("parent") && top.wanted("parent").is_none());
}
