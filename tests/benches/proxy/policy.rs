//! The sample policy with limits that no benchmark reaches, for Toolgate and as a Lua script.
//!
//! In: `envoy/policy.yaml`. Out: its bundle, and a script with the same allow-list and the same literals.
//! Changes nothing but numbers of limits: as many are taken from, as often.

#![expect(clippy::panic, reason = "without its policy there is nothing to measure")]

use std::{collections::BTreeMap, fmt::Write as _};
use toolgate_engine::bundle::{Bundle, Subject, Tool};

/// The sample policy, with all limits raised as far as they go.
pub fn sample() -> Bundle {
    let source = include_bytes!("../../../envoy/policy.yaml");
    let fetch = include_str!("../../../envoy/schemas/fetch.json");
    let files = BTreeMap::from([("schemas/fetch.json".to_owned(), fetch.to_owned())]);
    let compiled = policy_compiler::compile_with("envoy/policy.yaml", source, &files);
    let Some(mut bundle) = compiled.bundle else {
        panic!("the sample policy has errors: {:?}", compiled.diagnostics);
    };
    for bucket in &mut bundle.buckets {
        if let Some(rate) = &mut bucket.rate {
            (rate.value.count, rate.value.burst) = (u32::MAX, u32::MAX);
        }
        if let Some(quota) = &mut bucket.quota {
            quota.value.count = u32::MAX;
        }
    }
    bundle
}

/// What somebody who knows Envoy would write in Lua for the same allow-list and the same literals.
pub fn lua(bundle: &Bundle) -> String {
    let mut granted = String::new();
    let mut blocked = String::new();
    for tool in &bundle.tools {
        let agents = agents_of(bundle, tool).into_iter().map(|agent| format!("[{}] = true", quoted(agent)));
        table_entry(&mut granted, &tool.name, agents);
        table_entry(&mut blocked, &tool.name, literals_of(bundle, tool).map(|literal| quoted(&literal)));
    }
    format!("local granted = {{\n{granted}}}\nlocal blocked = {{\n{blocked}}}\n{JUDGE}")
}

const JUDGE: &str = r#"
function envoy_on_request(request)
  local tool = string.match(request:headers():get(":path"), "^/tools/([^/?#]+)$")
  local agents = granted[tool]
  if not agents then
    request:respond({[":status"] = "404"}, "")
    return
  end
  if not agents[request:headers():get("x-agent-id")] then
    request:respond({[":status"] = "403"}, "")
    return
  end
  local body = request:body()
  local text = string.lower(body:getBytes(0, body:length()))
  for _, literal in ipairs(blocked[tool]) do
    if string.find(text, literal, 1, true) then
      request:respond({[":status"] = "400"}, "")
      return
    end
  end
end
"#;

fn agents_of<'b>(bundle: &'b Bundle, tool: &Tool) -> Vec<&'b str> {
    let is_granted = |index: u32, groups: &[u32]| {
        tool.grants.iter().any(|grant| match grant.subject {
            Subject::Agent(agent) => agent == index,
            Subject::Group(group) => groups.contains(&group),
        })
    };
    let agents = (0..).zip(&bundle.agents);
    agents.filter(|(index, agent)| is_granted(*index, &agent.groups)).map(|(_, agent)| agent.name.as_str()).collect()
}

fn literals_of(bundle: &Bundle, tool: &Tool) -> impl Iterator<Item = String> {
    let checks: BTreeMap<u32, _> = (0..).zip(&bundle.checks).collect();
    let of_tool = tool.checks.iter().filter_map(move |check| checks.get(check).copied());
    of_tool.flat_map(|checks| &checks.blocked).map(|literal| literal.value.to_lowercase())
}

fn table_entry(table: &mut String, key: &str, values: impl Iterator<Item = String>) {
    let values = values.collect::<Vec<_>>().join(", ");
    // To write into a string cannot fail.
    let _ = writeln!(table, "  [{}] = {{{values}}},", quoted(key));
}

/// No name and no literal of the sample policy needs more than this.
fn quoted(text: &str) -> String {
    assert!(!text.contains(['"', '\\', '\n']), "{text} would need escapes in Lua");
    format!("\"{text}\"")
}
