//! Tests of the reading of lists.

use petrel_model::TriggerInstance;

use super::super::lists::{EXECUTIONS, TRIGGER_INSTANCES};
use super::super::query::tests::asked;
use super::*;

fn id(milliseconds: u64) -> Id {
    Id::from_parts(milliseconds, 0)
}

#[test]
fn a_list_begins_and_ends_by_the_time_that_is_asked_for() {
    let noon = "2026-11-20T12:00:00Z".parse::<petrel_model::Timestamp>().unwrap().as_millis();
    let (early, late) = (id(noon - 2 * SLACK), id(noon + 2 * SLACK));
    let older = id(7);
    for (query, start, is_reached) in [
        ("", None, [true, true]),
        ("timestamp_lt=2026-11-20T12:00:00Z", Some(id(noon + SLACK)), [true, true]),
        ("timestamp_gt=2026-11-20T12:00:00Z", Some(id(noon - SLACK)), [true, true]),
        ("timestamp_gt=2026-11-20T12:00:00Z&sort_desc=1", None, [false, true]),
        ("timestamp_lt=2026-11-20T12:00:00Z&sort_asc=1", None, [true, false]),
        (&format!("timestamp_lt=2026-11-20T12:00:00Z&before={older}"), Some(older), [true, true]),
    ] {
        let asked = asked(&EXECUTIONS, query).unwrap();
        assert_eq!(asked.start(), start, "{query}");
        assert_eq!([early, late].map(|at| asked.reaches(at)), is_reached, "{query}");
    }
}

#[test]
fn the_larger_items_are_the_fewer_are_read_at_once() {
    struct Item(usize);
    impl Listed for Item {
        fn id(&self) -> Id {
            id(1)
        }
        fn bytes(&self) -> usize {
            self.0
        }
    }
    for (bytes, steps) in [
        (100, [1, 8, 64, 512, 1000]),
        (64 << 10, [1, 8, 8, 8, 8]),
        (200 << 10, [1, 2, 2, 2, 2]),
        (64 << 20, [1, 1, 1, 1, 1]),
    ] {
        let mut pace = Pace::default();
        let read = |_| {
            let items = pace.items;
            pace.count(&(0..items).map(|_| Item(bytes)).collect::<Vec<_>>());
            items
        };
        assert_eq!([0; 5].map(read), steps, "{bytes}");
        // What is passed over counts whole, where more than the head of it was read.
        let mut pace = Pace::default();
        pace.pass_over(&[Item(bytes), Item(0)]);
        assert_eq!((pace.bytes, pace.items), (bytes.max(HEAD) + HEAD, FIRST));
    }
}

#[test]
fn ids_are_read_in_the_order_of_the_list() {
    let (one, two) = (id(1), id(2));
    for (query, at, expected) in [
        (format!("id={one},{two},{one}"), None, vec![two, one]),
        (format!("id={one},{two}"), Some(two), vec![one]),
        (format!("id={one},{two}&sort=id"), None, vec![one, two]),
        (format!("id={one},{two}&sort=id"), Some(one), vec![two]),
    ] {
        assert_eq!(asked(&TRIGGER_INSTANCES, &query).unwrap().ids_from(at), Some(expected), "{query}");
    }
    assert_eq!(asked(&EXECUTIONS, "").unwrap().ids_from(None), None);
}

#[test]
fn what_is_read_one_by_one_ends_where_the_next_piece_goes_on() {
    let read = |limit, is_last| {
        let ids = vec![id(1), id(2), id(3)];
        let nothing = |_: Id| async { Ok::<Option<TriggerInstance>, ReadError>(None) };
        let lost = |one: Id| async move {
            if one == id(2) {
                return Err(ReadError::Damaged { what: "event".into(), reason: "why".into() });
            }
            nothing(one).await
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let page = runtime.block_on(read_each(RowKind::TriggerInstance, ids, limit, is_last, lost)).unwrap();
        (page.unreadable.len(), page.next)
    };
    assert_eq!(read(9, true), (1, None));
    assert_eq!(read(9, false), (1, Some(id(3))));
}
