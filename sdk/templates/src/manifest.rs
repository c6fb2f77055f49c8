//! A manifest without its workspace.

use toml::{Table, Value};

/// Why a manifest can't be made to stand alone.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML.
    #[error("a manifest is not TOML")]
    Form(#[from] toml::de::Error),
    /// Can't be written again.
    #[error("a manifest can't be written")]
    Write(#[from] toml::ser::Error),
    /// It takes something from the workspace that isn't there.
    #[error("the workspace has no '{0}'")]
    Missing(String),
}

/// The same crate with everything that it takes from the workspace written out. What only this repository needs of it (lints,
/// examples, tests) is left away.
pub(crate) fn stand_alone(manifest: &str, workspace: &str) -> Result<String, ManifestError> {
    let mut manifest: Table = manifest.parse()?;
    let workspace: Table = workspace.parse()?;
    for section in ["lints", "example", "test", "dev-dependencies"] {
        manifest.remove(section);
    }
    for section in ["package", "dependencies"] {
        let inherited = table(&workspace, "workspace").and_then(|root| table(root, section));
        let Some(entries) = manifest.get_mut(section).and_then(Value::as_table_mut) else {
            continue;
        };
        for (key, entry) in entries.iter_mut() {
            if is_inherited(entry) {
                *entry = inherited
                    .and_then(|table| table.get(key))
                    .cloned()
                    .ok_or_else(|| ManifestError::Missing(key.to_owned()))?;
            }
        }
    }
    Ok(toml::to_string(&manifest)?)
}

fn table<'a>(of: &'a Table, key: &str) -> Option<&'a Table> {
    of.get(key)?.as_table()
}

/// `key.workspace = true`
fn is_inherited(entry: &Value) -> bool {
    entry
        .get("workspace")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "[workspace.package]\nversion = \"3.1.4\"\n[workspace.dependencies]\nserde = { version = \"1\", features = [\"derive\"] }";

    #[test]
    fn what_is_inherited_is_written_out() {
        let manifest = "[package]\nname = \"sdk\"\nversion.workspace = true\n[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\nlog = \"0.4\"\n[[example]]\nname = \"e\"";
        let alone: Table = stand_alone(manifest, WORKSPACE).unwrap().parse().unwrap();
        let expected: Table = "[package]\nname = \"sdk\"\nversion = \"3.1.4\"\n[dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\nlog = \"0.4\"".parse().unwrap();
        assert_eq!(alone, expected);
    }

    #[test]
    fn what_the_workspace_lacks_is_named() {
        let error = stand_alone("[dependencies]\nanyhow.workspace = true", WORKSPACE).unwrap_err();
        assert!(error.to_string().contains("'anyhow'"), "{error}");
    }
}
