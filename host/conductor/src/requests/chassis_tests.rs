//! A node gets no chassis that isn't there, whatever the API saw before.

#![allow(clippy::unwrap_used)]

use ironbark_model::ident::new_uuid;
use ironbark_model::patch::parse;
use ironbark_model::{Chassis, ErrorKind, InterfaceKind, Node};
use serde_json::{Value, json};

use super::{find, node_update};
use crate::reserve::giving_back;
use crate::testing;

#[tokio::test]
async fn a_chassis_that_has_gone_is_refused() {
    let database = ironbark_db::testing::sqlite().await;
    let db = &database.database;
    let ctx = testing::context(db, testing::config("here"));
    let mut node = Node {
        uuid: new_uuid(),
        driver: "any".to_owned(),
        ..Node::default()
    };
    // Nothing that a driver would have to fill in.
    for kind in InterfaceKind::ALL {
        node.set_interface(*kind, Some("any".to_owned()));
    }
    let node = db.node_create(&node).await.unwrap();
    let rack = Chassis {
        uuid: new_uuid(),
        ..Chassis::default()
    };
    db.chassis_create(&rack).await.unwrap();
    let put = async |value: Value| {
        let ops = parse(&json!([{"op": "add", "path": "/chassis_uuid", "value": value}])).unwrap();
        giving_back(node_update::update(&ctx, &node.uuid, &ops, false))
            .await
            .map(drop)
            .map_err(|error| error.kind())
    };
    let gone = put(json!(new_uuid())).await;
    assert_eq!(gone, Err(ErrorKind::InvalidParameter));
    assert_eq!(put(json!(rack.uuid)).await, Ok(()));
    let stored = find(&ctx, &node.uuid).await.unwrap();
    assert_eq!(stored.chassis_uuid.as_deref(), Some(rack.uuid.as_str()));
    assert_eq!(stored.reservation, None);
    assert!(db.chassis_delete(&rack.uuid).await.is_err());
    assert_eq!(put(json!(null)).await, Ok(()));
    db.chassis_delete(&rack.uuid).await.unwrap();
}
