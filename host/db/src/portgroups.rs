//! Port groups: read by anybody, written under the node's reservation ([`ReservedTx`]).

use ironbark_model::ident::Ident;
use ironbark_model::{Error, Portgroup, Result, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::error::{told, told_of_write};
use crate::page::{Conditions, Listing, read_page};
use crate::sql::{Columns, Statement, object_to_text};
use crate::{Database, Page, PortgroupFilter, ReservedTx};

/// What `sort_key` of a list of port groups may be.
pub const PORTGROUP_SORT_KEYS: &[&str] = &[
    "id",
    "uuid",
    "name",
    "address",
    "created_at",
    "updated_at",
    "standalone_ports_supported",
    "mode",
    "physical_network",
    "category",
    "dynamic_portgroup",
];

const FROM: &str = "portgroups g JOIN nodes n ON n.id = g.node_id";

const COLUMNS: &str = "g.id, g.uuid, g.name, g.address, n.uuid, g.created_at, g.updated_at, g.extra, g.internal_info, \
    g.standalone_ports_supported, g.mode, g.properties, g.physical_network, g.category, g.dynamic_portgroup";

const LISTING: Listing = Listing {
    from: FROM,
    id: "g.id",
    marker: "g.uuid",
    what: "Portgroup",
    sort_keys: PORTGROUP_SORT_KEYS,
    always_set: &[
        "uuid",
        "created_at",
        "standalone_ports_supported",
        "mode",
        "dynamic_portgroup",
    ],
    prefix: "g.",
};

impl Database {
    /// The port group with this UUID or name.
    pub async fn portgroup_get(&self, ident: &Ident) -> Result<Option<Portgroup>> {
        let column = match ident {
            Ident::Uuid(_) => "g.uuid",
            Ident::Name(_) => "g.name",
        };
        let mut all = Conditions::default();
        all.equals(column, ident.as_str());
        let text = format!("SELECT {COLUMNS} FROM {FROM}{}", all.text());
        let mut connection = self.reader().await?;
        let row = Statement::new(AssertSqlSafe(text))
            .bind_all(all.into_binds())
            .row(&mut connection)
            .await
            .map_err(told)?;
        row.as_ref().map(portgroup_from).transpose()
    }

    /// A page of the port groups that match.
    pub async fn portgroup_list(
        &self,
        filter: &PortgroupFilter,
        page: &Page,
    ) -> Result<Vec<Portgroup>> {
        let mut all = Conditions::default();
        for (column, value) in [
            ("n.uuid", &filter.node_uuid),
            ("g.address", &filter.address),
        ] {
            if let Some(value) = value {
                all.equals(column, value);
            }
        }
        for (column, values) in [
            ("n.shard", &filter.shards),
            ("n.conductor_group", &filter.conductor_groups),
        ] {
            if let Some(values) = values {
                all.one_of(column, values.iter().map(String::as_str));
            }
        }
        let mut connection = self.reader().await?;
        let rows = read_page(&mut connection, &LISTING, COLUMNS, &all, page).await?;
        rows.iter().map(portgroup_from).collect()
    }
}

impl ReservedTx {
    /// Adds a port group to this node. Its number is the database's, `created_at` is now. An address, name or UUID that
    /// another one has is a conflict, after which this transaction can only be dropped.
    pub async fn portgroup_create(&mut self, portgroup: &Portgroup) -> Result<Portgroup> {
        self.must_be_this_node(&portgroup.node_uuid)?;
        let now = Timestamp::now();
        let (connection, node_id) = self.parts();
        let statement = Statement::new(
            "INSERT INTO portgroups (name, address, extra, internal_info, standalone_ports_supported, mode, properties, \
             physical_network, category, dynamic_portgroup, uuid, node_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
        );
        let row = bind_columns(statement, portgroup)?
            .bind(portgroup.uuid.as_str())
            .bind(node_id)
            .bind(now.0)
            .row(connection)
            .await
            .map_err(|error| told_of_write(error, |column| duplicate(portgroup, column)))?
            .ok_or_else(|| Error::internal("The database gave a port group no number."))?;
        Ok(Portgroup {
            id: Columns::of(&row).int()?,
            created_at: Some(now),
            updated_at: None,
            ..portgroup.clone()
        })
    }

    /// Changes a port group of this node; `updated_at` becomes now.
    pub async fn portgroup_update(&mut self, portgroup: &Portgroup) -> Result<Portgroup> {
        self.must_be_this_node(&portgroup.node_uuid)?;
        let now = Timestamp::now();
        let (connection, node_id) = self.parts();
        let statement = Statement::new(
            "UPDATE portgroups SET name = $1, address = $2, extra = $3, internal_info = $4, \
             standalone_ports_supported = $5, mode = $6, properties = $7, physical_network = $8, category = $9, \
             dynamic_portgroup = $10, updated_at = $11 WHERE uuid = $12 AND node_id = $13",
        );
        let changed = bind_columns(statement, portgroup)?
            .bind(now.0)
            .bind(portgroup.uuid.as_str())
            .bind(node_id)
            .run(connection)
            .await
            .map_err(|error| told_of_write(error, |column| duplicate(portgroup, column)))?;
        if changed == 0 {
            return Err(Error::not_found(format!(
                "Portgroup {} could not be found.",
                portgroup.uuid
            )));
        }
        Ok(Portgroup {
            updated_at: Some(now),
            ..portgroup.clone()
        })
    }

    /// Deletes a port group of this node; false if it has no such group. That it has no ports is the caller's to see.
    pub async fn portgroup_delete(&mut self, portgroup_uuid: &str) -> Result<bool> {
        let (connection, node_id) = self.parts();
        let deleted = Statement::new("DELETE FROM portgroups WHERE uuid = $1 AND node_id = $2")
            .bind(portgroup_uuid)
            .bind(node_id)
            .run(connection)
            .await
            .map_err(told)?;
        Ok(deleted > 0)
    }
}

fn portgroup_from(row: &AnyRow) -> Result<Portgroup> {
    let mut columns = Columns::of(row);
    Ok(Portgroup {
        id: columns.int()?,
        uuid: columns.text()?,
        name: columns.opt_text()?,
        address: columns.opt_text()?,
        node_uuid: columns.text()?,
        created_at: columns.opt_time()?,
        updated_at: columns.opt_time()?,
        extra: columns.object()?,
        internal_info: columns.object()?,
        standalone_ports_supported: columns.flag()?,
        mode: columns.text()?,
        properties: columns.object()?,
        physical_network: columns.opt_text()?,
        category: columns.opt_text()?,
        dynamic_portgroup: columns.flag()?,
    })
}

fn bind_columns(statement: Statement, portgroup: &Portgroup) -> Result<Statement> {
    Ok(statement
        .bind(portgroup.name.as_deref())
        .bind(portgroup.address.as_deref())
        .bind(object_to_text(&portgroup.extra)?)
        .bind(object_to_text(&portgroup.internal_info)?)
        .bind(i64::from(portgroup.standalone_ports_supported))
        .bind(portgroup.mode.as_str())
        .bind(object_to_text(&portgroup.properties)?)
        .bind(portgroup.physical_network.as_deref())
        .bind(portgroup.category.as_deref())
        .bind(i64::from(portgroup.dynamic_portgroup)))
}

fn duplicate(portgroup: &Portgroup, column: &str) -> Option<String> {
    match column {
        "portgroups.uuid" => Some(format!(
            "A portgroup with UUID {} already exists.",
            portgroup.uuid
        )),
        "portgroups.address" => Some(format!(
            "A portgroup with MAC address {} already exists.",
            portgroup.address.as_deref().unwrap_or_default()
        )),
        "portgroups.name" => Some(format!(
            "A portgroup with name {} already exists.",
            portgroup.name.as_deref().unwrap_or_default()
        )),
        _ => None,
    }
}
