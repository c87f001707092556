//! Keycloak beside the node of a lab's cluster, over HTTPS under a certificate authority that nobody knows, with a Service that
//! makes its name known.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::{JAVA, START, ready};
use crate::lab::command::{Group, check};
use crate::lab::{Cluster, Error, network};

/// Its name in the cluster: a Service that leads to the node, where it runs.
pub const HOST: &str = "keycloak.mcp-identity.svc.cluster.local";
/// What its tokens say.
pub const ISSUER: &str = "https://keycloak.mcp-identity.svc.cluster.local/realms/mcp";
/// Of its realm: a confidential client and a public one.
pub const SERVICE_CLIENT: &str = "mcp-service:known-to-this-test-alone";
pub const PUBLIC_CLIENT: &str = "mcp-public";

/// The realm of people, which `alone` has too: what its tokens say, and where its client may come back to.
pub const PEOPLE: &str = "https://keycloak.mcp-identity.svc.cluster.local/realms/people";
pub const CALLBACK: &str = "https://mcp.example.com/oauth/callback";
/// Where it listens, on the node.
pub const PORT: u16 = 8443;

/// A Keycloak that runs until this value is dropped.
#[derive(Debug)]
pub struct Keycloak {
    _server: Group,
    folder: tempfile::TempDir,
}

impl Keycloak {
    /// Starts it beside the node of `cluster`, and the Service that makes its name known.
    pub async fn start(home: &Path, cluster: &Cluster) -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::file("create", Path::new("a temporary folder")))?;
        certificates(folder.path()).await?;
        let namespace = ["create", "namespace", "mcp-identity"];
        cluster.kubectl().run(&namespace).await?;
        cluster.kubectl().apply(&service()).await?;
        let log = folder.path().join("log");
        // Java is a child of its start script: in a PID namespace of their own they end together.
        let mut command = cluster.exec("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "env"]);
        command.arg(format!("{}={CALLBACK}", super::CALLBACKS[0]));
        command.args(JAVA).arg("sh").arg(home.join("bin/kc.sh"));
        command.args(["start", "--optimized", "--import-realm", "--cache=local"]);
        command.arg(format!("--hostname=https://{HOST}")).arg(format!("--https-port={PORT}"));
        command.arg(format!("--http-host={}", network::NODE));
        command.arg(format!("--https-certificate-file={}", folder.path().join("server.crt").display()));
        command.arg(format!("--https-certificate-key-file={}", folder.path().join("server.key").display()));
        let command = command.as_std();
        let arguments: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        // It ends with the test, however that ends; else the next run would find its port taken.
        let mut server = Group::tethered(Path::new(command.get_program()), &arguments, &log)?;
        let authority = folder.path().join("ca.crt");
        let document = format!("{ISSUER}/.well-known/openid-configuration");
        let asked = || {
            let mut curl = cluster.exec("curl");
            curl.arg("--cacert").arg(&authority).arg(&document);
            curl
        };
        ready(&mut server, &log, asked).await?;
        Ok(Self { _server: server, folder })
    }

    /// The authority whose certificates it serves with.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }
}

fn service() -> String {
    let port = serde_json::json!({ "name": "https", "port": 443, "targetPort": PORT });
    let labels = serde_json::json!({ "kubernetes.io/service-name": "keycloak" });
    serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "keycloak", "namespace": "mcp-identity" },
            "spec": { "ports": [port] },
        },
        {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": { "name": "keycloak-node", "namespace": "mcp-identity", "labels": labels },
            "ports": [{ "name": "https", "port": PORT }],
            "endpoints": [{ "addresses": [network::NODE], "conditions": { "ready": true } }],
        },
    ]})
    .to_string()
}

/// An authority, and a certificate of it for the name in the cluster.
async fn certificates(folder: &Path) -> Result<(), Error> {
    let config = folder.join("openssl.cnf");
    // An empty section: the system's own would make every certificate a CA.
    fs::write(&config, "[req]\ndistinguished_name=name\n[name]\n").map_err(Error::file("write", &config))?;
    let authority =
        ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign", "subjectKeyIdentifier=hash"];
    check(&mut certificate(folder, "ca", &authority), START).await?;
    let name = format!("subjectAltName=DNS:{HOST}");
    let mut server = certificate(folder, "server", &[&name, "extendedKeyUsage=serverAuth"]);
    check(server.args(["-CA", "ca.crt", "-CAkey", "ca.key"]), START).await.map(drop)
}

fn certificate(folder: &Path, name: &str, extensions: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-config", "openssl.cnf", "-nodes", "-days", "30", "-sha256"]);
    command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    command.arg("-subj").arg(format!("/CN={name}"));
    command.arg("-keyout").arg(format!("{name}.key")).arg("-out").arg(format!("{name}.crt"));
    for extension in extensions {
        command.args(["-addext", extension]);
    }
    command.current_dir(folder);
    command
}
