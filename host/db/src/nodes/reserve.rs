//! The reservation: the right to change one node.
//!
//! It is claimed by a conditional UPDATE, on both databases, and every claim makes the fence grow. So whoever lost a
//! node (to another conductor, or to its own next life) can't change it any more, whatever it still believes.

use ironbark_model::{Error, Node, Result};

use super::line::{node_reserving, node_with_traits_from};
use crate::error::told;
use crate::sql::{Columns, Statement};
use crate::{Database, Reservation};

impl Database {
    /// Acquires the node for `host`, and reads it. It isn't re-entrant: a node that `host` holds is locked for `host` too.
    ///
    /// # Errors
    /// `NodeLocked`, naming who holds it; `NotFound`.
    pub async fn node_reserve_and_read(
        &self,
        uuid: &str,
        host: &str,
    ) -> Result<(Reservation, Node)> {
        let mut connection = self.writer().await?;
        // Between our two statements its holder may have let it go: then we try again, once.
        for _ in 0..2 {
            let claimed = node_reserving()
                .bind(host)
                .bind(uuid)
                .row(&mut connection)
                .await
                .map_err(told)?;
            if let Some(row) = claimed {
                let node = node_with_traits_from(&row)?;
                return Ok((reservation(uuid, host, node.fence)?, node));
            }
            let holder = Statement::new("SELECT reservation FROM nodes WHERE uuid = $1")
                .bind(uuid)
                .row(&mut connection)
                .await
                .map_err(told)?
                .ok_or_else(|| Error::node_not_found(uuid))?;
            if let Some(holder) = Columns::of(&holder).opt_str()? {
                return Err(Error::node_locked(uuid, holder));
            }
        }
        Err(Error::node_locked(uuid, "unknown"))
    }

    /// As [`Database::node_reserve_and_read`], for who doesn't need the node.
    pub async fn node_reserve(&self, uuid: &str, host: &str) -> Result<Reservation> {
        let (reservation, _) = self.node_reserve_and_read(uuid, host).await?;
        Ok(reservation)
    }

    /// Acquires for `host` a node that `from_host` holds by this fence; `None` if that isn't so any more. For work that
    /// a dead conductor, or this one's former life, left behind.
    pub async fn node_reservation_take_over(
        &self,
        uuid: &str,
        from_host: &str,
        fence: i64,
        host: &str,
    ) -> Result<Option<Reservation>> {
        let mut connection = self.writer().await?;
        let claimed = Statement::new(
            "UPDATE nodes SET reservation = $1, fence = fence + 1, revision = revision + 1 \
             WHERE uuid = $2 AND reservation = $3 AND fence = $4 RETURNING fence",
        )
        .bind(host)
        .bind(uuid)
        .bind(from_host)
        .bind(fence)
        .row(&mut connection)
        .await
        .map_err(told)?;
        claimed
            .map(|row| reservation(uuid, host, Columns::of(&row).int()?))
            .transpose()
    }

    /// Lets the node go; false if it wasn't held by this reservation any more.
    pub async fn node_release(&self, reservation: &Reservation) -> Result<bool> {
        let released = self
            .write(
                Statement::new(
                    "UPDATE nodes SET reservation = NULL, revision = revision + 1 WHERE uuid = $1 AND reservation = $2 AND fence = $3",
                )
                .bind(reservation.node_uuid.as_str())
                .bind(reservation.host.as_str())
                .bind(reservation.fence),
            )
            .await?;
        Ok(released > 0)
    }
}

fn reservation(uuid: &str, host: &str, fence: i64) -> Result<Reservation> {
    Ok(Reservation {
        node_uuid: uuid.to_owned(),
        host: host.to_owned(),
        fence,
    })
}
