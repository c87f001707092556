//! The rendered Secret of a policy: read before anything is decided, and written as it was read or not at all.
//!
//! Reads and writes the API server. Nobody leads: of two operators that write at once the second one is told 409, and looks
//! again. So keys that one has minted are never written over by another who did not see them (O29). A Secret that somebody
//! else has made is never taken over: it would get our content, and go with our policy (K02).

use crds::Secret as Hidden;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PostParams};
use kube::{Api, Client};

use crate::apply::{ApplyError, params};
use crate::keys;
use crate::names::{MANAGER, secret_of};
use crate::render::Owner;

/// It, as it was read.
#[derive(Debug)]
pub struct Found {
    uid: Option<String>,
    resource_version: Option<String>,
    ring: Option<Hidden<Vec<u8>>>,
}

impl Found {
    /// The keys of proxy mode, where it has some.
    pub fn ring(&self) -> Option<&Hidden<Vec<u8>>> {
        self.ring.as_ref()
    }

    fn of(owner: &Owner, secret: Secret) -> Result<Self, ApplyError> {
        let Secret { metadata, data, .. } = secret;
        let ours = metadata.owner_references.iter().flatten().any(|found| found.uid == owner.reference.uid);
        if !ours {
            return Err(ApplyError::ForeignSecret(metadata.name.unwrap_or_default()));
        }
        let ring = data.and_then(|mut data| data.remove(keys::FILE)).map(|ring| Hidden::new(ring.0));
        Ok(Self { uid: metadata.uid, resource_version: metadata.resource_version, ring })
    }
}

/// How it is written.
#[derive(Debug, PartialEq)]
enum Write {
    /// Nobody has made it meanwhile.
    Create(Secret),
    /// It is that very object, and nobody has changed it meanwhile.
    Apply(Secret),
}

/// Reads it, where it is there.
pub async fn find(client: &Client, owner: &Owner) -> Result<Option<Found>, ApplyError> {
    let api = Api::<Secret>::namespaced(client.clone(), &owner.namespace);
    let found = api.get_opt(&secret_of(&owner.name)).await?;
    found.map(|secret| Found::of(owner, secret)).transpose()
}

/// Writes what was rendered, with the keys that it holds from now on.
pub async fn write(
    client: &Client,
    owner: &Owner,
    secret: &Secret,
    found: Option<&Found>,
    ring: Option<&Hidden<Vec<u8>>>,
) -> Result<(), ApplyError> {
    let api = Api::<Secret>::namespaced(client.clone(), &owner.namespace);
    let name = secret_of(&owner.name);
    let written = match conditional(secret.clone(), found, ring) {
        Write::Create(secret) => {
            let params = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
            api.create(&params, &secret).await
        }
        Write::Apply(secret) => api.patch(&name, &params(), &Patch::Apply(secret)).await,
    };
    match written {
        Err(kube::Error::Api(answer)) if answer.code == 409 => Err(ApplyError::Raced(name)),
        written => written.map(drop).map_err(ApplyError::Api),
    }
}

fn conditional(mut secret: Secret, found: Option<&Found>, ring: Option<&Hidden<Vec<u8>>>) -> Write {
    if let Some(ring) = ring {
        let data = secret.data.get_or_insert_default();
        data.insert(keys::FILE.to_owned(), ByteString(ring.expose().clone()));
    }
    let Some(Found { uid, resource_version, .. }) = found else { return Write::Create(secret) };
    secret.metadata.uid.clone_from(uid);
    secret.metadata.resource_version.clone_from(resource_version);
    Write::Apply(secret)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

    use super::*;

    fn owner() -> Owner {
        let reference = OwnerReference { uid: "policy".into(), ..OwnerReference::default() };
        Owner { namespace: "data".into(), name: "trino".into(), reference }
    }

    /// A Secret in the API server, of the policy with that uid.
    fn stored(owner: &str, data: &[(&str, &str)]) -> Secret {
        let reference = OwnerReference { uid: owner.into(), ..OwnerReference::default() };
        Secret {
            metadata: ObjectMeta {
                name: Some("trino-mcp-oauth".into()),
                uid: Some("secret".into()),
                resource_version: Some("7".into()),
                owner_references: Some(vec![reference]),
                ..ObjectMeta::default()
            },
            data: Some(bytes(data)),
            ..Secret::default()
        }
    }

    fn bytes(data: &[(&str, &str)]) -> BTreeMap<String, ByteString> {
        data.iter().map(|(name, text)| ((*name).to_owned(), ByteString(text.as_bytes().to_vec()))).collect()
    }

    fn rendered() -> Secret {
        Secret { data: Some(bytes(&[("policy.yaml", "new")])), ..Secret::default() }
    }

    #[test]
    fn a_secret_is_ours_by_the_uid_of_its_owner_and_no_other_is_read_on() {
        let found = Found::of(&owner(), stored("policy", &[("keys.yaml", "ring")])).expect("it is ours");
        assert_eq!(found.ring(), Some(&Hidden::new(b"ring".to_vec())));
        let foreign = Found::of(&owner(), stored("another", &[("keys.yaml", "ring")]));
        assert!(matches!(foreign, Err(ApplyError::ForeignSecret(name)) if name == "trino-mcp-oauth"));
        let without = Found::of(&owner(), stored("policy", &[("policy.yaml", "old")])).expect("it is ours");
        assert_eq!(without.ring(), None);
    }

    #[test]
    fn what_was_not_there_is_created_and_what_was_is_written_as_it_was_read_or_not_at_all() {
        let ring = Hidden::new(b"ring".to_vec());
        let all = Some(bytes(&[("keys.yaml", "ring"), ("policy.yaml", "new")]));
        let Write::Create(created) = conditional(rendered(), None, Some(&ring)) else { panic!("it is new") };
        assert_eq!((created.metadata.resource_version, &created.data), (None, &all));
        let found = Found::of(&owner(), stored("policy", &[])).expect("it is ours");
        let Write::Apply(applied) = conditional(rendered(), Some(&found), Some(&ring)) else {
            panic!("it was there")
        };
        let ObjectMeta { uid, resource_version, .. } = applied.metadata;
        assert_eq!((uid.as_deref(), resource_version.as_deref()), (Some("secret"), Some("7")));
        assert_eq!(applied.data, all);
        let Write::Apply(native) = conditional(rendered(), Some(&found), None) else {
            panic!("it was there")
        };
        assert_eq!(native.data, Some(bytes(&[("policy.yaml", "new")])));
    }
}
