//! Users are created, changed and deleted, with their credentials.

use petrel_access::{Options, RULE_USER, Rejected};
use petrel_model::Object;
use petrel_persistence::MemoryStore;

use crate::{House, PASSWORD, refused};

#[tokio::test]
async fn names_and_passwords_that_will_not_do_are_refused_and_leave_nothing() {
    let house = House::with(&["ada"]).await;
    let long = "x".repeat(1025);
    for (name, password, code) in [
        ("", PASSWORD, "invalid"),
        ("a:b", PASSWORD, "invalid"),
        ("ada\u{200b}", PASSWORD, "invalid"),
        ("Admin", PASSWORD, "invalid"),
        ("аdmin", PASSWORD, "invalid"),
        ("stanIey", PASSWORD, "invalid"),
        ("bob", "short", "invalid"),
        ("bob", &long, "invalid"),
        ("ada", PASSWORD, "conflict"),
    ] {
        assert_eq!(refused(house.access.create_user("admin", name, password).await).0, code, "{name}");
    }
    assert_eq!(house.stored().await, (1, 0, 0));
}

#[tokio::test]
async fn a_new_password_signs_out_everywhere_and_leaves_keys_and_others() {
    let house = House::with(&["ada", "bob"]).await;
    let (token, of_bob) = (house.token("ada").await, house.token("bob").await);
    let key = house.access.create_api_key("ada", "ada", Object::new(), true).await.unwrap();
    house.access.set_password("ada", "ada", "other horse").await.unwrap();
    assert_eq!(house.access.identify_token(&token), Err(Rejected::Unknown));
    house.access.identify_token(&of_bob).unwrap();
    house.access.identify_api_key(&key.secret).unwrap();
    assert_eq!(refused(house.sign_in("ada", PASSWORD).await).0, "unauthorized");
    house.sign_in("ada", "other horse").await.unwrap();
    assert_eq!(house.stored().await, (2, 2, 1));
}

#[tokio::test]
async fn tokens_and_keys_go_with_their_user() {
    let house = House::with(&["ada", "bob"]).await;
    let token = house.token("ada").await;
    let key = house.access.create_api_key("ada", "ada", Object::new(), true).await.unwrap();
    house.access.delete_user("ada", "ada").await.unwrap();
    assert_eq!(house.access.identify_token(&token), Err(Rejected::Unknown));
    assert_eq!(house.access.identify_api_key(&key.secret), Err(Rejected::Unknown));
    assert_eq!(house.stored().await, (1, 0, 0));
    house.add(&["ada"]).await;
    assert_eq!(house.access.identify_token(&token), Err(Rejected::Unknown), "another user of that name");
}

#[tokio::test]
async fn the_only_user_stays() {
    let house = House::with(&["ada"]).await;
    let (code, message) = refused(house.access.delete_user("ada", "ada").await);
    assert_eq!((code, message.as_str()), ("conflict", "`ada` is the only user"));
    assert_eq!(refused(house.access.delete_user("admin", "adda").await).0, "not_found");
    assert_eq!(house.stored().await, (1, 0, 0));
}

#[tokio::test]
async fn only_the_admin_makes_users_whose_names_come_with_rights() {
    let options = Options { may_impersonate: vec!["chatops".into()], ..Options::default() };
    let house = House::over(MemoryStore::default(), options).await;
    house.add(&["bob"]).await;
    for name in ["admin", "chatops", RULE_USER] {
        let told = refused(house.access.create_user("bob", name, PASSWORD).await);
        let expected = format!("`bob` may not make the user `{name}`: only `admin` may");
        assert_eq!(told, ("forbidden", expected), "{name}");
    }
    for name in ["Chatops", "chat0ps", "ADMIN"] {
        for caller in ["bob", "admin"] {
            let (code, message) = refused(house.access.create_user(caller, name, PASSWORD).await);
            assert_eq!(code, "invalid", "{name}");
            assert!(message.contains("which comes with rights"), "{message}");
        }
    }
    assert_eq!(house.stored().await, (1, 0, 0));
    house.access.create_user("bob", "eve", PASSWORD).await.unwrap();
    house.add(&["admin", "chatops", RULE_USER]).await;
    assert_eq!(house.stored().await, (5, 0, 0));
}

#[tokio::test]
async fn only_the_admin_makes_the_admin_anew() {
    let house = House::with(&["admin", "bob"]).await;
    house.access.delete_user("admin", "admin").await.unwrap();
    assert_eq!(refused(house.access.create_user("bob", "admin", PASSWORD).await).0, "forbidden");
    house.access.create_user("admin", "admin", PASSWORD).await.unwrap();
}
