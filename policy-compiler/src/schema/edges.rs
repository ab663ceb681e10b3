//! Which nodes a rule leads to, and whether with the same value or with a part of it.

use toolgate_engine::schema::Rule;

/// All nodes that a rule leads to.
pub(super) fn nodes_mut(rule: &mut Rule) -> Vec<&mut u32> {
    match rule {
        Rule::Ref(node)
        | Rule::DynamicRef(node)
        | Rule::Not(node)
        | Rule::Items(node)
        | Rule::AdditionalItems(node)
        | Rule::Contains { node, .. }
        | Rule::UnevaluatedItems(node)
        | Rule::AdditionalProperties(node)
        | Rule::PropertyNames(node)
        | Rule::UnevaluatedProperties(node) => vec![node],
        Rule::AllOf(nodes)
        | Rule::AnyOf(nodes)
        | Rule::OneOf(nodes)
        | Rule::PrefixItems(nodes)
        | Rule::ItemsInTurn(nodes) => nodes.iter_mut().collect(),
        Rule::If { condition, then, otherwise } => {
            [Some(condition), then.as_mut(), otherwise.as_mut()].into_iter().flatten().collect()
        }
        Rule::Properties(named) | Rule::DependentSchemas(named) | Rule::DependenciesSchemas(named) => {
            named.iter_mut().map(|named| &mut named.node).collect()
        }
        Rule::PatternProperties(matched) => matched.iter_mut().map(|matched| &mut matched.node).collect(),
        Rule::Const(_)
        | Rule::Enum(_)
        | Rule::MinLength(_)
        | Rule::MaxLength(_)
        | Rule::Pattern(_)
        | Rule::Format(_)
        | Rule::Minimum(_)
        | Rule::ExclusiveMinimum(_)
        | Rule::Maximum(_)
        | Rule::ExclusiveMaximum(_)
        | Rule::MultipleOf(_)
        | Rule::MinItems(_)
        | Rule::MaxItems(_)
        | Rule::UniqueItems
        | Rule::MinProperties(_)
        | Rule::MaxProperties(_)
        | Rule::Required(_)
        | Rule::DependentRequired(_)
        | Rule::DependenciesRequired(_) => Vec::new(),
    }
}

/// All nodes that a rule leads to.
pub(super) fn nodes(rule: &Rule) -> Vec<u32> {
    nodes_mut(&mut rule.clone()).into_iter().map(|node| *node).collect()
}

/// Which values the nodes of a rule judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The same value, by each of them.
    Same,
    /// Each part of the value by one of them.
    OneForEachPart,
    /// Each part of the value by any number of them.
    AllForEachPart,
}

/// Which values the nodes of a rule judge.
pub(super) fn reach(rule: &Rule) -> Reach {
    match rule {
        Rule::Properties(_) | Rule::PrefixItems(_) | Rule::ItemsInTurn(_) => Reach::OneForEachPart,
        Rule::Items(_)
        | Rule::AdditionalItems(_)
        | Rule::Contains { .. }
        | Rule::UnevaluatedItems(_)
        | Rule::PatternProperties(_)
        | Rule::AdditionalProperties(_)
        | Rule::PropertyNames(_)
        | Rule::UnevaluatedProperties(_) => Reach::AllForEachPart,
        _ => Reach::Same,
    }
}
