//! All schemas of the documents that are used, and what their references lead to.
//!
//! In: documents and entries. Out: sites (schemas at their places) and links between them.
//! A document is surveyed when something first refers to it, so that what is not used is not judged.

use super::{
    Document, Finding, Options, Subject,
    dialect::{Draft, Vocabularies},
    resolve::{self, Target},
    tree::Json,
};
use crate::guess;
use std::collections::{HashMap, HashSet};
use toolgate_engine::pointer::below;

/// Index of a site.
pub(super) type SiteId = usize;
/// Index of a resource.
pub(super) type ResourceId = usize;

/// A schema at its place.
#[derive(Clone)]
pub(super) struct Site<'a> {
    pub(super) document: usize,
    pub(super) pointer: String,
    pub(super) json: &'a Json,
    pub(super) resource: ResourceId,
    /// What `$ref` leads to.
    pub(super) reference: Option<SiteId>,
    /// What `$dynamicRef` leads to at first.
    pub(super) dynamic_reference: Option<SiteId>,
    linked: bool,
}

/// A schema with a URI of its own, and what stands in it up to other such schemas.
pub(super) struct Resource {
    pub(super) uri: String,
    pub(super) root: SiteId,
    pub(super) draft: Draft,
    pub(super) vocabularies: Vocabularies,
    pub(super) anchors: HashMap<String, SiteId>,
    pub(super) dynamic_anchors: HashMap<String, SiteId>,
}

pub(super) struct Library<'a> {
    pub(super) documents: &'a [Document],
    pub(super) options: Options,
    pub(super) sites: Vec<Site<'a>>,
    pub(super) resources: Vec<Resource>,
    pub(super) places: HashMap<(usize, String), SiteId>,
    pub(super) by_uri: HashMap<String, ResourceId>,
    documents_by_uri: HashMap<String, usize>,
    /// Names that some `$dynamicRef` looks for in the dynamic scope.
    pub(super) sought: HashSet<String>,
    /// A `format` that strings are not held to: document and pointer.
    pub(super) annotation: Option<(String, String)>,
    surveyed: Vec<bool>,
    used: Vec<bool>,
    errors: Vec<(usize, Finding)>,
    warnings: Vec<(usize, Finding)>,
    lost_entries: Vec<Finding>,
}

impl<'a> Library<'a> {
    pub(super) fn new(documents: &'a [Document], options: Options) -> Self {
        // Of two documents with one URI the first is meant, as with an `$id` that stands twice.
        let named = documents.iter().enumerate().rev();
        let named = named.filter_map(|(at, document)| Some((resolve::absolute(&document.uri).ok()?.uri, at)));
        Self {
            documents_by_uri: named.collect(),
            documents,
            options,
            sites: Vec::new(),
            resources: Vec::new(),
            places: HashMap::new(),
            by_uri: HashMap::new(),
            sought: HashSet::new(),
            annotation: None,
            surveyed: vec![false; documents.len()],
            used: vec![false; documents.len()],
            errors: Vec::new(),
            warnings: Vec::new(),
            lost_entries: Vec::new(),
        }
    }

    /// The schema that an entry names.
    pub(super) fn entry(&mut self, uri: &str) -> Option<SiteId> {
        match resolve::absolute(uri).map_err(Nothing::from).and_then(|target| self.find(&target)) {
            Ok(site) => Some(site),
            Err(nothing) => {
                let Nothing { message, help, lost } = nothing;
                let (document, pointer) = (uri.to_owned(), String::new());
                let subject = Subject::Reference;
                self.lost_entries.push(Finding { subject, document, pointer, message, help, lost });
                None
            }
        }
    }

    /// Finds what every reference of every used document leads to.
    pub(super) fn link(&mut self) {
        // What is found may bring documents into use whose sites were passed over.
        let mut found = true;
        while found {
            found = false;
            let mut at = 0;
            while let Some(site) = self.sites.get(at) {
                if self.is_used(site.document) && !site.linked {
                    self.link_site(at);
                    found = true;
                }
                at += 1;
            }
        }
    }

    fn link_site(&mut self, at: SiteId) {
        let reference = self.follow(at, "$ref");
        let dynamic = self.follow(at, "$dynamicRef");
        if let Some((target, fragment)) = &dynamic
            && self.is_dynamic_anchor(*target, fragment)
        {
            self.sought.insert(fragment.clone());
        }
        if let Some(site) = self.sites.get_mut(at) {
            site.reference = reference.map(|(target, _)| target);
            site.dynamic_reference = dynamic.map(|(target, _)| target);
            site.linked = true;
        }
    }

    /// Where a keyword of a site leads, and the fragment that it names.
    fn follow(&mut self, at: SiteId, keyword: &str) -> Option<(SiteId, String)> {
        let site = self.sites.get(at)?.clone();
        let resource = self.resources.get(site.resource)?;
        if keyword == "$dynamicRef" && resource.draft == Draft::Draft7 {
            return None;
        }
        let reference = site.json.get(keyword)?.as_str()?;
        let base = resource.uri.clone();
        let found = self.target(&base, reference).and_then(|target| {
            let site = self.find(&target)?;
            Ok((site, target.fragment))
        });
        match found {
            Ok(found) => Some(found),
            Err(Nothing { message, help, lost }) => {
                let pointer = below(&site.pointer, keyword);
                let finding = self.finding(Subject::Reference, site.document, pointer, message, help);
                self.errors.push((site.document, Finding { lost, ..finding }));
                None
            }
        }
    }

    /// Whether a site is what this name stands for in the dynamic scope.
    pub(super) fn is_dynamic_anchor(&self, site: SiteId, name: &str) -> bool {
        let resource = self.sites.get(site).and_then(|site| self.resources.get(site.resource));
        resource.is_some_and(|resource| resource.dynamic_anchors.get(name) == Some(&site))
    }

    /// Where a reference in a resource leads, as a URI.
    fn target(&self, base: &str, reference: &str) -> Result<Target, Nothing> {
        if self.is_at_home(base) && resolve::leaves(base, reference) {
            return Err(format!("`{reference}` leads out of the folder of the policy").into());
        }
        Ok(resolve::resolve(base, reference)?)
    }

    pub(super) fn is_at_home(&self, uri: &str) -> bool {
        self.options.home.is_some_and(|home| uri.starts_with(home))
    }

    /// A URI as people know it: without what all documents of one policy begin with.
    fn shown(&self, uri: &str) -> String {
        match self.options.home.and_then(|home| uri.strip_prefix(home)) {
            None => format!("`{uri}`"),
            Some(path) => match path.strip_prefix('?') {
                None => format!("`{path}`"),
                Some(place) => format!("the schema at `{place}`"),
            },
        }
    }

    /// The schema that a resolved reference names.
    fn find(&mut self, target: &Target) -> Result<SiteId, Nothing> {
        let found = self.find_here(target);
        match self.shared(target).filter(|_| found.is_err()) {
            Some(shared) => self.find_here(&shared),
            None => found,
        }
    }

    /// What `#/schemas/name` stands for in a policy. No keyword is called `schemas`.
    fn shared(&self, target: &Target) -> Option<Target> {
        let home = self.options.home?;
        // A file stands for itself, whoever refers to it.
        target.uri.strip_prefix(home).filter(|path| path.starts_with('?'))?;
        let name = target.fragment.strip_prefix("/schemas/")?;
        let (name, rest) = name.split_at(name.find('/').unwrap_or(name.len()));
        let uri = resolve::absolute(&format!("{home}?/schemas/{name}")).ok()?.uri;
        self.documents_by_uri.contains_key(&uri).then(|| Target { uri, fragment: rest.to_owned() })
    }

    fn find_here(&mut self, target: &Target) -> Result<SiteId, Nothing> {
        let Target { uri, fragment } = target;
        let shown = self.shown(uri);
        let Some(resource) = self.resource(uri) else {
            let network = uri.starts_with("http:") || uri.starts_with("https:");
            let why = if network { "; nothing is read from the network" } else { "" };
            let message = format!("no document is given for {shown}{why}");
            return Err(Nothing { message, help: None, lost: Some(uri.clone()) });
        };
        let Resource { root, anchors, dynamic_anchors, .. } = resource;
        let (root, anchor) = (*root, anchors.get(fragment).or_else(|| dynamic_anchors.get(fragment)).copied());
        let found = match fragment.as_str() {
            "" => Some(root),
            pointer if pointer.starts_with('/') => self.at_pointer(root, pointer),
            _ => anchor,
        };
        let site = found.ok_or_else(|| self.nothing_at(target, &shown, root))?;
        if let Some(used) = self.sites.get(site).and_then(|site| self.used.get_mut(site.document)) {
            *used = true;
        }
        Ok(site)
    }

    /// That a schema has no such place, and which one near it was probably meant.
    fn nothing_at(&self, target: &Target, shown: &str, root: SiteId) -> Nothing {
        let Target { uri, fragment } = target;
        let message = format!("{shown} has no `#{fragment}`");
        let (above, name) = fragment.rsplit_once('/').unwrap_or_default();
        let around = self.sites.get(root).and_then(|site| site.json.at(above));
        let mut names: Vec<&str> =
            around.map(Json::members).unwrap_or_default().iter().map(|(name, _)| name.as_str()).collect();
        if let Some(home) = self.options.home.filter(|_| above == "/schemas" && self.is_at_home(uri)) {
            let shared = self.documents.iter().filter_map(|document| document.uri.strip_prefix(home));
            names.extend(shared.filter_map(|path| path.strip_prefix("?/schemas/")));
        }
        let help = guess::meant(name, names).map(|meant| format!("did you mean `#{above}/{meant}`?"));
        Nothing { message, help, lost: None }
    }

    fn resource(&mut self, uri: &str) -> Option<&Resource> {
        if !self.by_uri.contains_key(uri)
            && let Some(&named) = self.documents_by_uri.get(uri)
        {
            self.survey_once(named);
        }
        if !self.by_uri.contains_key(uri) {
            // It may be the `$id` of a schema inside of any document.
            (0..self.documents.len()).for_each(|document| self.survey_once(document));
        }
        self.resources.get(*self.by_uri.get(uri)?)
    }

    fn survey_once(&mut self, document: usize) {
        match self.surveyed.get_mut(document) {
            Some(surveyed) if !*surveyed => *surveyed = true,
            _ => return,
        }
        if let Some(Document { uri: _, root }) = self.documents.get(document) {
            self.survey(document, String::new(), root, None);
        }
    }

    /// A place that no known keyword leads to is surveyed now, in the resource that it stands in.
    fn at_pointer(&mut self, root: SiteId, fragment: &str) -> Option<SiteId> {
        let root = self.sites.get(root)?;
        let document = root.document;
        let pointer = canonical(&format!("{}{fragment}", root.pointer));
        if let Some(site) = self.places.get(&(document, pointer.clone())) {
            return Some(*site);
        }
        let json = self.documents.get(document)?.root.at(&pointer)?;
        let around = self.around(document, &pointer)?;
        Some(self.survey(document, pointer, json, Some(around)))
    }

    /// The resource of the nearest schema around a place.
    fn around(&self, document: usize, pointer: &str) -> Option<ResourceId> {
        let mut pointer = pointer;
        loop {
            pointer = pointer.rsplit_once('/')?.0;
            if let Some(site) = self.places.get(&(document, pointer.to_owned())) {
                return self.sites.get(*site).map(|site| site.resource);
            }
        }
    }

    pub(super) fn add_site(
        &mut self,
        document: usize,
        pointer: String,
        json: &'a Json,
        resource: ResourceId,
    ) -> SiteId {
        let id = self.sites.len();
        self.places.insert((document, pointer.clone()), id);
        let (reference, dynamic_reference) = (None, None);
        self.sites.push(Site { document, pointer, json, resource, reference, dynamic_reference, linked: false });
        id
    }

    pub(super) fn draft(&self, resource: ResourceId) -> Draft {
        self.resources.get(resource).map_or(Draft::Draft202012, |resource| resource.draft)
    }

    pub(super) fn vocabularies(&self, resource: ResourceId) -> Vocabularies {
        self.resources.get(resource).map_or(Vocabularies::USUAL, |resource| resource.vocabularies)
    }

    fn is_used(&self, document: usize) -> bool {
        self.used.get(document).copied().unwrap_or(false)
    }

    /// Document and pointer of a schema.
    pub(super) fn origin(&self, site: Option<SiteId>) -> (String, String) {
        let site = site.and_then(|site| self.sites.get(site));
        let document = site.and_then(|site| self.documents.get(site.document)).map(|document| document.uri.clone());
        (document.unwrap_or_default(), site.map(|site| site.pointer.clone()).unwrap_or_default())
    }

    /// URIs of the documents that nothing led to.
    pub(super) fn unused(&self) -> impl Iterator<Item = &String> {
        let documents = self.documents.iter().zip(&self.used);
        documents.filter(|(_, used)| !**used).map(|(document, _)| &document.uri)
    }

    pub(super) fn error(&mut self, document: usize, pointer: String, message: String, help: Option<String>) {
        let finding = self.finding(Subject::Value, document, pointer, message, help);
        self.errors.push((document, finding));
    }

    /// Something that is not known.
    pub(super) fn unknown_error(&mut self, document: usize, pointer: String, message: String, help: Option<String>) {
        let finding = self.finding(Subject::Unknown, document, pointer, message, help);
        self.errors.push((document, finding));
    }

    pub(super) fn warn(
        &mut self,
        subject: Subject,
        document: usize,
        pointer: String,
        message: String,
        help: Option<String>,
    ) {
        let finding = self.finding(subject, document, pointer, message, help);
        self.warnings.push((document, finding));
    }

    fn finding(
        &self,
        subject: Subject,
        document: usize,
        pointer: String,
        message: String,
        help: Option<String>,
    ) -> Finding {
        let document = self.documents.get(document).map(|document| document.uri.clone()).unwrap_or_default();
        Finding { subject, document, pointer, message, help, lost: None }
    }

    /// Errors and warnings of the documents that are used.
    pub(super) fn findings(self) -> (Vec<Finding>, Vec<Finding>) {
        let Self { errors, warnings, used, lost_entries, .. } = self;
        let is_used = |document: usize| used.get(document).copied().unwrap_or(false);
        let pick = |findings: Vec<(usize, Finding)>| {
            findings.into_iter().filter(|(document, _)| is_used(*document)).map(|(_, finding)| finding)
        };
        let errors = lost_entries.into_iter().chain(pick(errors)).collect();
        (errors, pick(warnings).collect())
    }
}

/// Why a reference leads nowhere.
struct Nothing {
    message: String,
    /// What was probably meant.
    help: Option<String>,
    /// The document that is not there.
    lost: Option<String>,
}

impl From<String> for Nothing {
    fn from(message: String) -> Self {
        Self { message, help: None, lost: None }
    }
}

/// A pointer in the one form that places are kept in.
fn canonical(pointer: &str) -> String {
    pointer.split('/').skip(1).fold(String::new(), |sofar, token| below(&sofar, &super::tree::unescaped(token)))
}
