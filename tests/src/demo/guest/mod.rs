//! The demo as a guest in a user's cluster: it looks before it touches anything, and afterwards removes what it has
//! created, and nothing else. What it could not remove it names, with the commands that do. Asks and changes the
//! cluster through kubectl and helm.
//!
//! ```text
//! found     what is there already
//! removal   one command that removes something
//! ```

mod found;
mod removal;

use std::cell::RefCell;
use std::time::Duration;

use found::{ADMISSION_POLICIES, DEFINITION, Found};
use removal::Removal;

use super::cluster::{BINDING, NAMESPACE, RELEASE, SYSTEM};
use super::place::Place;
use crate::lab::command::within;
use crate::lab::{Error, Progress};

const BOUND: Duration = Duration::from_mins(4);

/// A stay in a user's cluster.
#[derive(Debug)]
pub(super) struct Visit {
    place: Place,
    context: String,
    /// What may still have to be done at the end.
    removals: RefCell<Vec<Removal>>,
    /// What was there before, and stays.
    before: Vec<Found>,
}

/// Refuses a cluster where the demo would change what is there.
pub(super) async fn refuse_if_occupied(place: &Place, context: &str) -> Result<(), Error> {
    let found = found::in_the_way(place).await?;
    if found.is_empty() { Ok(()) } else { Err(occupied(context, &found)) }
}

fn occupied(context: &str, found: &[Found]) -> Error {
    let lines = |lines: Vec<String>| lines.join("\n   ");
    Error::Occupied {
        context: context.to_owned(),
        found: lines(found.iter().map(ToString::to_string).collect()),
        removals: lines(found.iter().map(|found| found.removal().shown(context)).collect()),
    }
}

impl Visit {
    /// Looks, and remembers what is there; nothing is changed yet.
    pub(super) async fn begin(place: Place, context: &str) -> Result<Self, Error> {
        refuse_if_occupied(&place, context).await?;
        let before = found::kept(&place).await?;
        let removals = RefCell::new(removals(&before));
        Ok(Self { place, context: context.to_owned(), removals, before })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Removes everything that the demo has created, however far it came.
    pub(super) async fn leave(&self, progress: Progress) -> Result<(), Error> {
        let context = &self.context;
        progress
            .say(format_args!("removing what the demo created in the cluster of context \"{context}\" …"));
        let removed = within("removing what the demo created", BOUND, self.remove(progress)).await;
        match removed.and_then(|removed| removed) {
            Ok(()) => progress.say(format_args!("the cluster is as it was before{}", self.kept())),
            Err(error) => {
                self.say_what_stays(progress);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Names what is not removed yet.
    pub(super) fn say_what_stays(&self, progress: Progress) {
        progress.plain("These may still be in the cluster. What removes them, one after the other:");
        for removal in self.removals.borrow().iter() {
            progress.plain(format_args!("   {}", removal.shown(&self.context)));
        }
    }

    /// What a person can type to look around.
    pub(super) fn look_around(&self) -> String {
        let kubectl = format!("kubectl --context {}", self.context);
        format!(
            "Look around:\n\n   {kubectl} get mop,pods -n {NAMESPACE}\n   \
             {kubectl} describe mop -n {NAMESPACE}\n"
        )
    }

    fn kept(&self) -> String {
        let names: Vec<String> = self.before.iter().map(ToString::to_string).collect();
        if names.is_empty() {
            return String::new();
        }
        format!("; what was there already stays: {}", names.join(", "))
    }

    async fn remove(&self, progress: Progress) -> Result<(), Error> {
        let all = self.removals.borrow().clone();
        let mut outcome = Ok(());
        for removal in all {
            progress.plain(format_args!("   $ {}", removal.shown(&self.context)));
            match removal.run(&self.place).await {
                Ok(()) => self.removals.borrow_mut().retain(|other| *other != removal),
                // The others are tried all the same.
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }
}

/// First what acts on other people's pods, last what takes longest.
fn removals(before: &[Found]) -> Vec<Removal> {
    let new = |name: &str| before.iter().all(|found| found.name() != name);
    let wait = ["--ignore-not-found", "--wait", "--timeout=60s"];
    let mut removals = vec![
        Removal::helm(&[&["uninstall", RELEASE, "--namespace", SYSTEM][..], &wait].concat()),
        Removal::kubectl(&[&["delete"][..], &ADMISSION_POLICIES, &["--ignore-not-found"]].concat()),
        Removal::kubectl(&["delete", "clusterrolebinding", BINDING, "--ignore-not-found"]),
    ];
    let ours = [NAMESPACE, SYSTEM].into_iter().filter(|name| new(name));
    let namespaces: Vec<&str> = ["delete", "namespace"].into_iter().chain(ours).collect();
    removals.push(Removal::kubectl(&[&namespaces[..], &wait].concat()));
    if new(DEFINITION) {
        let definition = ["delete", "customresourcedefinition", DEFINITION];
        removals.push(Removal::kubectl(&[&definition[..], &wait].concat()));
    }
    removals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: &[Found]) -> String {
        removals(before).iter().map(|removal| removal.shown("own") + "\n").collect()
    }

    #[test]
    fn what_was_there_before_is_not_removed() {
        let definition = Found::new("CustomResourceDefinition", None, DEFINITION);
        let system = Found::new("Namespace", None, SYSTEM);
        let all = shown(&[]);
        assert!(all.contains("namespace mcp-demo mcp-oauth-system") && all.contains(DEFINITION), "{all}");
        let some = shown(&[definition, system]);
        assert!(some.contains("namespace mcp-demo --ignore") && !some.contains(DEFINITION), "{some}");
    }

    #[test]
    fn a_refusal_names_what_was_found_and_what_removes_it() {
        let said = occupied("own", &[Found::new("McpOAuthPolicy", Some("data"), "trino")]).to_string();
        assert!(said.contains("\n   McpOAuthPolicy data/trino\n"), "{said}");
        let removal = "\n   kubectl --context own delete mcpoauthpolicy trino --namespace data";
        assert!(said.ends_with(removal), "{said}");
    }
}
