//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;
use crate::commands::lifecycle::args::{LifecycleCommand, PublisherCommand};

/// A bare metal service with Ironic's REST API, whose hardware drivers are sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    name = "ironbark",
    version,
    after_help = "Example:\n  ironbark serve --data-dir ./ironbark-data"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run API and conductor in one process.
    #[command(
        after_help = "Examples:\n  ironbark serve\n  ironbark serve --listen 127.0.0.1:6385 --data-dir /var/lib/ironbark\n  ironbark serve --config /etc/ironbark.toml --database postgres://ironbark@localhost/ironbark\n\nSignals: SIGTERM or Ctrl-C stop gracefully, SIGUSR2 drains first."
    )]
    Serve(ServeArgs),
    /// Write, build, check, test, sign, look at and manage driver packages.
    #[command(subcommand)]
    Driver(DriverCommand),
    /// Export and verify the record of what drivers and operators did.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Say whose signatures on driver packages count.
    #[command(subcommand)]
    Publisher(PublisherCommand),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Address and port of the API [default: 127.0.0.1:6385]. Off loopback it needs authentication and TLS.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Folder for the database, drivers.d and caches; it is made if it isn't there [default: ./ironbark-data].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "IRONBARK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Database: a postgres:// URL [default: an SQLite file in the data folder].
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
    /// Certificate chain of the API (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the API (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A proxy in front terminates TLS: listening off loopback in the clear is wanted, X-Forwarded headers are believed.
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// Users and bcrypt hashes for HTTP basic authentication.
    #[arg(long, value_name = "FILE")]
    pub(crate) htpasswd: Option<PathBuf>,
    /// Form of the log lines.
    #[arg(long, value_enum)]
    pub(crate) log_format: Option<LogFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DriverCommand {
    #[command(flatten)]
    Lifecycle(LifecycleCommand),
    /// Show all of a package file without running it: what it is, who signed it, what it really exports, and what it asks to do.
    Inspect(commands::driver_inspect::Args),
    /// Make a package of a component that cargo built: check its metadata and put them where the host reads them.
    #[command(
        after_help = "Example:\n  ironbark driver pack target/wasm32-wasip2/plugin/acme.wasm --out acme.wasm"
    )]
    Pack {
        /// The component.
        file: PathBuf,
        /// Where the package goes.
        #[arg(long)]
        out: PathBuf,
        /// Don't compare the metadata with what the component exports and imports: for tests of hosts, which do.
        #[arg(long)]
        unchecked: bool,
    },
    /// Make a folder with a new driver.
    New(commands::driver_new::Args),
    /// Build the driver of a folder, and make a package of it.
    Build(commands::driver_build::Args),
    /// Say what a service would say to a package.
    Check(commands::driver_check::Args),
    /// Test a package on simulated machines with faults.
    Test(commands::driver_test::Args),
    /// Make keys to sign packages with.
    Keygen(commands::driver_keygen::Args),
    /// Sign a package.
    Sign(commands::driver_sign::Args),
}

/// A running service.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// Where the service listens.
    #[arg(long, default_value = "http://127.0.0.1:6385", env = "IRONBARK_URL")]
    pub(crate) url: String,
    /// `user:password` for HTTP basic authentication.
    #[arg(long, env = "IRONBARK_CREDENTIALS", hide_env_values = true)]
    pub(crate) credentials: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Write all rows as JSON lines, one chain after another.
    #[command(
        after_help = "Examples:\n  ironbark audit export > audit.jsonl\n  ironbark audit export --since 2026-11-01T00:00:00Z --node rack-1 --out rack-1.jsonl"
    )]
    Export {
        #[command(flatten)]
        service: ServiceArgs,
        /// A node's UUID, or the name of one that still exists.
        #[arg(long)]
        node: Option<String>,
        /// A package's name.
        #[arg(long)]
        package: Option<String>,
        /// Rows from this time on (ISO 8601 with an offset).
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Rows before this time.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Where the rows go [default: standard output].
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check that no row was changed, taken out or put in; of a running service, or of an export.
    #[command(
        after_help = "Examples:\n  ironbark audit verify\n  ironbark audit verify audit.jsonl\n  ironbark audit verify --head host-1:4711:9f86d0…\n\nKeep what it prints somewhere else: given with --head the next time, it shows that the end wasn't cut off or written anew."
    )]
    Verify {
        /// An export without filters; without it the running service is asked.
        file: Option<PathBuf>,
        #[command(flatten)]
        service: ServiceArgs,
        /// A row that must be there, unless it was pruned: chain, number and hash, as a former run printed it.
        #[arg(long = "head", value_name = "CHAIN:SEQ:HASH")]
        heads: Vec<String>,
        /// Form of the answer.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the configuration as `serve` would, and say what is wrong or what holds.
    #[command(after_help = "Example:\n  ironbark config check --config /etc/ironbark.toml")]
    Check {
        /// Configuration file (TOML).
        #[arg(long, value_name = "FILE", env = "IRONBARK_CONFIG")]
        config: Option<PathBuf>,
        /// Form of the answer.
        #[arg(long, value_enum, default_value = "text")]
        output: Output,
    },
}
