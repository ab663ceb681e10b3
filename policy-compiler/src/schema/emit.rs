//! Makes nodes of schemas.
//!
//! In: linked sites. Out: a node for each schema in each dynamic scope that matters.
//! What `$dynamicRef` finds depends on the way to it only by the dynamic anchors seen so far, so that a node
//! for each such set leaves nothing to look for when values are judged.

mod rules;

use super::{
    library::{Library, SiteId},
    pool::{self, Pool},
    tree::Json,
};
use std::collections::{BTreeMap, HashMap};
use toolgate_engine::schema::{Rule, Types};

/// The outermost schema for each dynamic anchor in scope, of those that any `$dynamicRef` looks for.
type Scope = BTreeMap<String, SiteId>;

/// So many nodes are more than a policy can pack.
const MAX_NODES: usize = 1 << 20;

/// A node, and the schema that it was made of.
pub(super) struct Made {
    pub(super) types: Types,
    pub(super) rules: Vec<Rule>,
    pub(super) document: String,
    pub(super) pointer: String,
}

/// All nodes.
pub(super) struct Emitted {
    pub(super) pool: Pool,
    pub(super) nodes: Vec<Made>,
    pub(super) entries: Vec<u32>,
}

/// Makes the nodes that the entries need. Findings go to the library.
pub(super) fn emit(library: &mut Library<'_>, entries: &[Option<SiteId>]) -> Option<Emitted> {
    let mut emitter = Emitter {
        library,
        pool: Pool::default(),
        scopes: Vec::new(),
        scope_by_content: HashMap::new(),
        nodes: HashMap::new(),
        waiting: Vec::new(),
    };
    let scope = emitter.scope(Scope::new());
    let entries: Option<Vec<u32>> = entries.iter().map(|site| site.map(|site| emitter.node(site, scope))).collect();
    let mut nodes = Vec::new();
    while let Some(&(site, scope)) = emitter.waiting.get(nodes.len()) {
        nodes.push(emitter.make(site, scope));
        if nodes.len() > MAX_NODES {
            let message = "the schemas have too many combinations of dynamic references".to_owned();
            emitter.library.error(0, String::new(), message, None);
            return None;
        }
    }
    Some(Emitted { pool: emitter.pool, nodes, entries: entries? })
}

struct Emitter<'l, 'a> {
    library: &'l mut Library<'a>,
    pool: Pool,
    scopes: Vec<Scope>,
    scope_by_content: HashMap<Scope, usize>,
    nodes: HashMap<(SiteId, usize), u32>,
    /// What each node is made of.
    waiting: Vec<(SiteId, usize)>,
}

impl Emitter<'_, '_> {
    /// The node of a schema that is come to from a scope. It is made later.
    fn node(&mut self, site: SiteId, scope: usize) -> u32 {
        let scope = self.entered(site, scope);
        let next = pool::index(self.waiting.len());
        let node = *self.nodes.entry((site, scope)).or_insert(next);
        if node == next {
            self.waiting.push((site, scope));
        }
        node
    }

    /// The scope inside of a schema: its resource's dynamic anchors come in, unless outer ones have their names.
    fn entered(&mut self, site: SiteId, scope: usize) -> usize {
        let resource = self.library.sites.get(site).and_then(|site| self.library.resources.get(site.resource));
        let (Some(resource), Some(outer)) = (resource, self.scopes.get(scope)) else {
            return scope;
        };
        let new: Vec<_> = resource
            .dynamic_anchors
            .iter()
            .filter(|(name, _)| self.library.sought.contains(*name) && !outer.contains_key(*name))
            .map(|(name, site)| (name.clone(), *site))
            .collect();
        if new.is_empty() {
            return scope;
        }
        let mut inner = outer.clone();
        inner.extend(new);
        self.scope(inner)
    }

    fn scope(&mut self, scope: Scope) -> usize {
        let next = self.scopes.len();
        let index = *self.scope_by_content.entry(scope.clone()).or_insert(next);
        if index == next {
            self.scopes.push(scope);
        }
        index
    }

    fn make(&mut self, site: SiteId, scope: usize) -> Made {
        let Some(site) = self.library.sites.get(site).cloned() else {
            return Made { types: Types::NONE, rules: Vec::new(), document: String::new(), pointer: String::new() };
        };
        let document = self.library.documents.get(site.document).map(|document| document.uri.clone());
        let (types, rules) = match site.json {
            Json::Boolean(true) => (Types::ALL, Vec::new()),
            Json::Object(_) => self.rules(&site, scope),
            _ => (Types::NONE, Vec::new()),
        };
        Made { types, rules, document: document.unwrap_or_default(), pointer: site.pointer }
    }
}
