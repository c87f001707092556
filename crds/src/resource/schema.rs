//! The parts of the custom resource definition that no derive can say, and the definition as a whole.
//!
//! Pure.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{EnvVar, McpOAuthPolicy, StaticClient};
use crate::names::{ClaimName, LabelKey, LabelValue, Quantity};
use crate::proxy::ParameterName;
use crate::rule::Rule;

/// The definition that the API server learns.
pub fn crd() -> CustomResourceDefinition {
    let mut definition = serde_json::to_value(McpOAuthPolicy::crd()).expect("a definition is JSON");
    forbid_null(&mut definition);
    serde_json::from_value(definition).expect("a definition without `nullable` is a definition")
}

/// The definition as `mcp-oauth-operator crds` prints it.
pub fn crd_yaml() -> String {
    serde_yaml::to_string(&crd()).expect("a definition has only text keys")
}

/// The derives let every optional field be `null`. Without that word the API server drops a `null` before it fills in
/// defaults, so that an empty Helm value means "absent" and no `null` is ever stored.
fn forbid_null(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            if members.get("nullable") == Some(&true.into()) {
                members.remove("nullable");
            }
            if let Some(serde_json::Value::Array(words)) = members.get_mut("enum") {
                words.retain(|word| !word.is_null());
            }
            members.values_mut().for_each(forbid_null);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(forbid_null),
        _ => {}
    }
}

/// A map whose keys obey the rules of a name and whose values have a schema of their own.
fn keyed(keys: &[Rule], values: &Schema, most: usize) -> Schema {
    let rules: Vec<_> = keys.iter().map(|rule| rule.to_cel_of_each_key()).collect();
    json_schema!({
        "type": "object",
        "additionalProperties": values,
        "minProperties": 1,
        "maxProperties": most,
        "x-kubernetes-validations": rules,
    })
}

pub(super) fn match_labels(_: &mut SchemaGenerator) -> Schema {
    let rules: Vec<_> = LabelValue::RULES.iter().map(|rule| rule.to_cel()).collect();
    let values = json_schema!({ "type": "string", "maxLength": 63, "x-kubernetes-validations": rules });
    keyed(LabelKey::RULES, &values, 16)
}

pub(super) fn require(_: &mut SchemaGenerator) -> Schema {
    let values = json_schema!({
        "type": "array", "minItems": 1, "maxItems": 16,
        "items": { "type": "string", "minLength": 1, "maxLength": 256 },
    });
    keyed(ClaimName::RULES, &values, 8)
}

pub(super) fn extra_params(_: &mut SchemaGenerator) -> Schema {
    let values = json_schema!({ "type": "string", "maxLength": 512 });
    keyed(ParameterName::RULES, &values, 16)
}

pub(super) fn static_clients(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 16, "items": StaticClient::json_schema(generator),
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
    })
}

pub(super) fn quantities(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "cpu": Quantity::json_schema(generator),
            "memory": Quantity::json_schema(generator),
            "ephemeral-storage": Quantity::json_schema(generator),
        },
    })
}

/// A container that requests more than its limit makes the API server refuse every pod with it.
pub(super) fn no_more_than_its_limit(name: &str) -> kube::core::Rule {
    let member = name.replace('-', "__dash__");
    let (request, limit) = (format!("self.requests.{member}"), format!("self.limits.{member}"));
    let rule = format!(
        "!has(self.requests) || !has(self.limits) || !has({request}) || !has({limit}) \
         || !isQuantity({request}) || !isQuantity({limit}) || quantity({request}).compareTo(quantity({limit})) <= 0"
    );
    kube::core::Rule::new(rule)
        .message(format!("requests.{name} must not be more than limits.{name}").as_str())
}

pub(super) fn port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "default": "http",
        "maxLength": 15,
        "x-kubernetes-validations": [{
            "rule": format!(
                "type(self) == int ? int(self) >= 1 && int(self) <= 65535 : \
                 string(self).matches(r'{}')", crate::names::PORT_NAME
            ),
            "message": "must be the name or the number of a container port",
        }],
    })
}

pub(super) fn unprivileged_port(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int32", "minimum": 1024, "maximum": 65535 })
}

pub(super) fn max_body_bytes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int64", "minimum": 1, "maximum": 1_073_741_824_u64 })
}

pub(super) fn env(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 32, "items": EnvVar::json_schema(generator),
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
    })
}

pub(super) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "maxItems": 16,
        "items": k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition::json_schema(generator),
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
    })
}

/// An object of Kubernetes that the operator renders whole: one writer, no field of anybody else's beside its own.
pub(super) fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-map-type": "atomic" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_carries_the_rules_of_the_names_and_no_null() {
        let yaml = crd_yaml();
        for text in [
            "must be an https URL such as https://mcp.example.com/mcp",
            "must not be offline_access",
            "mcpoauth.dev",
        ] {
            assert!(yaml.contains(text), "{text}");
        }
        assert!(!yaml.contains("nullable"), "{yaml}");
    }

    #[test]
    fn a_field_of_the_spec_that_is_named_nullable_would_stay() {
        let mut fields =
            serde_json::json!({ "properties": { "nullable": { "type": "string", "nullable": true } } });
        forbid_null(&mut fields);
        assert_eq!(fields, serde_json::json!({ "properties": { "nullable": { "type": "string" } } }));
    }
}
