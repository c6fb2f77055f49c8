//! The query string: names that must be known, and values of the few forms that Ironic has (facts §1.6).

use axum::http::Uri;

use crate::error::ApiError;

const YES: &[&str] = &["1", "t", "true", "on", "y", "yes"];
const NO: &[&str] = &["0", "f", "false", "off", "n", "no"];

/// The query's arguments, decoded, in the order in which they came.
#[derive(Clone, Default)]
pub(crate) struct Query {
    arguments: Vec<(String, String)>,
}

impl Query {
    /// Reads the query of `uri`. An argument given twice with two values is refused.
    pub(crate) fn parse(uri: &Uri) -> Result<Self, ApiError> {
        let Some(text) = uri.query() else {
            return Ok(Self::default());
        };
        let mut arguments: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            match arguments.iter().find(|(known, _)| *known == name) {
                None => arguments.push((name.into_owned(), value.into_owned())),
                Some((_, known)) if *known == value => {}
                Some(_) => {
                    return Err(ApiError::invalid(format!(
                        "The query argument {name} is given twice."
                    )));
                }
            }
        }
        Ok(Self { arguments })
    }

    /// Refuses every argument that isn't in `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        self.only_if(|name| known.contains(&name))
    }

    /// Refuses every argument that `known` doesn't know.
    pub(crate) fn only_if(&self, known: impl Fn(&str) -> bool) -> Result<(), ApiError> {
        let unknown: Vec<String> = self
            .arguments
            .iter()
            .filter(|(name, _)| !known(name))
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(format!(
                "Unexpected arguments: {}",
                unknown.join(", ")
            )))
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.arguments
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A flag; 400 unless it is one of the words for yes and no.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.get(name)
            .map(|value| {
                parse_flag(value).ok_or_else(|| {
                    ApiError::invalid(format!(
                        "Invalid input for {name}. Unrecognized value '{value}', acceptable values are: {}, {}.",
                        NO.join(", "),
                        YES.join(", ")
                    ))
                })
            })
            .transpose()
    }

    /// Items between commas: stripped, in lower case, each once, without empty ones. Without items it counts as not given.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
        let mut items: Vec<String> = Vec::new();
        for item in self.get(name)?.split(',') {
            let item = item.trim().to_lowercase();
            if !item.is_empty() && !items.contains(&item) {
                items.push(item);
            }
        }
        (!items.is_empty()).then_some(items)
    }
}

/// The words for yes and no, in any case.
pub(crate) fn parse_flag(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    if YES.contains(&text.as_str()) {
        Some(true)
    } else if NO.contains(&text.as_str()) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(&format!("/v1/nodes?{text}").parse().unwrap()).unwrap()
    }

    #[test]
    fn lists_and_flags_are_read_as_ironic_reads_them() {
        let read = query("fields=UUID,Name,,%20uuid&maintenance=TRUE&associated=No&retired=maybe");
        assert_eq!(read.list("fields").unwrap(), ["uuid", "name"]);
        assert_eq!(read.flag("maintenance").unwrap(), Some(true));
        assert_eq!(read.flag("associated").unwrap(), Some(false));
        assert_eq!(read.flag("none").unwrap(), None);
        assert!(read.flag("retired").is_err());
        assert_eq!(query("fields=,%20").list("fields"), None);
    }

    #[test]
    fn what_is_unknown_or_contradicts_itself_is_refused() {
        assert!(query("limit=1").only(&["limit"]).is_ok());
        assert!(query("limit=1&bogus=2").only(&["limit"]).is_err());
        assert!(query("limit=1&limit=1").only(&["limit"]).is_ok());
        let twice = "/v1/nodes?limit=1&limit=2".parse().unwrap();
        assert!(Query::parse(&twice).is_err());
    }
}
