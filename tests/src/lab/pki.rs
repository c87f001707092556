//! The certificates of one lab: a CA, what each program serves and calls with, the key of the service accounts,
//! and a kubeconfig for each caller. Made anew for each lab by the `openssl` program.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;

use super::Error;
use super::command::check;

const BOUND: Duration = Duration::from_secs(30);
const SERVER: &str = "extendedKeyUsage=serverAuth";
const CLIENT: &str = "extendedKeyUsage=clientAuth";

/// Who calls the API server: file name and subject.
const CALLERS: [(&str, &str); 5] = [
    ("admin", "/O=system:masters/CN=admin"),
    ("controller-manager", "/CN=system:kube-controller-manager"),
    ("scheduler", "/CN=system:kube-scheduler"),
    ("proxy", "/CN=system:kube-proxy"),
    ("kubelet", "/O=system:nodes/CN=system:node:node"),
];

/// A folder of keys and certificates.
#[derive(Debug, Clone)]
pub struct Pki {
    folder: PathBuf,
}

impl Pki {
    /// Makes everything in `folder`; `server` is where the callers find the API server, `addresses` are what its
    /// certificate is good for beside 127.0.0.1.
    pub async fn make(folder: &Path, server: &str, addresses: &[Ipv4Addr]) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        let pki = Self { folder: folder.to_path_buf() };
        // An empty section: the system's openssl.cnf would make every certificate a CA.
        pki.write("openssl.cnf", "[req]\ndistinguished_name=name\n[name]\n")?;
        pki.authority().await?;
        pki.service_account_keys().await?;
        let names = serving_names(addresses);
        pki.certificate("apiserver", "/CN=kube-apiserver", &[SERVER, &names]).await?;
        pki.certificate("kubelet-server", "/CN=node", &[SERVER, &names]).await?;
        pki.certificate("apiserver-to-kubelet", "/O=system:masters/CN=apiserver", &[CLIENT]).await?;
        for (caller, subject) in CALLERS {
            pki.certificate(caller, subject, &[CLIENT]).await?;
            pki.write(&format!("{caller}.kubeconfig"), &pki.kubeconfig_text(caller, server))?;
        }
        Ok(pki)
    }

    /// The path of a file as an argument of a program.
    pub fn file(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// The kubeconfig of one of the callers.
    pub fn kubeconfig(&self, caller: &str) -> String {
        self.file(&format!("{caller}.kubeconfig"))
    }

    async fn authority(&self) -> Result<(), Error> {
        let mut command = self.request("ca", "/CN=mcp-oauth-lab");
        command.args(["-addext", "basicConstraints=critical,CA:TRUE"]);
        command.args(["-addext", "keyUsage=critical,keyCertSign,cRLSign"]);
        command.args(["-addext", "subjectKeyIdentifier=hash"]);
        check(&mut command, BOUND).await.map(drop)
    }

    async fn certificate(&self, name: &str, subject: &str, extensions: &[&str]) -> Result<(), Error> {
        let mut command = self.request(name, subject);
        command.args(["-CA", "ca.crt", "-CAkey", "ca.key"]);
        for extension in extensions {
            command.args(["-addext", extension]);
        }
        check(&mut command, BOUND).await.map(drop)
    }

    fn request(&self, name: &str, subject: &str) -> Command {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-config", "openssl.cnf", "-nodes", "-days", "365", "-sha256"]);
        command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", subject]);
        command.arg("-keyout").arg(format!("{name}.key")).arg("-out").arg(format!("{name}.crt"));
        command.current_dir(&self.folder);
        command
    }

    // RSA, as clusters in the field have: their tokens say RS256.
    async fn service_account_keys(&self) -> Result<(), Error> {
        let openssl = |arguments: &[&str]| {
            let mut command = Command::new("openssl");
            command.args(arguments).current_dir(&self.folder);
            command
        };
        check(&mut openssl(&["genrsa", "-out", "service-accounts.key", "2048"]), BOUND).await?;
        let public = ["rsa", "-in", "service-accounts.key", "-pubout", "-out", "service-accounts.pub"];
        check(&mut openssl(&public), BOUND).await.map(drop)
    }

    fn kubeconfig_text(&self, caller: &str, server: &str) -> String {
        let user = json!({
            "client-certificate": self.file(&format!("{caller}.crt")),
            "client-key": self.file(&format!("{caller}.key")),
        });
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": {
                "server": server, "certificate-authority": self.file("ca.crt"),
            }}],
            "users": [{"name": caller, "user": user}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": caller}}],
            "current-context": "lab",
        });
        format!("{config:#}\n")
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).map_err(Error::file("write", &path))
    }
}

fn serving_names(addresses: &[Ipv4Addr]) -> String {
    let mut names = vec!["DNS:localhost,DNS:node,IP:127.0.0.1".to_owned()];
    let mut service = "kubernetes".to_owned();
    for part in ["", ".default", ".svc", ".cluster.local"] {
        service.push_str(part);
        names.push(format!("DNS:{service}"));
    }
    names.extend(addresses.iter().map(|address| format!("IP:{address}")));
    format!("subjectAltName={}", names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_server_is_known_by_every_name_of_its_service() {
        let names = serving_names(&[Ipv4Addr::new(10, 96, 0, 1)]);
        assert!(names.contains("DNS:kubernetes.default.svc.cluster.local"));
        assert!(names.ends_with(",IP:10.96.0.1"));
    }

    #[tokio::test]
    async fn a_certificate_is_signed_by_the_authority_and_is_none_itself() {
        let dir = tempfile::tempdir().expect("a folder");
        let pki = Pki::make(dir.path(), "https://127.0.0.1:6443", &[]).await.expect("openssl is there");
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-purpose", "sslserver", "-CAfile", "ca.crt", "apiserver.crt"]);
        check(verify.current_dir(dir.path()), BOUND).await.expect("the chain is good");
        let mut show = Command::new("openssl");
        show.args(["x509", "-noout", "-text", "-in", "apiserver.crt"]).current_dir(dir.path());
        let text = check(&mut show, BOUND).await.expect("the certificate is readable");
        assert!(!text.contains("CA:TRUE"));
        assert!(std::fs::read_to_string(pki.kubeconfig("admin")).is_ok_and(|text| text.contains("6443")));
    }
}
