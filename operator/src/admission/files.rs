//! The files of `operator/admission/`, and the namespaces that are filled in.
//!
//! Pure.

use std::collections::BTreeSet;

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Api, Client};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const INJECT: &str = include_str!("../../admission/inject.yaml");
pub(super) const SELECTED: &str = include_str!("../../admission/selected.yaml");
pub(super) const LABELLED: &str = include_str!("../../admission/labelled.yaml");
pub(super) const NAMESPACES: &str = "/spec/matchConstraints/namespaceSelector/matchExpressions/0/values";

/// The objects of a file, with the namespaces where the file leaves room for them.
pub(super) fn objects(file: &str, namespaces: &BTreeSet<String>) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(file);
    let object = |document| {
        let mut object =
            Value::deserialize(document).expect("the files are part of the program, and a test reads them");
        if let Some(values) = object.pointer_mut(NAMESPACES) {
            *values = json!(namespaces);
        }
        object
    };
    documents.map(object).collect()
}

/// Where an object of such a file lives, with its kind and its name.
pub(super) fn api(client: &Client, object: &Value) -> (Api<DynamicObject>, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
    let resource = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", &kind);
    let plural = if kind.ends_with("Policy") {
        format!("{}ies", kind.to_lowercase().trim_end_matches('y'))
    } else {
        format!("{}s", kind.to_lowercase())
    };
    let resource = ApiResource::from_gvk_with_plural(&resource, &plural);
    (Api::all_with(client.clone(), &resource), kind, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces() -> BTreeSet<String> {
        BTreeSet::from(["data".to_owned(), "tools".to_owned()])
    }

    #[test]
    fn each_file_is_a_policy_and_its_binding_of_one_name() {
        for (file, name) in [(INJECT, "inject"), (SELECTED, "selected"), (LABELLED, "labelled")] {
            let objects = objects(file, &namespaces());
            let names: Vec<_> =
                objects.iter().map(|object| object["metadata"]["name"].as_str().expect("named")).collect();
            assert_eq!(names, [format!("{name}.mcpoauth.dev"), format!("{name}.mcpoauth.dev")]);
            assert!(objects[1]["kind"].as_str().expect("a kind").ends_with("Binding"));
        }
    }

    #[test]
    fn a_policy_with_a_parameter_names_its_namespaces_and_the_one_without_names_none() {
        for file in [INJECT, SELECTED] {
            assert_eq!(objects(file, &namespaces())[0].pointer(NAMESPACES), Some(&json!(["data", "tools"])));
        }
        assert_eq!(objects(LABELLED, &namespaces())[0].pointer(NAMESPACES), None);
        assert_eq!(objects(LABELLED, &namespaces())[0].pointer("/spec/paramKind"), None);
    }
}
