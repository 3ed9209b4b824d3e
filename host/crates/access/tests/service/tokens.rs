//! The validity of a token, and its end.

use petrel_access::{Credential, Rejected};

use petrel_model::Token;
use petrel_persistence::StoreExt as _;

use crate::{House, PASSWORD};

/// How long a token is good for, in seconds.
const DAY: u64 = 24 * 60 * 60;

#[tokio::test]
async fn a_token_is_good_until_the_clock_says_that_it_has_expired() {
    let house = House::with(&["ada"]).await;
    let token = house.token("ada").await;
    house.turn(DAY - 1);
    let identity = house.access.identify_token(&token).unwrap();
    assert_eq!((identity.user.as_str(), identity.made_by), ("ada", None));
    assert!(matches!(identity.credential, Credential::Token(..)));
    house.turn(1);
    assert_eq!(house.access.identify_token(&token), Err(Rejected::Expired));
    assert_eq!(house.access.validate_token(&token), None);
    assert_eq!(house.access.identify_api_key(&token), Err(Rejected::Unknown), "a token is no key");
}

#[tokio::test]
async fn what_has_expired_is_cleared_away_by_the_next_sign_in() {
    let house = House::with(&["ada"]).await;
    let (first, _second) = (house.token("ada").await, house.token("ada").await);
    house.turn(DAY);
    assert_eq!(house.stored().await.1, 2);
    let third = house.token("ada").await;
    assert_eq!(house.stored().await.1, 1);
    assert_eq!(house.access.identify_token(&first), Err(Rejected::Unknown));
    house.access.identify_token(&third).unwrap();
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_worth_nothing_and_others_are() {
    let house = House::with(&["ada"]).await;
    let (issued, other) = (house.sign_in("ada", PASSWORD).await.unwrap(), house.token("ada").await);
    house.access.sign_out(issued.record.id).await.unwrap();
    assert_eq!(house.access.identify_token(&issued.secret), Err(Rejected::Unknown));
    house.access.identify_token(&other).unwrap();
    assert_eq!(house.stored().await.1, 1);
    house.access.sign_out(issued.record.id).await.unwrap();
}

#[tokio::test]
async fn the_next_process_knows_the_tokens_and_no_secret_is_stored() {
    let house = House::with(&["ada"]).await;
    let token = house.token("ada").await;
    let next = house.next_process().await;
    assert_eq!(next.access.identify_token(&token).unwrap().user, "ada");
    let stored = serde_json::to_string(&next.store.all::<Token>().await.unwrap()).unwrap();
    assert!(!stored.contains(&token), "{stored}");
}

#[tokio::test]
async fn a_process_that_was_fenced_off_shows_nothing_that_it_could_not_store() {
    let house = House::with(&["ada"]).await;
    let token = house.token("ada").await;
    let next = house.next_process().await;
    for refused in [
        house.sign_in("ada", PASSWORD).await.err(),
        house.access.create_user("admin", "bob", PASSWORD).await.err(),
        house.access.set_password("ada", "ada", "other horse").await.err(),
        house.access.create_api_key("ada", "ada", serde_json::Map::new(), true).await.err(),
    ] {
        assert_eq!(refused.unwrap().code(), "internal");
    }
    assert_eq!((house.users().len(), house.access.accounts().api_keys().count()), (1, 0));
    house.access.identify_token(&token).unwrap();
    assert_eq!(next.stored().await, (1, 1, 0));
}

#[tokio::test]
async fn a_token_of_a_run_dies_with_it_and_is_not_stored() {
    let house = House::with(&["ada"]).await;
    let token = house.access.token_of_run("ada").unwrap();
    let secret = token.secret().to_owned();
    assert_eq!(house.access.identify_token(&secret).unwrap().user, "ada");
    assert_eq!(house.stored().await.1, 0);
    drop(token);
    assert_eq!(house.access.identify_token(&secret), Err(Rejected::Unknown));
    let of_nobody = house.access.token_of_run("bob").unwrap();
    assert_eq!(house.access.identify_token(of_nobody.secret()), Err(Rejected::Unknown), "no such user");
    let long = house.access.token_of_run("ada").unwrap();
    house.turn(DAY);
    assert_eq!(house.access.identify_token(long.secret()), Err(Rejected::Expired));
}
