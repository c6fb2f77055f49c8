//! How a service is started: configuration, flags, environment, packages in its folder.

use toml::{Table, Value};

use crate::environment;

/// A service's configuration. The default waits for nothing long and does nothing by itself, so that a test sees only
/// what it asked for.
#[derive(Clone, Debug)]
pub struct Setup {
    pub(crate) config: Table,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) fixtures: Vec<String>,
    pub(crate) credentials: Option<(String, String)>,
    pub(crate) certificate: Option<String>,
    pub(crate) everywhere: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self::bare()
            .set(
                "drivers",
                "bundled",
                environment::drivers().display().to_string(),
            )
            .set("drivers", "reconcile_interval", 0.2)
            .set("conductor", "sync_power_state_interval", 0)
            .set("conductor", "power_failure_recovery_interval", 0)
            .set("conductor", "check_provision_state_interval", 0.2)
            .set("conductor", "sync_local_state_interval", 1)
            .set("conductor", "power_state_change_timeout", 20)
            .set("conductor", "soft_power_off_timeout", 20)
            .set("log", "level", "info")
    }
}

impl Setup {
    /// Only what is said: the program's own defaults, and its own idea of where its packages are.
    pub fn bare() -> Self {
        Self {
            config: Table::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            fixtures: Vec::new(),
            credentials: None,
            certificate: None,
            everywhere: false,
        }
    }

    /// One key of the configuration file.
    #[must_use]
    pub fn set(mut self, section: &str, key: &str, value: impl Into<Value>) -> Self {
        let table = self
            .config
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()));
        table
            .as_table_mut()
            .expect("sections are tables")
            .insert(key.to_owned(), value.into());
        self
    }

    /// A flag, or a flag's value.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// An environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A package made for tests, bundled with those that ship.
    #[must_use]
    pub fn with(mut self, fixture: &str) -> Self {
        self.fixtures.push(fixture.to_owned());
        self
    }

    /// User and password of the client, for services that want them.
    #[must_use]
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        self.credentials = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// The certificate (PEM) of a service that speaks TLS; its client believes no other.
    #[must_use]
    pub fn certificate(mut self, pem: &str) -> Self {
        self.certificate = Some(pem.to_owned());
        self
    }

    /// Listens on all addresses of the machine, not on loopback alone.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }
}
