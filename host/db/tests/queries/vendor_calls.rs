use ironbark_db::VendorCallMark;
use ironbark_db::testing::databases;
use ironbark_model::ErrorKind;

use crate::make::held_node;

fn mark(id: &str, node_uuid: &str) -> VendorCallMark {
    VendorCallMark {
        id: id.into(),
        node_uuid: node_uuid.into(),
        method: "send_raw".into(),
        host: "host-a".into(),
        incarnation: "i".into(),
    }
}

#[tokio::test]
async fn a_vendor_call_is_under_way_from_its_begin_to_its_end() {
    for database in databases().await {
        let kind = database.kind;
        let (node, reservation) = held_node(&database).await;
        let (first, second) = (mark("1", &node.uuid), mark("2", &node.uuid));
        for mark in [&first, &second] {
            database.vendor_call_begin(mark).await.unwrap();
        }
        let all = database.vendor_calls().await.unwrap();
        assert_eq!(all, [first.clone(), second.clone()], "{kind}");
        assert!(database.vendor_call_end("1").await.unwrap(), "{kind}");
        assert!(!database.vendor_call_end("1").await.unwrap(), "{kind}");

        // In the transaction of whoever tells it as interrupted, once.
        let mut tx = database.reserved(&reservation).await.unwrap();
        assert!(!tx.vendor_call_end(&first).await.unwrap(), "{kind}");
        assert!(tx.vendor_call_end(&second).await.unwrap(), "{kind}");
        tx.commit().await.unwrap();
        assert_eq!(database.vendor_calls().await.unwrap(), [], "{kind}");

        let of_nobody = mark("3", "11111111-2222-4333-8444-555555555555");
        let error = database.vendor_call_begin(&of_nobody).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{kind}");
    }
}
