//! The commands that may be run on hypervisors: the operator's sentences, with one gap for the machine's name.

use std::collections::BTreeMap;

use super::Domain;

/// The gap.
const DOMAIN: &str = "{domain}";
/// The set that is there without anybody's doing.
const VIRSH: &str = "virsh";

/// Commands by their name, in sets: one set for each kind of hypervisor (`ssh_virt_type`).
///
/// [`Templates::default`] has the set `virsh`, for libvirt with QEMU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    sets: BTreeMap<String, BTreeMap<String, Template>>,
}

/// The arguments of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Template(Vec<String>);

/// A command that can't be a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the command {set}.{name}: {reason}")]
pub struct TemplateError {
    /// Its set.
    pub set: String,
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Templates {
    /// No commands at all.
    pub fn none() -> Self {
        Self {
            sets: BTreeMap::new(),
        }
    }

    /// Adds a command, in place of the one of that name in that set.
    ///
    /// The machine's name goes where an argument is `{domain}`, or ends with it after an option and an equals sign
    /// (`--domain={domain}`). One argument at least must have it: a command without it would be about another machine.
    pub fn set(
        &mut self,
        set: &str,
        name: &str,
        arguments: Vec<String>,
    ) -> Result<(), TemplateError> {
        let wrong = |reason| TemplateError {
            set: set.to_owned(),
            name: name.to_owned(),
            reason,
        };
        if !is_name(set) || !is_name(name) {
            return Err(wrong(
                "names are up to 64 lower-case letters, digits and hyphens",
            ));
        }
        let template = Template::new(arguments).map_err(wrong)?;
        self.sets
            .entry(set.to_owned())
            .or_default()
            .insert(name.to_owned(), template);
        Ok(())
    }

    /// Whether there is a set of this name.
    pub fn has_set(&self, set: &str) -> bool {
        self.sets.contains_key(set)
    }

    /// The command line for a machine, for a POSIX shell.
    pub fn command(&self, set: &str, name: &str, domain: &Domain) -> Option<String> {
        let template = self.sets.get(set)?.get(name)?;
        Some(template.command(domain))
    }
}

impl Default for Templates {
    fn default() -> Self {
        let mut templates = Self::none();
        let virsh =
            |arguments: &[&str]| command(&["virsh", "--connect", "qemu:///system"], arguments);
        let boot = |device| {
            command(
                &["virt-xml", "--connect", "qemu:///system", DOMAIN],
                &["--edit", "--boot", device],
            )
        };
        let all = [
            ("power-state", virsh(&["domstate", DOMAIN])),
            ("power-on", virsh(&["start", DOMAIN])),
            ("power-off", virsh(&["destroy", DOMAIN])),
            ("power-soft-off", virsh(&["shutdown", DOMAIN])),
            (
                "boot-device",
                virsh(&[
                    "dumpxml",
                    DOMAIN,
                    "--inactive",
                    "--xpath",
                    "/domain/os/boot",
                ]),
            ),
            ("boot-device-pxe", boot("network")),
            ("boot-device-disk", boot("hd")),
            ("boot-device-cdrom", boot("cdrom")),
        ];
        let set = all
            .into_iter()
            .map(|(name, arguments)| (name.to_owned(), Template(arguments)))
            .collect();
        templates.sets.insert(VIRSH.to_owned(), set);
        templates
    }
}

/// What a program of libvirt is run with: messages in English, since drivers read them.
fn command(program: &[&str], arguments: &[&str]) -> Vec<String> {
    ["env", "LC_ALL=C"]
        .iter()
        .chain(program)
        .chain(arguments)
        .map(|word| (*word).to_owned())
        .collect()
}

impl Template {
    fn new(arguments: Vec<String>) -> Result<Self, &'static str> {
        let [program, rest @ ..] = arguments.as_slice() else {
            return Err("a list of a program and its arguments is expected");
        };
        if program.is_empty() || program.contains(DOMAIN) {
            return Err("the first argument is the program, without {domain}");
        }
        if arguments
            .iter()
            .any(|argument| argument.contains(char::is_control))
        {
            return Err("an argument has a control character");
        }
        let holders = rest.iter().filter(|argument| argument.contains(DOMAIN));
        let mut held = 0;
        for holder in holders {
            if !is_gap(holder) {
                return Err(
                    "{domain} is an argument of its own, or what follows --option=: nothing else may surround it",
                );
            }
            held += 1;
        }
        if held == 0 {
            return Err(
                "no argument is {domain}, so that it would not be about the node's machine",
            );
        }
        Ok(Self(arguments))
    }

    fn command(&self, domain: &Domain) -> String {
        let words: Vec<String> = self
            .0
            .iter()
            .map(|argument| quote(&argument.replace(DOMAIN, domain.as_str())))
            .collect();
        words.join(" ")
    }
}

/// Whether the machine's name may be put into this argument. Inside of other text, such as a script for `sh -c`, its meaning would
/// be somebody else's.
fn is_gap(argument: &str) -> bool {
    let Some(before) = argument.strip_suffix(DOMAIN) else {
        return false;
    };
    before.is_empty()
        || before.strip_suffix('=').is_some_and(|option| {
            option.starts_with('-')
                && option
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

/// One word for a POSIX shell (POSIX.1-2017, Shell Command Language §2.2.2): in single quotes nothing has a meaning but their end.
fn quote(argument: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@:/=,%".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

fn is_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(inside)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    fn words(arguments: &[&str]) -> Vec<String> {
        arguments.iter().map(|word| (*word).to_owned()).collect()
    }

    fn reason(arguments: &[&str]) -> &'static str {
        let mut templates = Templates::none();
        templates
            .set("virsh", "power-on", words(arguments))
            .unwrap_err()
            .reason
    }

    /// What a real shell makes of a command line.
    fn read_by_a_shell(command: &str) -> Vec<String> {
        let show = format!("set -- {command}; for word; do printf '%s\\0' \"$word\"; done");
        let output = Command::new("sh").args(["-c", &show]).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty());
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn the_machine_is_put_into_its_gaps() {
        let mut templates = Templates::none();
        let arguments = words(&["run", "it's", "{domain}", "--domain={domain}", ""]);
        templates.set("own", "power-on", arguments).unwrap();
        let command = templates.command("own", "power-on", &domain("vm-1"));
        assert_eq!(
            command.as_deref(),
            Some(r"run 'it'\''s' vm-1 --domain=vm-1 ''")
        );
        assert_eq!(templates.command("own", "power-off", &domain("vm-1")), None);
        assert_eq!(
            templates.command("virsh", "power-on", &domain("vm-1")),
            None
        );
    }

    #[test]
    fn commands_that_are_not_about_the_machine_are_refused() {
        assert!(reason(&[]).contains("program"));
        assert!(reason(&["{domain}", "{domain}"]).contains("program"));
        assert!(reason(&["virsh", "start", "other"]).contains("node's machine"));
        assert!(reason(&["virsh", "start", "{domain}\n"]).contains("control"));
        for inside in [
            "virsh start {domain}",
            "{domain}.img",
            "x={domain}",
            "--a b={domain}",
        ] {
            assert!(
                reason(&["sh", "-c", inside, "{domain}"]).contains("of its own"),
                "{inside}"
            );
        }
        let mut templates = Templates::none();
        let error = templates.set("Virsh", "power-on", words(&["a", "{domain}"]));
        assert!(error.unwrap_err().reason.contains("lower-case"));
    }

    #[test]
    fn the_set_that_ships_could_have_been_written_by_an_operator() {
        let shipped = Templates::default();
        let mut written = Templates::none();
        for (name, template) in shipped.sets.get("virsh").unwrap() {
            written.set("virsh", name, template.0.clone()).unwrap();
        }
        assert_eq!(written, shipped);
        let command = shipped
            .command("virsh", "power-on", &domain("vm-1"))
            .unwrap();
        assert_eq!(
            command,
            "env LC_ALL=C virsh --connect qemu:///system start vm-1"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_shell_reads_every_argument_as_it_was_written(
            arguments in proptest::collection::vec("[^\\p{Cc}]{0,12}|[ '\"\\\\$`;&|<>(){}*?!#~=\\-]{0,8}", 1..6)
        ) {
            let words: Vec<_> = arguments.iter().map(|argument| quote(argument)).collect();
            prop_assert_eq!(read_by_a_shell(&words.join(" ")), arguments);
        }

        #[test]
        fn no_name_of_a_machine_becomes_more_than_one_argument(
            name in "[^\\p{Cc}]{0,12}|[a-z '\"\\\\$`;&|<>(){}*?!#~=\\n-]{0,8}|[a-z0-9._+@:-]{1,20}"
        ) {
            if let Some(domain) = Domain::parse(&name) {
                let templates = Templates::default();
                let command = templates.command("virsh", "power-on", &domain).unwrap();
                let expected = ["env", "LC_ALL=C", "virsh", "--connect", "qemu:///system", "start", &name];
                prop_assert_eq!(read_by_a_shell(&command), expected);
                // A second shell, as on a hypervisor behind another one, reads the same.
                prop_assert_eq!(read_by_a_shell(&read_by_a_shell(&command).join(" ")), expected);
            }
        }
    }
}
