//! The lab itself: that it is a Kubernetes as others have it, where the product's tests rely on that, and that
//! whatever ends a run of it leaves nothing behind.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use harness::lab::command::{Group, within};
use harness::lab::image::Image;
use harness::lab::leftovers::Snapshot;
use harness::lab::{Cluster, Environment, Error, Name, Paths, eventually, is_root, processes};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

use crate::turns::turn;

const SOON: Duration = Duration::from_mins(1);

/// An image of this machine's shell and name look-up, loaded while the cluster runs.
async fn load_shell(cluster: &Cluster) -> Result<PathBuf, Error> {
    let archive = Paths::new(&Environment::of_process())?.cache("images").join("lab-test.tar");
    let image = Image::new("localhost/lab-test:1").program("/bin/sh").await?;
    let image = image.program("/usr/bin/getent").await?.text("hosts: files dns\n", "/etc/nsswitch.conf");
    image.entrypoint(["/bin/sh", "-c"]).write(&archive)?;
    cluster.load(&archive).await?;
    Ok(archive)
}

#[tokio::test]
async fn a_pod_finds_services_by_name_and_its_log_can_be_read() -> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    load_shell(&cluster).await?;
    let namespace = cluster.kubectl().namespace("lab").await?;
    let pod = r#"
apiVersion: v1
kind: Pod
metadata: {name: asks}
spec:
  restartPolicy: Never
  containers: [{name: asks, image: "localhost/lab-test:1", args: ["getent hosts kubernetes.default.svc.cluster.local kubernetes.default"]}]
"#;
    let apply = ["apply", "--namespace", namespace.name(), "-f", "-"];
    let mut command = cluster.kubectl().command(&apply);
    harness::lab::command::capture_with_input(&mut command, pod, SOON).await?;
    let logs = async || {
        let logs = cluster.kubectl().logs(namespace.name(), "asks", "asks").await.unwrap_or_default();
        Ok((logs.lines().count() == 2).then_some(logs))
    };
    let logs = eventually("the pod's log", SOON, logs).await?;
    assert!(logs.lines().all(|line| line.starts_with("10.96.0.1 ")), "{logs}");
    Ok(())
}

#[tokio::test]
async fn the_cluster_is_an_oidc_provider_whose_keys_are_reached_by_name() -> Result<(), Error> {
    let Some(cluster) = Cluster::current_or_skip()? else { return Ok(()) };
    let discovery = cluster.kubectl().check(&["get", "--raw", "/.well-known/openid-configuration"]).await?;
    let issuer = "https://kubernetes.default.svc.cluster.local";
    assert!(discovery.contains(&format!("\"issuer\":\"{issuer}\"")), "{discovery}");
    assert!(discovery.contains(&format!("\"jwks_uri\":\"{issuer}/openid/v1/jwks\"")), "{discovery}");
    let namespace = cluster.kubectl().namespace("lab").await?;
    let config = ["configmap", "kube-root-ca.crt", "--namespace", namespace.name()];
    let published = async || Ok(cluster.kubectl().get(&config).await.ok());
    let config = eventually("the published CA", SOON, published).await?;
    assert!(config["data"]["ca.crt"].as_str().is_some_and(|ca| ca.starts_with("-----BEGIN CERTIFICATE")));
    Ok(())
}

/// Begins `lab up` under a name of its own, sends it a signal after a while, and says how it ended.
async fn cut_off(name: &str, after: Duration, signal: Signal) -> Result<Option<i32>, Error> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    let mut lab = Group::start(command.args(["--name", name, "up"]).stdout(Stdio::null()))?;
    tokio::time::sleep(after).await;
    if let Some(pid) = lab.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        let _ = kill_process(pid, signal);
    }
    Ok(within("the end of the lab", SOON, lab.wait()).await??.code())
}

/// What a lab left of mounts, interfaces and cgroups. Processes are seen to by `all_gone`: this process has others.
pub(crate) fn left_since(before: &Snapshot, name: &Name, paths: &Paths) -> Vec<String> {
    let mut left = Snapshot::take(name, paths).since(before);
    left.retain(|thing| !thing.starts_with("process "));
    left
}

/// Waits for the programs of a lab to be gone: the kernel ends them a moment after their PID 1.
pub(crate) async fn all_gone(paths: &Paths, name: &Name) -> Result<(), Error> {
    let folder = paths.run(name).to_string_lossy().into_owned();
    let names = |pid: u32| {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(&folder)
    };
    let none = async || Ok((!processes::others().any(names)).then_some(()));
    eventually("the end of the lab's programs", SOON, none).await
}

#[tokio::test]
async fn a_lab_that_is_cut_off_at_any_point_leaves_nothing_behind() -> Result<(), Error> {
    if Cluster::current_or_skip()?.is_none() || !is_root() {
        return Ok(());
    }
    let _turn = turn().await;
    let paths = Paths::new(&Environment::of_process())?;
    let name: Name = "cut-off".parse()?;
    let before = Snapshot::take(&name, &paths);
    for (after, signal, code) in [
        (150, Signal::TERM, 143),
        (600, Signal::INT, 130),
        (2000, Signal::TERM, 143),
        (3000, Signal::HUP, 129),
    ] {
        let begun = Instant::now();
        let ended = cut_off(name.as_str(), Duration::from_millis(after), signal).await?;
        // Where the machine is fast, the lab may be up before the signal; a lab that is up is taken down as any.
        if ended == Some(0) {
            harness::lab::down::down(&name, &paths)?;
        } else {
            assert_eq!(ended, Some(code), "after {after} ms");
        }
        all_gone(&paths, &name).await?;
        assert_eq!(left_since(&before, &name, &paths), Vec::<String>::new(), "after {after} ms");
        assert!(!paths.run(&name).exists(), "after {after} ms");
        assert!(begun.elapsed() < SOON);
    }
    Ok(())
}

#[tokio::test]
async fn a_lab_whose_owner_is_killed_ends_by_itself_and_the_next_one_cleans_up() -> Result<(), Error> {
    if Cluster::current_or_skip()?.is_none() || !is_root() {
        return Ok(());
    }
    let _turn = turn().await;
    let paths = Paths::new(&Environment::of_process())?;
    let name: Name = "killed".parse()?;
    let before = Snapshot::take(&name, &paths);
    cut_off(name.as_str(), Duration::from_millis(1500), Signal::KILL).await?;
    all_gone(&paths, &name).await?;
    assert!(Cluster::named(name.clone(), &paths).is_err());
    harness::lab::down::down(&name, &paths)?;
    assert_eq!(left_since(&before, &name, &paths), Vec::<String>::new());
    Ok(())
}
