use ironbark_db::testing::{TestDatabase, databases};
use ironbark_db::{
    CONDUCTOR_SORT_KEYS, HISTORY_SORT_KEYS, NODE_SORT_KEYS, NodeColumns, NodeFilter,
    PORT_SORT_KEYS, Page, PortFilter, SortDir,
};
use ironbark_model::{ErrorKind, Node, Timestamp};
use proptest::prelude::*;

use crate::make::{everything, node};

/// What a node is sorted by; few values, so that there are many ties and many without a value.
#[derive(Clone, Debug)]
struct Values {
    owner: Option<String>,
    inspection_started_at: Option<i64>,
    maintenance: bool,
}

fn values() -> impl Strategy<Value = Values> {
    let owner = prop::option::of(prop::sample::select(vec!["a", "B", "b", "ä", "z", ""]));
    (owner, prop::option::of(0..4i64), any::<bool>()).prop_map(
        |(owner, inspection_started_at, maintenance)| Values {
            owner: owner.map(str::to_owned),
            inspection_started_at,
            maintenance,
        },
    )
}

/// Walks all pages and gives the UUIDs in the order in which they came.
async fn walk(database: &TestDatabase, key: &str, dir: SortDir, limit: u32) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    loop {
        let mut page = Page::first(limit).sorted_by(key, dir);
        page.marker = seen.last().cloned();
        let nodes = database
            .node_list(&NodeFilter::default(), &page, NodeColumns::Summary)
            .await
            .unwrap();
        let full = nodes.len() == usize::try_from(limit).unwrap();
        seen.extend(nodes.into_iter().map(|node| node.uuid));
        assert!(seen.len() < 1000, "the walk doesn't end");
        if !full {
            return seen;
        }
    }
}

/// The order that is promised: by value with rows without one first, then by number; reversed when descending.
fn in_order(nodes: &[Node], key: &str, dir: SortDir) -> Vec<String> {
    let mut nodes: Vec<&Node> = nodes.iter().collect();
    match key {
        "id" => nodes.sort_by_key(|node| node.id),
        "owner" => nodes.sort_by_key(|node| (node.owner.clone(), node.id)),
        "inspection_started_at" => {
            nodes.sort_by_key(|node| (node.inspection_started_at, node.id));
        }
        "maintenance" => nodes.sort_by_key(|node| (node.maintenance, node.id)),
        other => panic!("{other}"),
    }
    if dir == SortDir::Descending {
        nodes.reverse();
    }
    nodes.into_iter().map(|node| node.uuid.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn walking_pages_yields_every_row_once_in_order(
        all in prop::collection::vec(values(), 0..25),
        limit in 1..9u32,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for database in databases().await {
                let mut nodes = Vec::new();
                for values in &all {
                    let one = Node {
                        owner: values.owner.clone(),
                        inspection_started_at: values.inspection_started_at.map(Timestamp),
                        maintenance: values.maintenance,
                        ..node()
                    };
                    nodes.push(database.node_create(&one).await.unwrap());
                }
                for key in ["id", "owner", "inspection_started_at", "maintenance"] {
                    for dir in [SortDir::Ascending, SortDir::Descending] {
                        let walked = walk(&database, key, dir, limit).await;
                        let expected = in_order(&nodes, key, dir);
                        assert_eq!(walked, expected, "{} {key} {dir:?}", database.kind);
                    }
                }
            }
        });
    }
}

#[tokio::test]
async fn every_sort_key_works_on_every_list() {
    for database in databases().await {
        let one = database.node_create(&node()).await.unwrap();
        for dir in [SortDir::Ascending, SortDir::Descending] {
            let page = |key: &str| everything().sorted_by(key, dir);
            for key in NODE_SORT_KEYS {
                let nodes = database
                    .node_list(&NodeFilter::default(), &page(key), NodeColumns::Summary)
                    .await
                    .unwrap();
                assert_eq!(nodes.len(), 1, "{} {key}", database.kind);
            }
            for key in PORT_SORT_KEYS {
                let list = database.port_list(&PortFilter::default(), &page(key)).await;
                assert!(list.unwrap().is_empty(), "{} {key}", database.kind);
            }
            for key in HISTORY_SORT_KEYS {
                let list = database.history_list(&one.uuid, &page(key)).await;
                assert!(list.unwrap().is_empty(), "{} {key}", database.kind);
            }
            for key in CONDUCTOR_SORT_KEYS {
                let list = database.conductors(&page(key)).await;
                assert!(list.unwrap().is_empty(), "{} {key}", database.kind);
            }
        }
    }
}

#[tokio::test]
async fn unknown_markers_and_sort_keys_are_told() {
    for database in databases().await {
        let list = async |page: Page| {
            let filter = NodeFilter::default();
            let list = database.node_list(&filter, &page, NodeColumns::Summary);
            list.await.unwrap_err().kind()
        };
        assert_eq!(
            list(everything().after("no-such")).await,
            ErrorKind::NotFound
        );
        for key in ["driver_info", "id; DROP TABLE nodes", ""] {
            let page = everything().sorted_by(key, SortDir::Ascending);
            assert_eq!(list(page).await, ErrorKind::InvalidParameter, "{key}");
        }
    }
}
