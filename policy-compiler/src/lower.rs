//! Lowers a policy file to the engine's bundle: names become indexes, defaults are filled in.
//!
//! In: a [`PolicyFile`]. Out: a [`Bundle`], with a rule for all that can decide.
//! Total: what was written wrongly is left out, and the findings keep such a bundle from being used.

mod buckets;
mod checks;
mod globals;
mod identity;
mod links;
mod patterns;
mod rules;
mod schemas;
mod servers;

use checks::Narrowings;
pub(crate) use links::{Link, Links};
use rules::Rules;

use crate::{
    diagnostic::{Code, Finding, Findings},
    file::{self, PolicyFile},
    files::{Files, ReadFile},
};
use toolgate_engine::bundle::{Agent, AuditArguments, AuditOptions, Bundle, Grant, Mode, Ruled, Tool};

/// The body limit of a tool, if neither it nor `defaults` says one.
const BODY_LIMIT_BYTES: u32 = 64 << 10;

/// How many grants are unfolded. Tool groups multiply agents with tools, and memory is not endless.
const MAX_GRANTS: usize = 1 << 20;

/// How long all rules' pointers may be together; a third of what the filter reads.
const MAX_RULES_BYTES: usize = toolgate_engine::bundle::MAX_BUNDLE_BYTES / 3;

/// What lowering found out, for the lints.
pub(crate) struct Lowered {
    pub(crate) bundle: Bundle,
    pub(crate) links: Links,
    /// Files that were read besides the policy.
    pub(crate) files: Vec<ReadFile>,
}

/// Lowers a file. `name` is what findings call it.
pub(crate) fn lower(file: &PolicyFile, name: &str, files: &dyn Files, findings: &mut Findings) -> Lowered {
    let links = Links::of(file, findings);
    let mut rules = Rules::within(MAX_RULES_BYTES);
    let mut bundle = Bundle {
        name: file.name.clone(),
        identity: identity::sources(file, &mut rules),
        audit: audit(file),
        unanswered: file::value(file.unanswered.as_ref()).unwrap_or_default(),
        groups: file.groups().iter().map(|group| group.id.name.clone()).collect(),
        ..Bundle::default()
    };
    let mut globals = globals::Globals::default();
    bundle.agents = agents(file, &links, &mut bundle, &mut globals, &mut rules, findings);
    let group_buckets = buckets::of_tool_groups(file, &mut bundle.buckets, &mut rules);
    let group_globals = globals.of_tool_groups(file, &mut rules, findings);
    let mut all_checks = checks::AllChecks::of(file, name, files, &mut rules, findings);
    let of_group = |group: &file::ToolGroup| {
        all_checks.of_grants(&["tool_groups", &group.id.name], &group.grants, &mut rules, findings)
    };
    let group_narrowings: Vec<Narrowings> = file.tool_groups.iter().map(of_group).collect();
    let mut grants_left = MAX_GRANTS;
    for (at, tool) in file.tools().iter().enumerate() {
        let member_of = links.tool_groups_of(at);
        let narrowings = all_checks.of_grants(&tool.path(), &tool.grants, &mut rules, findings);
        let grants = grants(file, &links, at, grants_left, &narrowings, &group_narrowings, &mut rules);
        grants_left = grants_left.saturating_sub(grants.len());
        let mut held_to = buckets::of_tool(file, tool, &mut bundle.buckets, &mut rules);
        held_to.extend(member_of.iter().filter_map(|&group| group_buckets.get(group)).flatten());
        let mut held_globally = globals.of_tool(file, tool, &mut rules, findings);
        held_globally.extend(member_of.iter().filter_map(|&group| group_globals.get(group)).flatten());
        bundle.tools.push(Tool {
            name: tool.id.name.clone(),
            server: servers::index_of(file, tool),
            pin: servers::pin(tool, &mut rules),
            // They are known once all schemas are.
            mirrors: Vec::new(),
            mode: file::value(tool.mode.as_ref()).or(file::value(file.defaults.mode.as_ref())).unwrap_or(Mode::Enforce),
            body_limit: body_limit(file, tool, &mut rules),
            grants,
            buckets: held_to,
            globals: held_globally,
            checks: all_checks.of_tool(tool, member_of, &mut rules, findings),
            audit_arguments: file::value(tool.audit_arguments.as_ref())
                .or(file::value(file.audit.arguments.as_ref()))
                .unwrap_or(AuditArguments::Redacted),
        });
    }
    bundle.servers = servers::servers(file, &links, &mut all_checks, &mut rules);
    bundle.instructions = servers::instructions(file, &mut all_checks, &mut rules, findings);
    let checks::Parts { automata, schemas, checks, files, mirrors } = all_checks.into_parts(findings);
    (bundle.automata, bundle.schemas, bundle.checks) = (automata, schemas, checks);
    bundle.tools.iter_mut().zip(mirrors).for_each(|(tool, mirrors)| tool.mirrors = mirrors);
    bundle.globals = globals.into_limits();
    bundle.rules = rules.pointers().to_vec();
    if grants_left == 0 || rules.is_overfull() {
        let message = "the policy unfolds to more grants than the filter holds";
        let finding = Finding::of_file(Code::Unfolds, message);
        findings.add(finding.help("grant groups of agents instead of single agents"));
    }
    Lowered { bundle, links, files }
}

fn audit(file: &PolicyFile) -> AuditOptions {
    let default = AuditOptions::default();
    let redact = file::entries(file.audit.redact.as_ref()).iter().map(|key| key.name.to_lowercase());
    AuditOptions {
        redact: redact.collect(),
        max_bytes: file::value(file.audit.max_bytes.as_ref()).unwrap_or(default.max_bytes),
    }
}

fn agents(
    file: &PolicyFile,
    links: &Links,
    bundle: &mut Bundle,
    globals: &mut globals::Globals,
    rules: &mut Rules,
    findings: &mut Findings,
) -> Vec<Agent> {
    let agent = |(at, agent): (usize, &file::Agent)| Agent {
        name: agent.id.name.clone(),
        groups: links.groups_of(at).iter().copied().map(index).collect(),
        buckets: buckets::of_agent(agent, &mut bundle.buckets, rules),
        globals: globals.of_agent(agent, rules, findings),
    };
    file.agents().iter().enumerate().map(agent).collect()
}

fn body_limit(file: &PolicyFile, tool: &file::Tool, rules: &mut Rules) -> Ruled<u32> {
    if let Some(given) = &tool.body_limit {
        let rule = rules.at(&[tool.path().as_slice(), &["body_limit"]].concat());
        return Ruled { rule, value: given.value.unwrap_or(BODY_LIMIT_BYTES) };
    }
    default_body_limit(file, rules)
}

/// The limit of whatever does not say one.
fn default_body_limit(file: &PolicyFile, rules: &mut Rules) -> Ruled<u32> {
    // The built-in limit has this rule too: it is where one would change it.
    let given = file.defaults.body_limit.as_ref();
    Ruled { rule: rules.at(&["defaults", "body_limit"]), value: file::value(given).unwrap_or(BODY_LIMIT_BYTES) }
}

/// The tool's own grants, then those of its tool groups; of several for any arguments of one subject, the first.
fn grants(
    file: &PolicyFile,
    links: &Links,
    tool: usize,
    most: usize,
    narrowings: &Narrowings,
    group_narrowings: &[Narrowings],
    rules: &mut Rules,
) -> Vec<Grant> {
    let own = file.tools().get(tool).map(|own| (own.path(), links.grants_of_tool(tool), narrowings));
    let of_groups = links.tool_groups_of(tool).iter().filter_map(|&group| {
        let name = file.tool_groups.get(group)?.id.name.as_str();
        Some((vec!["tool_groups", name], links.grants_of_tool_group(group), group_narrowings.get(group)?))
    });
    let mut seen = std::collections::HashSet::new();
    let mut grants = Vec::new();
    for (path, granted, narrowings) in own.into_iter().chain(of_groups) {
        for link in granted {
            if grants.len() == most {
                return grants;
            }
            let narrowing = narrowings.of(link);
            if narrowing.is_some() || seen.insert((link.key, link.index)) {
                let rule = rules.at(&[path.as_slice(), &[link.key, &link.at.to_string()]].concat());
                let checks = narrowing.flatten().into_iter().collect();
                grants.push(Grant { subject: link.subject(), rule, checks });
            }
        }
    }
    grants
}

/// Indexes fit: a source has fewer bytes than `u32` has values.
fn index(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
