//! Rates and quotas: one text, or a mapping that says more.
//!
//! In: a node and the table of the mapping. Out: the limit, or nothing and a finding.
//! Knows nothing of what the limit holds.

use super::{Allowance, Given, Limited, Scope, amounts, fields, fields::Fields};
use crate::{
    diagnostic::{Code, Finding, Findings},
    shape::{Table, Word},
    source::{Kind, Node, Span},
};
use toolgate_engine::bundle::{Quota, Rate, Share};

pub(super) fn rate(node: &Node, key: Span, table: &'static Table, findings: &mut Findings) -> Option<Allowance<Rate>> {
    if !matches!(node.kind, Kind::Map(_)) {
        return amounts::rate(node, findings).map(|rate| allowance(rate, Share::EachAgent, Scope::Local));
    }
    fields::read(node, key, table, findings, |fields| {
        let limit = fields.plain_rate("limit");
        let burst = fields.integer("burst");
        let unlimited = limit.as_ref().is_some_and(|limit| limit.value == Some(None));
        let share = word_with_effect(fields, "per", Share::EachAgent, unlimited);
        let scope = word_with_effect(fields, "scope", Scope::Local, unlimited);
        let limit = limit?.value?;
        if let Some(burst) = &burst {
            if limit.is_none_or(|rate| rate.count == 0) {
                no_effect("burst", burst.span, fields.findings);
            } else if scope == Some(Scope::Global) {
                not_global_burst(burst.span, fields.findings);
            }
        }
        let burst = written_rightly(burst)?;
        let (share, scope) = (share?, where_counted(scope?, limit.map(|rate| rate.count)));
        let limit = limit.map(|rate| Rate { burst: burst.unwrap_or(rate.burst), ..rate });
        Some(allowance(limit, share, scope))
    })?
}

pub(super) fn quota(
    node: &Node,
    key: Span,
    table: &'static Table,
    findings: &mut Findings,
) -> Option<Allowance<Quota>> {
    if !matches!(node.kind, Kind::Map(_)) {
        return amounts::quota(node, findings).map(|quota| allowance(quota, Share::EachAgent, Scope::Local));
    }
    fields::read(node, key, table, findings, |fields| {
        let limit = fields.plain_quota("limit");
        let unlimited = limit.as_ref().is_some_and(|limit| limit.value == Some(None));
        let share = word_with_effect(fields, "per", Share::EachAgent, unlimited);
        let scope = word_with_effect(fields, "scope", Scope::Local, unlimited);
        let Given { span, value } = limit?;
        let limit = value?;
        let (share, scope) = (share?, where_counted(scope?, limit.map(|quota| quota.count)));
        if scope == Scope::Global && limit.is_some_and(|quota| amounts::unit_of_window(quota.window).is_none()) {
            not_global_window(span, fields.findings);
        }
        Some(allowance(limit, share, scope))
    })?
}

fn allowance<T>(limit: Option<T>, share: Share, scope: Scope) -> Allowance<T> {
    limit.map_or(Allowance::Unlimited, |value| Allowance::Limited(Limited { value, share, scope }))
}

/// The filter refuses every call of a limit of zero by itself: nobody needs to be asked.
fn where_counted(scope: Scope, count: Option<u32>) -> Scope {
    if count == Some(0) { Scope::Local } else { scope }
}

/// A word of the mapping, or what holds unless it is said.
fn word_with_effect<T: Word>(fields: &mut Fields<'_, '_>, name: &str, otherwise: T, unlimited: bool) -> Option<T> {
    let word = fields.word::<T>(name);
    if let Some(word) = &word
        && unlimited
    {
        no_effect(name, word.span, fields.findings);
    }
    written_rightly(word).map(|word| word.unwrap_or(otherwise))
}

/// Nothing if it was written wrongly, `Some(None)` if it was not written.
#[expect(clippy::option_option, reason = "the two kinds of nothing differ")]
fn written_rightly<T>(given: Option<Given<T>>) -> Option<Option<T>> {
    match given {
        None => Some(None),
        Some(given) => given.value.map(Some),
    }
}

fn no_effect(what: &str, span: Span, findings: &mut Findings) {
    let message = format!("`{what}` has no effect on this limit");
    findings.add(Finding::new(Code::NoEffect, span, message).help(format!("take `{what}` out")));
}

fn not_global_burst(span: Span, findings: &mut Findings) {
    let finding = Finding::new(Code::NotGlobal, span, "a global limit has no burst");
    let help = "take `burst` out: in each second, minute, hour or day of the clock the whole count may come at once";
    findings.add(finding.help(help));
}

fn not_global_window(span: Span, findings: &mut Findings) {
    let finding = Finding::new(Code::NotGlobal, span, "weeks and months cannot be counted globally");
    findings.add(finding.help("write a count per minute, hour or day, or `scope: local`"));
}
