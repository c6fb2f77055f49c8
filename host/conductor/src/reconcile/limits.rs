//! How many nodes deploy or clean at once, in the whole cluster.

use ironbark_db::{Database, NodeFilter};
use ironbark_model::{Error, ProvisionState, Result};

use crate::config::Config;

const DEPLOYING: &[ProvisionState] = &[ProvisionState::Deploying, ProvisionState::WaitCallBack];
const CLEANING: &[ProvisionState] = &[
    ProvisionState::Deleting,
    ProvisionState::Cleaning,
    ProvisionState::CleanWait,
];

/// Refuses with 503 if as many nodes as allowed deploy already.
pub(crate) async fn check_deploy(db: &Database, config: &Config) -> Result<()> {
    check(db, DEPLOYING, config.max_concurrent_deploy, "deploy").await
}

/// Refuses with 503 if as many nodes as allowed are cleaned or torn down already.
pub(crate) async fn check_clean(db: &Database, config: &Config) -> Result<()> {
    check(db, CLEANING, config.max_concurrent_clean, "clean").await
}

async fn check(db: &Database, states: &[ProvisionState], most: u32, what: &str) -> Result<()> {
    let filter = NodeFilter {
        provision_states: Some(states.to_vec()),
        include_children: true,
        ..NodeFilter::default()
    };
    let busy = db.nodes_owned_candidates(&filter).await?.len();
    if busy >= usize::try_from(most).unwrap_or(usize::MAX) {
        return Err(Error::overloaded(format!(
            "The limit of {most} nodes that {what} at once is reached; try again later (max_concurrent_{what})."
        ))
        .retry_after(30));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ironbark_db::testing;
    use ironbark_model::{ErrorKind, Node, ident::new_uuid};

    use super::*;

    #[tokio::test]
    async fn counts_nodes_of_the_whole_cluster() {
        for db in testing::databases().await {
            let config = Config {
                max_concurrent_deploy: 2,
                max_concurrent_clean: 1,
                ..Config::default()
            };
            for state in [
                ProvisionState::Deploying,
                ProvisionState::Active,
                ProvisionState::CleanWait,
            ] {
                let node = Node {
                    uuid: new_uuid(),
                    driver: "any".into(),
                    provision_state: state,
                    ..Node::default()
                };
                db.node_create(&node).await.unwrap();
            }
            assert!(check_deploy(&db, &config).await.is_ok(), "{}", db.kind);
            let refused = check_clean(&db, &config).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Overloaded);
        }
    }
}
