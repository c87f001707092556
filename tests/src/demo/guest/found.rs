//! What a user's cluster has already of the things that the demo creates or disturbs. Asks the cluster through kubectl
//! and helm, and changes nothing.

use std::fmt;

use serde_json::Value;

use super::removal::Removal;
use super::{BINDING, NAMESPACE, Place, SYSTEM};
use crate::lab::Error;
use crate::lab::command::Output;

pub(super) const DEFINITION: &str = "mcpoauthpolicies.mcpoauth.dev";

/// What the operator makes beside the chart, with the words that kubectl names them by.
pub(super) const ADMISSION_POLICIES: [&str; 6] = [
    "mutatingadmissionpolicy/inject.mcpoauth.dev",
    "mutatingadmissionpolicybinding/inject.mcpoauth.dev",
    "validatingadmissionpolicy/selected.mcpoauth.dev",
    "validatingadmissionpolicybinding/selected.mcpoauth.dev",
    "validatingadmissionpolicy/labelled.mcpoauth.dev",
    "validatingadmissionpolicybinding/labelled.mcpoauth.dev",
];

/// What the chart and the operator bring along, whatever the release is called.
const CHART: &str = "mcp-oauth-operator-";
const OF_THE_CHART: [&str; 3] = [
    "deployments,clusterroles,clusterrolebindings",
    "--all-namespaces",
    "--selector=app.kubernetes.io/name=mcp-oauth-operator",
];

/// Something that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    kind: String,
    namespace: Option<String>,
    name: String,
}

/// What the demo would change.
pub(super) async fn in_the_way(place: &Place) -> Result<Vec<Found>, Error> {
    let mut found = releases(place).await?;
    // They belong to the release, and go with it.
    if found.is_empty() {
        found.extend(objects(place, &OF_THE_CHART).await?);
        found.extend(objects(place, &ADMISSION_POLICIES).await?);
    }
    found.extend(objects(place, &[DEFINITION, "--all-namespaces"]).await?);
    let own = [format!("namespace/{NAMESPACE}"), format!("clusterrolebinding/{BINDING}")];
    found.extend(objects(place, &[&own[0], &own[1]]).await?);
    Ok(found)
}

/// What the demo needs and can use as it is.
pub(super) async fn kept(place: &Place) -> Result<Vec<Found>, Error> {
    let definition = format!("customresourcedefinition/{DEFINITION}");
    objects(place, &[&definition, &format!("namespace/{SYSTEM}")]).await
}

async fn releases(place: &Place) -> Result<Vec<Found>, Error> {
    let said = place.helm(&["list", "--all-namespaces", "--max=0", "--output=json"]).await?;
    let releases: Vec<Value> = parsed(&said)?;
    // The name of the chart, and behind it the version.
    let of_ours = |release: &&Value| release["chart"].as_str().is_some_and(|chart| chart.starts_with(CHART));
    let found = |release: &Value| {
        let text = |member: &str| release[member].as_str().unwrap_or_default().to_owned();
        Found::new("Helm release", Some(&text("namespace")), &text("name"))
    };
    Ok(releases.iter().filter(of_ours).map(found).collect())
}

async fn objects(place: &Place, query: &[&str]) -> Result<Vec<Found>, Error> {
    let mut get = vec!["get", "--ignore-not-found", "--output=json"];
    get.extend(query);
    let output = place.kubectl().run(&get).await?;
    if is_unknown_kind(&output) {
        return Ok(Vec::new());
    }
    if !output.success() {
        let program = format!("kubectl {}", get.join(" "));
        return Err(Error::Failed { program, status: output.status, output: output.stderr });
    }
    if output.stdout.trim().is_empty() {
        return Ok(Vec::new());
    }
    let said: Value = parsed(&output.stdout)?;
    let items = said["items"].as_array().cloned().unwrap_or_else(|| vec![said]);
    Ok(items.iter().map(Found::of_object).collect())
}

/// What the API server does not know as a kind it has none of.
pub(super) fn is_unknown_kind(output: &Output) -> bool {
    output.stderr.contains("the server doesn't have a resource type")
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text)
        .map_err(|error| Error::Missing(format!("what was asked for is no JSON: {error}")))
}

impl Found {
    pub(super) fn new(kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }

    fn of_object(object: &Value) -> Self {
        let metadata = &object["metadata"];
        let kind = object["kind"].as_str().unwrap_or_default();
        Self::new(kind, metadata["namespace"].as_str(), metadata["name"].as_str().unwrap_or_default())
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What takes it away.
    pub(super) fn removal(&self) -> Removal {
        let kind = self.kind.to_lowercase();
        let namespace = self.namespace.iter().flat_map(|namespace| ["--namespace", namespace]);
        if kind == "helm release" {
            return Removal::helm(
                &["uninstall", &self.name].into_iter().chain(namespace).collect::<Vec<_>>(),
            );
        }
        let words: Vec<&str> = ["delete", &kind, &self.name].into_iter().chain(namespace).collect();
        Removal::kubectl(&words)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name } = self;
        match namespace {
            Some(namespace) => write!(formatter, "{kind} {namespace}/{name}"),
            None => write!(formatter, "{kind} {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_names_the_command_that_takes_it_away() {
        let release = Found::new("Helm release", Some("system"), "own");
        assert_eq!(release.to_string(), "Helm release system/own");
        assert_eq!(release.removal(), Removal::helm(&["uninstall", "own", "--namespace", "system"]));
        let object = serde_json::json!({ "kind": "Namespace", "metadata": { "name": "mcp-demo" } });
        let namespace = Found::of_object(&object);
        assert_eq!(namespace.to_string(), "Namespace mcp-demo");
        assert_eq!(namespace.removal(), Removal::kubectl(&["delete", "namespace", "mcp-demo"]));
    }
}
