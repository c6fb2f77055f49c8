//! What `ironbark driver` and `ironbark publisher` take for managing the packages of a running service.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ironbark_model::Timestamp;

use crate::cli::Output;

/// Which service is meant, and how it answers.
#[derive(Debug, Args)]
pub(crate) struct Service {
    /// Where the service listens.
    #[arg(long, default_value = "http://127.0.0.1:6385", env = "IRONBARK_URL")]
    pub(crate) url: String,
    /// `user:password` for HTTP basic authentication.
    #[arg(long, env = "IRONBARK_CREDENTIALS", hide_env_values = true)]
    pub(crate) credentials: Option<String>,
    /// Form of the answer.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

/// A package, and perhaps one version of it: `acme` or `acme@1.2.0`.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
}

impl std::str::FromStr for Named {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        if name.is_empty() || version == Some("") || name.contains('/') {
            return Err("write NAME or NAME@VERSION, such as acme@1.2.0".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            version: version.map(str::to_owned),
        })
    }
}

/// `ironbark driver …`, as far as it is about packages of a running service.
#[derive(Debug, Subcommand)]
pub(crate) enum LifecycleCommand {
    /// Install a package, once you have seen what it asks for, and make it the active version.
    #[command(
        after_help = "Examples:\n  ironbark driver install acme.wasm\n  ironbark driver install acme.wasm --yes\n  ironbark driver install acme.wasm --grant ipmi --no-activate"
    )]
    Install(InstallArgs),
    /// List the packages of a running service.
    #[command(
        after_help = "Example:\n  ironbark driver list --url http://127.0.0.1:6385 --output json"
    )]
    List {
        #[command(flatten)]
        service: Service,
    },
    /// Show a package: its versions, what they ask for, who signed them, how they are, what they may use and used.
    #[command(after_help = "Example:\n  ironbark driver show acme")]
    Show {
        /// The package.
        name: String,
        #[command(flatten)]
        service: Service,
    },
    /// Show the tasks that packages have run by the clock: of all, or of one.
    #[command(
        after_help = "Examples:\n  ironbark driver tasks\n  ironbark driver tasks acme --output json"
    )]
    Tasks {
        /// The package.
        name: Option<String>,
        #[command(flatten)]
        service: Service,
    },
    /// Show who did what with a package.
    #[command(after_help = "Example:\n  ironbark driver history acme")]
    History {
        /// The package.
        name: String,
        #[command(flatten)]
        service: Service,
    },
    /// Make a version the active one: the newest, unless one is named.
    #[command(
        after_help = "Examples:\n  ironbark driver activate acme@1.2.0 --dry-run\n  ironbark driver activate acme"
    )]
    Activate(SwitchArgs),
    /// End the canary, or go back to the last good version.
    #[command(
        after_help = "Examples:\n  ironbark driver rollback acme\n  ironbark driver rollback acme@1.1.0 --force"
    )]
    Rollback(SwitchArgs),
    /// Let some nodes use a version before all get it: the newest, unless one is named.
    #[command(
        after_help = "Examples:\n  ironbark driver canary acme@1.2.0 --percent 5\n  ironbark driver canary acme --nodes rack-1,rack-2\n  ironbark driver canary acme --conductor-group lab"
    )]
    Canary(CanaryArgs),
    /// Make the canary the active version.
    #[command(after_help = "Example:\n  ironbark driver promote acme")]
    Promote {
        /// The package.
        name: String,
        /// Although nodes would fail validation, or notes are kept in another form.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        service: Service,
    },
    /// Take a version out of use until it is activated or released: the active one, unless one is named.
    #[command(after_help = "Example:\n  ironbark driver disable acme@1.2.0")]
    Disable {
        /// NAME or NAME@VERSION.
        package: Named,
        /// Although nodes use what goes with it.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        service: Service,
    },
    /// Stop a version that does harm, and go back to the last good one: the active one, unless one is named.
    #[command(
        after_help = "Examples:\n  ironbark driver quarantine acme\n  ironbark driver quarantine acme@1.2.0 --now"
    )]
    Quarantine {
        /// NAME or NAME@VERSION.
        package: Named,
        /// Also stop steps that began with it.
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        service: Service,
    },
    /// End a quarantine or a disablement.
    #[command(after_help = "Example:\n  ironbark driver release acme@1.2.0")]
    Release {
        /// NAME or NAME@VERSION.
        package: Named,
        #[command(flatten)]
        service: Service,
    },
    /// Set what a package is granted, more or less than before, or add what one of its versions asks for; it holds from the
    /// next call on.
    ///
    /// What is granted under a name stays what it was, until a version is named or '*' is granted: only that gives a version
    /// what it asks for more under a name, such as other Redfish rules.
    #[command(
        after_help = "Examples:\n  ironbark driver grant acme ipmi state\n  ironbark driver grant acme@1.2.0 redfish\n  ironbark driver grant acme '*'\n  ironbark driver grant acme    (nothing)"
    )]
    Grant {
        /// NAME for what all its versions may use, or NAME@VERSION to add what that one asks for.
        package: Named,
        /// Capabilities; '*' for all that is asked for. None takes all away.
        capabilities: Vec<String>,
        #[command(flatten)]
        service: Service,
    },
    /// Remove a package with all its versions, or one version that isn't in use.
    #[command(
        after_help = "Examples:\n  ironbark driver remove acme@1.1.0\n  ironbark driver remove acme"
    )]
    Remove {
        /// NAME or NAME@VERSION.
        package: Named,
        #[command(flatten)]
        service: Service,
    },
}

/// `ironbark driver install`
#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// A `.wasm` file.
    pub(crate) file: PathBuf,
    /// Grant all that it asks for, without being asked.
    #[arg(long, conflicts_with = "grant")]
    pub(crate) yes: bool,
    /// Grant only these capabilities.
    #[arg(long, value_delimiter = ',', value_name = "CAPABILITIES")]
    pub(crate) grant: Option<Vec<String>>,
    /// Its signature [default: FILE.minisig, if that is there].
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
    /// Only install it; `driver activate` or `driver canary` come later.
    #[arg(long)]
    pub(crate) no_activate: bool,
    /// Although nodes would fail validation.
    #[arg(long)]
    pub(crate) force: bool,
    /// Although the package belongs to another publisher, whose it is no longer then; what it was granted is decided anew.
    #[arg(long)]
    pub(crate) take_over: bool,
    #[command(flatten)]
    pub(crate) service: Service,
}

/// `ironbark driver activate` and `rollback`
#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    /// NAME or NAME@VERSION.
    pub(crate) package: Named,
    /// Although nodes would fail validation, or notes are kept in another form.
    #[arg(long)]
    pub(crate) force: bool,
    /// Only say what would happen.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) service: Service,
}

/// `ironbark driver canary`
#[derive(Debug, Args)]
pub(crate) struct CanaryArgs {
    /// NAME or NAME@VERSION.
    pub(crate) package: Named,
    #[command(flatten)]
    pub(crate) scope: Scope,
    /// Although nodes would fail validation.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) service: Service,
}

/// On which nodes.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Scope {
    /// These nodes, by name or UUID.
    #[arg(long, value_delimiter = ',')]
    pub(crate) nodes: Option<Vec<String>>,
    /// So many of a hundred nodes, always the same ones.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(crate) percent: Option<u8>,
    /// The nodes of this conductor group.
    #[arg(long)]
    pub(crate) conductor_group: Option<String>,
}

/// `ironbark publisher …`
#[derive(Debug, Subcommand)]
pub(crate) enum PublisherCommand {
    /// Trust a publisher's key with packages of certain names.
    #[command(
        after_help = "Examples:\n  ironbark publisher trust acme-inc vendor.pub --packages 'acme*'\n  ironbark publisher trust acme-inc vendor.pub --packages acme,acme-raid --expires 2027-12-31"
    )]
    Trust {
        /// What you call it.
        name: String,
        /// The `.pub` file that minisign wrote.
        key: PathBuf,
        /// Names of packages that it may sign; * stands for any text.
        #[arg(long, required = true, value_delimiter = ',')]
        packages: Vec<String>,
        /// From then on its signatures no longer count: a day, or a time as 2027-12-31T18:00:00Z.
        #[arg(long, value_name = "TIME")]
        expires: Option<Timestamp>,
        #[command(flatten)]
        service: Service,
    },
    /// List the trusted publishers.
    #[command(after_help = "Example:\n  ironbark publisher list")]
    List {
        #[command(flatten)]
        service: Service,
    },
    /// Show who trusted a publisher with what, and who no longer.
    #[command(after_help = "Example:\n  ironbark publisher history acme-inc")]
    History {
        /// What you call it.
        name: String,
        #[command(flatten)]
        service: Service,
    },
    /// Trust a publisher no longer: what it signed can't be activated any more.
    #[command(
        after_help = "Examples:\n  ironbark publisher remove acme-inc\n  ironbark publisher remove acme-inc --quarantine"
    )]
    Remove {
        /// What you call it.
        name: String,
        /// Also quarantine what it signed.
        #[arg(long)]
        quarantine: bool,
        #[command(flatten)]
        service: Service,
    },
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_is_well_formed_and_shows_an_example() {
        Cli::command().debug_assert();
        for group in ["driver", "publisher"] {
            let command = Cli::command();
            let group = command.find_subcommand(group).expect("the group");
            for command in group.get_subcommands() {
                let example = command.get_after_help().map(ToString::to_string);
                assert!(
                    example.is_some_and(|text| text.contains("ironbark ")),
                    "{} has no example",
                    command.get_name()
                );
            }
        }
    }

    #[test]
    fn a_package_may_be_named_with_its_version() {
        let named: Named = "acme@1.2.0-rc.1".parse().expect("good");
        assert_eq!(
            (named.name.as_str(), named.version.as_deref()),
            ("acme", Some("1.2.0-rc.1"))
        );
        let named: Named = "acme".parse().expect("good");
        assert_eq!((named.name.as_str(), named.version), ("acme", None));
        for wrong in ["", "@1.0.0", "acme@", "a/b"] {
            assert!(wrong.parse::<Named>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_canary_needs_exactly_one_way_to_choose_nodes() {
        let parses = |arguments: &[&str]| {
            let all = ["ironbark", "driver", "canary", "acme"];
            Cli::try_parse_from(all.iter().chain(arguments)).is_ok()
        };
        assert!(parses(&["--percent", "5"]) && parses(&["--nodes", "a,b"]));
        assert!(!parses(&[]) && !parses(&["--percent", "0"]));
        assert!(!parses(&["--percent", "5", "--nodes", "a"]));
    }
}
