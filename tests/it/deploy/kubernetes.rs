//! The manifests: Kubernetes' own types read them, and the numbers that go together do.

use std::fs;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::flags::{known, value_of};

/// Gauges that the admin process tells and that grow with the load.
const METRICS_OF_LOAD: [&str; 1] = ["evenkeel_connections_open"];

/// What a master waits at most for workers that it has killed, in seconds.
const KILLED_WITHIN: u64 = 5;

pub(super) fn manifest(name: &str) -> Value {
    let path = super::file("kubernetes").join(name);
    let text = fs::read_to_string(&path).unwrap();
    serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Of this kind, with no key that the kind does not have.
fn of_kind<T: DeserializeOwned + Serialize>(name: &str) -> Value {
    let manifest = manifest(name);
    let read: T = serde_json::from_value(manifest.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), manifest, "{name}: a key is unknown");
    manifest
}

pub(super) fn deployment() -> Value {
    of_kind::<Deployment>("deployment.yaml")
}

pub(super) fn container(deployment: &Value) -> &Value {
    &deployment["spec"]["template"]["spec"]["containers"][0]
}

/// How the deployment starts the demo.
pub(super) fn arguments() -> Vec<String> {
    serde_json::from_value(container(&deployment())["args"].clone()).unwrap()
}

/// The number of the port with this name.
pub(super) fn port(container: &Value, name: &str) -> u64 {
    let ports = container["ports"].as_array().unwrap();
    let found = ports.iter().find(|port| port["name"] == name);
    found.unwrap_or_else(|| panic!("a port {name}"))["containerPort"].as_u64().unwrap()
}

fn number(arguments: &[String], flag: &str) -> u64 {
    value_of(arguments, flag).parse().unwrap()
}

#[test]
fn manifests_have_no_unknown_key_and_select_the_same_pods() {
    let deployment = deployment();
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&deployment["spec"]["selector"]["matchLabels"], labels);
    let service = of_kind::<Service>("service.yaml");
    assert_eq!(&service["spec"]["selector"], labels);
    let disruption = of_kind::<PodDisruptionBudget>("disruption.yaml");
    assert_eq!(&disruption["spec"]["selector"]["matchLabels"], labels);
    let monitor = manifest("prometheus-operator/podmonitor.yaml");
    assert_eq!(&monitor["spec"]["selector"]["matchLabels"], labels);
}

#[test]
fn the_ports_of_manifests_are_those_on_which_the_demo_listens() {
    let (deployment, arguments) = (deployment(), arguments());
    let container = container(&deployment);
    known(&arguments);
    assert_eq!(port(container, "http"), number(&arguments, "--port"));
    let admin = value_of(&arguments, "--admin");
    assert_eq!(format!("0.0.0.0:{}", port(container, "admin")), admin);
    for (probe, path) in
        [("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")]
    {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "admin"}), "{probe}");
    }
    let service = of_kind::<Service>("service.yaml");
    assert_eq!(service["spec"]["ports"][0]["targetPort"], "http");
    let monitor = manifest("prometheus-operator/podmonitor.yaml");
    assert_eq!(monitor["spec"]["podMetricsEndpoints"][0]["port"], "admin");
    // Whoever asks for metrics has the token that the demo is given.
    let secret = &deployment["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"];
    let credentials = &monitor["spec"]["podMetricsEndpoints"][0]["authorization"]["credentials"];
    assert_eq!(&credentials["name"], secret);
    let folder = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    let token = format!("{folder}/{}", credentials["key"].as_str().unwrap());
    assert_eq!(value_of(&arguments, "--admin-token-file"), token);
}

#[test]
fn a_pod_has_time_for_its_whole_stop_and_for_its_start() {
    let (deployment, arguments) = (deployment(), arguments());
    let pod = &deployment["spec"]["template"]["spec"];
    let stop = number(&arguments, "--pre-stop-delay") + number(&arguments, "--grace");
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() >= stop + KILLED_WITHIN);
    assert!(container(&deployment).get("lifecycle").is_none(), "it would count as well");
    // Each probe that is to see a stop does so before the delay is over.
    let probe = &container(&deployment)["readinessProbe"];
    let seconds = |key: &str| probe[key].as_u64().unwrap();
    let seen = (seconds("periodSeconds") + seconds("timeoutSeconds")) * seconds("failureThreshold");
    assert!(seen < number(&arguments, "--pre-stop-delay"), "{seen} s");
    let probe = &container(&deployment)["startupProbe"];
    let start = probe["periodSeconds"].as_u64().unwrap();
    // --ready-timeout's default.
    assert!(start * probe["failureThreshold"].as_u64().unwrap() > 30);
}

#[test]
fn the_workers_of_a_pod_and_a_successor_fit_in_its_memory() {
    let (deployment, arguments) = (deployment(), arguments());
    let limits = &container(&deployment)["resources"]["limits"];
    let limit = limits["memory"].as_str().unwrap().strip_suffix("Mi").unwrap();
    let cpus: u64 = limits["cpu"].as_str().unwrap().parse().unwrap();
    assert_eq!(value_of(&arguments, "--workers"), "max");
    let workers = (cpus + 1) * number(&arguments, "--max-memory");
    assert!(workers * 3 / 2 <= limit.parse().unwrap(), "{workers} MiB of workers");
}

#[test]
fn the_autoscaler_knows_the_deployment_and_asks_for_a_metric_that_there_is() {
    let scaler = of_kind::<HorizontalPodAutoscaler>("autoscaler.yaml");
    let deployment = deployment();
    let target = &scaler["spec"]["scaleTargetRef"];
    for key in ["apiVersion", "kind"] {
        assert_eq!(target[key], deployment[key]);
    }
    assert_eq!(target["name"], deployment["metadata"]["name"]);
    let metric = &scaler["spec"]["metrics"][0]["pods"]["metric"]["name"];
    assert!(METRICS_OF_LOAD.contains(&metric.as_str().unwrap()), "{metric}");
    assert!(scaler["spec"]["minReplicas"].as_u64().unwrap() >= 2);
    assert!(deployment["spec"].get("replicas").is_none(), "the autoscaler says how many");
}
