//! Ports: read by anybody, written under the node's reservation ([`crate::ReservedTx`]).

use ironbark_model::ident::Ident;
use ironbark_model::{Port, Result, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::{told, told_of_write};
use crate::page::{Conditions, Listing, read_page};
use crate::sql::{Columns, Statement, object_to_text};
use crate::{Database, Page, PortFilter};

/// What `sort_key` of a list of ports may be.
pub const PORT_SORT_KEYS: &[&str] = &[
    "id",
    "uuid",
    "name",
    "address",
    "portgroup_uuid",
    "created_at",
    "updated_at",
    "pxe_enabled",
    "physical_network",
    "is_smartnic",
    "description",
    "vendor",
    "category",
    "available_for_dynamic_portgroup",
];

const FROM: &str = "ports p JOIN nodes n ON n.id = p.node_id";

const COLUMNS: &str = "p.id, p.uuid, p.name, p.address, n.uuid, p.portgroup_uuid, p.created_at, p.updated_at, \
    p.extra, p.internal_info, p.local_link_connection, p.pxe_enabled, p.physical_network, p.is_smartnic, \
    p.description, p.vendor, p.category, p.available_for_dynamic_portgroup";

const LISTING: Listing = Listing {
    from: FROM,
    id: "p.id",
    marker: "p.uuid",
    what: "Port",
    sort_keys: PORT_SORT_KEYS,
    always_set: &[
        "uuid",
        "address",
        "created_at",
        "pxe_enabled",
        "is_smartnic",
        "available_for_dynamic_portgroup",
    ],
    prefix: "p.",
};

impl Database {
    /// The port with this UUID or name.
    pub async fn port_get(&self, ident: &Ident) -> Result<Option<Port>> {
        let column = match ident {
            Ident::Uuid(_) => "p.uuid",
            Ident::Name(_) => "p.name",
        };
        let mut all = Conditions::default();
        all.equals(column, ident.as_str());
        Ok(self.ports_where(all).await?.into_iter().next())
    }

    /// A page of the ports that match.
    pub async fn port_list(&self, filter: &PortFilter, page: &Page) -> Result<Vec<Port>> {
        let conditions = conditions(filter);
        let mut connection = self.reader().await?;
        let rows = read_page(&mut connection, &LISTING, COLUMNS, &conditions, page).await?;
        rows.iter().map(port_from).collect()
    }

    /// All ports of the node, in the order in which they were made.
    pub async fn ports_of_node(&self, node_uuid: &str) -> Result<Vec<Port>> {
        let mut all = Conditions::default();
        all.equals("n.uuid", node_uuid);
        self.ports_where(all).await
    }

    async fn ports_where(&self, conditions: Conditions) -> Result<Vec<Port>> {
        let mut connection = self.reader().await?;
        let text = format!(
            "SELECT {COLUMNS} FROM {FROM}{} ORDER BY p.id",
            conditions.text()
        );
        let rows = Statement::new(AssertSqlSafe(text))
            .bind_all(conditions.into_binds())
            .rows(&mut connection)
            .await
            .map_err(told)?;
        rows.iter().map(port_from).collect()
    }
}

/// Adds a port to the node with this number; answers the port's number.
pub(crate) async fn insert(
    connection: &mut AnyConnection,
    node_id: i64,
    port: &Port,
    now: Timestamp,
) -> Result<i64> {
    let statement = Statement::new(
        "INSERT INTO ports (name, address, portgroup_uuid, extra, internal_info, local_link_connection, \
         pxe_enabled, physical_network, is_smartnic, description, vendor, category, \
         available_for_dynamic_portgroup, uuid, node_id, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id",
    );
    let row = bind_columns(statement, port)?
        .bind(port.uuid.as_str())
        .bind(node_id)
        .bind(now.0)
        .row(connection)
        .await
        .map_err(|error| told_of_write(error, |column| duplicate(port, column)))?
        .ok_or_else(|| ironbark_model::Error::internal("The database gave a port no number."))?;
    Columns::of(&row).int()
}

/// Changes a port of the node with this number, which may move it to the node with the number `to_node`;
/// false if the node has no such port.
pub(crate) async fn update(
    connection: &mut AnyConnection,
    node_id: i64,
    to_node: i64,
    port: &Port,
    now: Timestamp,
) -> Result<bool> {
    let statement = Statement::new(
        "UPDATE ports SET name = $1, address = $2, portgroup_uuid = $3, extra = $4, internal_info = $5, \
         local_link_connection = $6, pxe_enabled = $7, physical_network = $8, is_smartnic = $9, \
         description = $10, vendor = $11, category = $12, available_for_dynamic_portgroup = $13, \
         updated_at = $14, node_id = $15 WHERE uuid = $16 AND node_id = $17",
    );
    let changed = bind_columns(statement, port)?
        .bind(now.0)
        .bind(to_node)
        .bind(port.uuid.as_str())
        .bind(node_id)
        .run(connection)
        .await
        .map_err(|error| told_of_write(error, |column| duplicate(port, column)))?;
    Ok(changed > 0)
}

fn conditions(filter: &PortFilter) -> Conditions {
    let mut all = Conditions::default();
    for (column, value) in [
        ("n.uuid", &filter.node_uuid),
        ("p.address", &filter.address),
        ("p.portgroup_uuid", &filter.portgroup_uuid),
    ] {
        if let Some(value) = value {
            all.equals(column, value);
        }
    }
    for (column, values) in [
        ("p.address", &filter.addresses),
        ("n.shard", &filter.shards),
        ("n.conductor_group", &filter.conductor_groups),
    ] {
        if let Some(values) = values {
            all.one_of(column, values.iter().map(String::as_str));
        }
    }
    if let Some(text) = &filter.description_contains {
        all.contains("p.description", text);
    }
    all
}

fn port_from(row: &AnyRow) -> Result<Port> {
    let mut columns = Columns::of(row);
    Ok(Port {
        id: columns.int()?,
        uuid: columns.text()?,
        name: columns.opt_text()?,
        address: columns.text()?,
        node_uuid: columns.text()?,
        portgroup_uuid: columns.opt_text()?,
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
        extra: columns.object()?,
        internal_info: columns.object()?,
        local_link_connection: columns.object()?,
        pxe_enabled: columns.flag()?,
        physical_network: columns.opt_text()?,
        is_smartnic: columns.flag()?,
        description: columns.opt_text()?,
        vendor: columns.opt_text()?,
        category: columns.opt_text()?,
        available_for_dynamic_portgroup: columns.flag()?,
    })
}

fn bind_columns(statement: Statement, port: &Port) -> Result<Statement> {
    Ok(statement
        .bind(port.name.as_deref())
        .bind(port.address.as_str())
        .bind(port.portgroup_uuid.as_deref())
        .bind(object_to_text(&port.extra)?)
        .bind(object_to_text(&port.internal_info)?)
        .bind(object_to_text(&port.local_link_connection)?)
        .bind(i64::from(port.pxe_enabled))
        .bind(port.physical_network.as_deref())
        .bind(i64::from(port.is_smartnic))
        .bind(port.description.as_deref())
        .bind(port.vendor.as_deref())
        .bind(port.category.as_deref())
        .bind(i64::from(port.available_for_dynamic_portgroup)))
}

fn duplicate(port: &Port, column: &str) -> Option<String> {
    match column {
        "ports.uuid" => Some(format!("A port with UUID {} already exists.", port.uuid)),
        "ports.address" => Some(format!(
            "A port with MAC address {} already exists.",
            port.address
        )),
        "ports.name" => Some(format!(
            "A port with name {} already exists.",
            port.name.as_deref().unwrap_or_default()
        )),
        _ => None,
    }
}
