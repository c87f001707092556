//! The second door knows what the first one refuses: the rows that the API server is asked, asked here as well (K13).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::*;

const TABLE: &str = include_str!("../../../../tests/suites/cluster/policies/refused.yaml");

#[derive(Deserialize)]
struct Table {
    #[serde(flatten)]
    bases: Map<String, Value>,
    refused: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    base: String,
    #[serde(default)]
    change: Value,
    #[serde(default)]
    twin: Value,
    path: String,
    says: String,
    /// Where the second door says it in other words.
    #[serde(default)]
    resolve_says: Option<String>,
    /// Whether it is a rule that spans fields.
    #[serde(default)]
    spans: bool,
}

/// JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: &Value) {
    let (Value::Object(members), Value::Object(changes)) = (target, patch) else { return };
    for (name, change) in changes {
        match change {
            Value::Null => drop(members.remove(name)),
            Value::Object(_) => merge(members.entry(name).or_insert_with(|| Map::new().into()), change),
            _ => drop(members.insert(name.clone(), change.clone())),
        }
    }
}

#[test]
fn k13_a_rule_that_spans_fields_is_the_same_at_both_doors() {
    let table: Table = serde_yaml::from_str(TABLE).expect("the table is YAML");
    let keys = Keys { seal: Vec::new(), sign: Vec::new() };
    let said = |row: &Row, change: &Value| {
        let mut spec = table.bases[&row.base].clone();
        merge(&mut spec, change);
        let spec = serde_json::from_value(spec).expect("a spec");
        let refused = resolve(&spec, &Inputs::new(), &Held::Keys(keys.clone())).err();
        refused.filter(|refused| refused.reason == Reason::Invalid).map(|refused| refused.to_string())
    };
    let rows: Vec<_> = table.refused.iter().filter(|row| row.spans).collect();
    assert!(rows.len() >= 20, "only {} rows", rows.len());
    for row in rows {
        let refused = said(row, &row.change).unwrap_or_default();
        let expected = match &row.resolve_says {
            Some(own) => own.clone(),
            None => format!("{}: {}", row.path, row.says),
        };
        assert!(refused.contains(&expected), "{}: {refused}", row.name);
        assert_eq!(said(row, &row.twin), None, "twin of {}", row.name);
    }
}
