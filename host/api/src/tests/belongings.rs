//! What the scripted conductor does with port groups and volumes: the database's part, and none of a conductor's rules.

use ironbark_db::ReservedTx;
use ironbark_db::testing::TestDatabase;
use ironbark_model::ident::Ident;
use ironbark_model::{Portgroup, Result, VolumeConnector, VolumeTarget};
use ironbark_rpc::{Belonging, Change, ChangeBelonging, Reply};

use super::harness::patched;

pub(super) async fn change(
    db: &TestDatabase,
    host: &str,
    change: ChangeBelonging,
) -> Result<Reply> {
    let node = match &change {
        ChangeBelonging::Portgroup(Change::Create(new)) => new.node_uuid.clone(),
        ChangeBelonging::VolumeConnector(Change::Create(new)) => new.node_uuid.clone(),
        ChangeBelonging::VolumeTarget(Change::Create(new)) => new.node_uuid.clone(),
        ChangeBelonging::Portgroup(Change::Update { node, .. } | Change::Destroy { node, .. })
        | ChangeBelonging::VolumeConnector(
            Change::Update { node, .. } | Change::Destroy { node, .. },
        )
        | ChangeBelonging::VolumeTarget(
            Change::Update { node, .. } | Change::Destroy { node, .. },
        ) => node.clone(),
    };
    let reservation = db.node_reserve(&node, host).await?;
    let mut tx = db.reserved(&reservation).await?;
    let stored = write(db, &mut tx, change).await;
    match stored {
        Ok(stored) => {
            tx.commit_and_release().await?;
            Ok(stored.map_or(Reply::Done, Reply::Belonging))
        }
        Err(error) => {
            drop(tx);
            db.node_release(&reservation).await?;
            Err(error)
        }
    }
}

async fn write(
    db: &TestDatabase,
    tx: &mut ReservedTx,
    change: ChangeBelonging,
) -> Result<Option<Belonging>> {
    match change {
        ChangeBelonging::Portgroup(Change::Create(new)) => {
            tx.portgroup_create(&new).await.map(portgroup)
        }
        ChangeBelonging::Portgroup(Change::Update { uuid, patch, .. }) => {
            let old = db.portgroup_get(&Ident::Uuid(uuid)).await?.unwrap();
            tx.portgroup_update(&patched(&old, &patch)?)
                .await
                .map(portgroup)
        }
        ChangeBelonging::Portgroup(Change::Destroy { uuid, .. }) => {
            tx.portgroup_delete(&uuid).await.map(|_| None)
        }
        ChangeBelonging::VolumeConnector(Change::Create(new)) => {
            tx.volume_connector_create(&new).await.map(connector)
        }
        ChangeBelonging::VolumeConnector(Change::Update { uuid, patch, .. }) => {
            let old = db.volume_connector_get(&uuid).await?.unwrap();
            tx.volume_connector_update(&patched(&old, &patch)?, None)
                .await
                .map(connector)
        }
        ChangeBelonging::VolumeConnector(Change::Destroy { uuid, .. }) => {
            tx.volume_connector_delete(&uuid).await.map(|_| None)
        }
        ChangeBelonging::VolumeTarget(Change::Create(new)) => {
            tx.volume_target_create(&new).await.map(target)
        }
        ChangeBelonging::VolumeTarget(Change::Update { uuid, patch, .. }) => {
            let old = db.volume_target_get(&uuid).await?.unwrap();
            tx.volume_target_update(&patched(&old, &patch)?, None)
                .await
                .map(target)
        }
        ChangeBelonging::VolumeTarget(Change::Destroy { uuid, .. }) => {
            tx.volume_target_delete(&uuid).await.map(|_| None)
        }
    }
}

fn portgroup(stored: Portgroup) -> Option<Belonging> {
    Some(Belonging::Portgroup(Box::new(stored)))
}

fn connector(stored: VolumeConnector) -> Option<Belonging> {
    Some(Belonging::VolumeConnector(Box::new(stored)))
}

fn target(stored: VolumeTarget) -> Option<Belonging> {
    Some(Belonging::VolumeTarget(Box::new(stored)))
}
