//! Making it so: the touch that makes kubelets look at the rendered Secret at once, and the status.
//!
//! Reads and writes the API server.

use crds::resource::{McpOAuthPolicy, McpOAuthPolicySpec, Status};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::names::{DELIVERED, MANAGER};
use crate::pods::{self, Selected};
use crate::render::{Built, Owner};
use crate::told::Told;

/// So many pods are touched at a time.
const TOUCHES: usize = 8;

/// Why nothing could be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{}", plain(.0))]
    Api(#[from] kube::Error),
    /// Whoever made it would decide what our sidecars obey.
    #[error(
        "there is a Secret '{0}' already that is not this policy's: delete it, or give the policy another name"
    )]
    ForeignSecret(String),
    #[error("the Secret '{0}' was written by another one meanwhile")]
    Raced(String),
}

/// A word to a pod's kubelet that is to be passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pod: String,
    told: Told,
}

/// The pods that the policy selects.
pub async fn selected(
    client: &Client,
    owner: &Owner,
    spec: &McpOAuthPolicySpec,
    built: &Built,
) -> Result<Vec<Selected>, kube::Error> {
    let api = Api::<Pod>::namespaced(client.clone(), &owner.namespace);
    let mut found = Vec::new();
    for selector in pods::list_selectors(&owner.name, spec) {
        let list = api.list(&ListParams::default().labels(&selector)).await?;
        // The list is asked for with a text, and a text may be read otherwise than it was meant.
        let ours = list.items.iter().filter(|pod| pods::selects(&owner.name, spec, pod.labels()));
        found.extend(ours.filter_map(|pod| pods::look(&owner.name, built, pod)));
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// The pods whose kubelets were not told of this revision yet. They are told whatever they say, and before they are asked.
pub fn untold(pods: &mut [Selected], revision: &str, now: Timestamp) -> Vec<Word> {
    let is_untold =
        |pod: &&mut Selected| pod.injected && pod.told.as_ref().is_none_or(|told| told.revision != revision);
    let tell = |pod: &mut Selected| {
        let told = pod.told.insert(Told::first(revision, now)).clone();
        Word { pod: pod.name.clone(), told }
    };
    pods.iter_mut().filter(is_untold).map(tell).collect()
}

/// The pods that were told of this revision, have had their time, and say that they obey another one.
pub fn deaf(pods: &[Selected], revision: &str, now: Timestamp) -> Vec<Word> {
    let tell = |pod: &Selected| {
        let told = pod.told.as_ref().filter(|told| told.revision == revision && told.is_due(now))?;
        let says_another = pod.word.is_some() && !pod.obeys(revision);
        says_another.then(|| Word { pod: pod.name.clone(), told: told.again(now) })
    };
    pods.iter().filter_map(tell).collect()
}

/// Makes kubelets look at once. A pod that cannot be told does not stop the others, and its own kubelet looks by itself
/// within a minute or two.
pub async fn tell(client: &Client, owner: &Owner, words: Vec<Word>) {
    let told = futures::stream::iter(words.into_iter().map(|word| touch(client, owner, word)));
    told.buffer_unordered(TOUCHES)
        .for_each(async |told| {
            if let Err(error) = told {
                let (policy, namespace) = (&owner.name, &owner.namespace);
                tracing::warn!(policy, namespace, %error, "a pod was not told of a new revision");
            }
        })
        .await;
}

/// Writes the status; what did not change is not written (server-side apply).
pub async fn apply_status(client: &Client, owner: &Owner, status: &Status) -> Result<(), kube::Error> {
    let api = Api::<McpOAuthPolicy>::namespaced(client.clone(), &owner.namespace);
    let object = json!({
        "apiVersion": "mcpoauth.dev/v1alpha1", "kind": "McpOAuthPolicy",
        "metadata": { "name": owner.name }, "status": status,
    });
    api.patch_status(&owner.name, &params(), &Patch::Apply(object)).await.map(drop)
}

/// What the API server said, without the object that it says it with.
pub(crate) fn plain(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(answer) => answer.message.clone(),
        other => other.to_string(),
    }
}

/// Ours to say, whoever said otherwise before.
pub(crate) fn params() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}

/// A changed annotation makes the pod's kubelet sync its volumes at once, instead of within a minute.
async fn touch(client: &Client, owner: &Owner, Word { pod, told }: Word) -> Result<(), kube::Error> {
    let api = Api::<Pod>::namespaced(client.clone(), &owner.namespace);
    let patch = json!({ "metadata": { "annotations": { DELIVERED: told.to_string() } } });
    match api.patch(&pod, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        // It went away meanwhile: the next look will not find it.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use crds::Report;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    /// A pod that was told of one revision at second 0, and says that it obeys another.
    fn pod(told: &str, says: Option<&str>) -> Selected {
        let word = says.map(|says| Report::parse(&format!("enforcing revision {says}")).expect("a report"));
        let told = Some(Told::first(told, at(0)));
        Selected { name: "p".into(), injected: true, told, word, ..Selected::default() }
    }

    #[test]
    fn a_pod_is_told_once_of_each_revision_whatever_it_says() {
        let told = |mut pod: Selected| untold(std::slice::from_mut(&mut pod), "new", at(9)).len();
        assert_eq!(told(pod("old", Some("old"))), 1);
        assert_eq!(told(pod("old", None)), 1);
        assert_eq!(told(Selected { told: None, ..pod("old", None) }), 1);
        assert_eq!(told(pod("new", Some("old"))), 0);
        assert_eq!(told(Selected { injected: false, ..pod("old", Some("old")) }), 0);
        let mut late = pod("old", None);
        untold(std::slice::from_mut(&mut late), "new", at(9));
        assert_eq!(late.told, Some(Told::first("new", at(9))));
    }

    #[test]
    fn a_pod_that_obeys_an_older_revision_is_told_again_in_time_and_no_other() {
        let again = |pod: Selected, second: i64| deaf(&[pod], "new", at(second)).len();
        assert_eq!(again(pod("new", Some("old")), 1), 1);
        assert_eq!(again(pod("new", Some("old")), 0), 0, "it was told just now");
        assert_eq!(again(pod("new", Some("new")), 1), 0, "it obeys");
        assert_eq!(again(pod("new", None), 1), 0, "nobody knows");
        assert_eq!(again(pod("old", Some("old")), 1), 0, "it is told for the first time");
    }
}
