//! Structured logs, and traces that cross the bus.

use opentelemetry::{
    Context as OtelContext, TraceFlags, TraceId,
    trace::{SpanContext, SpanId, TraceContextExt, TraceState, TracerProvider as _},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::TelemetryConfig;

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
    if let Some(parent) = traceparent.and_then(parse) {
        let context = OtelContext::new().with_remote_span_context(parent);
        if let Err(error) = span.set_parent(context) {
            tracing::trace!(error = %error, "no trace layer is installed");
        }
    }
}

/// The `traceparent` to hand on from `span`; `received` when traces are not recorded here.
pub fn traceparent_of(span: &Span, received: Option<&str>) -> Option<String> {
    let context = span.context();
    let current = context.span().span_context().clone();
    if current.is_valid() { Some(format_parent(&current)) } else { received.map(str::to_owned) }
}

/// A `traceparent` for a request that came without one.
pub fn fresh_traceparent() -> String {
    let (trace, span) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    format!("00-{}-{:016x}-01", trace.simple(), span.as_u64_pair().0 | 1)
}

fn format_parent(context: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8())
}

/// Reads a version 00 `traceparent` (W3C Trace Context, section 3.2).
fn parse(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version == "ff" || version.len() != 2 || trace.len() != 32 || span.len() != 16 || flags.len() != 2 {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?),
        true,
        TraceState::default(),
    );
    context.is_valid().then_some(context)
}

/// True when `traceparent` can be continued.
pub fn is_traceparent(traceparent: &str) -> bool {
    parse(traceparent).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_reads_back_and_garbage_is_refused() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(format_parent(&parse(text).unwrap()), text);
        assert!(is_traceparent(&fresh_traceparent()));
        for bad in [
            "",
            "00-0-0-0",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }
}
