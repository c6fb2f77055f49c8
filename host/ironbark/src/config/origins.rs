//! Where each setting comes from, so that an error about a value that reads well but can't be names it as one that doesn't read does.

use std::fmt;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::load::variable;

/// A setting by its keys, `["bmc", "allowed_networks"]`: the context of an error about it, which [`Origins::name`] completes.
#[derive(Debug)]
pub(crate) struct At(Vec<String>);

impl At {
    /// The setting with these keys, the section's first.
    pub(crate) fn of<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self(keys.into_iter().map(str::to_owned).collect())
    }
}

/// `[bmc] allowed_networks`
impl fmt::Display for At {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_last() {
            Some((key, [])) => formatter.write_str(key),
            Some((key, section)) => write!(formatter, "[{}] {key}", section.join(".")),
            None => Ok(()),
        }
    }
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    file: Option<(PathBuf, String)>,
    variables: Vec<String>,
    flags: Vec<(&'static [&'static str], &'static str)>,
}

impl Origins {
    /// The file and its text, and the names of the variables that were laid over it.
    pub(super) fn new(file: Option<(PathBuf, String)>, variables: Vec<String>) -> Self {
        Self {
            file,
            variables,
            flags: Vec::new(),
        }
    }

    /// A flag was laid over this setting.
    pub(crate) fn flag(&mut self, keys: &'static [&'static str], flag: &'static str) {
        self.flags.push((keys, flag));
    }

    /// The error with where the setting comes from, if it is about one that was set.
    pub(crate) fn name(&self, error: anyhow::Error) -> anyhow::Error {
        match error.downcast_ref::<At>().and_then(|at| self.place(&at.0)) {
            Some(place) => error.context(place),
            None => error,
        }
    }

    fn place(&self, keys: &[String]) -> Option<String> {
        let flag = self.flags.iter().find(|(flagged, _)| *flagged == keys);
        if let Some((_, flag)) = flag {
            return Some((*flag).to_owned());
        }
        let variable = variable(keys);
        if self.variables.contains(&variable) {
            return Some(format!("the environment variable {variable}"));
        }
        let (file, text) = self.file.as_ref()?;
        let line = line_of(text, keys)?;
        Some(format!("{}, line {line}", file.display()))
    }
}

/// The line, from 1, of the innermost of these keys that the text has; none if it hasn't the setting.
fn line_of(text: &str, keys: &[String]) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let mut table = table.get_ref();
    let mut start = None;
    for key in keys {
        let (name, value) = table.get_key_value(key.as_str())?;
        start = Some(name.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    Some(text.get(..start?)?.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn origins() -> Origins {
        let text = "[api]\nlisten = \"0.0.0.0:1\"\n\n[drivers.limits.acme]\nmemory_limit_mib = 5000\n\n[ssh.templates]\nvirsh = { power-on = [\"x\"] }\n";
        let mut origins = Origins::new(
            Some((PathBuf::from("ironbark.toml"), text.to_owned())),
            vec!["IRONBARK_BMC_ALLOWED_NETWORKS".to_owned()],
        );
        origins.flag(&["api", "tls_cert"], "--tls-cert");
        origins
    }

    fn named(keys: &[&str]) -> String {
        let error = anyhow!("no good").context(At::of(keys.iter().copied()));
        format!("{:#}", origins().name(error))
    }

    #[test]
    fn file_and_line_variable_or_flag_are_named() {
        for (keys, said) in [
            (
                &["api", "listen"][..],
                "ironbark.toml, line 2: [api] listen: no good",
            ),
            (
                &["drivers", "limits", "acme", "memory_limit_mib"],
                "ironbark.toml, line 5: [drivers.limits.acme] memory_limit_mib: no good",
            ),
            (
                &["ssh", "templates", "virsh", "power-on"],
                "ironbark.toml, line 8: [ssh.templates.virsh] power-on: no good",
            ),
            (
                &["bmc", "allowed_networks"],
                "the environment variable IRONBARK_BMC_ALLOWED_NETWORKS: [bmc] allowed_networks: no good",
            ),
            (&["api", "tls_cert"], "--tls-cert: [api] tls_cert: no good"),
            (&["log", "level"], "[log] level: no good"),
        ] {
            assert_eq!(named(keys), said);
        }
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        assert_eq!(
            format!("{:#}", origins().name(anyhow!("no good"))),
            "no good"
        );
    }
}
