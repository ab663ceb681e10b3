//! Walks through a document, schema by schema.
//!
//! In: a place and what stands there. Out: sites, resources and anchors in the library, and findings.
//! Follows no references.

use super::{
    Subject, Unknown,
    check::{self, Wrong},
    dialect::{self, Draft, Keyword, Shape, Vocabularies},
    library::{Library, Resource, ResourceId, SiteId},
    resolve,
    tree::Json,
};
use crate::guess;
use std::collections::HashMap;
use toolgate_engine::{mcp::MIRRORED_BY, pointer::below};

impl<'a> Library<'a> {
    /// Registers the schema at a place and all that stand in it.
    pub(super) fn survey(
        &mut self,
        document: usize,
        pointer: String,
        json: &'a Json,
        around: Option<ResourceId>,
    ) -> SiteId {
        let resource = match (self.own_resource(document, &pointer, json, around), around) {
            (Some(resource), _) | (None, Some(resource)) => resource,
            (None, None) => self.add_resource(String::new(), Draft::Draft202012, Vocabularies::USUAL),
        };
        let site = self.add_site(document, pointer.clone(), json, resource);
        if around != Some(resource)
            && let Some(resource) = self.resources.get_mut(resource)
        {
            resource.root = site;
        }
        match json {
            Json::Boolean(_) => {}
            Json::Object(members) => {
                self.anchors(site, json);
                for (name, value) in members {
                    self.keyword(site, name, value);
                }
                self.siblings(site, json);
            }
            _ => {
                let message = "a schema is an object, `true` or `false`".to_owned();
                self.error(document, pointer, message, None);
            }
        }
        site
    }

    /// The resource that begins at a place, if one does.
    fn own_resource(
        &mut self,
        document: usize,
        pointer: &str,
        json: &'a Json,
        around: Option<ResourceId>,
    ) -> Option<ResourceId> {
        let id = json.get("$id").and_then(Json::as_str);
        let (draft, vocabularies) = match (around, json.get("$schema").and_then(Json::as_str)) {
            (None, None) => (self.options.draft, Vocabularies::USUAL),
            (None, Some(schema)) => self.dialect(document, pointer, schema),
            (Some(_), Some(schema)) if id.is_some() => self.dialect(document, pointer, schema),
            (Some(around), _) => (self.draft(around), self.vocabularies(around)),
        };
        // Draft-07: beside `$ref` nothing else is looked at.
        let id = id.filter(|_| draft != Draft::Draft7 || json.get("$ref").is_none());
        let id = id.filter(|id| draft != Draft::Draft7 || !id.starts_with('#'));
        let base = match around {
            Some(around) => self.resources.get(around).map(|resource| resource.uri.clone()).unwrap_or_default(),
            None => self.documents.get(document).map(|document| document.uri.clone()).unwrap_or_default(),
        };
        if around.is_some() && id.is_none() {
            if json.get("$schema").is_some() && self.options.unknown == Unknown::Error {
                let message = "`$schema` says nothing here".to_owned();
                let help = Some("put it at the top, or beside an `$id`".to_owned());
                self.error(document, below(pointer, "$schema"), message, help);
            }
            return None;
        }
        let target = match resolve::resolve(&base, id.unwrap_or_default()) {
            Ok(target) => target,
            Err(message) => {
                self.error(document, below(pointer, "$id"), message, None);
                resolve::Target { uri: base, fragment: String::new() }
            }
        };
        if id.is_some() && self.is_at_home(&target.uri) {
            let help = Some("write an absolute URI, such as `https://example.com/schema`, or take it out".to_owned());
            self.error(
                document,
                below(pointer, "$id"),
                "a relative `$id` could hide a file of that name".to_owned(),
                help,
            );
        }
        Some(self.begin_resource(document, pointer, target, id, draft, vocabularies))
    }

    fn begin_resource(
        &mut self,
        document: usize,
        pointer: &str,
        target: resolve::Target,
        id: Option<&str>,
        draft: Draft,
        vocabularies: Vocabularies,
    ) -> ResourceId {
        if id.is_some() && !target.fragment.is_empty() {
            let help = (draft == Draft::Draft202012).then(|| "write the fragment as `$anchor`".to_owned());
            self.error(document, below(pointer, "$id"), "an `$id` has no fragment".to_owned(), help);
        }
        if self.by_uri.contains_key(&target.uri) {
            let message = format!("`{}` is the URI of another schema already", target.uri);
            self.error(document, below(pointer, "$id"), message, None);
        }
        let resource = self.add_resource(target.uri.clone(), draft, vocabularies);
        self.by_uri.entry(target.uri).or_insert(resource);
        if pointer.is_empty() && id.is_some() {
            self.alias(document, resource);
        }
        resource
    }

    /// A document is known by the URI that it was given with, too.
    fn alias(&mut self, document: usize, resource: ResourceId) {
        let given = self.documents.get(document).and_then(|document| resolve::absolute(&document.uri).ok());
        if let Some(given) = given {
            self.by_uri.entry(given.uri).or_insert(resource);
        }
    }

    fn add_resource(&mut self, uri: String, draft: Draft, vocabularies: Vocabularies) -> ResourceId {
        let (anchors, dynamic_anchors) = (HashMap::new(), HashMap::new());
        self.resources.push(Resource { uri, root: self.sites.len(), draft, vocabularies, anchors, dynamic_anchors });
        self.resources.len().saturating_sub(1)
    }

    /// What `$schema` says, by name or by the metaschema that is given for it.
    fn dialect(&mut self, document: usize, pointer: &str, uri: &str) -> (Draft, Vocabularies) {
        if let Some(draft) = Draft::named(uri) {
            return (draft, Vocabularies::USUAL);
        }
        let named = |root: &Json| root.get("$id").and_then(Json::as_str) == Some(uri);
        let plain = uri.strip_suffix('#').unwrap_or(uri);
        let documents = self.documents;
        let given = documents.iter().find(|document| document.uri == plain || named(&document.root));
        match given.map(|metaschema| vocabularies(&metaschema.root)) {
            Some(Ok(dialect)) => return dialect,
            Some(Err(message)) => self.error(document, below(pointer, "$schema"), message, None),
            None => {
                let help = "`https://json-schema.org/draft/2020-12/schema` and \
                            `http://json-schema.org/draft-07/schema#` are known";
                let message = format!("`{uri}` is no dialect that is known");
                self.error(document, below(pointer, "$schema"), message, Some(help.to_owned()));
            }
        }
        (Draft::Draft202012, Vocabularies::USUAL)
    }

    fn anchors(&mut self, site: SiteId, json: &Json) {
        let Some(&super::library::Site { document, resource, ref pointer, .. }) = self.sites.get(site) else {
            return;
        };
        let pointer = pointer.clone();
        let draft = self.draft(resource);
        let Some(own) = self.resources.get_mut(resource) else {
            return;
        };
        let name = |keyword: &str| json.get(keyword).and_then(Json::as_str);
        let mut twice = false;
        if draft == Draft::Draft7 {
            if let Some(name) = name("$id").filter(|_| name("$ref").is_none()).and_then(|id| id.strip_prefix('#')) {
                twice = own.anchors.insert(name.to_owned(), site).is_some();
            }
        } else {
            if let Some(name) = name("$dynamicAnchor") {
                twice |= own.dynamic_anchors.insert(name.to_owned(), site).is_some();
            }
            if let Some(name) = name("$anchor") {
                twice |= own.anchors.insert(name.to_owned(), site).is_some();
            }
        }
        if twice {
            self.error(document, pointer, "this anchor stands twice in its schema".to_owned(), None);
        }
    }

    fn keyword(&mut self, site: SiteId, name: &str, value: &'a Json) {
        let Some(&super::library::Site { document, resource, ref pointer, .. }) = self.sites.get(site) else {
            return;
        };
        let pointer = below(pointer, name);
        let draft = self.draft(resource);
        let known = dialect::keyword(name);
        let usable = known.filter(|keyword| {
            keyword.only.is_none_or(|only| only == draft) && self.vocabularies(resource).has(keyword.vocabulary)
        });
        let Some(Keyword { shape, .. }) = usable else {
            return self.unknown(document, pointer, name, known, draft);
        };
        match check::check(shape, value) {
            Err(_) if shape == Shape::Format && value.as_str().is_some() && self.is_lenient() => {}
            Err(Wrong { message, help }) if shape == Shape::Format => {
                self.unknown_error(document, pointer, message, help)
            }
            Err(Wrong { message, help }) => self.error(document, pointer, message, help),
            Ok(()) => self.subschemas(document, pointer, shape, value, resource),
        }
    }

    fn is_lenient(&self) -> bool {
        self.options.unknown == Unknown::Ignore
    }

    fn unknown(&mut self, document: usize, pointer: String, name: &str, known: Option<Keyword>, draft: Draft) {
        if name.starts_with("x-") {
            let message = format!("the extension `{name}` is not enforced");
            let help = (name == MIRRORED_BY)
                .then(|| "fields are compared by the `schema` that a server's tool has for itself".to_owned());
            return self.warn(Subject::Extension, document, pointer, message, help);
        }
        if self.is_lenient() {
            return;
        }
        let help = match known.and_then(|keyword| keyword.only) {
            Some(only) if only != draft => Some(format!(
                "it belongs to {}; this schema is read as {}, which `$schema` decides",
                only.name(),
                draft.name()
            )),
            _ if known.is_some() => Some("the metaschema that `$schema` names has no vocabulary with it".to_owned()),
            _ => guess::meant(name, dialect::NAMES).map(|meant| format!("did you mean `{meant}`?")),
        };
        self.unknown_error(document, pointer, format!("`{name}` is no keyword that is known"), help);
    }

    fn subschemas(&mut self, document: usize, pointer: String, shape: Shape, value: &'a Json, around: ResourceId) {
        let listed = matches!(value, Json::Array(_));
        match shape {
            Shape::SchemaOrSchemas if listed && self.draft(around) != Draft::Draft7 => {
                let help = Some("since 2020-12 a list of schemas is written as `prefixItems`".to_owned());
                self.error(document, pointer, "`items` is one schema".to_owned(), help);
            }
            Shape::Schemas | Shape::SchemaOrSchemas if listed => {
                for (index, schema) in value.elements().iter().enumerate() {
                    self.survey(document, below(&pointer, &index.to_string()), schema, Some(around));
                }
            }
            Shape::Schema | Shape::SchemaOrSchemas => {
                self.survey(document, pointer, value, Some(around));
            }
            Shape::SchemasByName | Shape::SchemasByPattern => {
                for (name, schema) in value.members() {
                    self.survey(document, below(&pointer, name), schema, Some(around));
                }
            }
            Shape::Dependencies => self.dependencies(document, &pointer, value, around),
            _ => {}
        }
    }

    fn dependencies(&mut self, document: usize, pointer: &str, value: &'a Json, around: ResourceId) {
        for (name, schema) in value.members() {
            let pointer = below(pointer, name);
            if !matches!(schema, Json::Array(_)) {
                self.survey(document, pointer, schema, Some(around));
            } else if let Err(Wrong { message, help }) = check::check(Shape::Names, schema) {
                self.error(document, pointer, message, help);
            }
        }
    }

    /// Keywords that say nothing because of another one, or for want of it.
    fn siblings(&mut self, site: SiteId, json: &Json) {
        let Some(&super::library::Site { document, resource, ref pointer, .. }) = self.sites.get(site) else {
            return;
        };
        let pointer = pointer.clone();
        let draft = self.draft(resource);
        if draft == Draft::Draft7 && json.get("$ref").is_some() {
            for (name, _) in json.members().iter().filter(|(name, _)| is_lost_beside_ref(name)) {
                let message = format!("draft-07 ignores `{name}` beside `$ref`");
                let help = Some("put the `$ref` into an `allOf`".to_owned());
                self.warn(Subject::Idle, document, below(&pointer, name), message, help);
            }
        }
        let needs = [
            ("then", "if"),
            ("else", "if"),
            ("minContains", "contains"),
            ("maxContains", "contains"),
            ("additionalItems", "items"),
        ];
        for (name, needed) in needs {
            if dialect::keyword(name).is_some_and(|keyword| keyword.only.is_none_or(|only| only == draft))
                && json.get(name).is_some()
                && json.get(needed).is_none()
            {
                let message = format!("`{name}` says nothing without `{needed}`");
                self.warn(Subject::Idle, document, below(&pointer, name), message, None);
            }
        }
    }
}

/// Whether a keyword constrains values, so that its loss is one.
fn is_lost_beside_ref(name: &str) -> bool {
    dialect::keyword(name).is_some_and(|keyword| {
        keyword.vocabulary.has(Vocabularies::APPLICATOR.or(Vocabularies::VALIDATION).or(Vocabularies::FORMAT))
    })
}

/// The vocabularies of a metaschema. One that is required and not known makes its schemas unreadable.
fn vocabularies(metaschema: &Json) -> Result<(Draft, Vocabularies), String> {
    let draft = metaschema.get("$schema").and_then(Json::as_str).and_then(Draft::named);
    let draft = draft.ok_or_else(|| "its metaschema is of no dialect that is known".to_owned())?;
    let Some(listed) = metaschema.get("$vocabulary") else {
        return Ok((draft, Vocabularies::USUAL));
    };
    let mut all = Vocabularies::CORE;
    for (uri, required) in listed.members() {
        match Vocabularies::named(uri) {
            Some(vocabulary) => all = all.or(vocabulary),
            None if *required == Json::Boolean(true) => return Err(format!("its vocabulary `{uri}` is not known")),
            None => {}
        }
    }
    Ok((draft, all))
}
