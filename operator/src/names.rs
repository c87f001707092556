//! The names that others depend on. Changing one is a breaking change.
//!
//! Pure.

/// Who we are to server-side apply, and in Events.
pub const MANAGER: &str = "mcp-oauth-operator";
/// Who renders an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// A pod asks for a policy by name with this label.
pub const POLICY_LABEL: &str = "mcpoauth.dev/policy";
/// What was injected; written by admission.
pub const INJECTED: &str = "mcpoauth.dev/injected";
/// What the kubelet was told; written by the operator. Any change of a pod makes its kubelet sync at once.
pub const DELIVERED: &str = "mcpoauth.dev/delivered";
/// On a policy in proxy mode: any other value than the last one begins a rotation of its keys.
pub const ROTATE_KEYS: &str = "mcpoauth.dev/rotate-keys";
/// The sidecar's container.
pub const CONTAINER: &str = "mcp-oauth";
/// The name of the sidecar's second port: kubelets, monitoring and the operator ask there how it is.
pub const ADMIN: &str = "mcp-oauth-admin";
/// The volume that holds the rendered Secret.
pub const VOLUME: &str = "mcp-oauth-policy";
/// Where it is mounted.
pub const MOUNT: &str = "/etc/mcp-oauth";
/// Where the API server mounts the pod's own credentials into every container that has nothing there.
pub const CREDENTIALS: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The rendered Secret of a policy.
pub fn secret_of(policy: &str) -> String {
    format!("{policy}-mcp-oauth")
}
