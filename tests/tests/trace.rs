//! One trace from the `POST` to the mail server, read by a collector that speaks OTLP.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message as _;
use reqwest::Method;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};
use vigie_tests::{Options, SCHOOL, Stack, Vigie, wait};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

type Collected = Arc<Mutex<Vec<Span>>>;

async fn collect(State(collected): State<Collected>, body: Bytes) -> Vec<u8> {
    let request = ExportTraceServiceRequest::decode(body).expect("Vigie speaks OTLP");
    let spans = request.resource_spans.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans);
    collected.lock().expect("no holder panics").extend(spans);
    // An empty ExportTraceServiceResponse: everything was taken.
    Vec::new()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[tokio::test]
async fn one_trace_shows_every_hop_from_the_post_to_the_mail_server() {
    let collected = Collected::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/traces", post(collect)).with_state(Arc::clone(&collected));
    let mut collector = JoinSet::new();
    collector.spawn(async move { axum::serve(listener, router).await });
    let stack = Stack::start().await;
    let vigie = Vigie::start(&stack, Options::default().set("TELEMETRY__OTLP_ENDPOINT", &endpoint)).await;
    let head = vigie.caller("college-19").await;

    let report = json!({ "kind": "rixe", "severity": "serious", "location": { "school": SCHOOL } });
    let request =
        head.request(Method::POST, "/api/v1/signals").header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    head.send(request.json(&report)).await.expect(202);
    vigie.all_sent(&stack).await;

    let of_trace = || -> Vec<Span> {
        let spans = collected.lock().unwrap();
        spans.iter().filter(|span| hex(&span.trace_id) == TRACE).cloned().collect()
    };
    let names = || -> BTreeSet<String> { of_trace().into_iter().map(|span| span.name).collect() };
    let hops = [
        "POST /api/v1/signals",
        "routing vigie.signal.raised.v1",
        "escalation vigie.incident.opened.v1",
        "notification vigie.alert.issued.v1",
        "attempt email",
        "attempt sms",
    ];
    wait::until("every hop is exported", wait::PATIENCE, || async { hops.iter().all(|hop| names().contains(*hop)) })
        .await;

    // From a mail back to the caller, parent by parent, through every hop in order.
    let spans = of_trace();
    let by_id: HashMap<String, &Span> = spans.iter().map(|span| (hex(&span.span_id), span)).collect();
    let mut at = spans.iter().find(|span| span.name == "attempt email").unwrap();
    let mut path = vec![at.name.as_str()];
    while let Some(parent) = by_id.get(&hex(&at.parent_span_id)) {
        at = parent;
        path.push(at.name.as_str());
    }
    path.reverse();
    assert_eq!(path, hops[..5]);
    assert_eq!(hex(&at.parent_span_id), CALLER, "the caller's own span is the root");
}
