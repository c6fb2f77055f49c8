//! Takes active nodes over that another conductor deployed and the ring gives to this one: its boot files and the like must
//! come to be here.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ironbark_db::{NodeFilter, NodeRef};
use ironbark_model::{ErrorKind, ProvisionState, Result};
use tokio::time::Instant;

use super::spawn::chain;
use crate::context::Context;
use crate::operations;

/// Nodes that one pass takes over: when a conductor goes, the others must not drop everything for its nodes.
const IN_ONE_PASS: usize = 8;

/// Longest that a node is left alone whose take-over failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What is remembered from pass to pass: nodes whose take-over was begun or failed. One that is still due was not taken over, and
/// must not keep the others waiting.
#[derive(Debug, Default)]
pub(super) struct TakeOver(Mutex<HashMap<String, Tried>>);

#[derive(Clone, Copy, Debug)]
struct Tried {
    times: u32,
    last: Instant,
}

impl TakeOver {
    /// Answers how many were begun.
    pub(super) async fn pass(&self, ctx: &Arc<Context>, now: Instant) -> Result<usize> {
        let filter = NodeFilter {
            provision_state: Some(ProvisionState::Active),
            maintenance: Some(false),
            reserved: Some(false),
            include_children: true,
            ..NodeFilter::default()
        };
        let mut nodes = ctx.db.nodes_owned_candidates(&filter).await?;
        nodes.retain(|node| is_due(node, ctx.host()) && ctx.ring.owns(node));
        self.keep_only(&nodes);
        let mut begun = 0;
        for node in &nodes {
            if begun == IN_ONE_PASS {
                break;
            }
            if !self.may_try(&node.uuid, ctx.config.sync_local_state_interval, now) {
                continue;
            }
            match operations::begin_take_over(ctx, &node.uuid).await {
                Ok(true) => {
                    begun += 1;
                    self.tried(&node.uuid, now);
                    tracing::info!(
                        node = %node.uuid,
                        from = node.conductor_affinity.as_deref().unwrap_or("nobody"),
                        "taking over"
                    );
                }
                Ok(false) => {}
                Err(error) if error.kind() == ErrorKind::Overloaded => break,
                Err(error)
                    if matches!(error.kind(), ErrorKind::NodeLocked | ErrorKind::NotFound) => {}
                Err(error) => {
                    self.tried(&node.uuid, now);
                    tracing::warn!(node = %node.uuid, error = %chain(&error), "could not take over");
                }
            }
        }
        Ok(begun)
    }

    fn may_try(&self, uuid: &str, interval: Duration, now: Instant) -> bool {
        self.lock().get(uuid).is_none_or(|tried| {
            let pause = interval.saturating_mul(2_u32.saturating_pow(tried.times));
            now.saturating_duration_since(tried.last) >= pause.min(LONGEST_PAUSE)
        })
    }

    fn tried(&self, uuid: &str, now: Instant) {
        let mut all = self.lock();
        let tried = all.entry(uuid.to_owned()).or_insert(Tried {
            times: 0,
            last: now,
        });
        tried.times = tried.times.saturating_add(1);
        tried.last = now;
    }

    /// Forgets nodes that aren't due any more.
    fn keep_only(&self, due: &[NodeRef]) {
        let mut all = self.lock();
        if !all.is_empty() {
            let due: HashSet<&str> = due.iter().map(|node| node.uuid.as_str()).collect();
            all.retain(|uuid, _| due.contains(uuid.as_str()));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Tried>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node that nobody ever prepared (adopted before there was an affinity, say) is taken over too.
fn is_due(node: &NodeRef, host: &str) -> bool {
    node.conductor_affinity.as_deref() != Some(host) && node.target_power_state.is_none()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ironbark_db::{Database, testing};
    use ironbark_model::Node;
    use ironbark_model::ident::Ident;

    use super::*;
    use crate::testing::{config, node, package, registered};

    async fn site(db: &Database) -> Arc<Context> {
        let mut config = config("host-a");
        config.sync_local_state_interval = Duration::from_secs(60);
        registered(db, config, &[package("acme", "1.0.0", "acme")]).await
    }

    /// A node that nobody can take over: its deploy interface isn't there.
    async fn broken(db: &Database, name: &str) -> Node {
        let made = node(db, "acme", name).await;
        let reservation = db.node_reserve(&made.uuid, "host-b").await.unwrap();
        let mut tx = db.reserved(&reservation).await.unwrap();
        let mut now = tx.node().await.unwrap();
        now.deploy_interface = Some("gone".to_owned());
        tx.save_node(&now).await.unwrap();
        tx.commit_and_release().await.unwrap();
        made
    }

    async fn get(ctx: &Context, node: &Node) -> Node {
        let found = ctx.db.node_get(&Ident::Uuid(node.uuid.clone())).await;
        found.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_node_that_another_conductor_deployed_is_taken_over_once() {
        for db in testing::databases().await {
            let ctx = site(&db).await;
            let foreign = node(&db, "acme", "foreign").await;
            let reconciler = TakeOver::default();
            let now = Instant::now();
            assert_eq!(reconciler.pass(&ctx, now).await.unwrap(), 1, "{}", db.kind);
            ctx.workers.idle().await;
            let taken = get(&ctx, &foreign).await;
            assert_eq!(taken.conductor_affinity.as_deref(), Some("host-a"));
            assert_eq!((taken.reservation, taken.last_error), (None, None));
            assert_eq!(db.operation_of(&foreign.uuid).await.unwrap(), None);
            assert_eq!(reconciler.pass(&ctx, now).await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn nodes_that_can_not_be_taken_over_do_not_keep_the_others_waiting() {
        let db = testing::sqlite().await;
        let ctx = site(&db).await;
        for number in 0..IN_ONE_PASS {
            broken(&db, &format!("broken-{number}")).await;
        }
        let well = node(&db, "acme", "well").await;
        let reconciler = TakeOver::default();
        let now = Instant::now();
        assert_eq!(reconciler.pass(&ctx, now).await.unwrap(), IN_ONE_PASS);
        ctx.workers.idle().await;
        let soon = now + Duration::from_secs(60);
        assert_eq!(reconciler.pass(&ctx, soon).await.unwrap(), 1);
        ctx.workers.idle().await;
        let taken = get(&ctx, &well).await;
        assert_eq!(taken.conductor_affinity.as_deref(), Some("host-a"));
        // They are tried again, but later each time.
        let later = now + Duration::from_secs(120);
        assert_eq!(reconciler.pass(&ctx, later).await.unwrap(), IN_ONE_PASS);
        ctx.workers.idle().await;
        let too_soon = later + Duration::from_secs(200);
        assert_eq!(reconciler.pass(&ctx, too_soon).await.unwrap(), 0);
    }
}
