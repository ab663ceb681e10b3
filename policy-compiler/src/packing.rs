//! From a policy to the plugin config, with the proof that the filter takes it.
//!
//! In: the bytes of a policy. Out: the config, and findings about the policy and about its size.
//! Gives no config that the engine has not loaded once.

use crate::{
    Compiled, Source, compile_with,
    diagnostic::{Code, Diagnostic, Finding, Findings, has_errors},
    files::{Files, NoFiles, ReadFile},
};
use toolgate_engine::{
    bundle::{self, BadConfig, Bundle, Deployment},
    policy::Policy,
};

/// What a Kubernetes object holds.
pub const OBJECT_BYTES: usize = 1 << 20;

/// From this share of an object on there is a warning, in percent.
const NEAR_PERCENT: usize = 70;

/// What became of a policy that was to be packed.
#[derive(Clone, Debug)]
pub struct Packing {
    /// The plugin config, one line; nothing if there is an error among the findings.
    pub config: Option<String>,
    /// All findings.
    pub diagnostics: Vec<Diagnostic>,
    /// The files that were read besides the policy.
    pub files: Vec<ReadFile>,
}

/// Compiles and packs a policy that names no files.
pub fn pack(name: &str, source: &[u8], deployment: Deployment) -> Result<Packing, BadConfig> {
    pack_with(name, source, &NoFiles, deployment)
}

/// Compiles and packs a policy. An error means that the engine refuses what this crate made, which is a bug.
pub fn pack_with(name: &str, source: &[u8], files: &dyn Files, deployment: Deployment) -> Result<Packing, BadConfig> {
    let Compiled { bundle, mut diagnostics, files } = compile_with(name, source, files);
    let Some(bundle) = bundle else { return Ok(Packing { config: None, diagnostics, files }) };
    let mut findings = Findings::default();
    if let Some(finding) = header_is_sent(&bundle, deployment) {
        findings.add(finding);
        diagnostics.extend(findings.placed(&Source::new(name, source)));
        return Ok(Packing { config: None, diagnostics, files });
    }
    let config = bundle::encode(&bundle, deployment)?;
    Policy::load(config.as_bytes())?;
    if let Some(finding) = weigh(config.len()) {
        findings.add(finding);
    }
    diagnostics.extend(findings.placed(&Source::new(name, source)));
    let config = (!has_errors(&diagnostics)).then_some(config);
    Ok(Packing { config, diagnostics, files })
}

/// A global limit counts a call by its header, so that must not be sent before the body is judged.
fn header_is_sent(bundle: &Bundle, deployment: Deployment) -> Option<Finding> {
    let limit = bundle.globals.first().filter(|_| !deployment.hold_headers)?;
    let rule = usize::try_from(limit.rule).ok().and_then(|rule| bundle.rules.get(rule)).map_or("", String::as_str);
    let message = format!("`{rule}` is a global limit, and headers are not held until the body is judged");
    let finding = Finding::of_file(Code::HeadersNotHeld, message);
    Some(finding.help("pack it with `--hold-headers`, for a plugin with `allow_on_headers_stop_iteration: true`; or render it with `strict: true`"))
}

fn weigh(bytes: usize) -> Option<Finding> {
    let percent = bytes.saturating_mul(100) / OBJECT_BYTES;
    let share = format!("{bytes} bytes, {percent} % of what a Kubernetes object holds");
    if bytes > OBJECT_BYTES {
        let finding = Finding::of_file(Code::PackedTooLarge, format!("the packed policy has {share}"));
        return Some(finding.help("use groups instead of long lists, or split the policy"));
    }
    if percent >= NEAR_PERCENT {
        let finding = Finding::of_file(Code::NearlyTooLarge, format!("the packed policy has {share}"));
        return Some(finding.help("the rest of the object needs some of it, too"));
    }
    None
}
