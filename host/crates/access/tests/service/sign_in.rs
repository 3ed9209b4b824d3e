//! Sign-in: the users who may, and the throttle on guessing.

use std::net::IpAddr;
use std::time::Duration;

use petrel_access::{Options, SignIn};
use petrel_engine_core::Error;
use petrel_persistence::MemoryStore;

use crate::{House, PASSWORD, attempt, refused};

/// One that is refused without being hashed, since no password is so long.
fn too_long() -> String {
    "x".repeat(1025)
}

fn from(address: [u8; 4], name: &str, password: &str) -> SignIn {
    SignIn { address: Some(IpAddr::from(address)), ..attempt(name, password) }
}

/// How long the next attempt has to wait.
fn delay<T>(result: Result<T, Error>) -> u64 {
    match result.err() {
        Some(Error::TooOften(delay)) => delay.as_secs(),
        other => panic!("it was not too often: {other:?}"),
    }
}

#[tokio::test]
async fn the_admin_is_made_once_and_signs_in_with_the_password_that_is_told() {
    let house = House::empty().await;
    let password = house.access.ensure_admin().await.unwrap().unwrap();
    assert_eq!(house.access.ensure_admin().await.unwrap(), None);
    house.sign_in("admin", &password).await.unwrap();
    assert_eq!(house.next_process().await.access.ensure_admin().await.unwrap(), None);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_told_the_same() {
    let house = House::with(&["ada"]).await;
    let expected = ("unauthorized", "Invalid or missing credentials".to_owned());
    for (name, password) in [("ada", "wrong horse"), ("bob", PASSWORD), ("ada", &too_long()), ("", "")] {
        assert_eq!(refused(house.sign_in(name, password).await), expected, "{name}");
    }
    assert_eq!(house.stored().await, (1, 0, 0));
}

#[tokio::test]
async fn guessing_at_a_user_is_slowed_down_until_the_clock_has_gone_on() {
    let house = House::with(&["ada"]).await;
    for _ in 0..6 {
        assert_eq!(refused(house.sign_in("ada", &too_long()).await).0, "unauthorized");
    }
    assert_eq!(delay(house.sign_in("ada", PASSWORD).await), 2, "the right password does not help");
    house.turn(1);
    assert_eq!(
        delay(house.sign_in("ada", PASSWORD).await),
        1,
        "an attempt that came too early does not count"
    );
    house.turn(1);
    house.sign_in("ada", PASSWORD).await.unwrap();
    for _ in 0..6 {
        assert_eq!(refused(house.sign_in("ada", &too_long()).await).0, "unauthorized", "it starts anew");
    }
}

#[tokio::test]
async fn guessing_at_a_user_who_does_not_exist_is_slowed_down_alike() {
    let house = House::with(&["ada"]).await;
    for _ in 0..6 {
        assert_eq!(refused(house.sign_in("nobody", &too_long()).await).0, "unauthorized");
    }
    assert_eq!(delay(house.sign_in("nobody", PASSWORD).await), 2);
    house.sign_in("ada", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn an_address_that_tries_many_users_has_to_wait_and_others_have_not() {
    let house = House::with(&["ada"]).await;
    for number in 0..21 {
        let guess = from([10, 0, 0, 1], &number.to_string(), &too_long());
        assert_eq!(refused(house.access.sign_in(guess).await).0, "unauthorized");
    }
    assert_eq!(delay(house.access.sign_in(from([10, 0, 0, 1], "ada", PASSWORD)).await), 2);
    house.access.sign_in(from([10, 0, 0, 2], "ada", PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn after_a_long_pause_failures_are_forgotten() {
    let house = House::with(&["ada"]).await;
    for _ in 0..6 {
        refused(house.sign_in("ada", &too_long()).await);
    }
    house.turn(16 * 60);
    for _ in 0..5 {
        assert_eq!(refused(house.sign_in("ada", &too_long()).await).0, "unauthorized");
    }
    house.sign_in("ada", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn too_many_at_once_are_refused_and_do_not_count_as_failed() {
    let house = House::with(&["ada"]).await;
    let mut under_way: Vec<_> =
        (0..66).map(|number| Box::pin(house.access.sign_in(attempt(&number.to_string(), "wrong")))).collect();
    for one in &mut under_way {
        tokio::select! { biased; _ = one => panic!("it cannot be done yet"), () = std::future::ready(()) => {} }
    }
    let (code, message) = refused(house.sign_in("ada", PASSWORD).await);
    assert_eq!((code, message.as_str()), ("busy", "too many sign in at once"));
    drop(under_way);
    house.sign_in("ada", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_token_lives_as_long_as_was_asked_for_and_no_longer_than_allowed() {
    let options = Options { token_ttl: Duration::from_secs(3600), ..Options::default() };
    let house = House::over(MemoryStore::default(), options).await;
    house.add(&["ada"]).await;
    for (asked, given) in [
        (None, Some(3600)),
        (Some(60), Some(60)),
        (Some(3600), Some(3600)),
        (Some(3601), None),
        (Some(0), None),
    ] {
        let ttl = asked.map(Duration::from_secs);
        let answer = house.access.sign_in(SignIn { ttl, ..attempt("ada", PASSWORD) }).await;
        match given {
            Some(seconds) => {
                let expires_at = house.access.validate_token(&answer.unwrap().secret).unwrap();
                assert_eq!(
                    expires_at.as_micros() - house.now().as_micros(),
                    seconds * 1_000_000,
                    "{asked:?}"
                );
            }
            None => assert_eq!(refused(answer).0, "invalid", "{asked:?}"),
        }
    }
}
