use std::time::Instant;
use toolgate_engine::{
    bundle::{self, Deployment},
    json::{Bounds, Document},
    policy::Policy,
};
#[path = "../../tests/probes/bodies/src/lib.rs"]
mod bodies;

fn policy(blocked: &str) -> (Policy, usize) {
    let source = format!(
        "apiVersion: toolgate.dev/v1\nkind: ToolPolicy\nidentity: {{ header: x-agent-id }}\nagents: {{ a: {{}} }}\ntools:\n  t: {{ agents: [a], arguments: {{ blocked: {blocked} }} }}\n"
    );
    let t = Instant::now();
    let compiled = policy_compiler::compile("test", source.as_bytes());
    let b = compiled.bundle.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    println!(
        "compile {:?}; automata: {:?}",
        t.elapsed(),
        b.automata
            .iter()
            .map(|a| {
                let r = toolgate_engine::automaton::ReadyAutomaton::try_from(a).unwrap();
                (r.states(), r.bytes(), a.as_bytes().len())
            })
            .collect::<Vec<_>>()
    );
    let packed = bundle::encode(&b, Deployment::default()).unwrap();
    (Policy::load(packed.as_bytes()).unwrap(), packed.len())
}
fn bench(name: &str, policy: &Policy, text_bytes: usize, body: &str) {
    let document = Document::read(body.as_bytes(), Bounds::default()).unwrap();
    let tool = policy.tool_named(b"t").unwrap();
    let run = || policy.checks(tool).try_for_each(|c| c.run(document.root()));
    let r = run();
    let n = (20_000_000 / body.len()).max(3);
    let mut best = f64::MAX;
    for _ in 0..7 {
        let t = Instant::now();
        for _ in 0..n {
            let _ = std::hint::black_box(run());
        }
        best = best.min(t.elapsed().as_secs_f64() / n as f64);
    }
    println!(
        "{name:<40} {:>6} B  {:>9.2} us  {:>7.0} MB/s   {:?}",
        body.len(),
        best * 1e6,
        text_bytes as f64 / best / 1e6,
        r.map_err(|o| o.fault)
    );
}
fn main() {
    let ten = r#"["rm -rf", "os.system", { regex: 'curl\s+.*\|\s*sh' }, "DROP TABLE", { regex: '\bunion\s+(?:all\s+)?select\b' }, "../", { regex: '\bnc\s+-[a-z]*e\b' }, "<script", "BEGIN PRIVATE KEY", { regex: 'file://|gopher://' }]"#;
    let sets = r#"[{ set: destructive-shell }, { set: sql }, { set: secrets }, { set: ssrf }, { set: path-traversal }, { set: invisible-unicode }]"#;
    for (pn, p) in [("ten", ten), ("sets", sets)] {
        let (policy, size) = policy(p);
        println!("--- {pn}: packed {size}");
        for size in bodies::SIZES {
            let b = String::from_utf8(bodies::body(size)).unwrap();
            bench("bench body", &policy, b.len(), &b);
            let plain = "The deploy of build failed at the second step, the health check got no answer within ten seconds and the rollout went back. ";
            let one = |text: String| serde_json::json!({"a": text}).to_string();
            bench("plain english, one string", &policy, size, &one(plain.chars().cycle().take(size).collect()));
            bench(
                "plain + one apostrophe",
                &policy,
                size,
                &one(format!("don't {}", plain.chars().cycle().take(size).collect::<String>())),
            );
            bench(
                "german umlauts",
                &policy,
                size,
                &one("Der Kunde fragt, ob die Rückzahlung für die Bestellung schon unterwegs ist; er hätte sie gern. "
                    .chars()
                    .cycle()
                    .take(size * 95 / 100)
                    .collect()),
            );
            bench(
                "chinese",
                &policy,
                size,
                &one("这个文本没有任何危险的内容只是一些普通的汉字".chars().cycle().take(size / 3).collect()),
            );
            bench(
                "base64 image",
                &policy,
                size,
                &one((0..size)
                    .map(|i| {
                        let x = (i as u64).wrapping_mul(0x9E3779B97F4A7C15) >> 58;
                        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[x as usize] as char
                    })
                    .collect()),
            );
            bench(
                "worst? %25 ' \\",
                &policy,
                size,
                &one("%25252541'\\x25\\\\&amp;#37;é".chars().cycle().take(size).collect()),
            );
            bench(
                "worst? candidates rm -r",
                &policy,
                size,
                &one("rm -r drop tabl curl unio".chars().cycle().take(size).collect()),
            );
        }
    }
}
