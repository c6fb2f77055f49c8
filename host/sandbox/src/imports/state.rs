//! `state`: what the package remembers of the node.

use std::sync::Arc;

use crate::StateAccess;
use crate::audit::Operation;
use crate::bindings::ironbark::driver::state::Host;
use crate::bindings::ironbark::driver::types::Error;
use crate::error::DriverError;
use crate::imports::notes::parse_json;
use crate::state::State;
use crate::types::Lock;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for State {
    async fn get(&mut self, key: String) -> Answer<Option<String>> {
        self.count_host_call()?;
        let found = self.load_notes().await;
        Ok(found
            .map(|()| self.notes.get(&key).map(str::to_owned))
            .map_err(Error::from))
    }

    async fn set(&mut self, key: String, value: String) -> Answer<()> {
        self.count_host_call()?;
        let done = match self.load_for_writing().await {
            Ok(()) => self.notes.set(key, &value),
            Err(error) => Err(error),
        };
        Ok(done.map_err(Error::from))
    }

    async fn delete(&mut self, key: String) -> Answer<()> {
        self.count_host_call()?;
        let done = self.load_for_writing().await;
        Ok(done.map(|()| self.notes.delete(key)).map_err(Error::from))
    }

    async fn keys(&mut self) -> Answer<Vec<String>> {
        self.count_host_call()?;
        let loaded = self.load_notes().await;
        Ok(loaded.map(|()| self.notes.keys()).map_err(Error::from))
    }

    async fn checkpoint(&mut self, cursor: String) -> Answer<()> {
        self.count_host_call()?;
        Ok(self.store_checkpoint(&cursor).await.map_err(Error::from))
    }
}

impl State {
    async fn load_notes(&mut self) -> Result<(), DriverError> {
        let access = self.state_access()?;
        if self.notes.is_loaded() {
            return Ok(());
        }
        let limit = self.host_call_limit();
        let values = self
            .on_io(limit, async move { access.load().await })
            .await?;
        self.notes.fill(values);
        Ok(())
    }

    async fn load_for_writing(&mut self) -> Result<(), DriverError> {
        self.check_exclusive()?;
        self.load_notes().await
    }

    async fn store_checkpoint(&mut self, cursor: &str) -> Result<(), DriverError> {
        let access = self.state_access()?;
        self.check_exclusive()?;
        if !self.may_checkpoint {
            return Err(DriverError::Unsupported(
                "state.checkpoint only works within a step".to_owned(),
            ));
        }
        let cursor = parse_json("state: the cursor", cursor)?;
        let writes = self.notes.writes();
        let limit = self.host_call_limit();
        self.on_io(
            limit,
            async move { access.checkpoint(cursor, writes).await },
        )
        .await?;
        // Only now: what couldn't be stored is still to be committed with the outcome.
        self.notes.take_writes();
        Ok(())
    }

    fn check_exclusive(&self) -> Result<(), DriverError> {
        match self.context.lock {
            Lock::Exclusive => Ok(()),
            Lock::Shared => Err(DriverError::Denied(
                "state can't be written under a shared lock".to_owned(),
            )),
        }
    }

    fn state_access(&self) -> Result<Arc<dyn StateAccess>, DriverError> {
        self.lent(
            "state",
            |granted| granted.state,
            &Operation::Capability("state"),
            |capabilities| &capabilities.state,
        )
    }
}
