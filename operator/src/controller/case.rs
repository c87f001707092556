//! One policy under reconcile: whose it is, what its status was, and how the next one is written.
//!
//! Writes to the API server.

use crds::resource::{McpOAuthPolicy, Status};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{OwnerReference, Time};
use kube::core::error_boundary::InvalidObject;
use kube::{Resource, ResourceExt};

use super::{Context, Error, watches};
use crate::apply;
use crate::render::Owner;
use crate::status::{self, Refusal};

pub(super) struct Case<'a> {
    pub(super) policy: &'a McpOAuthPolicy,
    pub(super) context: &'a Context,
    pub(super) owner: Owner,
    pub(super) before: Status,
}

impl<'a> Case<'a> {
    pub(super) fn new(policy: &'a McpOAuthPolicy, context: &'a Context) -> Self {
        let owner = Owner {
            namespace: policy.namespace().unwrap_or_default(),
            name: policy.name_any(),
            reference: policy.controller_owner_ref(&()).unwrap_or_default(),
        };
        Self { policy, context, owner, before: policy.status.clone().unwrap_or_default() }
    }

    pub(super) fn generation(&self) -> i64 {
        self.policy.metadata.generation.unwrap_or_default()
    }

    pub(super) fn now(&self) -> Time {
        Time((self.context.clock)())
    }

    /// Nothing is injected for this policy, and why.
    pub(super) async fn turn_down(&self, refusal: &Refusal) -> Result<(), Error> {
        self.report(&status::turned_down(&self.before, self.generation(), refusal, &self.now())).await
    }

    /// What there is goes on, and why nothing newer can take its place.
    pub(super) async fn hold_up(&self, refusal: &Refusal) -> Result<(), Error> {
        self.report(&status::held_up(&self.before, self.generation(), refusal, &self.now())).await
    }

    /// Conditions that turned become Events; the status is written where it differs.
    pub(super) async fn report(&self, after: &Status) -> Result<(), Error> {
        let Self { policy, context, owner, before } = self;
        if before == after {
            return Ok(());
        }
        apply::apply_status(&context.client, owner, after).await.map_err(Error::Status)?;
        for condition in status::transitions(before, after) {
            tracing::info!(policy = %owner.name, namespace = %owner.namespace, condition = %condition.type_,
                status = %condition.status, reason = %condition.reason, "{}", condition.message);
            let event = watches::event(condition);
            // An Event is a courtesy: without it the status still says everything.
            if let Err(error) = context.recorder.publish(&event, &policy.object_ref(&())).await {
                tracing::warn!(%error, "an event was not published");
            }
        }
        Ok(())
    }
}

/// What the API server let through and we cannot read waits for its next edit, and stops nobody else (K12).
pub(super) async fn unreadable(invalid: &InvalidObject, context: &Context) -> Result<(), Error> {
    let name = invalid.metadata.name.clone().unwrap_or_default();
    let namespace = invalid.metadata.namespace.clone().unwrap_or_default();
    tracing::warn!(policy = name, namespace, error = invalid.error, "a policy cannot be read");
    let generation = invalid.metadata.generation.unwrap_or_default();
    let message = format!("the policy cannot be read: {}", invalid.error);
    let refusal = Refusal { reason: "Invalid", message };
    let status = status::turned_down(&Status::default(), generation, &refusal, &Time((context.clock)()));
    let owner = Owner { namespace, name, reference: OwnerReference::default() };
    apply::apply_status(&context.client, &owner, &status).await.map_err(Error::Status)
}
