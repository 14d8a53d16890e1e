//! Structured logs, and traces that cross the bus.

use std::collections::HashMap;

use opentelemetry::{
    Context as OtelContext, TraceFlags,
    propagation::TextMapPropagator as _,
    trace::{SpanContext, TraceContextExt, TraceState, TracerProvider as _},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{IdGenerator as _, RandomIdGenerator, SdkTracerProvider},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::TelemetryConfig;

/// The header that carries where in a trace somebody is (W3C Trace Context).
const TRACEPARENT: &str = "traceparent";

/// Keeps the exporter alive; flush it before the process ends.
#[derive(Debug, Default)]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Starts logging on standard error, and exporting traces when an OTLP endpoint is configured.
    pub fn start(config: &TelemetryConfig) -> anyhow::Result<Self> {
        let filter = EnvFilter::try_new(&config.log)?;
        let json = config.log_format == "json";
        let provider = config.otlp_endpoint.as_deref().map(exporting_to).transpose()?;
        let traces = provider.as_ref().map(|p| tracing_opentelemetry::layer().with_tracer(p.tracer("vigie")));
        let logs = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let registry = tracing_subscriber::registry().with(filter).with(traces);
        if json {
            registry.with(logs.json()).try_init()?;
        } else {
            registry.with(logs.compact()).try_init()?;
        }
        Ok(Self(provider))
    }

    /// Sends what is still buffered. Blocks: call it from a blocking thread.
    pub fn flush(&self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(error = %error, "the last traces could not be exported");
        }
    }
}

fn exporting_to(endpoint: &str) -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder().with_http().with_endpoint(format!("{endpoint}/v1/traces")).build()?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name("vigie").build())
        .build())
}

/// Makes `span` a child of the W3C `traceparent`, when there is a valid one. Call it before the span is entered.
pub fn continue_trace(span: &Span, traceparent: Option<&str>) {
    if let Some(context) = traceparent.and_then(read)
        && let Err(error) = span.set_parent(context)
    {
        tracing::trace!(error = %error, "no trace layer is installed");
    }
}

/// The `traceparent` to hand on from `span`; `received` when traces are not recorded here.
pub fn traceparent_of(span: &Span, received: Option<&str>) -> Option<String> {
    written(&span.context()).or_else(|| received.map(str::to_owned))
}

/// The `traceparent` of a request: what came with it, written anew, when it can be continued.
pub fn traceparent_from(received: Option<&str>) -> String {
    received.and_then(read).and_then(|context| written(&context)).unwrap_or_else(fresh_traceparent)
}

/// A `traceparent` for a request that came without one.
pub fn fresh_traceparent() -> String {
    let ids = RandomIdGenerator::default();
    let (trace, span) = (ids.new_trace_id(), ids.new_span_id());
    let fresh = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::default());
    written(&OtelContext::new().with_remote_span_context(fresh)).unwrap_or_else(fresh_traceparent)
}

fn written(context: &OtelContext) -> Option<String> {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(context, &mut headers);
    headers.remove(TRACEPARENT)
}

fn read(traceparent: &str) -> Option<OtelContext> {
    let headers = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&OtelContext::new(), &headers);
    context.has_active_span().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_continued_and_garbage_begins_another() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(traceparent_from(Some(text)), text);
        assert_eq!(traceparent_from(Some(&format!("01-{}-and-more", &text[3..]))), text, "of a later version");
        assert_ne!(fresh_traceparent(), fresh_traceparent());
        for bad in [
            "",
            "00-0-0-0",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-and-more",
        ] {
            let fresh = traceparent_from(Some(bad));
            assert!(fresh.len() == text.len() && !fresh.contains("b7ad6b7169203331"), "{bad}: {fresh}");
            assert_eq!(traceparent_from(Some(&fresh)), fresh);
        }
    }
}
