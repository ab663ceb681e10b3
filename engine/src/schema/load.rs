//! Makes the checked form of a program, or says why it is none.
//!
//! In: a [`Program`], from anywhere. Out: texts, patterns and nodes, in which every index is good.
//! Whether a program is wise is not asked: runs are bounded by steps and depth in any case.

use super::{
    BadProgram,
    decimal::{self, Decimal, Divisor},
    ready::{
        Arrays, Contains, Dependent, Edge, General, Limit, NONE, Names, Node, Number, Numbers, Objects, Strings, Texts,
        Then, Values, wide,
    },
    wire::{Constant, Named, Program, Requires, Rule, Types},
};
use crate::automaton::{Automaton, ReadyAutomaton};
use crate::json;

const TWICE: BadProgram = BadProgram("a keyword stands twice in a schema");
const NO_NODE: BadProgram = BadProgram("a schema refers to a schema that is not there");
const NO_TEXT: BadProgram = BadProgram("a schema refers to a text that is not there");
const NO_NUMBER: BadProgram = BadProgram("a schema's number is none");

/// Cuts the text into texts.
pub(super) fn texts(text: String, lengths: &[u32]) -> Result<Texts, BadProgram> {
    let bad = BadProgram("the texts of the schemas are cut");
    let mut spans = Vec::with_capacity(lengths.len());
    let mut start = 0u32;
    for &length in lengths {
        let end = start.checked_add(length).ok_or(bad)?;
        if text.get(wide(start)..wide(end)).is_none() {
            return Err(bad);
        }
        spans.push((start, end));
        start = end;
    }
    if wide(start) != text.len() {
        return Err(bad);
    }
    Ok(Texts { text, spans })
}

/// Loads the patterns, as long as they fit into so many bytes.
pub(super) fn patterns(automata: &[Automaton], most: usize) -> Result<Vec<ReadyAutomaton>, BadProgram> {
    let mut left = most;
    let load = |automaton| {
        let ready = ReadyAutomaton::try_from(automaton).map_err(|_| BadProgram("a pattern of a schema is damaged"))?;
        left = left.checked_sub(ready.bytes()).ok_or(BadProgram("the patterns of the schemas are too large"))?;
        Ok(ready)
    };
    automata.iter().map(load).collect()
}

/// How many nodes, and how many names in all of them, are loaded: each takes more room than in the program.
const MOST: usize = 1 << 20;

/// How many names a rule has.
fn names(rule: &Rule) -> usize {
    match rule {
        Rule::Properties(named) | Rule::DependentSchemas(named) | Rule::DependenciesSchemas(named) => named.len(),
        Rule::Required(names) => names.len(),
        Rule::Enum(values) => values.len(),
        Rule::DependentRequired(requires) | Rule::DependenciesRequired(requires) => {
            requires.iter().map(|requires| requires.others.len().saturating_add(1)).sum()
        }
        _ => 0,
    }
}

/// Makes all nodes.
pub(super) fn nodes(program: Program, texts: &Texts) -> Result<Vec<Node>, BadProgram> {
    let Program { text: _, text_lengths: _, patterns, nodes, rules, entries: _ } = program;
    let loader = Loader { texts, patterns: patterns.len(), nodes: nodes.len() };
    if nodes.len().max(rules.iter().map(names).sum()) > MOST {
        return Err(BadProgram("there are more schemas than can be loaded"));
    }
    let mut rules = rules.into_iter();
    let mut ready = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let mut draft = Draft::default();
        for _ in 0..node.rules {
            let rule = rules.next().ok_or(BadProgram("a schema has fewer rules than it says"))?;
            loader.add(&mut draft, rule)?;
        }
        ready.push(loader.node(node.types, draft)?);
    }
    if rules.next().is_some() {
        return Err(BadProgram("there are rules of no schema"));
    }
    Ok(ready)
}

struct Loader<'a> {
    texts: &'a Texts,
    patterns: usize,
    nodes: usize,
}

/// A node that is being made.
#[derive(Default)]
struct Draft {
    general: Vec<General>,
    strings: Option<Strings>,
    numbers: Option<Numbers>,
    arrays: Option<Arrays>,
    objects: Option<Objects>,
    properties: Vec<Named>,
    required: Vec<u32>,
}

impl Draft {
    fn strings(&mut self) -> &mut Strings {
        self.strings.get_or_insert_default()
    }

    fn numbers(&mut self) -> &mut Numbers {
        self.numbers.get_or_insert_default()
    }

    fn arrays(&mut self) -> &mut Arrays {
        self.arrays.get_or_insert_default()
    }

    fn objects(&mut self) -> &mut Objects {
        self.objects.get_or_insert_default()
    }
}

/// Fills a place that must be empty.
fn put<T>(place: &mut Option<T>, value: T) -> Result<(), BadProgram> {
    if place.is_some() {
        return Err(TWICE);
    }
    *place = Some(value);
    Ok(())
}

impl Loader<'_> {
    fn add(&self, draft: &mut Draft, rule: Rule) -> Result<(), BadProgram> {
        match rule {
            Rule::Ref(node) => draft.general.push(General::Refer(self.edge(node, "$ref")?)),
            Rule::DynamicRef(node) => draft.general.push(General::Refer(self.edge(node, "$dynamicRef")?)),
            Rule::AllOf(nodes) => draft.general.push(General::AllOf(self.all(nodes)?)),
            Rule::AnyOf(nodes) => draft.general.push(General::AnyOf(self.all(nodes)?)),
            Rule::OneOf(nodes) => draft.general.push(General::OneOf(self.all(nodes)?)),
            Rule::Not(node) => draft.general.push(General::Not(self.existing(node)?)),
            Rule::If { condition, then, otherwise } => draft.general.push(General::If {
                condition: self.existing(condition)?,
                then: self.optional(then)?,
                otherwise: self.optional(otherwise)?,
            }),
            Rule::Const(value) => draft.general.push(self.among("const", &[value])?),
            Rule::Enum(values) => draft.general.push(self.among("enum", &values)?),
            rule => return self.add_for_strings(draft, rule),
        }
        Ok(())
    }

    fn add_for_strings(&self, draft: &mut Draft, rule: Rule) -> Result<(), BadProgram> {
        match rule {
            Rule::MinLength(length) => put(&mut draft.strings().min, length),
            Rule::MaxLength(length) => put(&mut draft.strings().max, length),
            Rule::Pattern(pattern) => {
                draft.strings().patterns.push(self.pattern(pattern)?);
                Ok(())
            }
            Rule::Format(format) => put(&mut draft.strings().format, format),
            Rule::Minimum(text) => self.limit(draft, "minimum", text),
            Rule::ExclusiveMinimum(text) => self.limit(draft, "exclusiveMinimum", text),
            Rule::Maximum(text) => self.limit(draft, "maximum", text),
            Rule::ExclusiveMaximum(text) => self.limit(draft, "exclusiveMaximum", text),
            Rule::MultipleOf(text) => {
                let number = Some(self.text(text)?).filter(|text| json::is_number(text)).and_then(Decimal::read);
                let number = number.ok_or(NO_NUMBER)?;
                put(&mut draft.numbers().divisor, Divisor::try_from(number).map_err(|()| NO_NUMBER)?)
            }
            rule => self.add_for_arrays(draft, rule),
        }
    }

    fn limit(&self, draft: &mut Draft, keyword: &'static str, text: u32) -> Result<(), BadProgram> {
        let number = Number::new(self.text(text)?).ok_or(NO_NUMBER)?;
        let limits = &mut draft.numbers().limits;
        if limits.iter().any(|limit| limit.keyword == keyword) {
            return Err(TWICE);
        }
        let below = matches!(keyword, "minimum" | "exclusiveMinimum");
        let exclusive = matches!(keyword, "exclusiveMinimum" | "exclusiveMaximum");
        let is_wide = decimal::is_wide(self.text(text)?, below);
        limits.push(Limit { keyword, below, exclusive, is_wide, number });
        Ok(())
    }

    fn add_for_arrays(&self, draft: &mut Draft, rule: Rule) -> Result<(), BadProgram> {
        match rule {
            Rule::PrefixItems(nodes) => put(&mut draft.arrays().first, ("prefixItems", self.all(nodes)?)),
            Rule::ItemsInTurn(nodes) => put(&mut draft.arrays().first, ("items", self.all(nodes)?)),
            Rule::Items(node) => put(&mut draft.arrays().rest, self.edge(node, "items")?),
            Rule::AdditionalItems(node) => put(&mut draft.arrays().rest, self.edge(node, "additionalItems")?),
            Rule::Contains { node, min, max, evaluates } => {
                let node = self.existing(node)?;
                put(&mut draft.arrays().contains, Contains { node, min, max, evaluates })
            }
            Rule::MinItems(count) => put(&mut draft.arrays().min, count),
            Rule::MaxItems(count) => put(&mut draft.arrays().max, count),
            Rule::UniqueItems => {
                draft.arrays().unique = true;
                Ok(())
            }
            Rule::UnevaluatedItems(node) => put(&mut draft.arrays().unevaluated, self.existing(node)?),
            rule => self.add_for_objects(draft, rule),
        }
    }

    fn add_for_objects(&self, draft: &mut Draft, rule: Rule) -> Result<(), BadProgram> {
        draft.objects();
        match rule {
            Rule::Properties(properties) if draft.properties.is_empty() => {
                draft.properties = self.named(properties)?;
                Ok(())
            }
            Rule::Required(names) if draft.required.is_empty() => {
                draft.required = self.names(names)?.into();
                Ok(())
            }
            rule => self.add_for_members(draft.objects(), rule),
        }
    }

    fn add_for_members(&self, objects: &mut Objects, rule: Rule) -> Result<(), BadProgram> {
        match rule {
            Rule::PatternProperties(patterns) if objects.patterns.is_empty() => {
                for matched in &patterns {
                    self.text(matched.name)?;
                    self.pattern(matched.pattern)?;
                    self.existing(matched.node)?;
                }
                objects.patterns = patterns.into();
                Ok(())
            }
            Rule::AdditionalProperties(node) => put(&mut objects.additional, self.existing(node)?),
            Rule::PropertyNames(node) => put(&mut objects.property_names, self.existing(node)?),
            Rule::MinProperties(count) => put(&mut objects.min, count),
            Rule::MaxProperties(count) => put(&mut objects.max, count),
            Rule::DependentRequired(names) => self.requires(objects, "dependentRequired", names),
            Rule::DependenciesRequired(names) => self.requires(objects, "dependencies", names),
            Rule::DependentSchemas(nodes) => self.dependents(objects, "dependentSchemas", nodes),
            Rule::DependenciesSchemas(nodes) => self.dependents(objects, "dependencies", nodes),
            Rule::UnevaluatedProperties(node) => put(&mut objects.unevaluated, self.existing(node)?),
            _ => Err(TWICE),
        }
    }

    fn requires(&self, objects: &mut Objects, keyword: &'static str, names: Vec<Requires>) -> Result<(), BadProgram> {
        for Requires { name, others } in names {
            self.text(name)?;
            objects.dependents.push(Dependent { keyword, name, then: Then::Has(self.names(others)?) });
        }
        Ok(())
    }

    fn dependents(&self, objects: &mut Objects, keyword: &'static str, nodes: Vec<Named>) -> Result<(), BadProgram> {
        for Named { name, node } in self.named(nodes)? {
            objects.dependents.push(Dependent { keyword, name, then: Then::Holds(node) });
        }
        Ok(())
    }

    fn among(&self, keyword: &'static str, constants: &[Constant]) -> Result<General, BadProgram> {
        let (mut null, mut yes, mut no) = (false, false, false);
        let (mut numbers, mut strings, mut composites) = (Vec::new(), Vec::new(), Vec::new());
        for &constant in constants {
            match constant {
                Constant::Null => null = true,
                Constant::Boolean(true) => yes = true,
                Constant::Boolean(false) => no = true,
                Constant::Number(text) => numbers.push(Number::new(self.text(text)?).ok_or(NO_NUMBER)?),
                Constant::String(text) => strings.push(text),
                Constant::Composite(text) => composites.push(text),
            }
        }
        let (numbers, strings, composites) = (numbers.into(), self.table(&strings)?, self.table(&composites)?);
        Ok(General::Among(Box::new(Values { keyword, null, yes, no, numbers, strings, composites })))
    }

    fn table(&self, texts: &[u32]) -> Result<Names, BadProgram> {
        let mut names = Names::with_room(texts.len());
        for &text in texts {
            names.slot(self.texts, text).ok_or(NO_TEXT)?;
        }
        Ok(names)
    }

    fn node(&self, types: Types, draft: Draft) -> Result<Node, BadProgram> {
        let Draft { general, strings, numbers, arrays, mut objects, properties, required } = draft;
        if let Some(objects) = &mut objects {
            self.fill(objects, &properties, &required)?;
        }
        let bare = general.is_empty() && strings.is_none() && numbers.is_none() && arrays.is_none();
        Ok(Node {
            types,
            idle: bare && objects.is_none() && types == Types::ALL,
            looks_back: arrays.as_ref().is_some_and(|arrays| arrays.unevaluated.is_some())
                || objects.as_ref().is_some_and(|objects| objects.unevaluated.is_some()),
            general: general.into(),
            strings: strings.map(Box::new),
            numbers: numbers.map(Box::new),
            arrays: arrays.map(Box::new),
            objects: objects.map(Box::new),
        })
    }

    fn fill(&self, objects: &mut Objects, properties: &[Named], required: &[u32]) -> Result<(), BadProgram> {
        objects.names = Names::with_room(properties.len().saturating_add(required.len()));
        for &Named { name, node } in properties {
            let slot = objects.names.slot(self.texts, name).ok_or(NO_TEXT)?;
            if slot.node != NONE {
                return Err(TWICE);
            }
            slot.node = node;
        }
        for &name in required {
            let slot = objects.names.slot(self.texts, name).ok_or(NO_TEXT)?;
            if !slot.required {
                slot.required = true;
                objects.required = objects.required.saturating_add(1);
            }
        }
        Ok(())
    }

    fn edge(&self, node: u32, keyword: &'static str) -> Result<Edge, BadProgram> {
        Ok(Edge { node: self.existing(node)?, keyword })
    }

    fn existing(&self, node: u32) -> Result<u32, BadProgram> {
        if wide(node) < self.nodes { Ok(node) } else { Err(NO_NODE) }
    }

    fn optional(&self, node: Option<u32>) -> Result<u32, BadProgram> {
        node.map_or(Ok(NONE), |node| self.existing(node))
    }

    fn all(&self, nodes: Vec<u32>) -> Result<Box<[u32]>, BadProgram> {
        nodes.iter().try_for_each(|&node| self.existing(node).map(|_| ()))?;
        Ok(nodes.into())
    }

    fn text(&self, at: u32) -> Result<&str, BadProgram> {
        self.texts.get(at).ok_or(NO_TEXT)
    }

    fn names(&self, texts: Vec<u32>) -> Result<Box<[u32]>, BadProgram> {
        texts.iter().try_for_each(|&text| self.text(text).map(|_| ()))?;
        Ok(texts.into())
    }

    fn named(&self, named: Vec<Named>) -> Result<Vec<Named>, BadProgram> {
        for &Named { name, node } in &named {
            self.text(name)?;
            self.existing(node)?;
        }
        Ok(named)
    }

    fn pattern(&self, at: u32) -> Result<u32, BadProgram> {
        let missing = BadProgram("a schema refers to a pattern that is not there");
        if wide(at) < self.patterns { Ok(at) } else { Err(missing) }
    }
}
