//! What Toolgate judges by, and the same allow-list and literals as a Lua script.
//!
//! In: the sample of `benches/policies`. Out: a plugin config, and a script.

use crate::sample;
use std::fmt::Write as _;
use toolgate_tests::gateway::{Headers, pack};

/// The plugin config.
pub fn config() -> String {
    pack(&sample::policy(&sample::USUAL), Headers::Held)
}

/// What somebody who knows Envoy would write in Lua for the same allow-list and the same literals. Lua has no regular
/// expressions, so the script does less.
pub fn lua() -> String {
    let mut literals = String::new();
    for literal in sample::TEN_PATTERNS.blocked.iter().filter(|entry| !entry.starts_with('{')) {
        // To write into a string cannot fail.
        let _ = write!(literals, "{}, ", quoted(&literal.trim_matches('\'').to_lowercase()));
    }
    format!("local blocked = {{{literals}}}\n{JUDGE}")
}

const JUDGE: &str = r#"
local granted = {search = {["research-agent"] = true, ["support-agent"] = true}}

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
  for _, literal in ipairs(blocked) do
    if string.find(text, literal, 1, true) then
      request:respond({[":status"] = "400"}, "")
      return
    end
  end
end
"#;

/// No literal of the sample needs more than this.
fn quoted(text: &str) -> String {
    assert!(!text.contains(['"', '\\', '\n']), "{text} would need escapes in Lua");
    format!("\"{text}\"")
}
