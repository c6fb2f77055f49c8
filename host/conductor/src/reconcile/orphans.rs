//! Finds nodes whose conductor died, and open work that nobody is at; what becomes of it is [`recovery`]'s to say.

use std::sync::Arc;

use ironbark_model::Result;

use crate::context::Context;
use crate::{packages, recovery};

pub(super) async fn pass(ctx: &Arc<Context>) -> Result<()> {
    // Who is dead is to be known as late as possible: a conductor may have come back.
    ctx.ring.refresh(&ctx.db).await?;
    if let Err(error) = packages::load_pinned(ctx).await {
        // A step whose driver isn't there is seen to all the same, and so is everything else.
        tracing::warn!(%error, "drivers that interrupted steps began with could not be looked for");
    }
    let looked = recovery::look_after(ctx).await?;
    if looked.taken > 0 || looked.postponed > 0 {
        tracing::info!(
            taken = looked.taken,
            postponed = looked.postponed,
            "saw to nodes of conductors that are gone"
        );
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::HashSet;

    use ironbark_db::testing;
    use ironbark_model::ident::Ident;
    use ironbark_model::operation::OperationKind;
    use ironbark_model::{JsonObject, Node, Operation, ProvisionState, Timestamp};
    use tokio::time::Instant;

    use super::*;
    use crate::holdings::UNCLAIMED_AFTER;
    use crate::reserve::Held;
    use crate::testing::{config, node, package, registered};

    async fn get(ctx: &Context, node: &Node) -> Node {
        let found = ctx.db.node_get(&Ident::Uuid(node.uuid.clone())).await;
        found.unwrap().unwrap()
    }

    #[tokio::test]
    async fn nodes_of_a_dead_conductor_are_seen_to_and_those_of_a_living_one_are_not() {
        for db in testing::databases().await {
            let acme = package("acme", "1.0.0", "acme");
            let ctx = registered(&db, config("host-a"), &[acme]).await;
            // Drives nothing, but lives.
            let _living = registered(&db, config("host-b"), &[]).await;
            let (idle, stuck) = (
                node(&db, "acme", "idle").await,
                node(&db, "acme", "stuck").await,
            );
            let reservation = db.node_reserve(&stuck.uuid, "host-x").await.unwrap();
            let mut tx = db.reserved(&reservation).await.unwrap();
            let mut now = tx.node().await.unwrap();
            now.provision_state = ProvisionState::Deploying;
            tx.save_node(&now).await.unwrap();
            tx.commit().await.unwrap();
            db.node_reserve(&idle.uuid, "host-x").await.unwrap();
            let busy = node(&db, "acme", "busy").await;
            db.node_reserve(&busy.uuid, "host-b").await.unwrap();

            for _ in 0..2 {
                pass(&ctx).await.unwrap();
            }
            assert_eq!(get(&ctx, &idle).await.reservation, None, "{}", db.kind);
            let stuck = get(&ctx, &stuck).await;
            assert_eq!(stuck.reservation, None);
            assert_eq!(stuck.provision_state, ProvisionState::DeployFailed);
            assert!(stuck.last_error.is_some());
            assert_eq!(
                get(&ctx, &busy).await.reservation.as_deref(),
                Some("host-b")
            );
            // The dead one comes back to life: what it still tries is refused.
            let late = db.reserved(&reservation).await;
            assert!(late.is_err_and(|error| ironbark_db::is_fence_lost(&error)));
        }
    }
    /// As after an acquisition, or a take-over of stranded work, whose answer was lost on the way from the database.
    #[tokio::test]
    async fn what_this_host_holds_without_knowing_it_is_seen_to_after_a_while() {
        for db in testing::databases().await {
            let acme = package("acme", "1.0.0", "acme");
            let ctx = registered(&db, config("host-a"), &[acme]).await;
            let (idle, stuck, busy) = (
                node(&db, "acme", "idle").await,
                node(&db, "acme", "stuck").await,
                node(&db, "acme", "busy").await,
            );
            let lost = db.node_reserve(&idle.uuid, "host-a").await.unwrap();
            let taken_over = db.node_reserve(&stuck.uuid, "host-a").await.unwrap();
            let mut tx = db.reserved(&taken_over).await.unwrap();
            let mut verify = Operation::new(
                OperationKind::Verify,
                &stuck.uuid,
                "req-1",
                JsonObject::new(),
            );
            verify.phase = "check".to_owned();
            verify.updated_at = Timestamp(0);
            tx.operation_open(&verify).await.unwrap();
            tx.commit().await.unwrap();
            let held = Held::try_acquire(&ctx, &busy.uuid).await.unwrap();

            for _ in 0..3 {
                pass(&ctx).await.unwrap();
            }
            assert!(get(&ctx, &idle).await.reservation.is_some(), "not at once");
            let long_ago = Instant::now() - UNCLAIMED_AFTER;
            ctx.holdings.keep_only(&HashSet::new());
            for seen in [&lost, &taken_over] {
                ctx.holdings
                    .is_unclaimed(&seen.node_uuid, seen.fence, long_ago);
            }
            pass(&ctx).await.unwrap();
            assert_eq!(get(&ctx, &idle).await.reservation, None, "{}", db.kind);
            assert_eq!(get(&ctx, &stuck).await.reservation, None, "{}", db.kind);
            assert_eq!(db.operation_of(&stuck.uuid).await.unwrap(), None);
            assert!(get(&ctx, &busy).await.reservation.is_some());
            held.release().await.unwrap();
        }
    }
}
