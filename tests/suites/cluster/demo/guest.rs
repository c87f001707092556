//! The demo in a cluster of the user's: the lab's, named by a context of a kubeconfig, with the images under a prefix
//! of the user's. It takes away what it brought, however it ends, and keeps its hands off what others have there.

use std::path::PathBuf;
use std::time::Duration;

use harness::lab::command::capture_with_input;
use harness::lab::{Cluster, Error, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::run::Run;
use crate::product::install;

const PREFIX: &str = "registry.example.com/team";
const OBJECTS: &str = "namespaces,crds,clusterroles,clusterrolebindings,mutatingadmissionpolicies,\
    mutatingadmissionpolicybindings,validatingadmissionpolicies,validatingadmissionpolicybindings";
const DEFINITION: &str = include_str!("../../../../crds/mcpoauthpolicies.yaml");
const LABELLED: &str = include_str!("../../../../operator/admission/labelled.yaml");

/// A user with a kubeconfig of two contexts: `own` is the lab, and the other, which is the current one, leads nowhere.
struct User<'a> {
    cluster: &'a Cluster,
    folder: TempDir,
}

impl<'a> User<'a> {
    async fn new(cluster: &'a Cluster) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::file("create", "a temporary folder"))?;
        let user = Self { cluster, folder };
        let text = std::fs::read(cluster.kubeconfig()).map_err(Error::file("read", cluster.kubeconfig()))?;
        let mut config: Value = serde_json::from_slice(&text).expect("the lab writes JSON");
        let nowhere = json!({ "name": "nowhere", "cluster": { "server": "https://127.0.0.1:1" } });
        config["contexts"][0]["name"] = "own".into();
        let mut current = config["contexts"][0].clone();
        (current["name"], current["context"]["cluster"]) = ("current".into(), "nowhere".into());
        config["current-context"] = "current".into();
        for (list, entry) in [("clusters", nowhere), ("contexts", current)] {
            config[list].as_array_mut().expect("a kubeconfig has lists").push(entry);
        }
        std::fs::write(user.kubeconfig(), config.to_string())
            .map_err(Error::file("write", user.kubeconfig()))?;
        for program in ["mcp-oauth-sidecar", "mcp-oauth-operator", "mcp-everything"] {
            let name = format!("{PREFIX}/{program}:dev");
            cluster.tag(&format!("localhost/{program}:dev"), &name).await?;
        }
        Ok(user)
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    fn demo(&self) -> Result<Run, Error> {
        let arguments = ["--context", "own", "--images", PREFIX];
        Run::start("demo-guest", &arguments, &[("KUBECONFIG", self.kubeconfig())])
    }

    /// Everything that a guest could leave.
    async fn objects(&self) -> Result<Vec<String>, Error> {
        let said = self.cluster.kubectl().check(&["get", OBJECTS, "--output=name"]).await?;
        // Other tests come and go with namespaces of theirs.
        let ours = |line: &&str| {
            line.contains("mcp-oauth") || line.contains("mcpoauth") || line.contains("mcp-demo")
        };
        Ok(said.lines().filter(ours).map(str::to_owned).collect())
    }

    async fn kubectl(&self, words: &[&str]) -> Result<String, Error> {
        self.cluster.kubectl().check(words).await
    }

    async fn delete(&self, yaml: &str) -> Result<(), Error> {
        let mut command = self.cluster.kubectl().command(&["delete", "--wait=false", "-f", "-"]);
        let output = capture_with_input(&mut command, yaml, Duration::from_mins(1)).await?;
        if output.success() { Ok(()) } else { Err(Error::Missing(output.stderr)) }
    }

    /// The demo says no, names this, and has changed nothing.
    async fn is_refused(&self, what: &str) -> Result<(), Error> {
        let before = self.objects().await?;
        let ended = self.demo()?.end().await?;
        assert_eq!(ended.code, Some(1), "{what}: {}", ended.said);
        assert!(ended.said.contains(&format!("\n   {what}\n")), "{what}: {}", ended.said);
        assert!(!ended.said.contains("removing what the demo created"), "{what}: {}", ended.said);
        // What was deleted a moment ago may go meanwhile.
        let new: Vec<_> = self.objects().await?.into_iter().filter(|it| !before.contains(it)).collect();
        assert_eq!(new, [""; 0], "{what}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_refused_where_it_would_change_what_is_there_and_plays_where_nothing_is()
-> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let _alone = install::nothing(&cluster).await?;
    let user = User::new(&cluster).await?;
    install::install(&cluster).await?;
    let operator = ["get", "deployment,pods", "--namespace=mcp-oauth-system", "--output=name"];
    let installed = user.kubectl(&operator).await?;
    user.is_refused("Helm release mcp-oauth-system/mcp-oauth").await?;
    assert_eq!(user.kubectl(&operator).await?, installed);
    install::uninstall(&cluster).await?;
    user.delete(&namespace("mcp-oauth-system")).await?;
    for (object, what) in [
        (namespace("mcp-demo"), "Namespace mcp-demo"),
        (LABELLED.to_owned(), "ValidatingAdmissionPolicy labelled.mcpoauth.dev"),
        (policy(), "McpOAuthPolicy default/trino"),
    ] {
        cluster.kubectl().apply(&object).await?;
        user.is_refused(what).await?;
        user.delete(&object).await?;
    }
    user.kubectl(&["delete", "crd", "mcpoauthpolicies.mcpoauth.dev"]).await?;
    let nothing = async || Ok(user.objects().await?.is_empty().then_some(()));
    eventually("an empty cluster", Duration::from_mins(1), nothing).await?;
    plays(&user).await
}

/// From an empty cluster to an empty cluster, with the user's images.
async fn plays(user: &User<'_>) -> Result<(), Error> {
    let mut demo = user.demo()?;
    demo.until("a tool call with an HMAC token").await?;
    let mut images = Vec::new();
    for namespace in ["mcp-demo", "mcp-oauth-system"] {
        let path = "--output=jsonpath={.items[*].spec['initContainers','containers'][*].image}";
        let said = user.kubectl(&["get", "pods", "--namespace", namespace, path]).await?;
        images.extend(said.split_whitespace().map(str::to_owned));
    }
    assert!(images.len() == 3 && images.iter().all(|image| image.starts_with(PREFIX)), "{images:?}");
    let ended = demo.end().await?;
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("that was the demo"), "{}", ended.said);
    assert_eq!(user.objects().await?, [""; 0], "{}", ended.said);
    assert_eq!(ended.left, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_is_interrupted_takes_away_what_it_brought_and_not_what_was_there() -> Result<(), Error>
{
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let _alone = install::nothing(&cluster).await?;
    let user = User::new(&cluster).await?;
    cluster.kubectl().apply(DEFINITION).await?;
    cluster.kubectl().apply(&namespace("mcp-oauth-system")).await?;
    let before = user.objects().await?;
    assert_eq!(before.len(), 2, "{before:?}");
    let mut demo = user.demo()?;
    demo.until("$ kubectl rollout restart").await?;
    assert!(user.objects().await?.len() >= 11);
    demo.interrupt();
    let ended = demo.end().await?;
    assert_eq!(ended.code, Some(130), "{}", ended.said);
    assert!(ended.said.contains("the cluster is as it was before"), "{}", ended.said);
    assert_eq!(user.objects().await?, before, "{}", ended.said);
    assert_eq!(ended.left, []);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_is_interrupted_twice_says_what_stays_and_what_removes_it() -> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let _alone = install::nothing(&cluster).await?;
    let user = User::new(&cluster).await?;
    let mut demo = user.demo()?;
    demo.until("$ helm install").await?;
    demo.interrupt();
    demo.until("removing what the demo created").await?;
    demo.interrupt();
    let ended = demo.end().await?;
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    let stays = "What removes them, one after the other:\n   helm --kube-context own uninstall mcp-oauth";
    assert!(ended.said.contains(stays), "{}", ended.said);
    assert!(ended.said.contains("delete namespace mcp-demo mcp-oauth-system"), "{}", ended.said);
    install::clear(&cluster).await
}

fn namespace(name: &str) -> String {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }).to_string()
}

fn policy() -> String {
    let spec = json!({
        "selector": { "matchLabels": { "app": "trino" } }, "server": { "url": "https://mcp.example.com/mcp" },
        "provider": "hmac", "hmac": { "secretRefs": [{ "name": "hmac", "key": "jwtSecret" }] },
    });
    let metadata = json!({ "name": "trino", "namespace": "default" });
    json!({ "apiVersion": "mcpoauth.dev/v1alpha1", "kind": "McpOAuthPolicy", "metadata": metadata, "spec": spec }).to_string()
}
