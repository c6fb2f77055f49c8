//! Seeing to the nodes that use what a change of packages takes away.

use ironbark_model::Result;
use sqlx::AnyConnection;

use crate::nodes::node_refs;
use crate::{NodeFilter, NodeRef};

/// Who says whether nodes can do without what a change of packages takes away. Asked inside of the change's transaction, so
/// that it sees every node that is there when the change becomes true.
pub struct UseCheck<'a> {
    /// The hardware types that lose something.
    pub hardware_types: Vec<String>,
    /// Gets all nodes of these types; an error undoes the change.
    pub check: &'a (dyn Fn(&[NodeRef]) -> Result<()> + Send + Sync),
}

impl UseCheck<'_> {
    pub(super) async fn ask(&self, connection: &mut AnyConnection) -> Result<()> {
        if self.hardware_types.is_empty() {
            return Ok(());
        }
        let filter = NodeFilter {
            drivers: Some(self.hardware_types.clone()),
            include_children: true,
            ..NodeFilter::default()
        };
        (self.check)(&node_refs(connection, &filter).await?)
    }
}
