//! Whether nodes fit a version that isn't active yet.

use std::collections::BTreeSet;

use ironbark_db::{NodeFilter, Page};
use ironbark_drivers::{Package, PreparedPackage};
use ironbark_model::lifecycle::CanaryScope;
use ironbark_model::{Error, Node, Result};
use serde::Serialize;

use crate::context::Context;

/// Nodes that are read at once. Reading and checking a page is done in one go on a thread that serves others too: so few.
const PAGE: u32 = 25;
/// How many failing nodes are named.
const NAMED: usize = 10;

/// What a version's property schema says of the nodes that would use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct NodeCheck {
    /// Nodes that were checked.
    checked: usize,
    /// Those that don't fit.
    failing: usize,
    /// Those of them that don't fit the active version either, which is no reason to keep it.
    failing_already: usize,
    /// Some of the others, by name or UUID, with the reason.
    examples: Vec<Example>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Example {
    node: String,
    reason: String,
}

impl NodeCheck {
    /// Refuses if nodes that are well now would not be any more.
    pub(super) fn refuse(&self, what: &str) -> Result<()> {
        let fresh = self.failing - self.failing_already;
        if fresh == 0 {
            return Ok(());
        }
        let named: Vec<String> = self
            .examples
            .iter()
            .map(|example| format!("{} ({})", example.node, example.reason))
            .collect();
        Err(Error::conflict(format!(
            "{what}: {fresh} of {} nodes would fail validation: {}{}. Correct their driver_info first, or do it all the same with force.",
            self.checked,
            named.join("; "),
            if fresh > named.len() { "; …" } else { "" },
        )))
    }

    fn add(&mut self, node: &Node, new: &Package, active: Option<&Package>) {
        self.checked += 1;
        // The message is masked: a value may be a secret.
        let Err(error) = new.check_node(node) else {
            return;
        };
        self.failing += 1;
        if active.is_some_and(|active| active.check_node(node).is_err()) {
            self.failing_already += 1;
        } else if self.examples.len() < NAMED {
            self.examples.push(Example {
                node: node.name.clone().unwrap_or_else(|| node.uuid.clone()),
                reason: error.to_string(),
            });
        }
    }
}

/// Checks all nodes of the hardware types that use something of `prepared`; only those of `scope`, if there is one.
pub(super) async fn check(
    ctx: &Context,
    prepared: &PreparedPackage,
    scope: Option<&CanaryScope>,
) -> Result<NodeCheck> {
    let new = prepared.package();
    let (_, interfaces) = ctx.drivers.registration_with(prepared);
    let types: BTreeSet<String> = interfaces
        .into_iter()
        .filter(|one| {
            new.metadata()
                .has_implementation(one.interface, &one.implementation)
        })
        .map(|one| one.hardware_type)
        .collect();
    let mut found = NodeCheck::default();
    if types.is_empty() {
        return Ok(found);
    }
    let active = ctx.drivers.packages();
    let active = active.iter().find(|active| active.name() == new.name());
    let filter = NodeFilter {
        drivers: Some(types.into_iter().collect()),
        include_children: true,
        ..NodeFilter::default()
    };
    let mut page = Page::first(PAGE);
    loop {
        let nodes = ctx.db.node_list_whole(&filter, &page).await?;
        let Some(last) = nodes.last() else {
            return Ok(found);
        };
        page = Page::first(PAGE).after(&last.uuid);
        for node in &nodes {
            if scope.is_none_or(|scope| scope.includes(&node.uuid, &node.conductor_group)) {
                found.add(node, new, active.map(AsRef::as_ref));
            }
        }
        // Schemas of strangers may be slow: others get their turn.
        tokio::task::yield_now().await;
    }
}
