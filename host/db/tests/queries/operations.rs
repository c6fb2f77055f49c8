use ironbark_db::testing::databases;
use ironbark_model::operation::{Operation, OperationKind, PlannedStep, Wait, WaitOn};
use ironbark_model::step::{OnInterrupt, Step};
use ironbark_model::{ErrorKind, InterfaceKind, Timestamp};
use serde_json::json;

use crate::make::{held_node, object};

/// An operation with a value in every field.
pub(crate) fn operation(node_uuid: &str) -> Operation {
    let step = Step {
        interface: InterfaceKind::Deploy,
        step: "erase".into(),
        args: object(json!({"passes": 2})),
        priority: 10,
        abortable: true,
        requires_ramdisk: false,
        argsinfo: Some(object(json!({"passes": {"required": true}}))),
        abort_after: true,
        execute_on_child_nodes: true,
        limit_child_node_execution: vec!["c".into()],
    };
    let mut operation = Operation::new(
        OperationKind::Clean,
        node_uuid,
        "req-1",
        object(json!({"clean_steps": [1]})),
    );
    operation.phase = "steps".into();
    operation.steps = vec![PlannedStep {
        step,
        on_interrupt: OnInterrupt::Resume,
        implementation: "fake".into(),
    }];
    operation.step_index = 1;
    operation.step_started = true;
    operation.cursor = Some(json!({"at": [1, "two"]}));
    operation.wait = Some(Wait {
        on: WaitOn::PollAfter,
        poll_at: Some(Timestamp(5)),
        deadline: Timestamp(9),
        message: Some("waits".into()),
    });
    operation.package_digest = Some("digest".into());
    operation.deadline = Some(Timestamp(11));
    operation.resumes = 2;
    operation
}

#[tokio::test]
async fn the_journal_holds_every_field_until_the_work_ends() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let mut written = operation(&node.uuid);
        written.created_at = Timestamp(1);
        written.updated_at = Timestamp(2);

        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.operation_open(&written).await.unwrap();
        assert_eq!(tx.operation().await.unwrap().as_ref(), Some(&written));
        tx.commit().await.unwrap();
        let read = database.operation_of(&node.uuid).await.unwrap();
        assert_eq!(read.as_ref(), Some(&written), "{kind}");

        written.cursor = None;
        written.wait = None;
        written.package_digest = None;
        written.deadline = None;
        written.phase = "finish".into();
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.operation_update(&written).await.unwrap();
        tx.commit().await.unwrap();
        let read = database.operation_of(&node.uuid).await.unwrap().unwrap();
        assert!(read.updated_at > written.updated_at, "{kind}");
        written.updated_at = read.updated_at;
        assert_eq!(read, written, "{kind}");

        let open = database.operations_open().await.unwrap();
        let [(first, owner)] = &open[..] else {
            panic!("{open:?}")
        };
        assert_eq!(first, &written, "{kind}");
        assert_eq!(owner.uuid, node.uuid);
        assert_eq!(owner.reservation.as_deref(), Some("host-a"));
        assert_eq!(owner.fence, reservation.fence);

        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.operation_close(&written.uuid).await.unwrap();
        tx.commit_and_release().await.unwrap();
        assert_eq!(database.operation_of(&node.uuid).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_node_has_one_open_operation_at_most() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let first = operation(&node.uuid);
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.operation_open(&first).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = database.reserved(&reservation).await.unwrap();
        let error = tx.operation_open(&operation(&node.uuid)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{kind}: {error:?}");
        drop(tx);
        // What isn't open can't be written or ended.
        let mut tx = database.reserved(&reservation).await.unwrap();
        assert!(tx.operation_update(&operation(&node.uuid)).await.is_err());
        assert!(tx.operation_close("no-such").await.is_err());
    }
}

#[tokio::test]
async fn a_pinned_package_names_its_nodes() {
    for database in databases().await {
        let (node, reservation) = held_node(&database).await;
        let mut tx = database.reserved(&reservation).await.unwrap();
        tx.operation_open(&operation(&node.uuid)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            database.operations_pinning("digest").await.unwrap(),
            [node.uuid]
        );
        assert!(
            database
                .operations_pinning("other")
                .await
                .unwrap()
                .is_empty()
        );
    }
}
