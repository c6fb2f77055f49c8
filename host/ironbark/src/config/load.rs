//! Reading the file and the environment, with errors that name file, line and key, or the variable.

use std::path::Path;

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

use super::origins::Origins;
use super::settings::Settings;

const PREFIX: &str = "IRONBARK_";
const SECTIONS: &[&str] = &[
    "api",
    "database",
    "conductor",
    "drivers",
    "bmc",
    "agent",
    "ssh",
    "audit",
    "log",
];
/// Variables with our prefix that are not configuration.
const NOT_CONFIGURATION: &[&str] = &["IRONBARK_CONFIG", "IRONBARK_URL", "IRONBARK_CREDENTIALS"];
const NOT_CONFIGURATION_PREFIX: &str = "IRONBARK_TEST_";

/// Reads `file` if there is one, then lays `environment` over it. Also tells what came from where.
pub(crate) fn load(
    file: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(Settings, Origins)> {
    let (mut table, file) = match file {
        Some(file) => {
            let (table, text) = read_file(file)?;
            (table, Some((file.to_owned(), text)))
        }
        None => (Table::new(), None),
    };
    let mut variables: Vec<(String, String)> = environment
        .filter(|(name, _)| {
            name.starts_with(PREFIX)
                && !NOT_CONFIGURATION.contains(&name.as_str())
                && !name.starts_with(NOT_CONFIGURATION_PREFIX)
        })
        .collect();
    variables.sort();
    for (name, value) in &variables {
        table = overlay(&table, name, value)?;
    }
    let variables = variables.into_iter().map(|(name, _)| name).collect();
    Ok((table.try_into::<Settings>()?, Origins::new(file, variables)))
}

/// The variable that sets the setting with these keys, or the table that it is in.
pub(super) fn variable(keys: &[String]) -> String {
    let keys = keys.get(..2).unwrap_or(keys);
    format!("{PREFIX}{}", keys.join("_").to_ascii_uppercase())
}

fn read_file(file: &Path) -> Result<(Table, String)> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the configuration file {} can't be read", file.display()))?;
    // Read as settings first: these errors know line, column and key.
    toml::from_str::<Settings>(&text).map_err(|error| describe(file, &text, &error))?;
    let table = toml::from_str(&text).map_err(|error| describe(file, &text, &error))?;
    Ok((table, text))
}

fn describe(file: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let place = error.span().map_or_else(String::new, |span| {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
        format!(", line {line} ({shown})")
    });
    anyhow::anyhow!("{}{place}: {}", file.display(), error.message())
}

fn overlay(table: &Table, name: &str, text: &str) -> Result<Table> {
    let path = name
        .strip_prefix(PREFIX)
        .unwrap_or(name)
        .to_ascii_lowercase();
    let (section, key) = match SECTIONS
        .iter()
        .find_map(|section| Some((*section, path.strip_prefix(section)?.strip_prefix('_')?)))
    {
        Some((section, key)) => (Some(section), key),
        None if path == "data_dir" => (None, path.as_str()),
        None => bail!(
            "the environment variable {name} is not known: it is IRONBARK_<SECTION>_<KEY> with a section of {}",
            SECTIONS.join(", ")
        ),
    };
    // A value is TOML if it reads as TOML and fits, else plain text: `300`, `true`, `["a"]`, `rack-1`.
    let mut failure = None;
    for value in [parse_value(text), Some(Value::String(text.to_owned()))]
        .into_iter()
        .flatten()
    {
        let mut changed = table.clone();
        let target = match section {
            Some(section) => changed
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()))
                .as_table_mut()
                .with_context(|| format!("[{section}] is not a table"))?,
            None => &mut changed,
        };
        target.insert(key.to_owned(), value);
        match changed.clone().try_into::<Settings>() {
            Ok(_) => return Ok(changed),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match failure {
        Some(error) => bail!("the environment variable {name}: {}", error.message()),
        None => bail!("the environment variable {name} has no value"),
    }
}

fn parse_value(text: &str) -> Option<Value> {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()?
        .remove("value")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    fn with_file(text: &str, pairs: &[(&str, &str)]) -> Result<Settings> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ironbark.toml");
        std::fs::write(&file, text).unwrap();
        Ok(load(Some(&file), environment(pairs))?.0)
    }

    #[test]
    fn defaults_are_safe() {
        let settings = load(None, environment(&[])).unwrap().0;
        assert!(settings.api.listen.ip().is_loopback());
    }

    #[test]
    fn an_unknown_key_is_named_with_file_and_line() {
        let error = with_file("[api]\nmax_limit = 10\nmax_limmit = 5\n", &[]).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("ironbark.toml, line 3"), "{text}");
        assert!(text.contains("max_limmit"), "{text}");
    }

    #[test]
    fn a_wrong_value_is_named_with_file_and_line() {
        let error = with_file("[conductor]\n\nheartbeat_interval = \"soon\"\n", &[]).unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("line 3 (heartbeat_interval = \"soon\")"),
            "{text}"
        );
        assert!(text.contains("number of seconds"), "{text}");
    }

    #[test]
    fn variables_win_over_the_file() {
        let settings = with_file(
            "[conductor]\nhost = \"a\"\nsync_power_state_interval = 5\n",
            &[
                ("IRONBARK_CONDUCTOR_HOST", "42"),
                ("IRONBARK_CONDUCTOR_HEARTBEAT_INTERVAL", "0.5"),
                ("IRONBARK_TEST_X", "y"),
            ],
        )
        .unwrap();
        assert_eq!(settings.conductor.host.as_deref(), Some("42"));
        assert_eq!(
            settings.conductor.heartbeat_interval.unwrap().0,
            Duration::from_millis(500)
        );
        assert_eq!(
            settings.conductor.sync_power_state_interval.unwrap().0,
            Duration::from_secs(5)
        );
    }

    #[test]
    fn a_wrong_variable_is_named() {
        for (name, value) in [
            ("IRONBARK_API_LISTEN", "nowhere"),
            ("IRONBARK_API_LISSTEN", "127.0.0.1:1"),
            ("IRONBARK_FOO", "1"),
        ] {
            let text = format!(
                "{:#}",
                load(None, environment(&[(name, value)])).unwrap_err()
            );
            assert!(text.contains(name), "{text}");
        }
    }
}
