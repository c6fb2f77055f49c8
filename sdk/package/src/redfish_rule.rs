//! Rules of the capability `redfish`: which requests a package may send.
//!
//! A rule is `[!]METHOD /path/pattern`. Rules are read in order and the first that matches decides: `!` refuses, else it allows; what no
//! rule matches is refused. `METHOD` is an HTTP method, or `*` for any. Of the pattern's segments, `*` matches any one, `**` (only at the end)
//! any number of them, also none; `{system}`, `{chassis}` and `{manager}` match what belongs to the node of the call, and nothing else. All others
//! match exactly themselves.

use std::str::FromStr;

/// Longest rule, in bytes.
const MAX_RULE: usize = 1024;
const METHODS: &[&str] = &["GET", "POST", "PATCH", "PUT", "DELETE"];

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedfishRule {
    /// What matches is refused.
    pub refuses: bool,
    /// The HTTP method; `None` is any.
    pub method: Option<&'static str>,
    /// The path's segments.
    pub pattern: Vec<PatternSegment>,
}

/// One segment of a rule's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternSegment {
    /// Exactly this.
    Literal(String),
    /// Any one segment.
    Any,
    /// All that follow, if any.
    Rest,
    /// The node's system.
    System,
    /// One of the node's chassis.
    Chassis,
    /// One of the node's managers.
    Manager,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RedfishRuleError(String);

impl FromStr for RedfishRule {
    type Err = RedfishRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |reason: &str| RedfishRuleError(format!("the rule {text:?} {reason}"));
        if text.len() > MAX_RULE {
            return Err(RedfishRuleError(format!(
                "a rule has at most {MAX_RULE} bytes"
            )));
        }
        let (refuses, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (method, path) = rest
            .split_once(' ')
            .ok_or_else(|| wrong("must be a method, a space and a path"))?;
        let method = match method {
            "*" => None,
            name => Some(
                METHODS
                    .iter()
                    .copied()
                    .find(|known| *known == name)
                    .ok_or_else(|| {
                        wrong("must begin with GET, POST, PATCH, PUT, DELETE or * (after an optional !)")
                    })?,
            ),
        };
        let path = path
            .strip_prefix('/')
            .ok_or_else(|| wrong("must have a path that begins with /redfish"))?;
        let pattern = path
            .split('/')
            .map(|segment| read_segment(segment).ok_or_else(|| wrong(&format!("has the segment {segment:?}: letters, digits and -_.~:@#$&'()+,=! are accepted, or *, **, {{system}}, {{chassis}}, {{manager}}"))))
            .collect::<Result<Vec<_>, _>>()?;
        let (last, before) = pattern
            .split_last()
            .ok_or_else(|| wrong("must have a path"))?;
        if before.contains(&PatternSegment::Rest) {
            return Err(wrong("has ** before its end"));
        }
        let begins_well = match before.first().unwrap_or(last) {
            PatternSegment::Literal(first) => first == "redfish",
            // A refusal may be wider than anything that is allowed.
            PatternSegment::Rest => refuses,
            _ => false,
        };
        if !begins_well {
            return Err(wrong("must have a path that begins with /redfish"));
        }
        Ok(Self {
            refuses,
            method,
            pattern,
        })
    }
}

fn read_segment(text: &str) -> Option<PatternSegment> {
    Some(match text {
        "*" => PatternSegment::Any,
        "**" => PatternSegment::Rest,
        "{system}" => PatternSegment::System,
        "{chassis}" => PatternSegment::Chassis,
        "{manager}" => PatternSegment::Manager,
        "" | "." | ".." => return None,
        literal => {
            let plain = literal
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~:@#$&'()+,=!".contains(&byte));
            return plain.then(|| PatternSegment::Literal(literal.to_owned()));
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_documented() {
        let rule: RedfishRule = "!PATCH /redfish/v1/Systems/{system}/*/Settings/**"
            .parse()
            .unwrap();
        assert!(rule.refuses);
        assert_eq!(rule.method, Some("PATCH"));
        assert_eq!(
            rule.pattern,
            [
                PatternSegment::Literal("redfish".into()),
                PatternSegment::Literal("v1".into()),
                PatternSegment::Literal("Systems".into()),
                PatternSegment::System,
                PatternSegment::Any,
                PatternSegment::Literal("Settings".into()),
                PatternSegment::Rest,
            ]
        );
        assert_eq!("* /redfish/**".parse::<RedfishRule>().unwrap().method, None);
        assert!("!* /**".parse::<RedfishRule>().is_ok());
    }

    #[test]
    fn refuses_what_could_mean_something_else() {
        for text in [
            "",
            "GET",
            "GET redfish/v1",
            "get /redfish/v1",
            "HEAD /redfish/v1",
            "GET  /redfish/v1",
            "GET /redfish/v1/",
            "GET /redfish//v1",
            "GET /redfish/../x",
            "GET /redfish/**/x",
            "GET /redfish/v1/Sys*",
            "GET /redfish/v1/%53ystems",
            "GET /redfish/v1/{node}",
            "GET /redfish/v1?x=1",
            "GET /redfish/v1;a",
            "GET /**",
            "GET /*/v1",
            "GET /",
            "!!GET /redfish",
        ] {
            assert!(text.parse::<RedfishRule>().is_err(), "{text:?}");
        }
    }
}
