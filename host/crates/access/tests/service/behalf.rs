//! The right to act on behalf of somebody else.

use petrel_access::{Behalf, KeyChange, Options, SignIn};
use petrel_model::Object;
use petrel_persistence::MemoryStore;

use crate::{House, PASSWORD, attempt, refused};

/// Ada, Bob, the admin, and a robot that the settings allow to act as others.
async fn house() -> House {
    let options = Options { may_impersonate: vec!["robot".into()], ..Options::default() };
    let house = House::over(MemoryStore::default(), options).await;
    house.add(&["admin", "ada", "bob", "robot"]).await;
    house
}

#[tokio::test]
async fn the_admin_and_whom_the_settings_name_may_act_as_others() {
    let house = house().await;
    for (caller, wanted, expected) in [
        ("bob", None, Some(("bob", None))),
        ("bob", Some(""), Some(("bob", None))),
        ("bob", Some("bob"), Some(("bob", None))),
        ("bob", Some("ada"), None),
        ("admin", Some("ada"), Some(("ada", Some("admin")))),
        ("robot", Some("ada"), Some(("ada", Some("robot")))),
        ("robot", Some("a\nb"), None),
        ("admin", Some("admin"), Some(("admin", None))),
        ("robot", Some("admin"), None),
    ] {
        let behalf = house.access.behalf(caller, wanted).ok();
        let expected =
            expected.map(|(user, by)| Behalf { user: user.into(), api_user: by.map(str::to_owned) });
        assert_eq!(behalf, expected, "{caller} as {wanted:?}");
    }
}

#[tokio::test]
async fn nobody_changes_what_is_somebody_else_s() {
    let house = house().await;
    let key = house.access.create_api_key("ada", "ada", Object::new(), true).await.unwrap().record;
    let access = &house.access;
    for (what, refusal) in [
        ("a key", refused(access.create_api_key("bob", "ada", Object::new(), true).await)),
        ("a deletion", refused(access.delete_api_key("bob", &key.id.to_string()).await)),
        ("a password", refused(access.set_password("bob", "ada", "other horse").await)),
        ("a user", refused(access.delete_user("bob", "ada").await)),
    ] {
        assert_eq!(refusal, ("forbidden", "`bob` may not act as `ada`".into()), "{what}");
    }
    assert_eq!(house.stored().await, (4, 0, 1));
    house.sign_in("ada", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn what_is_the_admin_s_is_not_for_whom_the_settings_name() {
    let house = house().await;
    let key = house.access.create_api_key("admin", "admin", Object::new(), true).await.unwrap().record.id;
    let of_robot =
        house.access.create_api_key("robot", "robot", Object::new(), true).await.unwrap().record.id;
    let access = &house.access;
    let to_admin = KeyChange { user: Some("admin".into()), ..KeyChange::default() };
    let as_admin = SignIn { on_behalf_of: Some("admin".into()), ..attempt("robot", PASSWORD) };
    for (what, refusal) in [
        ("the password", refused(access.set_password("robot", "admin", "other horse").await)),
        ("a token", refused(access.sign_in(as_admin).await)),
        ("a key", refused(access.create_api_key("robot", "admin", Object::new(), true).await)),
        ("a key of before", refused(access.change_api_key("robot", &of_robot.to_string(), to_admin).await)),
        ("a deletion", refused(access.delete_api_key("robot", &key.to_string()).await)),
        ("the user", refused(access.delete_user("robot", "admin").await)),
    ] {
        assert_eq!(refusal, ("forbidden", "`robot` may not act as `admin`".into()), "{what}");
    }
    assert_eq!(house.stored().await, (4, 0, 2));
    house.sign_in("admin", PASSWORD).await.unwrap();
    house.access.set_password("robot", "ada", "other horse").await.unwrap();
}

#[tokio::test]
async fn a_token_for_somebody_else_says_who_had_it_made() {
    let house = house().await;
    let for_ada = |name: &str| SignIn { on_behalf_of: Some("ada".into()), ..attempt(name, PASSWORD) };
    assert_eq!(refused(house.access.sign_in(for_ada("bob")).await).0, "forbidden");
    let issued = house.access.sign_in(for_ada("robot")).await.unwrap();
    let identity = house.access.identify_token(&issued.secret).unwrap();
    assert_eq!((identity.user.as_str(), identity.made_by.as_deref()), ("ada", Some("robot")));
    let for_nobody = SignIn { on_behalf_of: Some("eve".into()), ..attempt("robot", PASSWORD) };
    assert_eq!(refused(house.access.sign_in(for_nobody).await).0, "not_found");
    assert_eq!(house.stored().await.1, 1);
}
