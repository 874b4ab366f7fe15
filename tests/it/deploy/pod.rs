//! The pod of the manifests, as far as it can be had without Kubernetes: the demo with the arguments, user,
//! secret and read-only files that the deployment names, and its probes asked as a kubelet asks them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::flags::value_of;
use super::kubernetes::{arguments, container, deployment, manifest, port};
use crate::harness::admin::Admin;
use crate::harness::app::{App, demo_path};
use crate::harness::client::Client;
use crate::harness::exposition::{Form, Samples, parse};
use crate::harness::network::Network;
use crate::harness::privilege::is_root;
use crate::harness::wait::wait_until;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// What the container's file systems look like. `$0`: where the secret is to be mounted; `$1`: the secret.
const FILES: &str = "mount -t tmpfs none /etc && mkdir -p \"$0\" && mount --bind \"$1\" \"$0\" && \
                     mount -o remount,bind,ro \"$0\" && mount -o remount,ro /etc && \
                     mount -o remount,bind,ro / && cd / && shift && exec setpriv \"$@\"";

/// A number of the manifest, as an argument.
fn number(value: &Value) -> String {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number")).to_string()
}

/// The secret's volume, as a kubelet writes it: files of root and the pod's group, behind links that it
/// turns when the secret changes.
fn secret(pod: &Value, name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let current = folder.path().join("..2026_01_01");
    let file = current.join(name);
    fs::create_dir(&current).unwrap();
    fs::write(&file, TOKEN).unwrap();
    let mode = pod["volumes"][0]["secret"]["defaultMode"].as_u64().unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode.try_into().unwrap())).unwrap();
    for path in [folder.path(), &current] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let group = pod["securityContext"]["fsGroup"].as_u64().unwrap();
    chown(&file, Some(0), Some(group.try_into().unwrap())).unwrap();
    symlink(current.file_name().unwrap(), folder.path().join("..data")).unwrap();
    symlink(PathBuf::from("..data").join(name), folder.path().join(name)).unwrap();
    folder
}

/// The demo as the container's first process would be started; the program's own folder, and the secret.
fn start(deployment: &Value) -> (App, [TempDir; 2]) {
    let pod = &deployment["spec"]["template"]["spec"];
    let (all, own) = (&pod["securityContext"], &container(deployment)["securityContext"]);
    assert_eq!(
        (&all["runAsNonRoot"], &own["readOnlyRootFilesystem"]),
        (&true.into(), &true.into())
    );
    assert_eq!(own["allowPrivilegeEscalation"], false);
    assert_eq!(own["capabilities"]["drop"], serde_json::json!(["ALL"]));
    let arguments = arguments();
    let token = Path::new(value_of(&arguments, "--admin-token-file"));
    let secret = secret(pod, token.file_name().unwrap().to_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("demo-app");
    fs::copy(demo_path(), &program).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();

    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", FILES]);
    unshare.arg(container(deployment)["volumeMounts"][0]["mountPath"].as_str().unwrap());
    unshare.arg(secret.path());
    unshare.args(["--reuid", &number(&all["runAsUser"]), "--regid", &number(&all["runAsGroup"])]);
    unshare.args(["--groups", &number(&all["fsGroup"]), "--bounding-set=-all", "--inh-caps=-all"]);
    unshare.args(["--no-new-privs"]).arg(program).args(&arguments);
    (App::start(&mut unshare).listening(), [folder, secret])
}

/// The status that a kubelet gets for this probe.
fn probe(container: &Value, name: &str) -> u16 {
    let get = &container[name]["httpGet"];
    let admin = Admin { port: port(container, get["port"].as_str().unwrap()).try_into().unwrap() };
    let fields = get["httpHeaders"].as_array().into_iter().flatten().map(|field| {
        format!("{}: {}", field["name"].as_str().unwrap(), field["value"].as_str().unwrap())
    });
    let fields: Vec<String> = fields.chain(["User-Agent: kube-probe/1.31".into()]).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    // Nobody listens yet when the first one comes.
    admin
        .try_ask(&format!("GET {}", get["path"].as_str().unwrap()), &fields, "")
        .map_or(0, |answer| answer.status)
}

/// What a monitor with the secret's token reads.
fn metrics(container: &Value) -> Samples {
    let admin = Admin { port: port(container, "admin").try_into().unwrap() };
    assert_eq!(admin.get("/metrics").status, 401, "for everybody");
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let answer = admin.ask("GET /metrics", &[Form::Prometheus.accept(), &bearer], "");
    assert_eq!(answer.status, 200);
    parse(&answer.text(), Form::Prometheus).unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[test]
fn a_pod_of_the_manifests_starts_scales_and_stops_as_its_probes_see_it() {
    if !is_root("a pod of the manifests") {
        return;
    }
    let deployment = deployment();
    let container = container(&deployment);
    Network::new().within(|| {
        let (mut app, _folders) = start(&deployment);
        assert_eq!(u64::from(app.port), port(container, "http"));
        wait_until("the start", || probe(container, "startupProbe") == 200);
        let seen = || ["readinessProbe", "livenessProbe"].map(|name| probe(container, name));
        assert_eq!(seen(), [200, 200]);

        // What the autoscaler asks for is there, and grows with the load.
        let scaler = manifest("autoscaler.yaml");
        let metric = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"].as_str().unwrap();
        let clients: Vec<Client> = (0..7).map(|_| Client::connect(app.port).unwrap()).collect();
        let told = || *metrics(container).get(metric).expect(metric);
        wait_until("the connections in the metric", || told() >= 7.0);
        drop(clients);

        // Until the delay is over, endpoints that still point here lose nothing.
        let mut uploading = Client::connect(app.port).unwrap();
        uploading.send("POST /echo HTTP/1.1\r\nHost: demo\r\nContent-Length: 4\r\n\r\nha").unwrap();
        app.signal(Signal::SIGTERM);
        wait_until("an endpoint that goes", || seen() == [503, 200]);
        assert_eq!(app.get("/whoami").status, 200, "a stop is only announced");
        // And for as long as a request is under way.
        app.log.wait_for("stopping: no new connections");
        assert_eq!(seen(), [503, 200]);
        uploading.send("lf").unwrap();
        assert_eq!(uploading.answer().unwrap().text(), "half");
        assert_eq!(app.ended().code(), Some(0), "{}", app.log.text());
    });
}
