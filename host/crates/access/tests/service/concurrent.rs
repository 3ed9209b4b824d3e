//! Concurrent changes: each is decided on the state that the one before has left, and none is lost.

use petrel_access::{KeyChange, Rejected};
use petrel_model::{ApiKey, Object};
use petrel_persistence::StoreExt as _;
use serde_json::json;

use crate::{House, PASSWORD};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_make_the_same_user_one_does() {
    let house = House::with(&["admin"]).await;
    let makes = (0..4).map(|_| {
        let access = house.access.clone();
        tokio::spawn(async move {
            access.create_user("admin", "ada", PASSWORD).await.map_err(|error| error.code())
        })
    });
    let mut made = 0;
    for make in makes.collect::<Vec<_>>() {
        match make.await.unwrap() {
            Ok(_) => made += 1,
            Err(code) => assert_eq!(code, "conflict"),
        }
    }
    assert_eq!((made, house.stored().await), (1, (2, 0, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_users_who_delete_each_other_one_stays() {
    for _ in 0..5 {
        let house = House::empty().await;
        house.add(&["admin", "ada"]).await;
        let (one, other) = tokio::join!(
            house.access.delete_user("admin", "ada"),
            house.access.delete_user("admin", "admin")
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        assert_eq!((house.users().len(), house.stored().await), (1, (1, 0, 0)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_different_things_of_a_key_are_all_kept() {
    let house = House::with(&["ada"]).await;
    let key = house.access.create_api_key("ada", "ada", Object::new(), true).await.unwrap();
    let id = key.record.id.to_string();
    for round in 0..50 {
        let metadata = Object::from_iter([("round".to_owned(), json!(round))]);
        let (noted, switched) = tokio::join!(
            house.access.change_api_key(
                "ada",
                &id,
                KeyChange { metadata: Some(metadata.clone()), ..KeyChange::default() }
            ),
            house.access.change_api_key(
                "ada",
                &id,
                KeyChange { enabled: Some(round % 2 == 0), ..KeyChange::default() }
            ),
        );
        assert!(noted.is_ok() && switched.is_ok());
        let accounts = house.access.accounts();
        let shown = accounts.api_key(&id).unwrap();
        assert_eq!((&shown.metadata, shown.enabled), (&metadata, round % 2 == 0));
        assert!(house.store.all::<ApiKey>().await.unwrap().contains(shown));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_signs_in_with_a_password_that_is_being_changed() {
    for _ in 0..5 {
        let house = House::with(&["ada"]).await;
        let (token, changed) = tokio::join!(
            house.sign_in("ada", PASSWORD),
            house.access.set_password("ada", "ada", "other horse")
        );
        changed.unwrap();
        // Whichever came first: the token was taken back, or never given.
        if let Ok(token) = token {
            assert_eq!(house.access.identify_token(&token.secret), Err(Rejected::Unknown));
        }
        assert_eq!(house.stored().await, (1, 0, 0));
    }
}

#[tokio::test]
async fn a_change_is_made_to_its_end_although_its_caller_goes_away() {
    let house = House::with(&["ada"]).await;
    let key = house.access.create_api_key("ada", "ada", Object::new(), true).await.unwrap();
    {
        let mut delete = Box::pin(house.access.delete_api_key("ada", &key.secret));
        // One look begins it, and then nobody waits for it.
        tokio::select! { biased; _ = &mut delete => panic!("it cannot be done yet"), () = std::future::ready(()) => {} }
    }
    house.core.stop(std::time::Duration::from_secs(30)).await;
    assert_eq!(house.access.identify_api_key(&key.secret), Err(Rejected::Unknown));
    assert_eq!(house.stored().await, (1, 0, 0));
}

#[tokio::test]
async fn who_reads_sees_one_moment() {
    let house = House::with(&["ada"]).await;
    let before = house.access.accounts();
    house.add(&["bob"]).await;
    house.access.delete_user("admin", "ada").await.unwrap();
    let names = |accounts: &petrel_access::Accounts| {
        accounts.users().map(|user| user.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!((names(&before), names(&house.access.accounts())), (vec!["ada".into()], vec!["bob".into()]));
}
