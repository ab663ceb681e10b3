//! Rates and quotas: one text, or a mapping that says more.
//!
//! In: a node and the table of the mapping. Out: the limit, or nothing and a finding.
//! Knows nothing of what the limit holds.

use super::{Allowance, Given, amounts, fields, fields::Fields};
use crate::{
    diagnostic::{Code, Finding, Findings},
    shape::Table,
    source::{Kind, Node, Span},
};
use toolgate_engine::bundle::{Quota, Rate, Share};

pub(super) fn rate(node: &Node, key: Span, table: &'static Table, findings: &mut Findings) -> Option<Allowance<Rate>> {
    if !matches!(node.kind, Kind::Map(_)) {
        return amounts::rate(node, findings).map(|rate| allowance(rate, Share::EachAgent));
    }
    fields::read(node, key, table, findings, |fields| {
        let limit = fields.plain_rate("limit");
        let burst = fields.integer("burst");
        let share = share(fields, limit.as_ref().is_some_and(|limit| limit.value == Some(None)));
        let limit = limit?.value?;
        if let Some(burst) = &burst
            && limit.is_none_or(|rate| rate.count == 0)
        {
            no_effect("burst", burst.span, fields.findings);
        }
        let burst = written_rightly(burst)?;
        let limit = limit.map(|rate| Rate { burst: burst.unwrap_or(rate.burst), ..rate });
        Some(allowance(limit, share?))
    })?
}

pub(super) fn quota(
    node: &Node,
    key: Span,
    table: &'static Table,
    findings: &mut Findings,
) -> Option<Allowance<Quota>> {
    if !matches!(node.kind, Kind::Map(_)) {
        return amounts::quota(node, findings).map(|quota| allowance(quota, Share::EachAgent));
    }
    fields::read(node, key, table, findings, |fields| {
        let limit = fields.plain_quota("limit");
        let share = share(fields, limit.as_ref().is_some_and(|limit| limit.value == Some(None)));
        Some(allowance(limit?.value?, share?))
    })?
}

fn allowance<T>(limit: Option<T>, share: Share) -> Allowance<T> {
    limit.map_or(Allowance::Unlimited, |limit| Allowance::Limited(limit, share))
}

fn share(fields: &mut Fields<'_, '_>, unlimited: bool) -> Option<Share> {
    let per = fields.word::<Share>("per");
    if let Some(per) = &per
        && unlimited
    {
        no_effect("per", per.span, fields.findings);
    }
    written_rightly(per).map(|per| per.unwrap_or(Share::EachAgent))
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
