//! Reading nodes: one, a page of them, or slim rows of all that matter.

use ironbark_model::ident::Ident;
use ironbark_model::{Node, Result};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::filter::conditions;
use super::line::{By, node_select, node_with_traits_from};
use super::refs::{node_ref_from, ref_columns};
use super::summary::{slim_from, slim_line, summary_from, summary_line};
use crate::error::told;
use crate::page::{Listing, read_lines};
use crate::sql::{Bind, Columns, Statement};
use crate::{Database, NodeColumns, NodeFilter, NodeRef, Page};

/// What `sort_key` of a list of nodes may be: every column that isn't JSON and is ever shown.
pub const NODE_SORT_KEYS: &[&str] = &[
    "id",
    "uuid",
    "name",
    "driver",
    "created_at",
    "updated_at",
    "provision_state",
    "target_provision_state",
    "provision_updated_at",
    "power_state",
    "target_power_state",
    "last_error",
    "maintenance",
    "maintenance_reason",
    "fault",
    "health",
    "boot_mode",
    "secure_boot",
    "reservation",
    "conductor_group",
    "instance_uuid",
    "instance_name",
    "automated_clean",
    "console_enabled",
    "disable_power_off",
    "protected",
    "protected_reason",
    "retired",
    "retired_reason",
    "inspection_started_at",
    "inspection_finished_at",
    "chassis_uuid",
    "allocation_uuid",
    "parent_node",
    "resource_class",
    "description",
    "owner",
    "lessee",
    "shard",
    "bios_interface",
    "boot_interface",
    "console_interface",
    "deploy_interface",
    "firmware_interface",
    "inspect_interface",
    "management_interface",
    "network_interface",
    "power_interface",
    "raid_interface",
    "rescue_interface",
    "storage_interface",
    "vendor_interface",
];

pub(super) const LISTING: Listing = Listing {
    from: "nodes",
    id: "id",
    marker: "uuid",
    what: "Node",
    sort_keys: NODE_SORT_KEYS,
    always_set: &[
        "uuid",
        "driver",
        "created_at",
        "provision_state",
        "maintenance",
        "conductor_group",
        "console_enabled",
        "disable_power_off",
        "protected",
        "retired",
    ],
    prefix: "",
};

impl Database {
    /// The node with this UUID or name, with its traits.
    pub async fn node_get(&self, ident: &Ident) -> Result<Option<Node>> {
        let by = match ident {
            Ident::Uuid(_) => By::Uuid,
            Ident::Name(_) => By::Name,
        };
        let mut connection = self.reader().await?;
        let select = node_select(by).bind(ident.as_str());
        let row = select.row(&mut connection).await.map_err(told)?;
        row.as_ref().map(node_with_traits_from).transpose()
    }

    /// A page of the nodes that match, with as much of each as `columns` says. Whole ones: [`Database::node_list_whole`].
    pub async fn node_list(
        &self,
        filter: &NodeFilter,
        page: &Page,
        columns: NodeColumns,
    ) -> Result<Vec<Node>> {
        let conditions = conditions(filter, "");
        let mut connection = self.reader().await?;
        type Decode = fn(&str) -> Result<Node>;
        let (text, decode): (&str, Decode) = match columns {
            NodeColumns::Summary => (summary_line(), summary_from),
            NodeColumns::Slim => (slim_line(), slim_from),
        };
        let lines = read_lines(&mut connection, &LISTING, text, &conditions, page).await?;
        lines.iter().map(|line| decode(line)).collect()
    }

    /// Slim rows of every node that matches, in the order of their numbers. Unlike in lists, children are always among
    /// them: a conductor looks after all its nodes.
    pub async fn nodes_owned_candidates(&self, filter: &NodeFilter) -> Result<Vec<NodeRef>> {
        let filter = NodeFilter {
            include_children: true,
            ..filter.clone()
        };
        let mut connection = self.reader().await?;
        node_refs(&mut connection, &filter).await
    }

    /// Whether any node has this one as its parent.
    pub async fn node_has_children(&self, uuid: &str) -> Result<bool> {
        let mut connection = self.reader().await?;
        let row = Statement::new("SELECT id FROM nodes WHERE parent_node = $1 LIMIT 1")
            .bind(uuid)
            .row(&mut connection)
            .await
            .map_err(told)?;
        Ok(row.is_some())
    }

    /// Names (or else UUIDs) of at most `limit` nodes that use one of these hardware types.
    pub async fn nodes_using_driver(
        &self,
        hardware_types: &[String],
        limit: u32,
    ) -> Result<Vec<String>> {
        let filter = NodeFilter {
            drivers: Some(hardware_types.to_vec()),
            include_children: true,
            ..NodeFilter::default()
        };
        let mut conditions = conditions(&filter, "");
        let limit = conditions.bind(Bind::Int(i64::from(limit)));
        let text = format!(
            "SELECT COALESCE(name, uuid) FROM nodes{} ORDER BY id LIMIT {limit}",
            conditions.text()
        );
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(text))
            .bind_all(conditions.into_binds())
            .rows(&mut connection)
            .await
            .map_err(told)?;
        rows.iter().map(|row| Columns::of(row).text()).collect()
    }
}

/// Slim rows of every node that matches, in the order of their numbers.
pub(crate) async fn node_refs(
    connection: &mut AnyConnection,
    filter: &NodeFilter,
) -> Result<Vec<NodeRef>> {
    let conditions = conditions(filter, "n.");
    let text = format!(
        "SELECT {} FROM nodes n{} ORDER BY n.id",
        ref_columns(),
        conditions.text()
    );
    let rows = Statement::new(AssertSqlSafe(text))
        .bind_all(conditions.into_binds())
        .rows(connection)
        .await
        .map_err(told)?;
    rows.iter()
        .map(|row| node_ref_from(&mut Columns::of(row)))
        .collect()
}
