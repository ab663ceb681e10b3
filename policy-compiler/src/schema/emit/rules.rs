//! The rules of one schema, keyword by keyword.

use super::{Emitter, Json, Types};
use crate::schema::{
    dialect::{self, Draft, Vocabularies},
    formats::{self, Known},
    library::Site,
    tree::MAX_DEPTH,
};
use toolgate_engine::{
    json::{Bounds, Document, Numbers},
    pointer::below,
    schema::{Constant, Matched, Named, Requires, Rule, canonical_text, count, is_number},
};

type MakeOfOne = fn(u32) -> Rule;
type MakeOfMany = fn(Vec<u32>) -> Rule;

/// A schema whose rules are being made.
struct Draw<'s, 'a> {
    site: &'s Site<'a>,
    scope: usize,
    draft: Draft,
    vocabularies: Vocabularies,
    rules: Vec<Rule>,
}

impl<'a> Draw<'_, 'a> {
    /// The value of a keyword that the dialect and its vocabularies know.
    fn get(&self, name: &str) -> Option<&'a Json> {
        let keyword = dialect::keyword(name)?;
        let known = keyword.only.is_none_or(|only| only == self.draft) && self.vocabularies.has(keyword.vocabulary);
        self.site.json.get(name).filter(|_| known)
    }

    fn count(&self, name: &str) -> Option<u32> {
        match self.get(name)? {
            Json::Number(text) => count(text),
            _ => None,
        }
    }

    fn push(&mut self, rule: Rule) {
        self.rules.push(rule);
    }
}

impl<'a> Emitter<'_, 'a> {
    /// Types and rules of a schema. What is written wrongly was found before, and is passed over here.
    pub(super) fn rules(&mut self, site: &Site<'a>, scope: usize) -> (Types, Vec<Rule>) {
        let draft = self.library.draft(site.resource);
        let vocabularies = self.library.vocabularies(site.resource);
        let mut draw = Draw { site, scope, draft, vocabularies, rules: Vec::new() };
        if let Some(reference) = site.reference {
            draw.push(Rule::Ref(self.node(reference, scope)));
            if draft == Draft::Draft7 {
                return (Types::ALL, draw.rules);
            }
        }
        self.dynamic_reference(&mut draw);
        self.values(&mut draw);
        self.strings_and_numbers(&mut draw);
        self.arrays(&mut draw);
        self.objects(&mut draw);
        self.combinations(&mut draw);
        (types(&draw), draw.rules)
    }

    fn dynamic_reference(&mut self, draw: &mut Draw<'_, 'a>) {
        let Some(first) = draw.site.dynamic_reference else {
            return;
        };
        let reference = draw.get("$dynamicRef").and_then(Json::as_str).unwrap_or_default();
        let name = reference.split_once('#').map_or("", |(_, fragment)| fragment);
        let mut target = first;
        if self.library.is_dynamic_anchor(first, name) {
            let outermost = self.scopes.get(draw.scope).and_then(|scope| scope.get(name));
            target = outermost.copied().unwrap_or(first);
        }
        draw.push(Rule::DynamicRef(self.node(target, draw.scope)));
    }

    fn values(&mut self, draw: &mut Draw<'_, 'a>) {
        if let Some(value) = draw.get("const")
            && let Some(constant) = self.constant(draw, "const", value)
        {
            draw.push(Rule::Const(constant));
        }
        if let Some(values) = draw.get("enum") {
            let constants: Option<Vec<_>> =
                values.elements().iter().map(|value| self.constant(draw, "enum", value)).collect();
            if let Some(mut constants) = constants {
                constants.sort_unstable();
                constants.dedup();
                draw.push(Rule::Enum(constants));
            }
        }
    }

    fn constant(&mut self, draw: &Draw<'_, 'a>, keyword: &str, value: &Json) -> Option<Constant> {
        let constant = match value {
            Json::Null => Some(Constant::Null),
            Json::Boolean(value) => Some(Constant::Boolean(*value)),
            Json::Number(text) => is_number(text).then(|| Constant::Number(self.pool.text(text))),
            Json::String(text) => Some(Constant::String(self.pool.text(text))),
            Json::Array(_) | Json::Object(_) => canonical(value).map(|text| Constant::Composite(self.pool.text(&text))),
        };
        if constant.is_none() {
            let pointer = below(&draw.site.pointer, keyword);
            self.library.error(draw.site.document, pointer, "a number in it is beyond all measure".to_owned(), None);
        }
        constant
    }

    fn strings_and_numbers(&mut self, draw: &mut Draw<'_, 'a>) {
        draw.rules.extend(draw.count("minLength").filter(|&min| min > 0).map(Rule::MinLength));
        draw.rules.extend(draw.count("maxLength").map(Rule::MaxLength));
        if let Some(pattern) = draw.get("pattern").and_then(Json::as_str)
            && let Some(pattern) = self.pattern(draw, below(&draw.site.pointer, "pattern"), pattern)
        {
            draw.push(Rule::Pattern(pattern));
        }
        self.format(draw);
        let limits: [(&str, MakeOfOne); 5] = [
            ("minimum", Rule::Minimum),
            ("exclusiveMinimum", Rule::ExclusiveMinimum),
            ("maximum", Rule::Maximum),
            ("exclusiveMaximum", Rule::ExclusiveMaximum),
            ("multipleOf", Rule::MultipleOf),
        ];
        for (name, rule) in limits {
            if let Some(Json::Number(text)) = draw.get(name) {
                draw.push(rule(self.pool.text(text)));
            }
        }
    }

    fn pattern(&mut self, draw: &Draw<'_, 'a>, pointer: String, pattern: &str) -> Option<u32> {
        match self.pool.pattern(pattern, self.library.options.patterns) {
            Ok(index) => Some(index),
            Err(refusal) => {
                let message = format!("the pattern `{pattern}` is refused: {refusal}");
                self.library.error(draw.site.document, pointer, message, refusal.help);
                None
            }
        }
    }

    fn format(&mut self, draw: &mut Draw<'_, 'a>) {
        let asserted = self.library.options.assert_formats || draw.vocabularies.has(Vocabularies::FORMAT_ASSERTION);
        let Some(name) = draw.get("format").and_then(Json::as_str) else {
            return;
        };
        if !asserted {
            let document = self.library.documents.get(draw.site.document).map(|document| document.uri.clone());
            let place = || (document.unwrap_or_default(), below(&draw.site.pointer, "format"));
            self.library.annotation.get_or_insert_with(place);
            return;
        }
        match formats::named(name) {
            Some(Known::Assertable(format)) => draw.push(Rule::Format(format)),
            Some(Known::Description) => {
                let message = format!("strings cannot be held to the format `{name}`");
                let help = Some("leave `format` out, or write a `pattern`".to_owned());
                self.library.unknown_error(draw.site.document, below(&draw.site.pointer, "format"), message, help);
            }
            None => {}
        }
    }

    fn arrays(&mut self, draw: &mut Draw<'_, 'a>) {
        if let Some(schemas) = draw.get("prefixItems") {
            let nodes = self.listed(draw, "prefixItems", schemas);
            draw.push(Rule::PrefixItems(nodes));
        }
        match draw.get("items") {
            Some(schemas @ Json::Array(_)) => {
                let nodes = self.listed(draw, "items", schemas);
                draw.push(Rule::ItemsInTurn(nodes));
                draw.rules.extend(self.single(draw, "additionalItems").map(Rule::AdditionalItems));
            }
            Some(_) => draw.rules.extend(self.single(draw, "items").map(Rule::Items)),
            None => {}
        }
        if let Some(node) = self.single(draw, "contains") {
            let (min, max) = (draw.count("minContains"), draw.count("maxContains"));
            draw.push(Rule::Contains { node, min, max, evaluates: draw.draft != Draft::Draft7 });
        }
        draw.rules.extend(draw.count("minItems").filter(|&min| min > 0).map(Rule::MinItems));
        draw.rules.extend(draw.count("maxItems").map(Rule::MaxItems));
        if draw.get("uniqueItems") == Some(&Json::Boolean(true)) {
            draw.push(Rule::UniqueItems);
        }
        draw.rules.extend(self.single(draw, "unevaluatedItems").map(Rule::UnevaluatedItems));
    }

    fn objects(&mut self, draw: &mut Draw<'_, 'a>) {
        if let Some(schemas) = draw.get("properties").filter(|schemas| !schemas.members().is_empty()) {
            let named = self.named(draw, "properties", schemas.members());
            draw.push(Rule::Properties(named));
        }
        if let Some(schemas) = draw.get("patternProperties").filter(|schemas| !schemas.members().is_empty()) {
            let matched = self.matched(draw, schemas);
            draw.push(Rule::PatternProperties(matched));
        }
        draw.rules.extend(self.single(draw, "additionalProperties").map(Rule::AdditionalProperties));
        draw.rules.extend(self.single(draw, "propertyNames").map(Rule::PropertyNames));
        draw.rules.extend(draw.count("minProperties").filter(|&min| min > 0).map(Rule::MinProperties));
        draw.rules.extend(draw.count("maxProperties").map(Rule::MaxProperties));
        if let Some(names) = draw.get("required").filter(|names| !names.elements().is_empty()) {
            let names = self.texts(names);
            draw.push(Rule::Required(names));
        }
        if let Some(names) = draw.get("dependentRequired") {
            let requires = self.requires(names.members().iter());
            draw.push(Rule::DependentRequired(requires));
        }
        if let Some(schemas) = draw.get("dependentSchemas") {
            let named = self.named(draw, "dependentSchemas", schemas.members());
            draw.push(Rule::DependentSchemas(named));
        }
        self.dependencies(draw);
        draw.rules.extend(self.single(draw, "unevaluatedProperties").map(Rule::UnevaluatedProperties));
    }

    fn dependencies(&mut self, draw: &mut Draw<'_, 'a>) {
        let Some(dependencies) = draw.get("dependencies") else {
            return;
        };
        let (names, schemas): (Vec<_>, Vec<_>) =
            dependencies.members().iter().cloned().partition(|(_, value)| matches!(value, Json::Array(_)));
        if !names.is_empty() {
            let requires = self.requires(names.iter());
            draw.push(Rule::DependenciesRequired(requires));
        }
        if !schemas.is_empty() {
            let named = self.named(draw, "dependencies", &schemas);
            draw.push(Rule::DependenciesSchemas(named));
        }
    }

    fn combinations(&mut self, draw: &mut Draw<'_, 'a>) {
        let lists: [(&str, MakeOfMany); 3] = [("allOf", Rule::AllOf), ("anyOf", Rule::AnyOf), ("oneOf", Rule::OneOf)];
        for (name, rule) in lists {
            if let Some(schemas) = draw.get(name) {
                let nodes = self.listed(draw, name, schemas);
                draw.push(rule(nodes));
            }
        }
        draw.rules.extend(self.single(draw, "not").map(Rule::Not));
        if let Some(condition) = self.single(draw, "if") {
            let (then, otherwise) = (self.single(draw, "then"), self.single(draw, "else"));
            draw.push(Rule::If { condition, then, otherwise });
        }
    }

    /// The node of a schema that was surveyed at a place.
    fn placed(&mut self, draw: &Draw<'_, 'a>, pointer: String) -> Option<u32> {
        let site = *self.library.places.get(&(draw.site.document, pointer))?;
        Some(self.node(site, draw.scope))
    }

    fn single(&mut self, draw: &Draw<'_, 'a>, name: &str) -> Option<u32> {
        draw.get(name)?;
        self.placed(draw, below(&draw.site.pointer, name))
    }

    fn listed(&mut self, draw: &Draw<'_, 'a>, name: &str, schemas: &Json) -> Vec<u32> {
        let pointer = below(&draw.site.pointer, name);
        let indexes = 0..schemas.elements().len();
        indexes.filter_map(|index| self.placed(draw, below(&pointer, &index.to_string()))).collect()
    }

    fn named(&mut self, draw: &Draw<'_, 'a>, name: &str, schemas: &[(String, Json)]) -> Vec<Named> {
        let pointer = below(&draw.site.pointer, name);
        let mut named = Vec::new();
        for (name, _) in schemas {
            if let Some(node) = self.placed(draw, below(&pointer, name)) {
                named.push(Named { name: self.pool.text(name), node });
            }
        }
        named
    }

    fn matched(&mut self, draw: &Draw<'_, 'a>, schemas: &Json) -> Vec<Matched> {
        let pointer = below(&draw.site.pointer, "patternProperties");
        let mut matched = Vec::new();
        for (name, _) in schemas.members() {
            let pointer = below(&pointer, name);
            let node = self.placed(draw, pointer.clone());
            if let (Some(pattern), Some(node)) = (self.pattern(draw, pointer, name), node) {
                matched.push(Matched { name: self.pool.text(name), pattern, node });
            }
        }
        matched
    }

    fn texts(&mut self, names: &Json) -> Vec<u32> {
        names.elements().iter().filter_map(Json::as_str).map(|name| self.pool.text(name)).collect()
    }

    fn requires<'n>(&mut self, lists: impl Iterator<Item = &'n (String, Json)>) -> Vec<Requires> {
        lists.map(|(name, others)| Requires { name: self.pool.text(name), others: self.texts(others) }).collect()
    }
}

fn types(draw: &Draw<'_, '_>) -> Types {
    let named = |name: &Json| match name.as_str() {
        Some("null") => Types::NULL,
        Some("boolean") => Types::BOOLEAN,
        Some("integer") => Types::INTEGER,
        Some("number") => Types::NUMBER,
        Some("string") => Types::STRING,
        Some("array") => Types::ARRAY,
        Some("object") => Types::OBJECT,
        _ => Types::NONE,
    };
    match draw.get("type") {
        None => Types::ALL,
        Some(Json::Array(names)) => names.iter().fold(Types::NONE, |types, name| types.or(named(name))),
        Some(name) => named(name),
    }
}

/// The engine's own text for the value, so that both sides agree.
fn canonical(value: &Json) -> Option<String> {
    let mut text = String::new();
    value.write(&mut text);
    let bounds = Bounds { depth: MAX_DEPTH, values: usize::MAX, numbers: Numbers::Any };
    canonical_text(Document::read(text.as_bytes(), bounds).ok()?.root())
}
