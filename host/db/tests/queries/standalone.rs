//! Deploy templates and runbooks.

use ironbark_db::testing::databases;
use ironbark_db::{Page, SortDir};
use ironbark_model::ident::{Ident, new_uuid};
use ironbark_model::{DeployTemplate, Error, ErrorKind, JsonObject, Runbook};
use serde_json::json;

use crate::make::{everything, object};

fn step(name: &str) -> JsonObject {
    object(json!({"interface": "bios", "step": name, "args": {"ü": ["\u{1e}", 1]}, "priority": 9}))
}

fn template(name: &str) -> DeployTemplate {
    DeployTemplate {
        uuid: new_uuid(),
        name: name.to_owned(),
        steps: vec![step("a"), step("b")],
        extra: object(json!({"x": 1})),
        ..DeployTemplate::default()
    }
}

fn runbook(name: &str) -> Runbook {
    Runbook {
        uuid: new_uuid(),
        name: name.to_owned(),
        description: Some("what it does".to_owned()),
        public: true,
        owner: Some("p".to_owned()),
        disable_ramdisk: true,
        steps: vec![step("a")],
        traits: vec!["CUSTOM_B".to_owned(), "CUSTOM_A".to_owned()],
        extra: object(json!({"x": 1})),
        ..Runbook::default()
    }
}

#[tokio::test]
async fn a_deploy_template_is_stored_listed_changed_and_deleted() {
    for database in databases().await {
        let kind = database.kind;
        let first = database
            .deploy_template_create(&template("CUSTOM_B"))
            .await
            .unwrap();
        let second = database
            .deploy_template_create(&template("CUSTOM_A"))
            .await
            .unwrap();
        assert!(first.id > 0 && first.created_at.is_some() && first.updated_at.is_none());
        for ident in [
            Ident::Uuid(first.uuid.clone()),
            Ident::Name("CUSTOM_B".to_owned()),
        ] {
            let read = database.deploy_template_get(&ident).await.unwrap();
            assert_eq!(read.as_ref(), Some(&first), "{kind}");
        }
        let again = DeployTemplate {
            name: "CUSTOM_C".to_owned(),
            ..first.clone()
        };
        for (taken, word) in [(again, "UUID"), (template("CUSTOM_A"), "name CUSTOM_A")] {
            let error = database.deploy_template_create(&taken).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
            assert!(error.message().contains(word), "{kind}: {error}");
        }
        let listed = database.deploy_template_list(&everything()).await.unwrap();
        assert_eq!(listed, [first.clone(), second.clone()], "{kind}");
        let page = Page::first(1)
            .sorted_by("name", SortDir::Ascending)
            .after(&second.uuid);
        let listed = database.deploy_template_list(&page).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&first), "{kind}");

        let changed = database
            .deploy_template_change(&first.uuid, |before| {
                Ok(DeployTemplate {
                    name: "CUSTOM_D".to_owned(),
                    steps: vec![step("c")],
                    // What can't change stays.
                    uuid: String::new(),
                    id: 0,
                    ..before.clone()
                })
            })
            .await
            .unwrap();
        assert_eq!((changed.id, &changed.uuid), (first.id, &first.uuid));
        assert!(changed.updated_at.is_some());
        let ident = Ident::Name("CUSTOM_D".to_owned());
        let read = database.deploy_template_get(&ident).await.unwrap();
        assert_eq!(read, Some(changed), "{kind}");
        let change = |name: &'static str| {
            move |before: &DeployTemplate| {
                Ok(DeployTemplate {
                    name: name.to_owned(),
                    ..before.clone()
                })
            }
        };
        let taken = database
            .deploy_template_change(&first.uuid, change("CUSTOM_A"))
            .await;
        assert_eq!(taken.unwrap_err().kind(), ErrorKind::Conflict, "{kind}");
        let refused = database
            .deploy_template_change(&first.uuid, |_| Err(Error::invalid("no")))
            .await;
        assert!(refused.is_err());
        let nobody = database
            .deploy_template_change(&new_uuid(), change("CUSTOM_E"))
            .await;
        assert_eq!(nobody.unwrap_err().kind(), ErrorKind::NotFound, "{kind}");
        database.deploy_template_delete(&first.uuid).await.unwrap();
        let error = database.deploy_template_delete(&first.uuid).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound, "{kind}");
        let listed = database.deploy_template_list(&everything()).await.unwrap();
        assert_eq!(listed, [second], "{kind}");
    }
}

#[tokio::test]
async fn deploy_templates_are_found_by_many_names() {
    for database in databases().await {
        let kind = database.kind;
        for name in ["CUSTOM_C", "CUSTOM_A", "CUSTOM_B"] {
            database
                .deploy_template_create(&template(name))
                .await
                .unwrap();
        }
        let named = async |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let found = database.deploy_templates_named(&names).await.unwrap();
            found.into_iter().map(|one| one.name).collect::<Vec<_>>()
        };
        let found = named(&["CUSTOM_C", "CUSTOM_X", "CUSTOM_A"]).await;
        assert_eq!(found, ["CUSTOM_A", "CUSTOM_C"], "{kind}");
        assert!(named(&[]).await.is_empty(), "{kind}");
        assert!(named(&["CUSTOM_X"]).await.is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn a_runbook_is_stored_listed_changed_and_deleted() {
    for database in databases().await {
        let kind = database.kind;
        let first = database.runbook_create(&runbook("b")).await.unwrap();
        let plain = Runbook {
            uuid: new_uuid(),
            name: "a".to_owned(),
            ..Runbook::default()
        };
        let second = database.runbook_create(&plain).await.unwrap();
        for ident in [Ident::Uuid(first.uuid.clone()), Ident::Name("b".to_owned())] {
            let read = database.runbook_get(&ident).await.unwrap();
            assert_eq!(read.as_ref(), Some(&first), "{kind}");
        }
        let error = database.runbook_create(&runbook("a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}");
        assert_eq!(error.message(), "A runbook with name a already exists.");
        let page = everything().sorted_by("description", SortDir::Descending);
        let listed = database.runbook_list(&page).await.unwrap();
        assert_eq!(listed, [first.clone(), second], "{kind}");
        let changed = database
            .runbook_change(&first.uuid, |before| {
                Ok(Runbook {
                    public: false,
                    owner: None,
                    description: None,
                    disable_ramdisk: false,
                    traits: Vec::new(),
                    ..before.clone()
                })
            })
            .await
            .unwrap();
        let read = database.runbook_get(&Ident::Name("b".to_owned())).await;
        assert_eq!(read.unwrap(), Some(changed), "{kind}");
        database.runbook_delete(&first.uuid).await.unwrap();
        let error = database.runbook_delete(&first.uuid).await.unwrap_err();
        assert_eq!(
            error.message(),
            format!("Runbook {} could not be found.", first.uuid)
        );
    }
}
