use ironbark_db::testing::databases;
use ironbark_db::{MOST_INSPECTION_RULES, Page, SortDir};
use ironbark_model::ident::new_uuid;
use ironbark_model::{Error, ErrorKind, InspectionRule};
use serde_json::json;

use crate::make::everything;

fn rule(priority: i32) -> InspectionRule {
    InspectionRule {
        uuid: new_uuid(),
        priority,
        phase: "main".to_owned(),
        conditions: vec![json!({"op": "is-true", "args": [1]})],
        actions: vec![json!({"op": "fail", "args": ["no"]})],
        ..InspectionRule::default()
    }
}

#[tokio::test]
async fn rules_run_by_priority_and_then_by_age() {
    for database in databases().await {
        let kind = database.kind;
        let mut made = Vec::new();
        for priority in [1, 5, 5, 0] {
            made.push(
                database
                    .inspection_rule_create(&rule(priority))
                    .await
                    .unwrap(),
            );
        }
        let other = InspectionRule {
            phase: "other".to_owned(),
            ..rule(9)
        };
        database.inspection_rule_create(&other).await.unwrap();
        let run = database.inspection_rules_of("main").await.unwrap();
        let expected = [1, 2, 0, 3].map(|at: usize| made[at].clone());
        assert_eq!(run, expected, "{kind}");
    }
}

#[tokio::test]
async fn a_rule_is_stored_listed_changed_and_deleted() {
    for database in databases().await {
        let kind = database.kind;
        let first = database.inspection_rule_create(&rule(1)).await.unwrap();
        let second = database.inspection_rule_create(&rule(2)).await.unwrap();
        assert!(first.id > 0 && first.created_at.is_some() && first.updated_at.is_none());
        let twice = database.inspection_rule_create(&first).await.unwrap_err();
        assert_eq!(twice.kind(), ErrorKind::Conflict, "{kind}");
        let listed = database.inspection_rule_list(&everything()).await.unwrap();
        assert_eq!(listed, [first.clone(), second.clone()], "{kind}");
        let page = Page::first(1).sorted_by("priority", SortDir::Descending);
        let listed = database.inspection_rule_list(&page).await.unwrap();
        assert_eq!(listed, [second]);

        let changed = database
            .inspection_rule_change(&first.uuid, |before| {
                Ok(InspectionRule {
                    sensitive: true,
                    description: Some("d".to_owned()),
                    uuid: String::new(),
                    ..before.clone()
                })
            })
            .await
            .unwrap();
        assert!(changed.updated_at.is_some() && changed.sensitive);
        let read = database.inspection_rule_get(&first.uuid).await.unwrap();
        assert_eq!(read.as_ref(), Some(&changed), "{kind}");
        let refused = database
            .inspection_rule_change(&first.uuid, |_| Err(Error::invalid("no")))
            .await;
        assert!(refused.is_err());
        let read = database.inspection_rule_get(&first.uuid).await.unwrap();
        assert_eq!(read, Some(changed), "{kind}");

        database.inspection_rule_delete(&first.uuid).await.unwrap();
        let gone = database
            .inspection_rule_delete(&first.uuid)
            .await
            .unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        let gone = database.inspection_rule_change(&first.uuid, |rule| Ok(rule.clone()));
        assert_eq!(gone.await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn there_is_a_most_of_rules() {
    let database = ironbark_db::testing::sqlite().await;
    for _ in 0..MOST_INSPECTION_RULES {
        database.inspection_rule_create(&rule(0)).await.unwrap();
    }
    let refused = database.inspection_rule_create(&rule(0)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.message().contains("delete one"));
}
