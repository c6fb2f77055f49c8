//! Conductors: who is there, what they drive, and which of two lives of one host is the newer.

use ironbark_model::conductor::HardwareInterface;
use ironbark_model::{Conductor, Result, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::error::{RegistrationLost, told};
use crate::page::{Conditions, Listing, read_page};
use crate::sql::{Columns, Statement, to_json, within};
use crate::{Database, Page, Registration};

/// What `sort_key` of a list of conductors may be.
pub const CONDUCTOR_SORT_KEYS: &[&str] = &[
    "id",
    "hostname",
    "conductor_group",
    "online",
    "created_at",
    "updated_at",
];

const COLUMNS: &str =
    "id, hostname, conductor_group, drivers, online, incarnation, created_at, updated_at";

const LISTING: Listing = Listing {
    from: "conductors",
    id: "id",
    marker: "hostname",
    what: "Conductor",
    sort_keys: CONDUCTOR_SORT_KEYS,
    always_set: CONDUCTOR_SORT_KEYS,
    prefix: "",
};

impl Database {
    /// Registers a conductor as online, in one transaction with what it can use. From then on, a former life of the
    /// same host is fenced out: its heartbeats and changes are refused.
    pub async fn conductor_register(&self, registration: &Registration) -> Result<Conductor> {
        let now = Timestamp::now();
        let drivers = sorted(&registration.drivers);
        let mut transaction = self.begin().await?;
        let row = Statement::new(AssertSqlSafe(format!(
            "INSERT INTO conductors (hostname, conductor_group, drivers, online, incarnation, created_at, updated_at) \
             VALUES ($1, $2, $3, 1, $4, $5, $5) ON CONFLICT (hostname) DO UPDATE SET \
             conductor_group = excluded.conductor_group, drivers = excluded.drivers, online = 1, \
             incarnation = excluded.incarnation, updated_at = excluded.updated_at RETURNING {COLUMNS}"
        )))
        .bind(registration.hostname.as_str())
        .bind(registration.conductor_group.as_str())
        .bind(to_json(&drivers)?)
        .bind(registration.incarnation.as_str())
        .bind(now.0)
        .row(&mut transaction)
        .await
        .map_err(told)?
        .ok_or_else(|| ironbark_model::Error::internal("The database stored no conductor."))?;
        let conductor = conductor_from(&row)?;
        replace_interfaces(&mut transaction, conductor.id, &registration.interfaces).await?;
        within(transaction.commit()).await.map_err(told)?;
        Ok(conductor)
    }

    /// Changes what a conductor drives and can use, in one transaction.
    ///
    /// # Errors
    /// One that [`crate::is_fence_lost`] knows, if a newer life of the host has registered.
    pub async fn conductor_set_interfaces(
        &self,
        hostname: &str,
        incarnation: &str,
        drivers: &[String],
        interfaces: &[HardwareInterface],
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        let registration = Registration {
            hostname: hostname.to_owned(),
            conductor_group: String::new(),
            incarnation: incarnation.to_owned(),
            drivers: drivers.to_vec(),
            interfaces: interfaces.to_vec(),
        };
        set_interfaces(&mut transaction, &registration).await?;
        within(transaction.commit()).await.map_err(told)
    }

    /// Renews a registration; false if a newer life of the host has registered, or somebody removed the conductor.
    pub async fn conductor_heartbeat(
        &self,
        hostname: &str,
        incarnation: &str,
        online: bool,
    ) -> Result<bool> {
        let renewed = self
            .write(
                Statement::new(
                    "UPDATE conductors SET updated_at = $1, online = $2 WHERE hostname = $3 AND incarnation = $4",
                )
                .bind(Timestamp::now().0)
                .bind(i64::from(online))
                .bind(hostname)
                .bind(incarnation),
            )
            .await?;
        Ok(renewed > 0)
    }

    /// Says that the conductor takes no more work. Its row stays, since nodes may still name it; false if it wasn't
    /// this life's registration.
    pub async fn conductor_unregister(&self, hostname: &str, incarnation: &str) -> Result<bool> {
        self.conductor_heartbeat(hostname, incarnation, false).await
    }

    /// A page of conductors; markers are host names.
    pub async fn conductors(&self, page: &Page) -> Result<Vec<Conductor>> {
        let mut connection = self.reader().await?;
        let all = Conditions::default();
        let rows = read_page(&mut connection, &LISTING, COLUMNS, &all, page).await?;
        rows.iter().map(conductor_from).collect()
    }

    /// The conductor with this host name.
    pub async fn conductor_get(&self, hostname: &str) -> Result<Option<Conductor>> {
        let mut connection = self.reader().await?;
        let row = Statement::new(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM conductors WHERE hostname = $1"
        )))
        .bind(hostname)
        .row(&mut connection)
        .await
        .map_err(told)?;
        row.as_ref().map(conductor_from).transpose()
    }

    /// All conductors, online or not.
    pub async fn conductors_all(&self) -> Result<Vec<Conductor>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM conductors ORDER BY id"
        )))
        .rows(&mut connection)
        .await
        .map_err(told)?;
        rows.iter().map(conductor_from).collect()
    }

    /// What every conductor can use, online or not, with the conductor's host name.
    pub async fn hardware_interfaces(&self) -> Result<Vec<(String, HardwareInterface)>> {
        let mut connection = self.reader().await?;
        let rows = Statement::new(
            "SELECT c.hostname, i.hardware_type, i.interface_type, i.interface_name, i.\"default\" \
             FROM conductor_hardware_interfaces i JOIN conductors c ON c.id = i.conductor_id ORDER BY i.id",
        )
        .rows(&mut connection)
        .await
        .map_err(told)?;
        rows.iter()
            .map(|row| {
                let mut columns = Columns::of(row);
                let hostname = columns.text()?;
                let interface = HardwareInterface {
                    hardware_type: columns.text()?,
                    interface: columns.parsed()?,
                    implementation: columns.text()?,
                    is_default: columns.flag()?,
                };
                Ok((hostname, interface))
            })
            .collect()
    }
}

/// Changes what a conductor drives and can use. The group of `registration` doesn't matter.
pub(crate) async fn set_interfaces(
    connection: &mut AnyConnection,
    registration: &Registration,
) -> Result<()> {
    let row = Statement::new(
        "UPDATE conductors SET drivers = $1, updated_at = $2 WHERE hostname = $3 AND incarnation = $4 RETURNING id",
    )
    .bind(to_json(&sorted(&registration.drivers))?)
    .bind(Timestamp::now().0)
    .bind(registration.hostname.as_str())
    .bind(registration.incarnation.as_str())
    .row(connection)
    .await
    .map_err(told)?;
    let Some(row) = row else {
        return Err(RegistrationLost {
            hostname: registration.hostname.clone(),
            incarnation: registration.incarnation.clone(),
        }
        .into_error());
    };
    let id = Columns::of(&row).int()?;
    replace_interfaces(connection, id, &registration.interfaces).await
}

async fn replace_interfaces(
    connection: &mut AnyConnection,
    conductor_id: i64,
    interfaces: &[HardwareInterface],
) -> Result<()> {
    Statement::new("DELETE FROM conductor_hardware_interfaces WHERE conductor_id = $1")
        .bind(conductor_id)
        .run(connection)
        .await
        .map_err(told)?;
    for interface in interfaces {
        Statement::new(
            "INSERT INTO conductor_hardware_interfaces \
             (conductor_id, hardware_type, interface_type, interface_name, \"default\") VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(conductor_id)
        .bind(interface.hardware_type.as_str())
        .bind(interface.interface.as_str())
        .bind(interface.implementation.as_str())
        .bind(i64::from(interface.is_default))
        .run(connection)
        .await
        .map_err(told)?;
    }
    Ok(())
}

fn conductor_from(row: &AnyRow) -> Result<Conductor> {
    let mut columns = Columns::of(row);
    Ok(Conductor {
        id: columns.int()?,
        hostname: columns.text()?,
        conductor_group: columns.text()?,
        drivers: columns.json()?,
        online: columns.flag()?,
        incarnation: columns.text()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

fn sorted(drivers: &[String]) -> Vec<String> {
    let mut drivers = drivers.to_vec();
    drivers.sort();
    drivers.dedup();
    drivers
}
